"""Chargebacks in Postgres. Whoever records one tells the company, in the same transaction."""

import asyncpg

from admin.notices import store as notices
from admin.notices.domain import EventType, Notice
from admin.top_ups.domain import (
    FIRST_LOOK_SECONDS,
    LOOK_SECONDS_MAX,
    Chargeback,
    ChargebackState,
    NewChargeback,
)
from wallet.domain.money import format_money
from wallet.domain.resource_names import CHARGEBACK, TOP_UP
from wallet.ledger.queries import load
from wallet.ledger.rows import struct_of
from wallet.ledger.transactions import autocommitting, reading, writing

_SQL = load(__name__, ChargebackState)


class ChargebackRecords:
    """Every method raises LedgerUnavailable where Postgres does not answer; a change may have been made even so."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def record(self, new: NewChargeback) -> Chargeback:
        """Record what the provider tells; return the chargeback as it is then: its first amount, its furthest state."""
        told = new.top_up, new.state, new.amount, new.currency, new.reason
        async with writing(self._pool) as connection:
            found = _chargeback_of(await connection.fetchrow(_SQL["record"], new.company, new.id, *told))
            if found.state in (ChargebackState.WON, ChargebackState.LOST):
                await notices.tell(connection, _closed_notice(found))
        return found

    async def debited(self, chargeback: Chargeback, number: int) -> None:
        """Record the entry that took the money, and tell the company, once."""
        async with writing(self._pool) as connection:
            row = await connection.fetchrow(_SQL["debited"], chargeback.company, chargeback.id, number)
            if row is not None:
                await notices.tell(connection, _opened_notice(_chargeback_of(row)))

    async def credited(self, chargeback: Chargeback, number: int) -> None:
        """Record the entry that gave the money back."""
        async with autocommitting(self._pool) as connection:
            await connection.execute(_SQL["credited"], chargeback.company, chargeback.id, number)

    async def claim_due(self, limit: int) -> list[Chargeback]:
        """Return up to `limit` chargebacks that miss an entry, each to one caller for a while."""
        async with autocommitting(self._pool) as connection:
            rows = await connection.fetch(_SQL["claim"], limit, FIRST_LOOK_SECONDS, LOOK_SECONDS_MAX)
        return [_chargeback_of(row) for row in rows]

    async def page(self, company: str, *, before: int, limit: int) -> list[Chargeback]:
        """Return up to `limit` chargebacks with serials below `before`, newest first."""
        async with reading(self._pool) as connection:
            return [_chargeback_of(row) for row in await connection.fetch(_SQL["list"], company, before, limit)]


def _data(chargeback: Chargeback) -> dict[str, str | int]:
    return {
        "chargeback": CHARGEBACK.name(chargeback.company, chargeback.id),
        "top_up": TOP_UP.name(chargeback.company, chargeback.top_up),
        "amount_micros": chargeback.amount,
        "currency_code": chargeback.currency,
    }


def _opened_notice(chargeback: Chargeback) -> Notice:
    return Notice(
        chargeback.company,
        f"chargeback-{chargeback.id}",
        EventType.TOP_UP_DISPUTED,
        {**_data(chargeback), "reason": chargeback.reason},
        "chargeback",
        {"amount": format_money(chargeback.amount, chargeback.currency)},
    )


def _closed_notice(chargeback: Chargeback) -> Notice:
    return Notice(
        chargeback.company,
        f"chargeback-closed-{chargeback.id}",
        EventType.DISPUTE_CLOSED,
        {**_data(chargeback), "state": f"STATE_{chargeback.state.name}"},
        f"chargeback_{chargeback.state.name.lower()}",
        {"amount": format_money(chargeback.amount, chargeback.currency)},
    )


def _chargeback_of(row: asyncpg.Record | None) -> Chargeback:
    assert row is not None, "it was made or changed"
    return struct_of(row, Chargeback, company=row["company_id"], id=row["chargeback_id"], top_up=row["top_up_id"])
