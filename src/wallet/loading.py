"""Load wallets into Redis from the ledger: the only way a wallet gets there."""

import asyncio

import asyncpg
import structlog

from wallet import metrics
from wallet.domain.attempts import Attempt
from wallet.domain.errors import Applied, CompanyNotFound, WalletUnavailable
from wallet.hot.store import START, HotStore, Loaded, Peek, Position
from wallet.ledger.append import append_over
from wallet.ledger.pool import Connection
from wallet.ledger.rows import authorization_of, counter_of, limit_of, wallet_of
from wallet.ledger.transactions import reading
from wallet.verdicts import clean_up_recovered

LOADS_AT_ONCE_MAX = 8
"""Loads of one process at a time; each has a connection of its own."""

LOAD_LOCK_TRIES = 8
"""Lock timeouts for which a load by another process is awaited (2 s in all): far longer than a load takes."""

_LOAD_LOCK = 0x10AD
"""First half of the keys of the advisory locks, which keeps them apart from other uses of advisory locks."""

_LOCK = "SELECT pg_advisory_lock($1, hashtext(company_id)) FROM wallets WHERE company_id = $2"

log = structlog.get_logger(__name__)


class Loader:
    """Loads wallets. A company is loaded by one process at a time."""

    def __init__(self, hot: HotStore, pool: asyncpg.Pool) -> None:
        """Use an open store and pool."""
        self._hot = hot
        self._pool = pool
        self._slots = asyncio.Semaphore(LOADS_AT_ONCE_MAX)

    async def load(self, company: str, seen: Position = START, *, cause: str = "cold", rebuild: bool = False) -> None:
        """Load a wallet, unless Redis has one that is not behind `seen`.

        With `rebuild` it is loaded in any case, and its new epoch is greater than that of Redis: after the ledger was
        restored to the past, Redis may have a later epoch than the ledger.
        Raises CompanyNotFound, LedgerUnavailable, WalletUnavailable.
        """
        async with self._slots, reading(self._pool) as connection:
            await self._load_over(connection, company, seen, cause, rebuild)

    async def _load_over(self, connection: Connection, company: str, seen: Position, cause: str, rebuild: bool) -> None:
        """Load a wallet over a connection, with the errors of `load`."""
        # The lock is held until Redis has the wallet: other loaders wait, find it and need no epoch of their own. That
        # saves work; loads are safe without it, so a lock that a frozen machine never releases is not awaited for long.
        locked = await _lock(connection, company)
        try:
            peek = await self._hot.peek(company)
            if _is_current(peek, seen) and not rebuild:
                return
            await self._append_journal(connection, company, peek.journal)
            epoch_min = max((peek.position.epoch, *(left.epoch for left in peek.journal))) if rebuild else 0
            loaded = await self._new_epoch(connection, company, epoch_min)
            if loaded.epoch <= peek.position.epoch:
                raise WalletUnavailable(
                    "Redis has a later load of the wallet than the ledger knows: was Postgres restored to the past? "
                    "Call RebuildWallet.",
                    applied=Applied.NO,
                )
            await self._hot.load(loaded)
            metrics.loads.labels(cause).inc()
        finally:
            if locked:
                await connection.execute("SELECT pg_advisory_unlock($1, hashtext($2))", _LOAD_LOCK, company)

    async def _append_journal(self, connection: Connection, company: str, journal: list[Attempt]) -> None:
        """Write attempts that Redis applied and no process has written yet, so that the loaded balance has them."""
        if not journal:
            return
        answers = await append_over(connection, journal)
        await self._hot.apply(self._hot.keys.partition(company), clean_up_recovered(journal, answers))

    async def _new_epoch(self, connection: Connection, company: str, epoch_min: int) -> Loaded:
        """Begin an epoch greater than `epoch_min`, so that earlier loads in Redis are stale; return the wallet.

        A concurrent append was either committed before the row was locked here, and is in the balance, or has an old
        epoch, and gets the verdict STALE.
        """
        row = await connection.fetchrow("SELECT * FROM wallet_new_epoch($1, $2)", company, epoch_min)
        assert row is not None, "a wallet is never deleted, and _lock has seen it"
        wallet = wallet_of(row["wallet"], company)
        return Loaded(
            wallet,
            row["wallet"]["epoch"],
            [authorization_of(hold, wallet.currency) for hold in row["holds"] or ()],
            blocked=row["wallet"]["blocked"],
            limits=[limit_of(limit) for limit in row["limits"] or ()],
            counters=[counter_of(counter) for counter in row["counters"] or ()],
            signal_at=row["signal_at"],
        )


async def _lock(connection: Connection, company: str) -> bool:
    """Acquire the load lock of a company; return False if another session held it for too long.

    Raises CompanyNotFound.
    """
    for _ in range(LOAD_LOCK_TRIES):
        try:
            if not await connection.fetch(_LOCK, _LOAD_LOCK, company):
                raise CompanyNotFound(company)
        except asyncpg.LockNotAvailableError:
            continue
        return True
    log.warning("load_lock_not_given_back", company=company)
    return False


def _is_current(peek: Peek, seen: Position) -> bool:
    position = peek.position
    return peek.warm and (position.epoch, position.seq) >= (seen.epoch, seen.seq)
