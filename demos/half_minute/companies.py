"""The five companies of the demo, each with another kind of traffic."""

from dataclasses import dataclass

from demos.half_minute.money import MICROS
from wallet.domain.resource_names import COMPANY


@dataclass(frozen=True, slots=True)
class Company:
    """One owner of a wallet, with the amount of its first top-up and of each that follows a decline."""

    id: str
    display_name: str
    currency: str
    credit_micros: int

    @property
    def name(self) -> str:
        """The resource name."""
        return COMPANY.name(self.id)

    def named(self, suffix: str) -> "Company":
        """Return the company with another id, for a service that has its predecessor of an earlier demo."""
        return Company(f"{self.id}{suffix}", self.display_name, self.currency, self.credit_micros)


SHOP = Company("shop", "Web shop", "EUR", 5_000 * MICROS)
BANK = Company("bank", "Bank", "EUR", 2_000 * MICROS)
AIRLINE = Company("airline", "Airline", "USD", 3_000 * MICROS)
CALL_CENTRE = Company("call-centre", "Call centre", "GBP", 1_000 * MICROS)
COURIER = Company("courier", "Courier", "EUR", 30 * MICROS)
"""Its credit is used up in the middle of the demo."""
