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

    def difference(self, company: int, spent_micros: int) -> str | None:
        """Say what is wrong if the ledger says that this company has spent `spent_micros`."""
        least = self.acknowledged[company] * self.amount_micros
        most = least + self.unclear[company] * self.amount_micros
        if least <= spent_micros <= most and (spent_micros - least) % self.amount_micros == 0:
            return None
        expected = f"{least}" if least == most else f"{least} to {most}"
        return f"{self.companies[company]}: acknowledged {expected} micros, the ledger took {spent_micros}"
