"""Charges on Postgres alone: one transaction for each, which locks the wallet's row.

The design is careful: prepared statements (asyncpg's own), generic plans, no jit, the key is looked up before the row
is locked, and there is no RESET between requests, which change no settings.
"""

import time

import asyncpg

from wallet.domain.commands import Command, Kind
from wallet.domain.entries import Entry, Outcome, Wallet, WalletState
from wallet.domain.errors import CompanyNotFound, CompanySuspended, IdempotencyKeyReused, InsufficientFunds
from wallet.domain.usage import Usage
from wallet.ledger.pool import Connection
from wallet.ledger.rows import usage_of

SETTINGS = {
    "application_name": "naive-charging",
    "synchronous_commit": "on",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
}
COMMAND_SECONDS_MAX = 10.0

# The tables of the peer, filled from the existing companies; existing rows are not changed. Columns, keys and
# fillfactor are the ledger's own, so that neither side writes more.
TABLES = """
CREATE TABLE IF NOT EXISTS naive_wallets (
    company_id  text     PRIMARY KEY,
    currency    text     NOT NULL,
    floor       bigint   NOT NULL,
    state       smallint NOT NULL,
    balance     bigint   NOT NULL,
    last_number bigint   NOT NULL DEFAULT 0,
    updated_at  bigint   NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS naive_entries (
    company_id      text   NOT NULL,
    number          bigint NOT NULL,
    amount          bigint NOT NULL,
    balance_after   bigint NOT NULL,
    floor           bigint NOT NULL,
    idempotency_key text   NOT NULL,
    fingerprint     bytea  NOT NULL,
    channel         smallint,
    variant         text,
    country         text,
    quantity        bigint,
    campaign_id     text,
    contact_id      text,
    created_at      bigint NOT NULL,
    PRIMARY KEY (company_id, number),
    UNIQUE (company_id, idempotency_key)
);
INSERT INTO naive_wallets (company_id, currency, floor, state, balance)
SELECT company_id, currency, floor, state, balance FROM wallets ON CONFLICT DO NOTHING;
ANALYZE naive_wallets;
"""

_RECORDED = "SELECT * FROM naive_entries WHERE company_id = $1 AND idempotency_key = $2"
_WALLET = "SELECT * FROM naive_wallets WHERE company_id = $1"
_LOCKED = _WALLET + " FOR UPDATE"
_TAKE = "UPDATE naive_wallets SET balance = $2, last_number = $3, updated_at = $4 WHERE company_id = $1"
_INSERT = "INSERT INTO naive_entries VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"


async def open_pool(database_url: str, connections: int) -> asyncpg.Pool:
    """Return a pool of `connections` open connections."""
    return await asyncpg.create_pool(
        database_url,
        min_size=connections,
        max_size=connections,
        max_inactive_connection_lifetime=0,
        command_timeout=COMMAND_SECONDS_MAX,
        server_settings=SETTINGS,
        reset=_keep,
    )


async def _keep(_connection: object) -> None:
    """Do nothing to a released connection: no request changes its settings."""


class NaiveLedger:
    """Wallets and entries of the `naive_` tables."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def charge(self, command: Command) -> Outcome:
        """Charge once for each key. Raise `WalletError`."""
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                return await _charge(connection, command)
        except asyncpg.UniqueViolationError:
            # A concurrent request with the same key has committed.
            async with self._pool.acquire() as connection, connection.transaction():
                return await _charge(connection, command)

    async def wallet(self, company: str) -> Wallet:
        """Return a wallet. Raise `CompanyNotFound`."""
        row = await self._pool.fetchrow(_WALLET, company)
        if row is None:
            raise CompanyNotFound(company)
        return _wallet(row, row["balance"], row["updated_at"])


async def _charge(connection: Connection, command: Command) -> Outcome:
    company, key = command.company, command.idempotency_key
    assert not command.unpriced, "the peer has no rate cards"
    if recorded := await connection.fetchrow(_RECORDED, company, key):
        wallet = await connection.fetchrow(_WALLET, company)
        assert wallet is not None
        return _replay(command, recorded, wallet)
    wallet = await connection.fetchrow(_LOCKED, company)
    if wallet is None:
        raise CompanyNotFound(company)
    if WalletState(wallet["state"]) is not WalletState.ACTIVE:
        raise CompanySuspended(company)
    balance = wallet["balance"] - command.amount
    if balance < wallet["floor"]:
        # The same key may have been charged while this one waited for the row.
        if recorded := await connection.fetchrow(_RECORDED, company, key):
            return _replay(command, recorded, wallet)
        raise InsufficientFunds(
            available=wallet["balance"] - wallet["floor"],
            required=command.amount,
            floor=wallet["floor"],
            currency=wallet["currency"],
        )
    number = wallet["last_number"] + 1
    now = max(wallet["updated_at"], time.time_ns() // 1000)
    used = command.usage
    usage = (None,) * 6 if used is None else _columns(used)
    await connection.execute(_TAKE, company, balance, number, now)
    await connection.execute(
        _INSERT, company, number, -command.amount, balance, wallet["floor"], key, command.fingerprint, *usage, now
    )
    entry = Entry(
        company=company,
        number=number,
        kind=Kind.CHARGE,
        amount=-command.amount,
        held_delta=0,
        balance_after=balance,
        held_after=0,
        floor=wallet["floor"],
        idempotency_key=key,
        created_at=now,
        currency=wallet["currency"],
        usage=used,
    )
    return Outcome(entry, _wallet(wallet, balance, now))


def _replay(command: Command, recorded: asyncpg.Record, wallet: asyncpg.Record) -> Outcome:
    """Return the recorded outcome of the key. Raise `IdempotencyKeyReused`."""
    if recorded["fingerprint"] != command.fingerprint:
        raise IdempotencyKeyReused(command.idempotency_key)
    entry = Entry(
        company=command.company,
        number=recorded["number"],
        kind=Kind.CHARGE,
        amount=recorded["amount"],
        held_delta=0,
        balance_after=recorded["balance_after"],
        held_after=0,
        floor=recorded["floor"],
        idempotency_key=command.idempotency_key,
        created_at=recorded["created_at"],
        currency=wallet["currency"],
        usage=usage_of(recorded),
    )
    return Outcome(entry, _wallet(wallet, wallet["balance"], wallet["updated_at"]))


def _columns(usage: Usage) -> tuple[int, str | None, str | None, int, str | None, str | None]:
    return (
        usage.channel,
        usage.variant or None,
        usage.country or None,
        usage.quantity,
        usage.campaign_id or None,
        usage.contact_id or None,
    )


def _wallet(row: asyncpg.Record, balance: int, updated_at: int) -> Wallet:
    return Wallet(
        company=row["company_id"],
        currency=row["currency"],
        balance=balance,
        held=0,
        floor=row["floor"],
        state=WalletState(row["state"]),
        updated_at=updated_at,
    )
