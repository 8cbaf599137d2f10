"""Which requests are sent, and how their answers are booked."""

import random
from collections.abc import Sequence
from itertools import cycle
from typing import Protocol

from google.protobuf.message import DecodeError

from benchmarks.loadgen.books import Books
from benchmarks.loadgen.calls import Call
from benchmarks.loadgen.outcomes import BAD_MESSAGE, Outcome, of_result
from benchmarks.loadgen.tally import Tally
from benchmarks.loadgen.templates import charge_request, fresh_keys, template
from veloconnect.charging.v1 import charging_pb2

CHARGE_PATH = "/veloconnect.charging.v1.ChargingService/Charge"
BATCH_CHARGE_PATH = "/veloconnect.charging.v1.ChargingService/BatchCharge"

DRAWS = 65_536
"""Companies are drawn at random once and then used in turn: drawing costs more than sending."""
BATCHES_PREPARED = 64


class Workload(Protocol):
    """An endless supply of calls of one method."""

    path: str

    def next_call(self, intended_ns: int) -> Call:
        """Make a fresh request."""

    def succeeded(self, call: Call, tally: Tally) -> None:
        """Book a call that ended with OK."""

    def failed(self, call: Call, outcome: Outcome, tally: Tally) -> None:
        """Book a call that ended in any other way."""


class Charges:
    """`Charge`, each for a company drawn uniformly from those of `books`."""

    path = CHARGE_PATH

    def __init__(self, books: Books) -> None:
        """Prepare a request for each company."""
        companies = range(len(books.companies))
        self._books = books
        self._keys = fresh_keys()
        self._templates = [
            template(charge_request(company, books.amount_micros), keys=1) for company in books.companies
        ]
        self._draws = cycle(random.choices(companies, k=DRAWS))

    def next_call(self, intended_ns: int) -> Call:
        """Put a fresh key into the next company's request."""
        company = next(self._draws)
        before, after = self._templates[company]
        return Call(before + next(self._keys) + after, company, intended_ns)

    def succeeded(self, call: Call, tally: Tally) -> None:
        """Book one charge."""
        self._books.acknowledged[call.tag] += 1
        tally.units += 1

    def failed(self, call: Call, outcome: Outcome, tally: Tally) -> None:
        """Book one charge that may have been made, unless it was refused."""
        tally.errors[outcome.name] += 1
        if outcome.maybe_applied:
            self._books.unclear[call.tag] += 1


class BatchCharges:
    """`BatchCharge` of `size` charges, each for a company drawn uniformly from those of `books`."""

    path = BATCH_CHARGE_PATH

    def __init__(self, books: Books, *, size: int) -> None:
        """Prepare some batches."""
        assert 0 < size <= 1_000
        self._books = books
        self._keys = fresh_keys()
        self._size = size
        self._companies = [random.choices(range(len(books.companies)), k=size) for _ in range(BATCHES_PREPARED)]
        self._templates = [self._template(companies) for companies in self._companies]
        self._draws = cycle(range(BATCHES_PREPARED))

    def next_call(self, intended_ns: int) -> Call:
        """Put fresh keys into the next prepared batch."""
        batch = next(self._draws)
        pieces = self._templates[batch]
        keys = self._keys
        pieces[1::2] = [next(keys) for _ in range(self._size)]
        return Call(b"".join(pieces), batch, intended_ns)

    def succeeded(self, call: Call, tally: Tally) -> None:
        """Book each charge by its own result."""
        companies = self._companies[call.tag]
        try:
            results = charging_pb2.BatchChargeResponse.FromString(call.answer).results
        except DecodeError:
            self.failed(call, BAD_MESSAGE, tally)
            return
        if len(results) != len(companies):
            self.failed(call, BAD_MESSAGE, tally)
            return
        acknowledged = self._books.acknowledged
        for company, result in zip(companies, results, strict=True):
            if result.HasField("charge"):
                acknowledged[company] += 1
                tally.units += 1
            else:
                self._book_failure(company, of_result(result.status), tally)

    def failed(self, call: Call, outcome: Outcome, tally: Tally) -> None:
        """Book all charges of the batch."""
        for company in self._companies[call.tag]:
            self._book_failure(company, outcome, tally)

    def _book_failure(self, company: int, outcome: Outcome, tally: Tally) -> None:
        tally.errors[outcome.name] += 1
        if outcome.maybe_applied:
            self._books.unclear[company] += 1

    def _template(self, companies: Sequence[int]) -> list[bytes]:
        """Pieces at even places, room for keys between them."""
        requests = [charge_request(self._books.companies[company], self._books.amount_micros) for company in companies]
        pieces = template(charging_pb2.BatchChargeRequest(requests=requests), keys=len(requests))
        prepared = [b""] * (2 * len(pieces) - 1)
        prepared[::2] = pieces
        return prepared
