"""The companies of a benchmark, grouped by use, with the expected charges of each."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.loadgen.books import Books

AMOUNT_MICROS = 75_000
"""The amount of each charge, an SMS."""


@dataclass(frozen=True, slots=True)
class CompanyGroups:
    """The benchmark's companies by use."""

    many: Books
    """Companies that are charged uniformly, or by Zipf's law."""
    hot: Books
    """One company with the whole load."""
    dry: Books
    """Companies without funds."""
    echo: Books
    """For the bare handler, which charges no wallet."""
    naive_many: Books
    """The peer's wallets of `many`."""
    naive_hot: Books
    """The peer's wallet of `hot`."""

    @classmethod
    def of(cls, funded: Sequence[str], dry: Sequence[str]) -> "CompanyGroups":
        """Group the companies; the first funded one is the hot one."""
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
        """The groups that the service's ledger must agree with."""
        return (self.many, self.hot, self.dry)

    def initial_micros(self, books: Books, funds_micros: int) -> int:
        """Return the initial balance of each company of `books`."""
        return 0 if books is self.dry else funds_micros
