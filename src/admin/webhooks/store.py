"""Companies' webhooks in Postgres: where events are sent, which, and what they are signed with."""

import asyncpg

from admin.notices.domain import Delivery
from admin.webhooks.domain import SECRET_OVERLAP_SECONDS, Webhook, WebhookChange, WebhookState
from wallet.domain.entries import WalletState
from wallet.domain.errors import CompanyClosed, CompanyNotFound, WebhookNotFound
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rows import struct_of
from wallet.ledger.transactions import reading, writing

_SQL = load(__name__, Delivery)


class Webhooks:
    """Every method raises LedgerUnavailable where Postgres does not answer; a change may have been made all the same.

    What is not there is CompanyNotFound or WebhookNotFound.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def get(self, company: str) -> Webhook:
        """Return a company's webhook."""
        async with reading(self._pool) as connection:
            return await _get(connection, company)

    async def change(self, company: str, change: WebhookChange) -> Webhook:
        """Change a company's webhook. Raises CompanyClosed."""
        async with writing(self._pool) as connection:
            await _open_company(connection, company)
            types = None if change.event_types is None else list(change.event_types)
            await connection.execute(_SQL["update"], company, change.url, types, change.state)
            return await _get(connection, company)

    async def make(self, company: str, change: WebhookChange, secret: str) -> Webhook | None:
        """Make a company's webhook; None where it has one. Raises CompanyClosed."""
        assert change.url is not None
        async with writing(self._pool) as connection:
            await _open_company(connection, company)
            types, state = list(change.event_types or ()), change.state or WebhookState.ENABLED
            if not await connection.fetchval(_SQL["insert"], company, change.url, types, state, secret):
                return None
            # One that was told while a webhook before this one was taken away may still be waiting for that.
            await connection.execute(_SQL["wait_no_longer"], company)
            return await _get(connection, company)

    async def rotate(self, company: str, secret: str) -> Webhook:
        """Sign with another secret, and for a while with the present one too."""
        async with writing(self._pool) as connection:
            await connection.execute(_SQL["rotate"], company, secret, SECRET_OVERLAP_SECONDS)
            return await _get(connection, company)

    async def delete(self, company: str) -> None:
        """Send nothing any more."""
        async with writing(self._pool) as connection:
            await _get(connection, company)
            await connection.execute(_SQL["delete"], company)
            await connection.execute(_SQL["wait_no_longer"], company)


async def company_state(connection: Connection, company: str) -> WalletState:
    """Return whether a company is closed. Raises CompanyNotFound."""
    state = await connection.fetchval(_SQL["company"], company)
    if state is None:
        raise CompanyNotFound(company)
    return WalletState(state)


async def _open_company(connection: Connection, company: str) -> None:
    if await company_state(connection, company) is WalletState.CLOSED:
        raise CompanyClosed(company)


async def _get(connection: Connection, company: str) -> Webhook:
    row = await connection.fetchrow(_SQL["get"], company)
    if row is None:
        await company_state(connection, company)
        raise WebhookNotFound(company)
    return struct_of(row, Webhook, company=company)
