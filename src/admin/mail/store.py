"""The outbox: mails are added in the transaction of their cause, and sent by a worker afterwards.

A worker claims a mail for a time before it sends it. When the worker dies, its claim expires and another worker sends
the mail; if the first one died after the server had accepted the mail, it is sent twice. So a mail is sent at least
once.
"""

import json

import asyncpg

from admin.mail.domain import ClaimedMail, MailBacklog, MailState, NewMail, retry_delay_seconds
from wallet.domain.errors import Applied
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rows import struct_of
from wallet.ledger.transactions import autocommitting, reading

ERROR_CHARACTERS_MAX = 500

_SQL = load(__name__, MailState)


async def enqueue(connection: Connection, mail: NewMail) -> bool:
    """Add a mail to the outbox, in the caller's transaction; return False if the company has one with its cause."""
    variables = json.dumps(dict(mail.variables))
    return bool(
        await connection.fetchval(_SQL["insert"], mail.company, mail.cause, mail.recipient, mail.template, variables)
    )


class Mails:
    """The outbox as the worker uses it. Times are Postgres's. Every method may raise LedgerUnavailable."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def claim(self, limit: int, seconds: float) -> list[ClaimedMail]:
        """Claim up to `limit` mails that are due, oldest first, for `seconds`."""
        async with autocommitting(self._pool, Applied.NO) as connection:
            rows = await connection.fetch(_SQL["claim"], limit, seconds)
        return sorted(map(_claimed_mail_of, rows), key=lambda mail: mail.serial)

    async def record_sent(self, mail: ClaimedMail) -> None:
        """Record that a mail was sent."""
        async with autocommitting(self._pool, Applied.NO) as connection:
            await connection.execute(_SQL["record_sent"], mail.serial)

    async def record_failure(self, mail: ClaimedMail, error: str, *, refused: bool = False) -> bool:
        """Record a failed attempt, and return whether the mail is tried again; else it is given up.

        `refused` tells that the server refused it permanently.
        """
        delay = retry_delay_seconds(mail, refused=refused)
        await self._record_failure(mail, error, delay, refused=refused)
        return delay is not None

    async def give_up(self, mail: ClaimedMail, error: str) -> None:
        """Record that a mail cannot be sent at all, so that it is not tried again."""
        await self._record_failure(mail, error, None, refused=False)

    async def release(self, mail: ClaimedMail) -> None:
        """End a claim whose mail was not tried."""
        async with autocommitting(self._pool, Applied.NO) as connection:
            await connection.execute(_SQL["release"], mail.serial, mail.claimed_until)

    async def backlog(self) -> MailBacklog:
        """Return how many mails wait, and the age of the oldest."""
        async with reading(self._pool) as connection:
            row = await connection.fetchrow(_SQL["backlog"])
        assert row is not None
        return MailBacklog(row["mails"], row["oldest_seconds"])

    async def _record_failure(self, mail: ClaimedMail, error: str, delay: int | None, *, refused: bool) -> None:
        # A server's answer may hold NUL, which text in Postgres cannot.
        text = error.replace("\0", "")[:ERROR_CHARACTERS_MAX]
        async with autocommitting(self._pool, Applied.NO) as connection:
            await connection.execute(
                _SQL["record_failure"],
                mail.serial,
                mail.claimed_until,
                mail.failures + 1,
                mail.refusals + refused,
                delay,
                text,
            )


def _claimed_mail_of(row: asyncpg.Record) -> ClaimedMail:
    return struct_of(
        row,
        ClaimedMail,
        company=row["company_id"],
        variables=json.loads(row["words"]),
        created_at=row["created_at"],
        claimed_until=row["claimed_until"],
    )
