"""Companies' webhooks in Postgres: URL, event types, state and signing secrets."""

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
    """The webhooks of all companies.

    Every method may raise CompanyNotFound, WebhookNotFound, and LedgerUnavailable, after which a change may have been
    made.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def get(self, company: str) -> Webhook:
        """Return a company's webhook."""
        async with reading(self._pool) as connection:
            return await _get(connection, company)

    async def update(self, company: str, change: WebhookChange) -> Webhook:
        """Update a company's webhook. Raises CompanyClosed."""
        async with writing(self._pool) as connection:
            await _check_open(connection, company)
            types = None if change.event_types is None else list(change.event_types)
            await connection.execute(_SQL["update"], company, change.url, types, change.state)
            return await _get(connection, company)

    async def create(self, company: str, change: WebhookChange, secret: str) -> Webhook | None:
        """Create a company's webhook; return None if it has one. Raises CompanyClosed."""
        assert change.url is not None
        async with writing(self._pool) as connection:
            await _check_open(connection, company)
            types, state = list(change.event_types or ()), change.state or WebhookState.ENABLED
            if not await connection.fetchval(_SQL["insert"], company, change.url, types, state, secret):
                return None
            # An event that was published while a previous webhook was being deleted may still be waiting.
            await connection.execute(_SQL["cancel_waiting_events"], company)
            return await _get(connection, company)

    async def rotate(self, company: str, secret: str) -> Webhook:
        """Replace the secret; the previous one signs, too, for SECRET_OVERLAP_SECONDS."""
        async with writing(self._pool) as connection:
            await connection.execute(_SQL["rotate"], company, secret, SECRET_OVERLAP_SECONDS)
            return await _get(connection, company)

    async def delete(self, company: str) -> None:
        """Delete a company's webhook. Its waiting events are kept, and are not sent any more."""
        async with writing(self._pool) as connection:
            await _get(connection, company)
            await connection.execute(_SQL["delete"], company)
            await connection.execute(_SQL["cancel_waiting_events"], company)


async def company_state(connection: Connection, company: str) -> WalletState:
    """Return the state of a company's wallet. Raises CompanyNotFound."""
    state = await connection.fetchval(_SQL["company"], company)
    if state is None:
        raise CompanyNotFound(company)
    return WalletState(state)


async def _check_open(connection: Connection, company: str) -> None:
    if await company_state(connection, company) is WalletState.CLOSED:
        raise CompanyClosed(company)


async def _get(connection: Connection, company: str) -> Webhook:
    row = await connection.fetchrow(_SQL["get"], company)
    if row is None:
        await company_state(connection, company)
        raise WebhookNotFound(company)
    return struct_of(row, Webhook, company=company)
