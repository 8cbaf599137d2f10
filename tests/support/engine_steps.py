"""Steps of tests on an engine: waiting, crashes, retries, and reads of the ledger."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg
import pytest

from tests.support.polling import until
from tests.support.wallets import Wallets
from wallet import metrics
from wallet.domain.attempts import Attempt
from wallet.domain.commands import Command
from wallet.domain.entries import Outcome
from wallet.domain.errors import Applied, Unavailable, WalletError, WalletUnavailable
from wallet.hot.script import Script
from wallet.hot.store import START, Batch

POLL_SECONDS = 0.005
WAIT_SECONDS_MAX = 10.0


async def journaled(wallets: Wallets) -> list[Attempt]:
    """Return the attempts of all journals, which are not settled."""
    return [attempt for journal in await wallets.hot.journals() for attempt in journal.attempts]


async def settled(wallets: Wallets) -> None:
    """Return when all journals are empty."""

    async def empty() -> bool:
        return not await journaled(wallets)

    await until(empty)


async def crash_after_redis(wallets: Wallets, *commands: Command) -> list[Attempt]:
    """Apply commands as a process that crashes between Redis and Postgres: their attempts are only in the journal."""
    attempts = []
    for each in commands:
        partition = wallets.hot.keys.partition(each.company)
        (proposal,) = await wallets.hot.apply(partition, Batch(commands=[(each, START)]))
        assert proposal.attempt is not None
        attempts.append(proposal.attempt)
    return attempts


async def definite(wallets: Wallets, request: Command) -> Outcome | WalletError:
    """Submit a command, and again as a gateway does, until the answer is definite; return it."""
    deadline = asyncio.get_running_loop().time() + WAIT_SECONDS_MAX
    while True:
        (result,) = await wallets.engine.submit_many([request])
        if not isinstance(result, Unavailable):
            return result
        assert asyncio.get_running_loop().time() < deadline, repr(result)
        await asyncio.sleep(POLL_SECONDS)


async def entries_of(database: asyncpg.Connection, company: str = "acme") -> list[tuple[int, str, int]]:
    """Return number, idempotency key and amount of a company's entries."""
    rows = await database.fetch(
        "SELECT number, idempotency_key, amount FROM entries WHERE company_id = $1 ORDER BY number", company
    )
    return [(row["number"], row["idempotency_key"], row["amount"]) for row in rows]


async def sums_of(database: asyncpg.Connection, company: str = "acme") -> tuple[int, int]:
    """Return balance and held of a wallet in the ledger."""
    (row,) = await database.fetch("SELECT balance, held FROM wallets WHERE company_id = $1", company)
    return row["balance"], row["held"]


async def epoch_of(database: asyncpg.Connection, company: str = "acme") -> int:
    """Return a wallet's epoch in the ledger."""
    epoch: int = await database.fetchval("SELECT epoch FROM wallets WHERE company_id = $1", company)
    return epoch


def loads_counted() -> int:
    """Return how many loads of wallets all engines of this process have finished."""
    samples = [sample for metric in metrics.loads.collect() for sample in metric.samples]
    return int(sum(sample.value for sample in samples if sample.name.endswith("_total")))


async def hold_of(database: asyncpg.Connection, authorization: str, company: str = "acme") -> tuple[int, int, int]:
    """Return amount, captured and held of an authorization in the ledger."""
    row = await database.fetchrow(
        "SELECT amount, captured, held FROM authorizations WHERE company_id = $1 AND authorization_id = $2",
        company,
        authorization,
    )
    assert row is not None
    return row["amount"], row["captured"], row["held"]


@asynccontextmanager
async def rows_locked(database_url: str, *companies: str) -> AsyncIterator[None]:
    """Lock the rows of wallets within the context, as a transaction that does not end."""
    blocker = await asyncpg.connect(database_url)
    try:
        async with blocker.transaction():
            await blocker.execute("SELECT 1 FROM wallets WHERE company_id = ANY ($1) FOR UPDATE", companies)
            yield
    finally:
        await blocker.close()


@contextmanager
def crashing_in_a_load(wallets: Wallets, *, calls: int) -> Iterator[None]:
    """Let loads fail after so many calls to Redis, as if their process had crashed."""
    run, left = wallets.hot._run, calls

    async def run_or_die(script: Script, *arguments: Any, **options: Any) -> Any:
        nonlocal left
        if script is wallets.hot._load:
            if not left:
                raise WalletUnavailable("the process that loads has crashed", applied=Applied.NO)
            left -= 1
        return await run(script, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wallets.hot, "_run", run_or_die)
        yield
