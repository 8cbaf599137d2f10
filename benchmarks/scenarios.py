"""What is measured: which requests, how many in flight, against which server."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.loadgen.books import Books
from benchmarks.loadgen.workloads import BatchCharges, Charges, Workload

AMOUNT_MICROS = 75_000
BATCH_SIZE = 100


@dataclass(frozen=True, slots=True)
class Ledgers:
    """The companies that scenarios charge, and what each must have paid."""

    many: Books
    """Companies that are charged uniformly."""
    hot: Books
    """One company that gets everything."""
    echo: Books
    """For the bare server: nobody pays."""

    @classmethod
    def of(cls, companies: Sequence[str]) -> "Ledgers":
        """Take the first of them as the hot one."""
        hot, *many = companies
        return cls(many=Books(many, AMOUNT_MICROS), hot=Books([hot], AMOUNT_MICROS), echo=Books(many, AMOUNT_MICROS))


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of load."""

    name: str
    """For `--only`, and in the table."""
    title: str
    in_flight: int
    """Calls; a batch is one."""
    books: Callable[[Ledgers], Books]
    """Whose wallets it charges."""
    workload: Callable[[Books], Workload]
    is_echo: bool = False
    """Whether it goes to the bare server instead of the service."""


def _batches(books: Books) -> Workload:
    return BatchCharges(books, size=BATCH_SIZE)


ECHO = Scenario("echo", "bare handler, 64 in flight", 64, lambda ledgers: ledgers.echo, Charges, is_echo=True)
SCENARIOS = (
    ECHO,
    Scenario("charge64", "Charge, 64 in flight", 64, lambda ledgers: ledgers.many, Charges),
    Scenario("charge16", "Charge, 16 in flight", 16, lambda ledgers: ledgers.many, Charges),
    Scenario("one", "Charge, one in flight", 1, lambda ledgers: ledgers.many, Charges),
    Scenario("hot1", "Charge, 64 in flight, one company", 64, lambda ledgers: ledgers.hot, Charges),
    Scenario("batch100", "BatchCharge of 100, 8 in flight", 8, lambda ledgers: ledgers.many, _batches),
)
"""The order in a round. ECHO comes once more at its end: the machine's speed may drift."""
