"""Monthly statements: the sums of a wallet's month, which reconcile with its balances."""

import msgspec

from admin.documents.months import Month
from admin.statements.domain import StatementNotReconciled
from admin.statements.usage import UsageLine, total
from wallet.domain.money import format_money
from wallet.domain.resource_names import COMPANY

LATE_MICROSECONDS_MAX = 3_600_000_000
"""The time after its end in which a month may still get entries, in microseconds. An entry has the time at which the
charge was accepted, and the time of a wallet never goes back. So a month is complete when the wallet has a later entry,
or after this time."""


class MoneyLine(msgspec.Struct, frozen=True):
    """The sum of entries of one kind. `amount` in micros, with its sign."""

    reason: str
    """The reason of the entries, such as CHARGEBACK; may be empty."""
    count: int
    amount: int


class MonthlyStatement(msgspec.Struct, frozen=True):
    """A month of a company. Amounts in micros.

    opening + top-ups + adjustments − charges + refunds = closing, as `check_reconciled` requires.
    """

    company: str
    month: Month
    currency: str
    provisional: bool
    """Whether entries may still be added: the month is not over, or not all of its entries are counted."""
    first_number: int
    last_number: int
    """The entries of the month; the last is one less than the first if there are none."""
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
    """The time of the statement, in microseconds since the epoch."""

    @property
    def charged(self) -> int:
        """The sum of charges and captures."""
        return total(self.usage).spent

    @property
    def refunded(self) -> int:
        """The sum of refunds."""
        return total(self.usage).refunded

    @property
    def adjusted(self) -> int:
        """The sum of adjustments, with its sign."""
        return sum(line.amount for line in self.adjustments)

    def check_reconciled(self) -> None:
        """Raise StatementNotReconciled if sums and balances do not match, which is a fault of the service."""
        change = self.top_ups.amount + self.adjusted - self.charged + self.refunded
        if self.opening + change != self.closing:
            opening, changed, closing = (
                format_money(micros, self.currency) for micros in (self.opening, change, self.closing)
            )
            raise StatementNotReconciled(
                f"{COMPANY.name(self.company)}, {self.month}: {opening} + {changed} are not {closing}"
            )


def is_over(month: Month, *, now: int, last_at: int) -> bool:
    """Return whether a month can get no more entries; times in microseconds since the epoch."""
    return last_at >= month.ends_at or now >= month.ends_at + LATE_MICROSECONDS_MAX
