"""HPACK: request headers are encoded once, answers' headers are cached by their bytes."""

from collections.abc import Sequence

from hpack import Decoder, Encoder, NeverIndexedHeaderTuple

from benchmarks.http2.outcomes import OK, Outcome, of_headers

TABLE_BYTES_DEFAULT = 4_096
KNOWN_BLOCKS_MAX = 1_024


class RequestHeaders:
    """The headers of all requests on one connection, as HPACK blocks, which differ only in the path.

    A gRPC library sends its headers in full once and refers to the connection's table from then on.
    This client does the same, so that the server's parser has the same work as for real clients:
    `block` encodes until a block no longer changes, and `known` holds it from then on.
    """

    def __init__(self, paths: Sequence[str], headers: Sequence[tuple[str, str]]) -> None:
        """Begin for a new connection; see `request_headers`."""
        self.known: list[bytes | None] = [None] * len(paths)
        """The block of every further request, by path."""
        self._pairs = [[(":path", path), *headers] for path in paths]
        self._encoder = Encoder()
        self._sent: set[int] = set()

    def block(self, path: int) -> bytes:
        """Return the encoded headers of the next request; blocks must be sent in this order."""
        block = self._encoder.encode(self._pairs[path])
        if path in self._sent:
            self.known[path] = block
        else:
            # The table has grown, so all its indices have changed.
            self._sent.add(path)
            self.known[:] = [None] * len(self.known)
        return block

    def forget_table(self) -> None:
        """Use no table from now on, since the server's is smaller than the default."""
        self.known[:] = [Encoder().encode([NeverIndexedHeaderTuple(*pair) for pair in pairs]) for pairs in self._pairs]


def request_headers(
    paths: Sequence[str],
    *,
    authority: str,
    scheme: str = "http",
    token: str | None = None,
    timeout_seconds: int | None = None,
) -> RequestHeaders:
    """Return the headers of unary gRPC calls of `paths` ("/package.Service/Method").

    `token` is sent as `authorization: Bearer …`, `timeout_seconds` as the call's deadline.
    """
    pairs: list[tuple[str, str]] = [
        (":method", "POST"),
        (":scheme", scheme),
        (":authority", authority),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", "veloconnect-benchmarks"),
    ]
    if timeout_seconds is not None:
        pairs.append(("grpc-timeout", f"{timeout_seconds}S"))
    if token is not None:
        pairs.append(("authorization", f"Bearer {token}"))
    return RequestHeaders(paths, pairs)


class AnswerHeaders:
    """Reads the headers of answers on one connection.

    The client announces a dynamic table of size 0, so that a block has the same meaning everywhere: each
    is decoded once and then cached by its bytes. (A peer that uses a table nevertheless causes an error
    in the decoder, not a wrong answer.)
    """

    def __init__(self) -> None:
        """Begin for a new connection, which must announce HEADER_TABLE_SIZE 0."""
        self._decoder = Decoder()
        self._decoder.max_allowed_table_size = 0
        self._decoder.header_table_size = 0
        self._opening: dict[bytes, Outcome] = {}
        self._closing: dict[bytes, Outcome] = {}

    def opening(self, block: bytes) -> Outcome:
        """Return the outcome of an answer's first headers: `OK`, or the HTTP status if it is not 200."""
        outcome = self._opening.get(block)
        if outcome is None:
            status = self._decode(block).get(":status", "")
            outcome = OK if status == "200" else Outcome(f"HTTP/{status}")
            _remember(self._opening, block, outcome)
        return outcome

    def closing(self, block: bytes) -> Outcome:
        """Return the outcome of an answer's last headers."""
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
