"""Commands and companies for tests, with defaults for what a test does not care about."""

from hashlib import blake2b
from itertools import count
from typing import Any

import asyncpg

from wallet.domain.commands import FINGERPRINT_BYTES, Command, Kind
from wallet.domain.usage import Channel, Usage

_counter = count(1)

SMS = Usage(Channel.SMS, country="DE")


def fresh(prefix: str = "key") -> str:
    """Return an idempotency key that no test has used yet."""
    return f"{prefix}-{next(_counter)}"


def fingerprint(*parts: object) -> bytes:
    """Return a fingerprint, equal for equal parts, as the servers make one of a request."""
    return blake2b(repr(parts).encode(), digest_size=FINGERPRINT_BYTES).digest()


def command(kind: Kind, amount: int = 0, *, key: str | None = None, company: str = "acme", **fields: Any) -> Command:
    """Return a command whose fingerprint follows from its fields."""
    key = key or fresh(kind.name.lower())
    values: dict[str, Any] = {"amount": amount, "usage": SMS if kind is Kind.CHARGE else None, **fields}
    values.setdefault("fingerprint", fingerprint(kind, company, values))
    return Command(kind, company, key, **values)


def charge(amount: int, **fields: Any) -> Command:
    """Return a charge of `amount` micros."""
    return command(Kind.CHARGE, amount, **fields)


def top_up(amount: int, **fields: Any) -> Command:
    """Return a top-up of `amount` micros."""
    return command(Kind.TOP_UP, amount, **fields)


def authorize(amount: int, authorization: str, *, ttl_seconds: int = 3600, **fields: Any) -> Command:
    """Return an authorization that holds `amount` micros; its key is its id."""
    return command(
        Kind.AUTHORIZATION,
        amount,
        key=authorization,
        authorization=authorization,
        ttl_seconds=ttl_seconds,
        **fields,
    )


def increment(total: int, authorization: str, **fields: Any) -> Command:
    """Return an increment of an authorization to `total` micros."""
    return command(Kind.INCREMENT, total, authorization=authorization, **fields)


def capture(amount: int, authorization: str, **fields: Any) -> Command:
    """Return a capture of `amount` micros; with `keep_open=True` more captures may follow."""
    return command(Kind.CAPTURE, amount, authorization=authorization, **fields)


def void(authorization: str, **fields: Any) -> Command:
    """Return a void of an authorization."""
    return command(Kind.VOID, authorization=authorization, **fields)


def refund(amount: int, number: int, **fields: Any) -> Command:
    """Return a refund of `amount` micros of charge `number`."""
    return command(Kind.REFUND, amount, refunded_number=number, **fields)


def adjustment(amount: int, **fields: Any) -> Command:
    """Return an adjustment by `amount` micros, signed; `below_floor=True` allows a balance below the floor."""
    return command(Kind.ADJUSTMENT, amount, **fields)


async def make_company(database: asyncpg.Connection, company: str = "acme", *, floor: int = 0) -> None:
    """Create a company and its empty wallet, in EUR."""
    await database.execute("INSERT INTO companies VALUES ($1, $1, '')", company)
    await database.execute("INSERT INTO wallets (company_id, currency, floor) VALUES ($1, 'EUR', $2)", company, floor)


async def change_settings(database: asyncpg.Connection, company: str = "acme", **columns: object) -> None:
    """Change a wallet's settings, as the back office does: with a new epoch in the same transaction."""
    names = ", ".join(f"{name} = ${i}" for i, name in enumerate(columns, 2))
    await database.execute(
        f"UPDATE wallets SET {names}, epoch = epoch + 1, last_seq = 0 WHERE company_id = $1", company, *columns.values()
    )


async def make_due(database: asyncpg.Connection, authorization: str, company: str = "acme") -> None:
    """Make an authorization expire, without waiting for it."""
    await database.execute(
        "UPDATE authorizations SET expires_at = 1 WHERE company_id = $1 AND authorization_id = $2",
        company,
        authorization,
    )
    await database.execute("UPDATE wallets SET epoch = epoch + 1, last_seq = 0 WHERE company_id = $1", company)
