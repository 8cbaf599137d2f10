"""Sends what is in the outbox: each mail at least once, in time, and never in anybody's way.

A mail is claimed, sent, and marked as sent. Who is killed in between leaves a claim that is over by itself, and the
mail is sent again; who finds the server away leaves everything for later.
"""

import ssl
import time
from collections.abc import Sequence
from typing import NamedTuple

import structlog
from jinja2 import TemplateError

from admin.mail.domain import ClaimedMail
from admin.mail.render import letter
from admin.mail.smtp import MailServerAway, MessageDeferred, MessageRefused, Session, session
from admin.mail.store import Mails
from admin.metrics import mails, mails_oldest_seconds, mails_waiting
from admin.smtp_url import MailServer

PAUSE_SECONDS = 2.0
BATCH = 20
RUN_SECONDS_MAX = 10.0
"""After which no further mail is begun."""
CLAIM_SECONDS = 90.0
"""Longer than a run and the last mail of it take."""

log = structlog.get_logger(__name__)


class Post(NamedTuple):
    """How mail is sent."""

    server: MailServer
    sender: str
    """The address that mails are from."""
    tls: ssl.SSLContext | None = None


class MailWorker:
    """Sends by `post`; without one mails wait, and the figures say how many."""

    def __init__(self, outbox: Mails, post: Post | None) -> None:
        """Send what `outbox` has."""
        self._outbox = outbox
        self._post = post

    async def run_once(self) -> int:
        """Send what is due, or for RUN_SECONDS_MAX; return how many mails were sent. Raises LedgerUnavailable."""
        sent = 0
        try:
            if self._post is not None:
                sent = await self._send(self._post)
        finally:
            waiting = await self._outbox.waiting()
            mails_waiting.set(waiting.mails)
            mails_oldest_seconds.set(waiting.oldest_seconds)
        return sent

    async def _send(self, post: Post) -> int:
        give_up_at = time.monotonic() + RUN_SECONDS_MAX
        sent = 0
        while time.monotonic() < give_up_at:
            batch = await self._outbox.claim(BATCH, CLAIM_SECONDS)
            if not batch:
                break
            sent_of_batch, whole = await self._send_batch(post, batch, give_up_at)
            sent += sent_of_batch
            if not whole:
                break
        return sent

    async def _send_batch(self, post: Post, batch: Sequence[ClaimedMail], give_up_at: float) -> tuple[int, bool]:
        """Return how many mails were sent, and whether all of them were tried."""
        sent = 0
        left = list(batch)
        connected = False
        try:
            async with session(post.server, tls=post.tls) as connection:
                connected = True
                while left and time.monotonic() < give_up_at:
                    sent += await self._send_one(connection, left[0], post.sender)
                    left.pop(0)
        except MailServerAway as error:
            log.warning("mail_server_away", error=str(error))
            # Where the server cannot be reached all of them rest: it is asked now and then, and not for each mail.
            # Where it went away in the middle it may be the mail's fault, and the others need not wait for that.
            resting, left = (left[:1], left[1:]) if connected else (left, [])
            for mail in resting:
                await self._rest(mail, error)
            await self._release(left)
            return sent, False
        await self._release(left)
        return sent, not left

    async def _rest(self, mail: ClaimedMail, error: Exception, *, refused: bool = False) -> bool:
        """Try a mail again later, or give it up; return False where it is given up."""
        again = await self._outbox.failed(mail, str(error), refused=refused)
        mails.labels("deferred" if again else "given_up").inc()
        return again

    async def _release(self, batch: Sequence[ClaimedMail]) -> None:
        for mail in batch:
            await self._outbox.release(mail)

    async def _send_one(self, connection: Session, mail: ClaimedMail, sender: str) -> bool:
        """Send a mail and record what became of it; return whether it was sent. Raises MailServerAway."""
        try:
            message = letter(mail, sender)
        except (TemplateError, ValueError) as error:
            log.exception("mail_cannot_be_written", serial=mail.serial, template=mail.template)
            mails.labels("given_up").inc()
            await self._outbox.give_up(mail, f"{type(error).__name__}: {error}")
            return False
        try:
            await connection.send(message)
        except (MessageDeferred, MessageRefused) as error:
            again = await self._rest(mail, error, refused=isinstance(error, MessageRefused))
            # The recipient is somebody's address, and stays out of the log.
            log.warning("mail_not_taken", serial=mail.serial, again=again, error=type(error).__name__)
            return False
        await self._outbox.sent(mail)
        mails.labels("sent").inc()
        return True
