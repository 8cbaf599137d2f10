"""What each company must have paid after a run."""

from collections.abc import Sequence


class Books:
    """Charges by company, for all runs on these companies."""

    def __init__(self, companies: Sequence[str], amount_micros: int) -> None:
        """Begin with companies that have paid nothing yet."""
        self.companies = companies
        """Resource names: "companies/acme"."""
        self.amount_micros = amount_micros
        """Of every single charge."""
        self.acknowledged = [0] * len(companies)
        """Charges by company that were answered with OK."""
        self.unclear = [0] * len(companies)
        """Charges by company that may have been made, although no OK came."""
        self.credited = [0] * len(companies)
        """What was put in and answered with OK, as a number of charges that it pays for."""
        self.unclear_credits = [0] * len(companies)
        """What may have been put in, as a number of charges."""
        self.open_holds: set[tuple[int, bytes]] = set()
        """Authorizations that may be open, by company and id: they must be voided before a company can be closed."""

    def difference(self, company: int, spent_micros: int) -> str | None:
        """Say what is wrong if the ledger says that this company has spent `spent_micros`, credits taken off."""
        net = self.acknowledged[company] - self.credited[company]
        least = (net - self.unclear_credits[company]) * self.amount_micros
        most = (net + self.unclear[company]) * self.amount_micros
        if least <= spent_micros <= most and (spent_micros - least) % self.amount_micros == 0:
            return None
        expected = f"{least}" if least == most else f"{least} to {most}"
        return f"{self.companies[company]}: acknowledged {expected} micros, the ledger took {spent_micros}"
