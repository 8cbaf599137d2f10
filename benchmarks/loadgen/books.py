"""The charges that each company must have paid after a run."""

from collections.abc import Sequence


class Books:
    """Expected charges by company, over all runs on these companies."""

    def __init__(self, companies: Sequence[str], amount_micros: int) -> None:
        """Begin with companies that have no charges."""
        self.companies = companies
        """Resource names: "companies/acme"."""
        self.amount_micros = amount_micros
        """The amount of each charge."""
        self.acknowledged = [0] * len(companies)
        """Charges by company that were answered with OK."""
        self.unclear = [0] * len(companies)
        """Charges by company that may have been made, although no OK came."""
        self.credited = [0] * len(companies)
        """Top-ups that were answered with OK, as the number of charges that they pay for."""
        self.unclear_credits = [0] * len(companies)
        """Top-ups that may have been made, as a number of charges."""
        self.open_holds: set[tuple[int, bytes]] = set()
        """Authorizations that may be open, by company and id: they must be voided before a company can be closed."""

    def difference(self, company: int, spent_micros: int) -> str | None:
        """Return the difference as text for a company that spent `spent_micros` net; None if the books agree."""
        net = self.acknowledged[company] - self.credited[company]
        least = (net - self.unclear_credits[company]) * self.amount_micros
        most = (net + self.unclear[company]) * self.amount_micros
        if least <= spent_micros <= most and (spent_micros - least) % self.amount_micros == 0:
            return None
        expected = f"{least}" if least == most else f"{least} to {most}"
        return f"{self.companies[company]}: acknowledged {expected} micros, the ledger took {spent_micros}"
