"""Low-balance alerts in Postgres: how companies stand, and one notice for each crossing.

A company is looked at under its row's lock, in one transaction with the notice: whoever looks, however many at once,
and wherever one dies, a crossing is seen once and told once.
"""

from datetime import UTC, datetime
from typing import NamedTuple

import asyncpg
from msgspec.structs import replace

from admin.alerts.domain import (
    DEFAULT,
    AlertPolicy,
    AlertState,
    Burn,
    Remembered,
    Standing,
    Threshold,
    burn_of,
    burn_window,
    empty_at,
    judged,
)
from admin.notices import store as notices
from admin.notices.domain import EventType, Notice
from wallet.domain.entries import WalletState
from wallet.domain.errors import CompanyClosed, CompanyNotFound
from wallet.domain.money import format_money
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rows import Row
from wallet.ledger.transactions import reading, snapshot, writing

_SQL = load(__name__)
_EVENTS = {AlertState.WARNING: EventType.BALANCE_WARNING, AlertState.CRITICAL: EventType.BALANCE_CRITICAL}


class Outlook(NamedTuple):
    """How a company stands. `empty_at` in microseconds since the epoch; None: not in sight."""

    state: AlertState
    empty_at: int | None


class _Company(NamedTuple):
    row: asyncpg.Record
    standing: Standing
    policy: AlertPolicy

    @property
    def empty_at(self) -> int | None:
        return empty_at(self.standing.available, self.standing.burn, self.row["now"])

    def judged(self, before: Remembered) -> Remembered:
        if self.row["wallet_state"] == WalletState.CLOSED:
            return Remembered()
        return judged(before, self.standing, self.policy)

    def topped_up_since(self, seen: int) -> "_Company":
        """Return it as it is to somebody who has seen its top-ups up to an entry."""
        if self.row["last_top_up"] <= seen:
            return self
        return self._replace(standing=replace(self.standing, topped_up=True))


class Alerts:
    """Every method raises LedgerUnavailable where Postgres does not answer."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def moved(self, after: str, limit: int) -> list[str]:
        """Return up to `limit` companies, by id from `after` on, that changed since they were looked at."""
        async with reading(self._pool) as connection:
            rows = await connection.fetch(_SQL["moved"], after, limit)
        return [row["company_id"] for row in rows]

    async def look(self, company: str) -> AlertState | None:
        """Look at a company: remember how it stands, and tell it where it crossed a threshold.

        Return the state that it crossed into, else None. Where somebody else is looking, that is left to them.
        """
        async with writing(self._pool) as connection:
            await connection.execute(_SQL["begin"], company)
            known = await connection.fetchrow(_SQL["lock"], company)
            if known is None:
                return None
            # Statements of their own: they see what was committed before the lock was had.
            found = (await _company(connection, company)).topped_up_since(known["seen_top_up"])
            before = Remembered(AlertState(known["state"]), known["lowest"])
            now = found.judged(before)
            row = found.row
            await connection.execute(
                _SQL["seen"], company, now.state, now.lowest, row["last_number"], row["floor"], row["last_top_up"]
            )
            if now.state <= before.state:
                return None
            await notices.publish(connection, _notice(company, found, now.state, known["changes"] + 1))
            return now.state

    async def outlook(self, company: str) -> Outlook:
        """Return how a company stands at this moment. Raises CompanyNotFound."""
        async with snapshot(self._pool) as connection:
            found = await _company(connection, company)
            known = await connection.fetchrow(_SQL["read"], company)
        if known is None:
            return Outlook(found.judged(Remembered()).state, found.empty_at)
        found = found.topped_up_since(known["seen_top_up"])
        before = Remembered(AlertState(known["state"]), known["lowest"])
        return Outlook(found.judged(before).state, found.empty_at)

    async def policy(self, company: str) -> AlertPolicy:
        """Return what a company is told of. Raises CompanyNotFound."""
        async with reading(self._pool) as connection:
            row = await connection.fetchrow(_SQL["get_policy"], company)
        if row is None:
            raise CompanyNotFound(company)
        return _policy_of(row)

    async def set_policy(self, company: str, policy: AlertPolicy) -> AlertPolicy:
        """Change what a company is told of; it is looked at again soon. Raises CompanyNotFound, CompanyClosed."""
        async with writing(self._pool) as connection:
            row = await connection.fetchrow(_SQL["get_policy"], company)
            if row is None:
                raise CompanyNotFound(company)
            if row["wallet_state"] == WalletState.CLOSED:
                raise CompanyClosed(company)
            # A default is stored as one, and follows it.
            warning = Threshold() if policy.warning == DEFAULT.warning else policy.warning
            critical = Threshold() if policy.critical == DEFAULT.critical else policy.critical
            await connection.execute(
                _SQL["put_policy"], company, warning.seconds, warning.amount, critical.seconds, critical.amount
            )
            await connection.execute(_SQL["look_again"], company)
        return policy


async def _company(connection: Connection, company: str) -> _Company:
    row = await connection.fetchrow(_SQL["standing"], company)
    if row is None:
        raise CompanyNotFound(company)
    days = await connection.fetch(_SQL["spent_by_day"], company, burn_window(row["now"]))
    burn: Burn = burn_of({day["day"]: day["spent"] for day in days}, row["now"])
    standing = Standing(row["balance"], row["balance"] - row["held"] - row["floor"], burn)
    return _Company(row, standing, _policy_of(row))


def _policy_of(row: Row) -> AlertPolicy:
    return AlertPolicy(
        _threshold(row["warning_seconds"], row["warning_amount"]) or DEFAULT.warning,
        _threshold(row["critical_seconds"], row["critical_amount"]) or DEFAULT.critical,
    )


def _threshold(seconds: int | None, amount: int | None) -> Threshold | None:
    return None if seconds is None and amount is None else Threshold(seconds, amount)


def _notice(company: str, found: _Company, state: AlertState, change: int) -> Notice:
    row, end = found.row, found.empty_at
    empty_time = None if end is None else datetime.fromtimestamp(end // 1_000_000, UTC)
    return Notice(
        company,
        f"alert-{change}",
        _EVENTS[state],
        {
            "available_micros": found.standing.available,
            "currency_code": row["currency"],
            **({} if empty_time is None else {"estimated_empty_time": f"{empty_time:%Y-%m-%dT%H:%M:%SZ}"}),
        },
        f"balance_{state.name.lower()}",
        {
            "available": format_money(max(found.standing.available, 0), row["currency"]),
            "empty_time": "" if empty_time is None else f"{empty_time:%Y-%m-%d %H:%M} UTC",
        },
    )
