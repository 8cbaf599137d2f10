"""Sends messages by SMTP. The errors tell whether another attempt may succeed, and whether the message is at fault."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage

from aiosmtplib import SMTP, SMTPDataError, SMTPException, SMTPRecipientRefused, SMTPRecipientsRefused

from admin.smtp_url import MailServer, Security

COMMAND_SECONDS_MAX = 10.0
"""The limit for connecting, and for the answer to one command."""
SEND_SECONDS_MAX = 15.0
"""The limit for sending one message."""
REFUSED_CODE_MIN = 500


class MailServerUnavailable(Exception):
    """The server cannot be reached, or refuses the session. No message is at fault, and another attempt may succeed."""


class MessageDeferred(Exception):
    """The server refuses this message for now (4xx)."""


class MessageRefused(Exception):
    """The server refuses this message for good (5xx)."""


class SmtpSession:
    """A connection to a mail server, which sends messages one after the other."""

    def __init__(self, client: SMTP) -> None:
        """Use a connected client."""
        self._client = client

    async def send(self, message: EmailMessage) -> None:
        """Send a message; the server has accepted it when this returns.

        Raise MessageDeferred or MessageRefused if the server refuses it, MailServerUnavailable if the connection fails;
        the server may have accepted the message even then.
        """
        try:
            async with asyncio.timeout(SEND_SECONDS_MAX):
                await self._client.send_message(message)
        except SMTPRecipientsRefused as error:
            raise _refusal_of(error.recipients[0]) from error
        except SMTPDataError as error:
            raise _refusal_of(error) from error
        except (SMTPException, OSError) as error:  # TimeoutError is an OSError
            raise MailServerUnavailable(_text(error)) from error


@asynccontextmanager
async def open_session(server: MailServer, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[SmtpSession]:
    """Connect to a server, and log in if `server` has a user. Raise MailServerUnavailable if either fails.

    `tls` checks the server's certificate; None: by the certificate authorities of the system.
    """
    client = SMTP(
        hostname=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        use_tls=server.security is Security.TLS,
        # Never opportunistic: an attacker between us and the server could hide that it offers TLS.
        start_tls=server.security is Security.STARTTLS,
        timeout=COMMAND_SECONDS_MAX,
        tls_context=tls,
    )
    try:
        async with asyncio.timeout(2 * COMMAND_SECONDS_MAX):
            await client.connect()
    except (SMTPException, OSError, ValueError) as error:
        client.close()
        raise MailServerUnavailable(_text(error)) from error
    try:
        yield SmtpSession(client)
    finally:
        await _quit(client)


async def _quit(client: SMTP) -> None:
    """End the session politely; a connection that is already broken is only closed."""
    try:
        async with asyncio.timeout(COMMAND_SECONDS_MAX):
            await client.quit()
    except (SMTPException, OSError):
        client.close()


def _refusal_of(error: SMTPRecipientRefused | SMTPDataError) -> MessageDeferred | MessageRefused:
    text = f"{error.code} {error.message}"
    return MessageRefused(text) if error.code >= REFUSED_CODE_MIN else MessageDeferred(text)


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
