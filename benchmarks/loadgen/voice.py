"""Voice calls: authorize at the start, increment during the call, capture at the end."""

from collections import deque
from collections.abc import Iterator, Sequence

from google.protobuf.duration_pb2 import Duration

from benchmarks.http2.calls import Call
from benchmarks.http2.outcomes import Outcome
from benchmarks.loadgen.books import Books
from benchmarks.loadgen.distributions import uniform
from benchmarks.loadgen.tally import Tally
from benchmarks.loadgen.templates import PLACEHOLDER, fresh_keys, template
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2

SERVICE = "/veloconnect.charging.v1.ChargingService"
AUTHORIZE, INCREMENT, CAPTURE = range(3)
TTL_SECONDS = 120
"""A hold whose call was lost expires after this time."""
HELD_CHARGES = 10
"""The amount of Authorize, in charges; the increment doubles it, and the capture takes one charge."""


class VoiceCalls:
    """Authorize → IncrementAuthorization → Capture, then the next call; each RPC is one call of the loop."""

    paths: Sequence[str] = (f"{SERVICE}/Authorize", f"{SERVICE}/IncrementAuthorization", f"{SERVICE}/Capture")
    expected: str | None = None

    def __init__(self, books: Books, choices: Iterator[int] | None = None) -> None:
        """Prepare the three requests for each company."""
        self._books = books
        self._keys = fresh_keys()
        self._choices = choices or uniform(len(books.companies))
        self._templates = [_requests(company, books.amount_micros) for company in books.companies]
        self._ready: deque[tuple[int, int, bytes]] = deque()
        """Phone calls ready for their next request: its path, the company, the hold's id."""
        self._holds: dict[Call, bytes] = {}
        """The hold's id of each request in flight."""

    def next_call(self, intended_ns: int) -> Call:
        """Return the next request of a phone call, or begin one."""
        key = next(self._keys)
        if self._ready:
            path, company, hold = self._ready.popleft()
            before, between, after = self._templates[company][path]
            message = before + hold + between + key + after
        else:
            path, company, hold = AUTHORIZE, next(self._choices), key
            before, after = self._templates[company][AUTHORIZE]
            message = before + key + after
            self._books.open_holds.add((company, hold))
        call = Call(message, company, intended_ns, path)
        self._holds[call] = hold
        return call

    def succeeded(self, call: Call, tally: Tally) -> None:
        """Book one RPC; a capture is a charge."""
        hold = self._holds.pop(call)
        tally.units += 1
        if call.path == CAPTURE:
            self._books.acknowledged[call.tag] += 1
            self._books.open_holds.discard((call.tag, hold))
        else:
            self._ready.append((call.path + 1, call.tag, hold))

    def failed(self, call: Call, outcome: Outcome, tally: Tally) -> None:
        """Abandon the phone call; its hold may be open."""
        hold = self._holds.pop(call)
        tally.errors[outcome.name] += 1
        if call.path == CAPTURE and outcome.maybe_applied:
            self._books.unclear[call.tag] += 1
        if call.path == AUTHORIZE and not outcome.maybe_applied:
            self._books.open_holds.discard((call.tag, hold))


def _requests(company: str, amount_micros: int) -> tuple[Sequence[bytes], ...]:
    usage = wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_VOICE, destination="+4915112345678", quantity=60)
    authorization = f"{company}/authorizations/{PLACEHOLDER}"
    authorize = charging_pb2.AuthorizeRequest(
        company=company,
        idempotency_key=PLACEHOLDER,
        usage=usage,
        amount_micros=HELD_CHARGES * amount_micros,
        ttl=Duration(seconds=TTL_SECONDS),
    )
    increment = charging_pb2.IncrementAuthorizationRequest(
        authorization=authorization, idempotency_key=PLACEHOLDER, amount_micros=2 * HELD_CHARGES * amount_micros
    )
    capture = charging_pb2.CaptureRequest(
        authorization=authorization, idempotency_key=PLACEHOLDER, usage=usage, amount_micros=amount_micros
    )
    return template(authorize, keys=1), template(increment, keys=2), template(capture, keys=2)
