"""Which companies are charged, and what each must have paid."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.loadgen.books import Books

AMOUNT_MICROS = 75_000
"""Of every charge: an SMS."""


@dataclass(frozen=True, slots=True)
class Ledgers:
    """The benchmark's companies by what is done with them."""

    many: Books
    """Companies that are charged uniformly, or by Zipf's law."""
    hot: Books
    """One company that gets everything."""
    dry: Books
    """Companies without money."""
    echo: Books
    """For the bare server: nobody pays."""
    naive_many: Books
    """The peer's wallets of `many`."""
    naive_hot: Books
    """The peer's wallet of `hot`."""

    @classmethod
    def of(cls, funded: Sequence[str], dry: Sequence[str]) -> "Ledgers":
        """Take the first of those that have money as the hot one."""
        hot, *many = funded
        return cls(
            many=Books(many, AMOUNT_MICROS),
            hot=Books([hot], AMOUNT_MICROS),
            dry=Books(dry, AMOUNT_MICROS),
            echo=Books(many, AMOUNT_MICROS),
            naive_many=Books(many, AMOUNT_MICROS),
            naive_hot=Books([hot], AMOUNT_MICROS),
        )

    @property
    def ours(self) -> Sequence[Books]:
        """Those that our ledger must agree with."""
        return (self.many, self.hot, self.dry)

    def initial_micros(self, books: Books, funds_micros: int) -> int:
        """Say what each company of `books` began with."""
        return 0 if books is self.dry else funds_micros
