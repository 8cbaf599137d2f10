"""Charges in batches, by `BatchCharge` and by `StreamCharges`."""

import random
from collections.abc import Sequence
from itertools import cycle

from google.protobuf.message import DecodeError

from benchmarks.http2.calls import PREFIX, Call
from benchmarks.http2.outcomes import BAD_MESSAGE, Outcome, of_result
from benchmarks.loadgen.books import Books
from benchmarks.loadgen.tally import Tally
from benchmarks.loadgen.templates import charge_request, fresh_keys, template
from veloconnect.charging.v1 import charging_pb2

BATCH_CHARGE_PATH = "/veloconnect.charging.v1.ChargingService/BatchCharge"
STREAM_CHARGES_PATH = "/veloconnect.charging.v1.ChargingService/StreamCharges"

Request = charging_pb2.BatchChargeRequest | charging_pb2.StreamChargesRequest
Response = charging_pb2.BatchChargeResponse | charging_pb2.StreamChargesResponse

BATCHES_PREPARED = 64
BATCH_ID_CHARS = 16


class BatchCharges:
    """`BatchCharge` of `size` charges, each for a company of `books` chosen uniformly."""

    paths: Sequence[str] = (BATCH_CHARGE_PATH,)
    expected: str | None = None
    _request: type[Request] = charging_pb2.BatchChargeRequest
    _response: type[Response] = charging_pb2.BatchChargeResponse

    def __init__(self, books: Books, *, size: int) -> None:
        """Prepare some batches."""
        assert 0 < size <= 1_000
        self._books = books
        self._keys = fresh_keys()
        self._size = size
        self._companies = [random.choices(range(len(books.companies)), k=size) for _ in range(BATCHES_PREPARED)]
        self._templates = [self._template(companies) for companies in self._companies]
        self._choices = cycle(range(BATCHES_PREPARED))

    def next_call(self, intended_ns: int) -> Call:
        """Put fresh keys into the next prepared batch."""
        batch = next(self._choices)
        pieces = self._templates[batch]
        keys = self._keys
        pieces[1::2] = [next(keys) for _ in range(self._size)]
        return Call(b"".join(pieces), batch, intended_ns)

    def succeeded(self, call: Call, tally: Tally) -> None:
        """Book each charge by its own result."""
        companies = self._companies[call.tag]
        try:
            results = self._response.FromString(call.answer).results
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
        """Return a list with pieces at even positions and room for keys between them."""
        requests = [charge_request(self._books.companies[company], self._books.amount_micros) for company in companies]
        pieces = template(self._request(requests=requests), keys=len(requests))
        prepared = [b""] * (2 * len(pieces) - 1)
        prepared[::2] = pieces
        return prepared


class StreamedBatches(BatchCharges):
    """The same batches as messages of `StreamCharges`."""

    paths: Sequence[str] = (STREAM_CHARGES_PATH,)
    _request: type[Request] = charging_pb2.StreamChargesRequest
    _response: type[Response] = charging_pb2.StreamChargesResponse

    @staticmethod
    def message(call: Call, batch_id: str) -> bytes:
        """Return the message, without gRPC's prefix, with the batch id appended (fields may have any order)."""
        assert len(batch_id) == BATCH_ID_CHARS
        return call.message[PREFIX.size :] + bytes((0x0A, BATCH_ID_CHARS)) + batch_id.encode()

    @staticmethod
    def batch_id(answer: bytes) -> str:
        """Return the batch id of an answer, which the service puts first; empty if it cannot be read."""
        if answer[:2] == bytes((0x0A, BATCH_ID_CHARS)):
            return answer[2 : 2 + BATCH_ID_CHARS].decode("ascii", "replace")
        return ""
