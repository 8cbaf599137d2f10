"""Sends the mails of the outbox, each at least once.

A mail is claimed, sent, and marked as sent. If the worker is killed in between, its claim expires and the mail is sent
again. If the mail server is unavailable, the mails wait. Either way no transaction of the product waits for mail.
"""

import ssl
import time
from collections.abc import Sequence
from typing import NamedTuple

import structlog
from jinja2 import TemplateError

from admin.mail.domain import ClaimedMail
from admin.mail.render import render_message
from admin.mail.smtp import MailServerUnavailable, MessageDeferred, MessageRefused, SmtpSession, open_session
from admin.mail.store import Mails
from admin.metrics import mails, mails_oldest_seconds, mails_waiting
from admin.smtp_url import MailServer

PAUSE_SECONDS = 2.0
BATCH = 20
RUN_SECONDS_MAX = 10.0
"""After so long no further mail is begun."""
CLAIM_SECONDS = 90.0
"""Longer than a run and its last mail take."""

log = structlog.get_logger(__name__)


class MailTransport(NamedTuple):
    """The mail server, and the sender's address."""

    server: MailServer
    sender: str
    """The From address of every mail."""
    tls: ssl.SSLContext | None = None
    """Checks the server's certificate; None: by the certificate authorities of the system."""


class MailWorker:
    """Sends mails by a transport. Without one they wait in the outbox, and the metrics show how many."""

    def __init__(self, outbox: Mails, transport: MailTransport | None) -> None:
        """Send the mails of `outbox`."""
        self._outbox = outbox
        self._transport = transport

    async def run_once(self) -> int:
        """Send due mails, for up to RUN_SECONDS_MAX; return how many were sent. Raises LedgerUnavailable."""
        sent = 0
        try:
            if self._transport is not None:
                sent = await self._send(self._transport)
        finally:
            backlog = await self._outbox.backlog()
            mails_waiting.set(backlog.mails)
            mails_oldest_seconds.set(backlog.oldest_seconds)
        return sent

    async def _send(self, transport: MailTransport) -> int:
        stop_at = time.monotonic() + RUN_SECONDS_MAX
        sent = 0
        while time.monotonic() < stop_at:
            batch = await self._outbox.claim(BATCH, CLAIM_SECONDS)
            if not batch:
                break
            sent_of_batch, all_tried = await self._send_batch(transport, batch, stop_at)
            sent += sent_of_batch
            if not all_tried:
                break
        return sent

    async def _send_batch(
        self, transport: MailTransport, batch: Sequence[ClaimedMail], stop_at: float
    ) -> tuple[int, bool]:
        """Return how many mails were sent, and whether all of them were tried."""
        sent = 0
        left = list(batch)
        connected = False
        try:
            async with open_session(transport.server, tls=transport.tls) as session:
                connected = True
                while left and time.monotonic() < stop_at:
                    sent += await self._send_one(session, left[0], transport.sender)
                    left.pop(0)
        except MailServerUnavailable as error:
            log.warning("mail_server_away", error=str(error))
            # Without a connection all mails are delayed, so that the server is not tried for each of them. After a
            # broken connection only the mail that was being sent is: it may be the cause, and the others need not wait.
            failed, left = (left[:1], left[1:]) if connected else (left, [])
            for mail in failed:
                await self._record_failure(mail, error)
            await self._release(left)
            return sent, False
        await self._release(left)
        return sent, not left

    async def _record_failure(self, mail: ClaimedMail, error: Exception, *, refused: bool = False) -> bool:
        """Record a failed attempt; return whether the mail is tried again, else it is given up."""
        retried = await self._outbox.record_failure(mail, str(error), refused=refused)
        mails.labels("deferred" if retried else "given_up").inc()
        return retried

    async def _release(self, batch: Sequence[ClaimedMail]) -> None:
        for mail in batch:
            await self._outbox.release(mail)

    async def _send_one(self, session: SmtpSession, mail: ClaimedMail, sender: str) -> bool:
        """Send a mail and record the result; return whether it was sent. Raises MailServerUnavailable."""
        try:
            message = render_message(mail, sender)
        except (TemplateError, ValueError) as error:
            log.exception("mail_cannot_be_written", serial=mail.serial, template=mail.template)
            mails.labels("given_up").inc()
            await self._outbox.give_up(mail, f"{type(error).__name__}: {error}")
            return False
        try:
            await session.send(message)
        except (MessageDeferred, MessageRefused) as error:
            retried = await self._record_failure(mail, error, refused=isinstance(error, MessageRefused))
            # The recipient is personal data, and stays out of the log.
            log.warning("mail_not_taken", serial=mail.serial, again=retried, error=type(error).__name__)
            return False
        await self._outbox.record_sent(mail)
        mails.labels("sent").inc()
        return True
