"""The outbox: mails are put here in the transaction that makes their cause, and sent by a worker afterwards.

A claim says who sends a mail for now. It is over by itself: a mail whose sender died is sent by another, and where that
one died after the server had it, it is sent twice. A mail is sent at least once.
"""

import json

import asyncpg

from admin.mail.domain import ClaimedMail, MailState, NewMail, Waiting, next_try_seconds
from wallet.domain.errors import Applied
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rows import struct_of
from wallet.ledger.transactions import autocommitting, reading

ERROR_CHARACTERS_MAX = 500

_SQL = load(__name__, MailState)


async def put(connection: Connection, mail: NewMail) -> bool:
    """Put a mail into the outbox, in the caller's transaction; return False where its cause has made one before."""
    words = json.dumps(dict(mail.words))
    return bool(await connection.fetchval(_SQL["put"], mail.company, mail.cause, mail.recipient, mail.template, words))


class Mails:
    """The outbox, for whoever sends. Time is Postgres's. Every method raises LedgerUnavailable."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def claim(self, limit: int, seconds: float) -> list[ClaimedMail]:
        """Claim up to `limit` mails that are due, oldest first, for so many seconds."""
        async with autocommitting(self._pool, Applied.NO) as connection:
            rows = await connection.fetch(_SQL["claim"], limit, seconds)
        return sorted(map(_claimed, rows), key=lambda mail: mail.serial)

    async def sent(self, mail: ClaimedMail) -> None:
        """Record that a mail was sent."""
        async with autocommitting(self._pool, Applied.NO) as connection:
            await connection.execute(_SQL["sent"], mail.serial)

    async def failed(self, mail: ClaimedMail, error: str, *, refused: bool = False) -> bool:
        """Record a try in vain: the mail rests, or is given up. Return whether it is tried again."""
        delay = next_try_seconds(mail, refused=refused)
        await self._failed(mail, error, delay, refused=refused)
        return delay is not None

    async def give_up(self, mail: ClaimedMail, error: str) -> None:
        """Record that a mail cannot be sent at all."""
        await self._failed(mail, error, None, refused=False)

    async def release(self, mail: ClaimedMail) -> None:
        """Give a claim up: the mail was not tried."""
        async with autocommitting(self._pool, Applied.NO) as connection:
            await connection.execute(_SQL["release"], mail.serial, mail.claimed_until)

    async def waiting(self) -> Waiting:
        """Return how many mails are not sent, and how old the oldest is."""
        async with reading(self._pool) as connection:
            row = await connection.fetchrow(_SQL["waiting"])
        assert row is not None
        return Waiting(row["mails"], row["oldest_seconds"])

    async def _failed(self, mail: ClaimedMail, error: str, delay: int | None, *, refused: bool) -> None:
        # What a server says may hold bytes that Postgres's text cannot.
        text = error.replace("\0", "")[:ERROR_CHARACTERS_MAX]
        async with autocommitting(self._pool, Applied.NO) as connection:
            await connection.execute(
                _SQL["failed"],
                mail.serial,
                mail.claimed_until,
                mail.failures + 1,
                mail.refusals + refused,
                delay,
                text,
            )


def _claimed(row: asyncpg.Record) -> ClaimedMail:
    return struct_of(
        row,
        ClaimedMail,
        company=row["company_id"],
        words=json.loads(row["words"]),
        created_at=row["created_at"],
        claimed_until=row["claimed_until"],
    )
