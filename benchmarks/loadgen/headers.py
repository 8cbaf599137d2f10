"""HPACK both ways: request headers made once, answers' headers known by their bytes."""

from dataclasses import dataclass

from hpack import Decoder, Encoder, NeverIndexedHeaderTuple

from benchmarks.loadgen.outcomes import OK, Outcome, of_headers

TABLE_BYTES_DEFAULT = 4_096
KNOWN_BLOCKS_MAX = 1_024


@dataclass(frozen=True, slots=True)
class RequestHeaders:
    """The headers of every request on a connection, as HPACK blocks.

    A gRPC library sends its headers in full once and refers to the connection's table from then on.
    So do we: `first` opens a connection, `later` is the same for all that follow, and the server's
    parser does for us what it does for real clients. `stateless` is for a server whose table is
    smaller than usual.
    """

    first: bytes
    later: bytes
    stateless: bytes


def request_headers(
    path: str, *, authority: str, token: str | None = None, timeout_seconds: int | None = None
) -> RequestHeaders:
    """Encode the headers of a unary gRPC call of `path` ("/package.Service/Method").

    `token` is sent as `authorization: Bearer …`, `timeout_seconds` as the call's deadline.
    """
    pairs: list[tuple[str, str]] = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", authority),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", "veloconnect-benchmarks"),
    ]
    if timeout_seconds is not None:
        pairs.append(("grpc-timeout", f"{timeout_seconds}S"))
    if token is not None:
        pairs.append(("authorization", f"Bearer {token}"))
    encoder = Encoder()
    first, later, after = (encoder.encode(pairs) for _ in range(3))
    assert later == after, "the second block is not the one that is always sent"
    return RequestHeaders(
        first=first,
        later=later,
        stateless=Encoder().encode([NeverIndexedHeaderTuple(*pair) for pair in pairs]),
    )


class AnswerHeaders:
    """Reads the headers of answers on one connection.

    We announce a dynamic table of size 0, so a block means the same wherever it stands: each is
    decoded once and then known by its bytes. (A peer that uses a table all the same is an error in
    the decoder, not a wrong answer.)
    """

    def __init__(self) -> None:
        """Begin with a connection, which must announce HEADER_TABLE_SIZE 0."""
        self._decoder = Decoder()
        self._decoder.max_allowed_table_size = 0
        self._decoder.header_table_size = 0
        self._opening: dict[bytes, Outcome] = {}
        self._closing: dict[bytes, Outcome] = {}

    def opening(self, block: bytes) -> Outcome:
        """Read headers with which an answer begins: `OK`, or the HTTP status that is not 200."""
        outcome = self._opening.get(block)
        if outcome is None:
            status = self._decode(block).get(":status", "")
            outcome = OK if status == "200" else Outcome(f"HTTP/{status}")
            _remember(self._opening, block, outcome)
        return outcome

    def closing(self, block: bytes) -> Outcome:
        """Read headers with which an answer ends."""
        outcome = self._closing.get(block)
        if outcome is None:
            outcome = of_headers(self._decode(block))
            _remember(self._closing, block, outcome)
        return outcome

    def _decode(self, block: bytes) -> dict[str, str]:
        return {str(name): str(value) for name, value in self._decoder.decode(block)}


def _remember(known: dict[bytes, Outcome], block: bytes, outcome: Outcome) -> None:
    if len(known) >= KNOWN_BLOCKS_MAX:
        known.clear()
    known[block] = outcome
