"""The front that gRPC's own server is: it accepts connections and hands each call to the boundary."""

import asyncio

import grpc

from server.boundary import Boundary
from server.lifetime import DRAIN_SECONDS_MAX
from server.settings import FrontChoice, Misconfigured, ServerSettings
from server.transport_limits import (
    CONNECTION_AGE_SECONDS,
    CONNECTION_IDLE_SECONDS,
    HANDSHAKE_SECONDS_MAX,
    KEEPALIVE_SECONDS,
    KEEPALIVE_TIMEOUT_SECONDS,
    METADATA_BYTES_MAX,
    STREAM_SECONDS_MAX,
    STREAMS_MAX,
)
from server.validation import MESSAGE_BYTES_MAX

TRANSPORT_MESSAGE_BYTES_MAX = 2 * MESSAGE_BYTES_MAX
"""gRPC itself refuses a larger message by its length, before it is sent, with a text of its own. One somewhat too
large, such as a batch of too many charges, is read so that the answer is ours and says what to do."""
STREAMS_ENDING_MAX = 1_000
"""Calls that have ended for the client and not yet here. Without room for them a client at the limit is refused."""
CONNECTIONS_MAX = 512
"""Each takes a file descriptor, and many systems give a process 1 024. The stores need some too."""
PENDING_CALLS_MAX = CONNECTIONS_MAX * STREAMS_MAX
"""Calls that gRPC has read and the event loop has not taken yet. Beyond a limit gRPC cancels calls without a reason, so
it is never reached: the boundary takes all, and answers those that are too many."""
CLIENT_PING_SECONDS_MIN = 10

SETTLE_SECONDS_MAX = 0.5
QUIET_SECONDS = 0.05
"""No call has come for so long when clients that wait for answers have no more to send: longer than a round trip."""
GOAWAY_SECONDS = 0.1
"""After this time clients have read that the server goes away, and call elsewhere."""
LAST_SECONDS_MAX = 0.5
"""For the answers to calls that were ended. What is left then gRPC cancels."""

_ENCODINGS = 0b101
"""Those that are not refused: none, and gzip."""

OPTIONS = (
    ("grpc.so_reuseport", 1),
    ("grpc.max_receive_message_length", TRANSPORT_MESSAGE_BYTES_MAX),
    # gRPC has two limits, and refuses by chance between them: here they are one.
    ("grpc.max_metadata_size", METADATA_BYTES_MAX),
    ("grpc.absolute_max_metadata_size", METADATA_BYTES_MAX),
    ("grpc.max_concurrent_streams", STREAMS_MAX),
    ("grpc.http2.max_deallocating_streams", STREAMS_ENDING_MAX),
    ("grpc.max_allowed_incoming_connections", CONNECTIONS_MAX),
    ("grpc.server.max_pending_requests", PENDING_CALLS_MAX),
    ("grpc.server.max_pending_requests_hard_limit", PENDING_CALLS_MAX),
    # gRPC would inflate before it is known who calls; validation.read inflates, within a bound.
    ("grpc.per_message_decompression", 0),
    ("grpc.compression_enabled_algorithms_bitset", _ENCODINGS),
    ("grpc.server_handshake_timeout_ms", HANDSHAKE_SECONDS_MAX * 1000),
    ("grpc.max_connection_idle_ms", CONNECTION_IDLE_SECONDS * 1000),
    ("grpc.max_connection_age_ms", CONNECTION_AGE_SECONDS * 1000),
    ("grpc.max_connection_age_grace_ms", STREAM_SECONDS_MAX * 1000),
    ("grpc.keepalive_time_ms", KEEPALIVE_SECONDS * 1000),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_SECONDS * 1000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", CLIENT_PING_SECONDS_MIN * 1000),
)


class GrpcFront:
    """Serves with grpc.aio, in the process of the worker."""

    name = FrontChoice.GRPC.value

    def __init__(self, settings: ServerSettings) -> None:
        """Listen where `settings` say."""
        self._settings = settings
        self._serving: tuple[grpc.aio.Server, Boundary] | None = None

    async def start(self, boundary: Boundary) -> None:
        """Accept calls. Raises Misconfigured if the address or the certificate cannot be used."""
        server = grpc.aio.server(handlers=[boundary], options=OPTIONS)
        self._bind(server)
        self._serving = server, boundary
        await server.start()

    async def stop(self) -> None:
        """Accept no new calls; end those that have not ended within DRAIN_SECONDS_MAX.

        gRPC cancels calls that reach it when it has begun to stop, before their clients know. So the calls that come
        now wait, until those before have ended and clients have nothing more to send; then gRPC tells the clients to
        go away; and then those that wait are served.
        """
        if self._serving is None:
            return
        server, boundary = self._serving
        deadline = asyncio.get_running_loop().time() + DRAIN_SECONDS_MAX
        calls = boundary.calls
        calls.hold()
        await calls.settle(quiet_seconds=QUIET_SECONDS, seconds_max=SETTLE_SECONDS_MAX)
        stopping = asyncio.ensure_future(server.stop(DRAIN_SECONDS_MAX + LAST_SECONDS_MAX))
        await asyncio.sleep(GOAWAY_SECONDS)
        calls.release()
        boundary.open_calls.end()
        await calls.finish(deadline - asyncio.get_running_loop().time())
        await stopping

    def _bind(self, server: grpc.aio.Server) -> None:
        settings = self._settings
        try:
            if settings.tls_cert_file and settings.tls_key_file:
                pair = settings.tls_key_file.read_bytes(), settings.tls_cert_file.read_bytes()
                # Client certificates would be configured here: root_certificates and require_client_auth.
                server.add_secure_port(settings.address, grpc.ssl_server_credentials([pair]))
            else:
                server.add_insecure_port(settings.address)
        except (RuntimeError, OSError) as error:
            raise Misconfigured(f"cannot serve on {settings.address}: {error}") from error
