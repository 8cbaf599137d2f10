"""Companies and the settings of their wallets in Postgres."""

from collections.abc import Iterable

import asyncpg

from admin.companies.domain import Company, CompanyChange
from wallet.domain.entries import AuthorizationState, WalletState
from wallet.domain.errors import (
    CompanyAlreadyExists,
    CompanyClosed,
    CompanyNotFound,
    CurrencyMismatch,
    RateCardNotFound,
    WalletNotEmpty,
)
from wallet.domain.usage import Channel
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rows import struct_of
from wallet.ledger.transactions import reading, writing

DEFAULT_SETTINGS = CompanyChange()

_SQL = load(__name__, AuthorizationState)


class Companies:
    """Creates, reads and changes companies.

    Every method raises LedgerUnavailable if Postgres does not answer; a change may still have been made.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def create(self, company: str, *, currency: str, settings: CompanyChange = DEFAULT_SETTINGS) -> Company:
        """Create a company and its empty wallet. Raises CompanyAlreadyExists, RateCardNotFound, CurrencyMismatch."""
        async with writing(self._pool) as connection:
            names = settings.display_name or "", settings.billing_email or ""
            if not await connection.fetchval(_SQL["insert_company"], company, *names):
                raise CompanyAlreadyExists(company)
            blocked = blocked_text(settings.blocked_channels or (), settings.blocked_countries or ())
            await connection.execute(_SQL["insert_wallet"], company, currency, settings.floor or 0, blocked)
            if settings.rate_card:
                await _change_card(connection, company, currency, settings.rate_card)
            return await _get(connection, company)

    async def get(self, company: str) -> Company:
        """Return a company. Raises CompanyNotFound."""
        async with reading(self._pool) as connection:
            return await _get(connection, company)

    async def list(self, after: str, limit: int) -> list[Company]:
        """Return up to `limit` companies whose ids come after `after`, by id."""
        async with reading(self._pool) as connection:
            return [_company_of(row) for row in await connection.fetch(_SQL["list"], after, limit)]

    async def update(self, company: str, change: CompanyChange) -> Company:
        """Change a company. A new floor or block applies to every charge that is answered from now on.

        Raises CompanyNotFound, CompanyClosed, RateCardNotFound, CurrencyMismatch.
        """
        async with writing(self._pool) as connection:
            wallet = await _lock_wallet(connection, company)
            if wallet["state"] == WalletState.CLOSED:
                raise CompanyClosed(company)
            await connection.execute(_SQL["change_profile"], company, change.display_name, change.billing_email)
            floor = wallet["floor"] if change.floor is None else change.floor
            channels, countries = blocked_of(wallet["blocked"])
            blocked = blocked_text(
                channels if change.blocked_channels is None else change.blocked_channels,
                countries if change.blocked_countries is None else change.blocked_countries,
            )
            if (floor, blocked) != (wallet["floor"], wallet["blocked"]):
                await connection.execute(_SQL["change_settings"], company, floor, None, blocked)
            if change.rate_card is not None:
                await _change_card(connection, company, wallet["currency"], change.rate_card)
            return await _get(connection, company)

    async def suspend(self, company: str) -> Company:
        """Refuse new charges and holds from now on. Raises CompanyNotFound, CompanyClosed."""
        return await self._set_state(company, WalletState.SUSPENDED)

    async def resume(self, company: str) -> Company:
        """End a suspension. Raises CompanyNotFound, CompanyClosed."""
        return await self._set_state(company, WalletState.ACTIVE)

    async def close(self, company: str) -> Company:
        """Close a company for good. Raises CompanyNotFound, WalletNotEmpty."""
        return await self._set_state(company, WalletState.CLOSED)

    async def _set_state(self, company: str, state: WalletState) -> Company:
        async with writing(self._pool) as connection:
            wallet = await _lock_wallet(connection, company)
            if wallet["state"] != state:
                if wallet["state"] == WalletState.CLOSED:
                    raise CompanyClosed(company)
                if state is WalletState.CLOSED and (
                    wallet["balance"] or await connection.fetchval(_SQL["has_authorization"], company)
                ):
                    raise WalletNotEmpty(company)
                await connection.execute(_SQL["change_profile"], company, None, None)
                await connection.execute(_SQL["change_settings"], company, None, state, None)
            return await _get(connection, company)


async def _change_card(connection: Connection, company: str, currency: str, card: str) -> None:
    """Set a company's rate card, "" for none. Raises RateCardNotFound, CurrencyMismatch."""
    if card:
        card_currency = await connection.fetchval(_SQL["card_currency"], card)
        if card_currency is None:
            raise RateCardNotFound(card)
        if card_currency != currency:
            raise CurrencyMismatch(wallet=currency, given=card_currency)
    await connection.execute(_SQL["change_card"], company, card or None)


def blocked_text(channels: Iterable[Channel], countries: Iterable[str]) -> str:
    """Return blocked channels and countries in the format of wallets.blocked: "1 3 DE FR"."""
    return " ".join([*(str(channel.value) for channel in sorted(channels)), *sorted(countries)])


def blocked_of(text: str) -> tuple[tuple[Channel, ...], tuple[str, ...]]:
    """Parse wallets.blocked; return the blocked channels and countries."""
    words = text.split()
    channels = tuple(Channel(int(word)) for word in words if word.isdigit())
    return channels, tuple(word for word in words if not word.isdigit())


async def _get(connection: Connection, company: str) -> Company:
    row = await connection.fetchrow(_SQL["get"], company)
    if row is None:
        raise CompanyNotFound(company)
    return _company_of(row)


async def _lock_wallet(connection: Connection, company: str) -> asyncpg.Record:
    row = await connection.fetchrow(_SQL["lock_wallet"], company)
    if row is None:
        raise CompanyNotFound(company)
    return row


def _company_of(row: asyncpg.Record) -> Company:
    channels, countries = blocked_of(row["blocked"])
    return struct_of(
        row,
        Company,
        id=row["company_id"],
        rate_card=row["rate_card"] or "",
        blocked_channels=channels,
        blocked_countries=countries,
    )
