"""Low-balance alerts in Postgres: the last evaluation of each company, and one notice for each crossing.

A company is evaluated under a lock on its row, in one transaction with the notice. So each crossing makes exactly one
notice, also if several workers evaluate a company at once, or one is killed.
"""

from datetime import UTC, datetime
from typing import NamedTuple

import asyncpg
from msgspec.structs import replace

from admin.alerts.domain import (
    DEFAULT,
    AlertPolicy,
    AlertState,
    BalanceStatus,
    LastEvaluation,
    Threshold,
    burn_rate_of,
    burn_window,
    empty_at,
    evaluate,
)
from admin.notices import store as notices
from admin.notices.domain import Notice
from admin.notices.event_types import EventType
from wallet.domain.entries import WalletState
from wallet.domain.errors import CompanyClosed, CompanyNotFound
from wallet.domain.money import format_money
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rows import Row
from wallet.ledger.transactions import reading, snapshot, writing

_SQL = load(__name__)
_EVENTS = {AlertState.WARNING: EventType.BALANCE_WARNING, AlertState.CRITICAL: EventType.BALANCE_CRITICAL}


class Forecast(NamedTuple):
    """A company's alert state, and when nothing is left, in microseconds since the epoch; None: not foreseeable."""

    state: AlertState
    empty_at: int | None


class _Company(NamedTuple):
    row: asyncpg.Record
    status: BalanceStatus
    policy: AlertPolicy

    @property
    def empty_at(self) -> int | None:
        return empty_at(self.status.available, self.status.burn, self.row["now"])

    def evaluate(self, before: LastEvaluation) -> LastEvaluation:
        if self.row["wallet_state"] == WalletState.CLOSED:
            return LastEvaluation()
        return evaluate(before, self.status, self.policy)

    def since(self, last_top_up: int) -> "_Company":
        """Return the company with `topped_up` set if a top-up has a later entry than `last_top_up`."""
        if self.row["last_top_up"] <= last_top_up:
            return self
        return self._replace(status=replace(self.status, topped_up=True))


class Alerts:
    """The alerts and alert policies of all companies. Every method may raise LedgerUnavailable."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def companies_to_evaluate(self, after: str, limit: int) -> list[str]:
        """Return up to `limit` companies that changed since their last evaluation, by id, after the id `after`."""
        async with reading(self._pool) as connection:
            rows = await connection.fetch(_SQL["companies_to_evaluate"], after, limit)
        return [row["company_id"] for row in rows]

    async def evaluate(self, company: str) -> AlertState | None:
        """Evaluate a company, store the result, and publish a notice if it has crossed a threshold.

        Return the state that it has crossed into, else None; also None if another worker is evaluating it right now.
        """
        async with writing(self._pool) as connection:
            await connection.execute(_SQL["insert"], company)
            known = await connection.fetchrow(_SQL["lock"], company)
            if known is None:
                return None
            # Separate statements, since they see what was committed before the lock was acquired.
            found = (await _company(connection, company)).since(known["seen_top_up"])
            before = LastEvaluation(AlertState(known["state"]), known["lowest"])
            now = found.evaluate(before)
            row = found.row
            await connection.execute(
                _SQL["record_evaluation"],
                company,
                now.state,
                now.lowest,
                row["last_number"],
                row["floor"],
                row["last_top_up"],
            )
            if now.state <= before.state:
                return None
            await notices.publish(connection, _notice(company, found, now.state, known["changes"] + 1))
            return now.state

    async def forecast(self, company: str) -> Forecast:
        """Return the forecast of a company at this moment. Raises CompanyNotFound."""
        async with snapshot(self._pool) as connection:
            found = await _company(connection, company)
            known = await connection.fetchrow(_SQL["get"], company)
        if known is None:
            return Forecast(found.evaluate(LastEvaluation()).state, found.empty_at)
        found = found.since(known["seen_top_up"])
        before = LastEvaluation(AlertState(known["state"]), known["lowest"])
        return Forecast(found.evaluate(before).state, found.empty_at)

    async def policy(self, company: str) -> AlertPolicy:
        """Return a company's policy. Raises CompanyNotFound."""
        async with reading(self._pool) as connection:
            row = await connection.fetchrow(_SQL["get_policy"], company)
        if row is None:
            raise CompanyNotFound(company)
        return _policy_of(row)

    async def set_policy(self, company: str, policy: AlertPolicy) -> AlertPolicy:
        """Set a company's policy; it is evaluated again soon. Raises CompanyNotFound, CompanyClosed."""
        async with writing(self._pool) as connection:
            row = await connection.fetchrow(_SQL["get_policy"], company)
            if row is None:
                raise CompanyNotFound(company)
            if row["wallet_state"] == WalletState.CLOSED:
                raise CompanyClosed(company)
            # A threshold equal to the default is stored as the default, and changes with it.
            warning = Threshold() if policy.warning == DEFAULT.warning else policy.warning
            critical = Threshold() if policy.critical == DEFAULT.critical else policy.critical
            await connection.execute(
                _SQL["set_policy"], company, warning.seconds, warning.amount, critical.seconds, critical.amount
            )
            await connection.execute(_SQL["request_evaluation"], company)
        return policy


async def _company(connection: Connection, company: str) -> _Company:
    row = await connection.fetchrow(_SQL["balance_status"], company)
    if row is None:
        raise CompanyNotFound(company)
    days = await connection.fetch(_SQL["spent_by_day"], company, burn_window(row["now"]))
    burn = burn_rate_of({day["day"]: day["spent"] for day in days}, row["now"])
    status = BalanceStatus(row["balance"], row["balance"] - row["held"] - row["floor"], burn)
    return _Company(row, status, _policy_of(row))


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
            "available_micros": found.status.available,
            "currency_code": row["currency"],
            **({} if empty_time is None else {"estimated_empty_time": f"{empty_time:%Y-%m-%dT%H:%M:%SZ}"}),
        },
        f"balance_{state.name.lower()}",
        {
            "available": format_money(max(found.status.available, 0), row["currency"]),
            "empty_time": "" if empty_time is None else f"{empty_time:%Y-%m-%d %H:%M} UTC",
        },
    )
