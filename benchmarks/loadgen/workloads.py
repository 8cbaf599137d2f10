"""Single charges of all kinds: their requests, and how their answers are booked."""

import random
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Protocol

from benchmarks.http2.calls import Call
from benchmarks.http2.outcomes import Outcome
from benchmarks.loadgen.books import Books
from benchmarks.loadgen.distributions import uniform
from benchmarks.loadgen.tally import Tally
from benchmarks.loadgen.templates import SMS, charge_request, fresh_keys, template
from veloconnect.wallet.v1 import wallet_pb2

CHARGE_PATH = "/veloconnect.charging.v1.ChargingService/Charge"

REMEMBERED_CHARGES = 4_096
"""The number of last acknowledged charges from which replays choose."""
REPLAY = -1
"""The tag of a replay: its charge is booked already."""


class Workload(Protocol):
    """An endless supply of calls."""

    paths: Sequence[str]
    """The methods; calls refer to them by index."""
    expected: str | None
    """The name of the outcome, other than OK, with which calls should end."""

    def next_call(self, intended_ns: int) -> Call:
        """Return a fresh request."""

    def succeeded(self, call: Call, tally: Tally) -> None:
        """Book a call that ended with OK."""

    def failed(self, call: Call, outcome: Outcome, tally: Tally) -> None:
        """Book a call that ended in any other way."""


class Charges:
    """`Charge`, each for a company of `books`, by number from `choices`; uniformly, unless given."""

    paths: Sequence[str] = (CHARGE_PATH,)
    expected: str | None = None

    def __init__(
        self,
        books: Books,
        choices: Iterator[int] | None = None,
        *,
        usages: Sequence[wallet_pb2.Usage] = (SMS,),
        names_amount: bool = True,
    ) -> None:
        """Prepare a request for each company, of the usages in turn.

        Without `names_amount` the amount of the books must be the one that the company's rate card gives.
        """
        self._books = books
        self._keys = fresh_keys()
        amount_micros = books.amount_micros if names_amount else None
        self._templates = [
            template(charge_request(company, amount_micros, usage), keys=1)
            for company, usage in zip(books.companies, cycle(usages), strict=False)
        ]
        self._choices = choices or uniform(len(books.companies))

    def next_call(self, intended_ns: int) -> Call:
        """Put a fresh key into the next company's request."""
        company = next(self._choices)
        before, after = self._templates[company]
        return Call(before + next(self._keys) + after, company, intended_ns)

    def succeeded(self, call: Call, tally: Tally) -> None:
        """Book one charge."""
        self._books.acknowledged[call.tag] += 1
        tally.units += 1

    def failed(self, call: Call, outcome: Outcome, tally: Tally) -> None:
        """Book one charge that may have been made, unless the error is definite."""
        tally.errors[outcome.name] += 1
        if outcome.maybe_applied:
            self._books.unclear[call.tag] += 1


class Replays(Charges):
    """Charges of which a share are retries of acknowledged ones, under the same key."""

    def __init__(self, books: Books, *, share: float) -> None:
        """`share` of the calls, from 0 to 1, are retries."""
        assert 0 <= share <= 1
        super().__init__(books)
        self._share = share
        self._acknowledged: list[bytes] = []
        self._oldest = 0

    def next_call(self, intended_ns: int) -> Call:
        """Retry, or make a fresh request."""
        if self._acknowledged and random.random() < self._share:
            return Call(random.choice(self._acknowledged), REPLAY, intended_ns)
        return super().next_call(intended_ns)

    def succeeded(self, call: Call, tally: Tally) -> None:
        """Book one charge; a replay changes no books, since its charge is booked already."""
        if call.tag == REPLAY:
            tally.units += 1
            return
        super().succeeded(call, tally)
        if len(self._acknowledged) < REMEMBERED_CHARGES:
            self._acknowledged.append(call.message)
        else:
            self._acknowledged[self._oldest] = call.message
            self._oldest = (self._oldest + 1) % REMEMBERED_CHARGES

    def failed(self, call: Call, outcome: Outcome, tally: Tally) -> None:
        """Book a charge that may have been made; a replay makes none."""
        if call.tag == REPLAY:
            tally.errors[outcome.name] += 1
        else:
            super().failed(call, outcome, tally)


class Declines(Charges):
    """Charges of wallets without funds: declines are expected and counted as units."""

    expected: str | None = "FAILED_PRECONDITION/INSUFFICIENT_FUNDS"

    def succeeded(self, call: Call, tally: Tally) -> None:  # noqa: ARG002 as all
        """Count as an error; the books will differ, too."""
        tally.errors["OK, of a dry wallet"] += 1

    def failed(self, call: Call, outcome: Outcome, tally: Tally) -> None:
        """Count a decline as a unit."""
        if outcome.name == self.expected:
            tally.units += 1
        else:
            super().failed(call, outcome, tally)
