"""Monthly statements: what a month did to a wallet, summed up so that it reconciles."""

import msgspec

from admin.documents.months import Month
from admin.statements.domain import StatementNotReconciled
from admin.statements.usage import UsageLine, total
from wallet.domain.resource_names import COMPANY

LATE_MICROSECONDS_MAX = 3_600_000_000
"""How long after a month's end something may still be written into it. An entry has the time at which it was taken, and
a wallet's time never goes back; so a month is over when the wallet has a later entry, or when this much has gone by."""


class MoneyLine(msgspec.Struct, frozen=True):
    """Entries of one kind, summed up. `amount` in micros, with its sign."""

    reason: str
    """What they say of why, such as CHARGEBACK; may be empty."""
    count: int
    amount: int


class MonthlyStatement(msgspec.Struct, frozen=True):
    """A month of a company. Amounts in micros.

    opening + top-ups + adjustments − charges + refunds = closing, always: `reconciled` says so or raises.
    """

    company: str
    month: Month
    currency: str
    provisional: bool
    """Whether something may still be added: the month is not over, or not all of it is counted yet."""
    first_number: int
    last_number: int
    """The entries of the month that are in it; the last is one less than the first where there is none."""
    opening: int
    closing: int
    held_opening: int
    held_closing: int
    top_ups: MoneyLine
    adjustments: list[MoneyLine]
    """By reason."""
    usage: list[UsageLine]
    """Charges and refunds by channel and country."""
    as_of: int
    """When it was read, in microseconds since the epoch."""

    @property
    def charged(self) -> int:
        """What charges and captures took."""
        return total(self.usage).spent

    @property
    def refunded(self) -> int:
        """What refunds gave back."""
        return total(self.usage).refunded

    @property
    def adjusted(self) -> int:
        """What adjustments added, with its sign."""
        return sum(line.amount for line in self.adjustments)

    def reconciled(self) -> "MonthlyStatement":
        """Return itself. Raises StatementNotReconciled where it does not add up, which is a fault of ours."""
        moved = self.top_ups.amount + self.adjusted - self.charged + self.refunded
        if self.opening + moved != self.closing:
            raise StatementNotReconciled(
                f"{COMPANY.name(self.company)}, {self.month}: {self.opening} + {moved} micros are not {self.closing}"
            )
        return self


def is_over(month: Month, *, now: int, last_at: int) -> bool:
    """Return whether nothing can come into a month any more; times in microseconds since the epoch."""
    return last_at >= month.ends_at or now >= month.ends_at + LATE_MICROSECONDS_MAX
