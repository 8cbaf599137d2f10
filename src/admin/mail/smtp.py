"""Sends messages by SMTP, and says of what fails whether another try may help."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage

from aiosmtplib import SMTP, SMTPDataError, SMTPException, SMTPRecipientRefused, SMTPRecipientsRefused

from admin.smtp_url import MailServer, Security

COMMAND_SECONDS_MAX = 10.0
"""How long the server may take to connect, or to answer one command."""
SEND_SECONDS_MAX = 15.0
"""How long it may take over one message."""
REFUSED_CODE_MIN = 500


class MailServerAway(Exception):
    """The server cannot be reached, or will not speak with us: it is no message's fault, and another try may pass."""


class MessageDeferred(Exception):
    """The server does not take this message for now (4xx)."""


class MessageRefused(Exception):
    """The server refuses this message for good (5xx)."""


class Session:
    """A connection that messages are sent by, one after the other."""

    def __init__(self, client: SMTP) -> None:
        """Use a connected client."""
        self._client = client

    async def send(self, message: EmailMessage) -> None:
        """Send a message; it is the server's when this returns. Raises MailServerAway, MessageDeferred, MessageRefused.

        After MailServerAway the server may have it all the same.
        """
        try:
            async with asyncio.timeout(SEND_SECONDS_MAX):
                await self._client.send_message(message)
        except SMTPRecipientsRefused as error:
            raise _about_the_message(error.recipients[0]) from error
        except SMTPDataError as error:
            raise _about_the_message(error) from error
        except (SMTPException, OSError) as error:  # TimeoutError is an OSError
            raise MailServerAway(_text(error)) from error


@asynccontextmanager
async def session(server: MailServer, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Session]:
    """Connect to a server, and log in where it has a user. Raises MailServerAway.

    `tls` is how its certificate is checked: by the system's authorities, where it is None.
    """
    client = SMTP(
        hostname=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        use_tls=server.security is Security.TLS,
        # Never as the server likes: whoever is in between could say that there is no TLS.
        start_tls=server.security is Security.STARTTLS,
        timeout=COMMAND_SECONDS_MAX,
        tls_context=tls,
    )
    try:
        async with asyncio.timeout(2 * COMMAND_SECONDS_MAX):
            await client.connect()
    except (SMTPException, OSError, ValueError) as error:
        client.close()
        raise MailServerAway(_text(error)) from error
    try:
        yield Session(client)
    finally:
        await _quit(client)


async def _quit(client: SMTP) -> None:
    """Take leave; a server that is gone by now changes nothing."""
    try:
        async with asyncio.timeout(COMMAND_SECONDS_MAX):
            await client.quit()
    except (SMTPException, OSError):
        client.close()


def _about_the_message(error: SMTPRecipientRefused | SMTPDataError) -> MessageDeferred | MessageRefused:
    text = f"{error.code} {error.message}"
    return MessageRefused(text) if error.code >= REFUSED_CODE_MIN else MessageDeferred(text)


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
