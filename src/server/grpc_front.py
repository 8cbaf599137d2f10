"""The front that gRPC's own server is: it accepts connections and hands each call to the boundary."""

import grpc

from server.boundary import Boundary
from server.lifetime import DRAIN_SECONDS_MAX
from server.settings import Misconfigured, ServerSettings

TRANSPORT_MESSAGE_BYTES_MAX = 16 * 1024 * 1024
"""gRPC itself refuses a larger message; one between MESSAGE_BYTES_MAX and this is answered by the error table."""
CONNECTION_AGE_SECONDS = 300
"""After this time clients connect again, so that a new worker or machine gets its share."""
CONNECTION_AGE_GRACE_SECONDS = 900
"""How long a connection's calls may take after that: longer than the longest stream."""
KEEPALIVE_SECONDS = 60
KEEPALIVE_TIMEOUT_SECONDS = 20
CLIENT_PING_SECONDS_MIN = 10

OPTIONS = (
    ("grpc.so_reuseport", 1),
    ("grpc.max_receive_message_length", TRANSPORT_MESSAGE_BYTES_MAX),
    ("grpc.max_connection_age_ms", CONNECTION_AGE_SECONDS * 1000),
    ("grpc.max_connection_age_grace_ms", CONNECTION_AGE_GRACE_SECONDS * 1000),
    ("grpc.keepalive_time_ms", KEEPALIVE_SECONDS * 1000),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_SECONDS * 1000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", CLIENT_PING_SECONDS_MIN * 1000),
)


class GrpcFront:
    """Serves with grpc.aio, in the process of the worker."""

    def __init__(self, settings: ServerSettings) -> None:
        """Listen where `settings` say."""
        self._settings = settings
        self._server: grpc.aio.Server | None = None

    async def start(self, boundary: Boundary) -> None:
        """Accept calls. Raises Misconfigured if the address or the certificate cannot be used."""
        self._server = grpc.aio.server(handlers=[boundary], options=OPTIONS)
        self._bind(self._server)
        await self._server.start()

    async def stop(self) -> None:
        """Accept no new calls; cancel those that have not ended within DRAIN_SECONDS_MAX."""
        if self._server is not None:
            await self._server.stop(DRAIN_SECONDS_MAX)

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
