"""Sends one event to one receiver, and says what came of it."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

import aiohttp

from admin.webhooks.domain import Parcel
from admin.webhooks.signing import headers
from admin.webhooks.targets import AddressRefused, problem_of, socket_maker
from wallet.domain.resource_names import COMPANY, EVENT

ATTEMPT_SECONDS_MAX = 10.0
"""From the first look for the receiver's address to the end of its answer."""
CONNECT_SECONDS_MAX = 5.0
ANSWER_BYTES_MAX = 4096
"""More of an answer's body is not read; of what is read nothing is kept."""
AGENT = "VeloConnect-Webhooks/1"


class NotDelivered(Exception):
    """The receiver did not say that it has the event. The text says why; nothing of a secret or an answer is in it."""


class Sender:
    """Sends events. Connections live as long as the `sender` that made it."""

    def __init__(self, https: aiohttp.ClientSession, http: aiohttp.ClientSession, *, allow_private: bool) -> None:
        """Use sessions for either scheme."""
        self._sessions = {"https": https, "http": http}
        self._allow_private = allow_private

    async def send(self, parcel: Parcel) -> None:
        """Send an event. Raises NotDelivered."""
        # Again, by the settings of now: they may have changed since the URL was set.
        if problem := problem_of(parcel.url, allow_private=self._allow_private):
            raise NotDelivered(f"the URL {problem}")
        body = body_of(parcel)
        signed = headers(parcel.secrets, f"evt_{parcel.serial}", int(time.time()), body)
        try:
            async with self._sessions[urlsplit(parcel.url).scheme].post(
                parcel.url,
                data=body,
                headers={**signed, "Content-Type": "application/json", "User-Agent": AGENT},
                allow_redirects=False,
            ) as answer:
                status = answer.status
                await answer.content.read(ANSWER_BYTES_MAX)
        except TimeoutError as error:
            raise NotDelivered(f"no answer within {ATTEMPT_SECONDS_MAX:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotDelivered(_words(error)) from error
        if 300 <= status < 400:
            raise NotDelivered(f"it answered {status}: redirects are not followed")
        if not 200 <= status < 300:
            raise NotDelivered(f"it answered {status}")


@asynccontextmanager
async def sender(*, allow_private: bool, tls: ssl.SSLContext | None = None) -> AsyncIterator[Sender]:
    """Open a sender; `tls` says whose certificates are trusted, else the system's authorities."""
    context = ssl.create_default_context() if tls is None else tls
    async with (
        _session(aiohttp.TCPConnector(socket_factory=socket_maker(allow_private=allow_private), ssl=context)) as https,
        _session(
            aiohttp.TCPConnector(socket_factory=socket_maker(allow_private=allow_private, loopback_only=True))
        ) as http,
    ):
        yield Sender(https, http, allow_private=allow_private)


def body_of(parcel: Parcel) -> bytes:
    """Return what is sent: the same bytes with every try."""
    at = datetime.fromtimestamp(parcel.created_at // 1_000_000, UTC)
    return json.dumps(
        {
            "type": parcel.type,
            "timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.{parcel.created_at % 1_000_000:06}Z",
            "company": COMPANY.name(parcel.company),
            "name": EVENT.name(parcel.company, parcel.serial),
            "data": dict(parcel.data),
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


def _words(error: BaseException) -> str:
    """Return what went wrong, without the addresses that drivers put in."""
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
            return "its URL has no host that could be asked for"
        case aiohttp.ClientConnectorDNSError():
            return "its name cannot be resolved"
        case aiohttp.ClientConnectorError():
            return f"it cannot be reached: {error.os_error.strerror or type(error.os_error).__name__}"
        case asyncio.IncompleteReadError() | aiohttp.ServerDisconnectedError():
            return "it hung up"
        case _:
            return type(error).__name__
