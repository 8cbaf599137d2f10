"""The gateways' own books, and their comparison with the service's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from demos.half_minute.money import money_text
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.resource_names import TRANSACTION

SERVICE_KEY_PREFIX = "~"
"""Rows under such keys are the service's own (a hold that expired), and no gateway has requested them."""

PROBLEMS_MAX = 20
"""How many problems a report shows; the others are counted."""


@dataclass(frozen=True, slots=True)
class Posting:
    """The effect of one idempotency key, as the gateway knows it from its request and the answer."""

    amount: int
    """Added to the balance, in micros: negative for a charge."""

    held_delta: int
    """Added to the held amount, in micros."""

    transaction: str = ""
    """The transaction that the answer named; empty where the answer names none (increments, voids)."""


@dataclass(slots=True)
class Books:
    """One gateway's postings and open holds."""

    owner: str
    postings: dict[str, Posting] = field(default_factory=dict)
    holds: dict[str, int] = field(default_factory=dict)
    """Authorization → the amount that it still holds, in micros."""

    problems: list[str] = field(default_factory=list)

    @property
    def balance(self) -> int:
        """The sum of the postings, in micros."""
        return sum(posting.amount for posting in self.postings.values())

    @property
    def held(self) -> int:
        """The sum of the open holds, in micros."""
        return sum(self.holds.values())

    def post(self, key: str, amount: int, transaction: str) -> None:
        """Record money that moved without a hold."""
        self._write(key, Posting(amount, 0, transaction))

    def open(self, key: str, authorization: str, amount: int, transaction: str) -> None:
        """Record a new hold."""
        self.holds[authorization] = amount
        self._write(key, Posting(0, amount, transaction))

    def extend(self, key: str, authorization: str, held: int) -> None:
        """Record that a hold is `held` now."""
        self._write(key, Posting(0, held - self.holds[authorization]))
        self.holds[authorization] = held

    def capture(self, key: str, authorization: str, amount: int, transaction: str, *, keep_open: bool) -> None:
        """Record a capture. Without `keep_open` it closes the hold and releases the rest."""
        held = self.holds[authorization]
        freed = min(amount, held) if keep_open else held
        self._write(key, Posting(-amount, -freed, transaction))
        self.holds[authorization] = held - freed
        if not keep_open:
            del self.holds[authorization]

    def void(self, key: str, authorization: str) -> None:
        """Record that a hold was voided."""
        self._write(key, Posting(0, -self.holds.pop(authorization)))

    def add_problem(self, problem: str) -> None:
        """Record an inconsistency."""
        self.problems.append(f"{self.owner}: {problem}")

    def _write(self, key: str, posting: Posting) -> None:
        if key in self.postings:
            self.add_problem(f"recorded {key} twice")
        self.postings[key] = posting


@dataclass(slots=True)
class Audit:
    """The comparison of all books of one company with its statement and its wallet."""

    company: str
    rows: int = 0
    """The number of transactions in the statement."""

    balance: int = 0
    """The sum of the books, in micros."""

    problems: list[str] = field(default_factory=list)


def audit(
    company: str, books: Sequence[Books], statement: Iterable[wallet_pb2.Transaction], wallet: wallet_pb2.Wallet
) -> Audit:
    """Compare books, statement and wallet key by key, and their sums; `statement` is complete, newest first."""
    rows = list(statement)
    found = Audit(company, rows=len(rows), balance=sum(each.balance for each in books))
    for each in books:
        found.problems += each.problems
    found.problems += _statement_problems(rows)
    found.problems += _posting_problems(books, rows)
    sums = (
        ("balance", found.balance, wallet.balance_micros),
        ("held", sum(each.held for each in books), wallet.held_micros),
        ("balance by its statement", sum(row.amount_micros for row in rows), wallet.balance_micros),
    )
    for what, expected, actual in sums:
        if expected != actual:
            found.problems.append(
                f"{company}: the wallet's {what} is {money_text(actual)}, expected {money_text(expected)}"
            )
    return found


def _statement_problems(rows: Sequence[wallet_pb2.Transaction]) -> list[str]:
    """Check the statement by itself: numbers without a gap, and running sums."""
    problems = []
    numbers = [TRANSACTION.parse(row.name)[1] for row in rows]
    if numbers != list(range(len(rows), 0, -1)):
        problems.append(f"the statement's {len(rows)} rows are not numbered {len(rows)} … 1")
    for newer, older in pairwise(rows):
        if newer.balance_after_micros != older.balance_after_micros + newer.amount_micros:
            problems.append(f"{newer.name}: balance_after is not the running sum")
        if newer.held_after_micros != older.held_after_micros + newer.held_delta_micros:
            problems.append(f"{newer.name}: held_after is not the running sum")
    return problems


def _posting_problems(books: Sequence[Books], rows: Sequence[wallet_pb2.Transaction]) -> list[str]:
    """Check that each posting has one transaction, and each transaction one posting."""
    problems = []
    by_key: dict[str, wallet_pb2.Transaction] = {}
    for row in rows:
        if row.idempotency_key in by_key:
            problems.append(
                f"{row.idempotency_key} has two transactions: {by_key[row.idempotency_key].name}, {row.name}"
            )
        by_key[row.idempotency_key] = row
    for each in books:
        for key, posting in each.postings.items():
            found = by_key.pop(key, None)
            if found is None:
                problems.append(f"{each.owner}: {key} is not in the statement")
            elif (found.amount_micros, found.held_delta_micros) != (posting.amount, posting.held_delta):
                problems.append(f"{each.owner}: {found.name} moves other amounts than {key} should: {posting}")
            elif posting.transaction not in ("", found.name):
                problems.append(f"{each.owner}: {key} was answered with {posting.transaction}, and is {found.name}")
    problems += [
        f"{row.name}: no gateway has {key} in its books"
        for key, row in by_key.items()
        if not key.startswith(SERVICE_KEY_PREFIX)
    ]
    return problems
