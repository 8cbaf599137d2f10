"""Sends an event to a company's URL by one HTTP request."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

import aiohttp

from admin.webhooks.domain import DueEvent
from admin.webhooks.signing import signature_headers
from admin.webhooks.targets import AddressRefused, socket_factory, url_problem
from wallet.domain.resource_names import COMPANY, EVENT

ATTEMPT_SECONDS_MAX = 10.0
"""The limit for a request, from the resolution of the host's name to the end of the answer."""
CONNECT_SECONDS_MAX = 5.0
ANSWER_BYTES_MAX = 4096
"""No more of an answer's body is read, and nothing of it is kept."""
AGENT = "VeloConnect-Webhooks/1"


class DeliveryFailed(Exception):
    """The receiver did not accept the event. The text says why; it has nothing of a secret or of the answer's body."""


class Sender:
    """Sends events; made by `open_sender`."""

    def __init__(self, https: aiohttp.ClientSession, http: aiohttp.ClientSession, *, allow_private: bool) -> None:
        """Use a session for each scheme; `allow_private` allows addresses that are not public."""
        self._sessions = {"https": https, "http": http}
        self._allow_private = allow_private

    async def send(self, event: DueEvent) -> None:
        """Send an event. Raises DeliveryFailed."""
        # The URL is checked again: the settings may have changed since it was set.
        if problem := url_problem(event.url, allow_private=self._allow_private):
            raise DeliveryFailed(f"the URL {problem}")
        body = body_of(event)
        signed = signature_headers(event.secrets, f"evt_{event.serial}", int(time.time()), body)
        try:
            async with self._sessions[urlsplit(event.url).scheme].post(
                event.url,
                data=body,
                headers={**signed, "Content-Type": "application/json", "User-Agent": AGENT},
                allow_redirects=False,
            ) as answer:
                status = answer.status
                await answer.content.read(ANSWER_BYTES_MAX)
        except TimeoutError as error:
            raise DeliveryFailed(f"no answer within {ATTEMPT_SECONDS_MAX:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise DeliveryFailed(_error_text(error)) from error
        if 300 <= status < 400:
            raise DeliveryFailed(f"it answered {status}: redirects are not followed")
        if not 200 <= status < 300:
            raise DeliveryFailed(f"it answered {status}")


@asynccontextmanager
async def open_sender(*, allow_private: bool, tls: ssl.SSLContext | None = None) -> AsyncIterator[Sender]:
    """Open a sender, and close its connections at the end.

    `allow_private` allows addresses that are not public. `tls` checks certificates; None: by the system's authorities.
    """
    context = ssl.create_default_context() if tls is None else tls
    async with (
        _session(
            aiohttp.TCPConnector(socket_factory=socket_factory(allow_private=allow_private), ssl=context)
        ) as https,
        _session(
            aiohttp.TCPConnector(socket_factory=socket_factory(allow_private=allow_private, loopback_only=True))
        ) as http,
    ):
        yield Sender(https, http, allow_private=allow_private)


def body_of(event: DueEvent) -> bytes:
    """Return the body of an event's request in JSON: the same bytes at every attempt."""
    at = datetime.fromtimestamp(event.created_at // 1_000_000, UTC)
    return json.dumps(
        {
            "type": event.type,
            "timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.{event.created_at % 1_000_000:06}Z",
            "company": COMPANY.name(event.company),
            "name": EVENT.name(event.company, event.serial),
            "data": dict(event.data),
        },
        separators=(",", ":"),
    ).encode()


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=ATTEMPT_SECONDS_MAX, sock_connect=CONNECT_SECONDS_MAX),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )


def _error_text(error: BaseException) -> str:
    """Return the text of an error, without the addresses that drivers put into theirs."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AddressRefused):
            return str(cause)
        inner = getattr(cause, "os_error", None)
        cause = inner if inner is not None and inner is not cause else cause.__cause__
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"its certificate is not trusted: {getattr(error.certificate_error, 'verify_message', 'unfit')}"
        case aiohttp.InvalidURL():
            return "its URL has no valid host"
        case aiohttp.ClientConnectorDNSError():
            return "its name cannot be resolved"
        case aiohttp.ClientConnectorError():
            return f"it cannot be reached: {error.os_error.strerror or type(error.os_error).__name__}"
        case asyncio.IncompleteReadError() | aiohttp.ServerDisconnectedError():
            return "it hung up"
        case _:
            return type(error).__name__
