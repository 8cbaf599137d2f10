"""Commands and companies for tests, with everything filled in that a test does not care about."""

from hashlib import blake2b
from itertools import count
from typing import Any

import asyncpg

from wallet.domain.commands import FINGERPRINT_BYTES, Command, Kind
from wallet.domain.usage import Channel, Usage

_counter = count(1)

SMS = Usage(Channel.SMS, country="DE")


def fresh(prefix: str = "key") -> str:
    """Return an idempotency key that no test has used."""
    return f"{prefix}-{next(_counter)}"


def fingerprint(*parts: object) -> bytes:
    """Return what the edge makes of a request: equal for equal parts."""
    return blake2b(repr(parts).encode(), digest_size=FINGERPRINT_BYTES).digest()


def command(kind: Kind, amount: int = 0, *, key: str | None = None, company: str = "acme", **fields: Any) -> Command:
    """Return a command whose fingerprint follows from what it asks."""
    key = key or fresh(kind.name.lower())
    values: dict[str, Any] = {"amount": amount, "usage": SMS if kind is Kind.CHARGE else None, **fields}
    values.setdefault("fingerprint", fingerprint(kind, company, values))
    return Command(kind, company, key, **values)


def charge(amount: int, **fields: Any) -> Command:
    """Take `amount` micros."""
    return command(Kind.CHARGE, amount, **fields)


def top_up(amount: int, **fields: Any) -> Command:
    """Put `amount` micros in."""
    return command(Kind.TOP_UP, amount, **fields)


def authorize(amount: int, authorization: str, *, ttl_seconds: int = 3600, **fields: Any) -> Command:
    """Hold `amount` micros; the key is the authorization's id."""
    return command(
        Kind.AUTHORIZATION,
        amount,
        key=authorization,
        authorization=authorization,
        ttl_seconds=ttl_seconds,
        **fields,
    )


def increment(total: int, authorization: str, **fields: Any) -> Command:
    """Change a hold's total to `total` micros."""
    return command(Kind.INCREMENT, total, authorization=authorization, **fields)


def capture(amount: int, authorization: str, **fields: Any) -> Command:
    """Take `amount` micros from a hold; `keep_open=True` for more to follow."""
    return command(Kind.CAPTURE, amount, authorization=authorization, **fields)


def void(authorization: str, **fields: Any) -> Command:
    """Give a hold back."""
    return command(Kind.VOID, authorization=authorization, **fields)


def refund(amount: int, number: int, **fields: Any) -> Command:
    """Give `amount` micros of charge `number` back."""
    return command(Kind.REFUND, amount, refunded_number=number, **fields)


def adjustment(amount: int, **fields: Any) -> Command:
    """Add `amount` micros, with its sign; `below_floor=True` to pass below the floor."""
    return command(Kind.ADJUSTMENT, amount, **fields)


async def make_company(database: asyncpg.Connection, company: str = "acme", *, floor: int = 0) -> None:
    """Make a company and its empty wallet, in EUR."""
    await database.execute("INSERT INTO companies VALUES ($1, $1, '')", company)
    await database.execute("INSERT INTO wallets (company_id, currency, floor) VALUES ($1, 'EUR', $2)", company, floor)


async def change_settings(database: asyncpg.Connection, company: str = "acme", **columns: object) -> None:
    """Change what a wallet obeys, as the back office does: in a transaction that also begins a new epoch."""
    names = ", ".join(f"{name} = ${i}" for i, name in enumerate(columns, 2))
    await database.execute(
        f"UPDATE wallets SET {names}, epoch = epoch + 1, last_seq = 0 WHERE company_id = $1", company, *columns.values()
    )


async def make_due(database: asyncpg.Connection, authorization: str, company: str = "acme") -> None:
    """Let an authorization's time be up, without waiting for it."""
    await database.execute(
        "UPDATE authorizations SET expires_at = 1 WHERE company_id = $1 AND authorization_id = $2",
        company,
        authorization,
    )
    await database.execute("UPDATE wallets SET epoch = epoch + 1, last_seq = 0 WHERE company_id = $1", company)
