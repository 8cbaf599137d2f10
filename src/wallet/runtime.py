"""The composition root of the engine: opens its stores, lanes and sweeps, and closes them again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncpg
import structlog
from redis.asyncio import RedisCluster

from wallet import expiry, recovery
from wallet.domain.errors import Applied, Unavailable
from wallet.engine import Engine
from wallet.expiry import Expiry
from wallet.health import LedgerHealth
from wallet.hot.connect import connect
from wallet.hot.keys import Keys
from wallet.hot.store import HotStore
from wallet.installation import agree_on_partitions, claim_hot_state
from wallet.lane import Lane
from wallet.ledger.append import Appender
from wallet.ledger.failures import translated, unavailable
from wallet.ledger.pool import open_pool
from wallet.ledger.reader import Reader
from wallet.loading import Loader
from wallet.rate_snapshot import RateSnapshot
from wallet.recovery import Recovery
from wallet.settings import WalletSettings

DRAIN_SECONDS_MAX = 10.0
"""How long a stopping process may take for the commands that it has accepted."""

log = structlog.get_logger(__name__)


@dataclass(eq=False)
class Wallets:
    """The open engine of one process and its stores, from which servers and features are made."""

    engine: Engine
    """The one way a balance changes."""
    reader: Reader
    rating: RateSnapshot
    loader: Loader
    pool: asyncpg.Pool
    """For the tables of features. It must not be used to change a balance."""
    hot: HotStore
    health: LedgerHealth

    def healthy(self) -> bool:
        """Return whether commands are accepted: Postgres is not known to be away."""
        return not self.health.away

    async def rebuild(self, company: str) -> None:
        """Replace the hot wallet by a new load. Raises CompanyNotFound, LedgerUnavailable, WalletUnavailable."""
        await self.loader.load(company, cause="rebuild", rebuild=True)


@asynccontextmanager
async def open_wallets(settings: WalletSettings, *, sweeps: bool = True) -> AsyncIterator[Wallets]:
    """Open the ledger, the hot state and the engine; with `sweeps`, recover, expire and keep the prices up to date.

    Raises LedgerUnavailable, WalletUnavailable, UnfitRedis or NotThisInstallation if it cannot or must not serve.
    """
    async with AsyncExitStack() as stack:
        pool = await open_pool(settings.database_url, size_max=settings.pool_size_max)
        stack.push_async_callback(_close_pool, pool)
        client = await connect(settings.redis_url)
        stack.push_async_callback(client.aclose)
        partitions = await agree_on_partitions(pool, settings.partitions, cluster=isinstance(client, RedisCluster))
        hot = HotStore(client, Keys(partitions))
        stack.push_async_callback(hot.close)
        await claim_hot_state(pool, hot)
        loader = Loader(hot, pool)

        def open_appender() -> Appender:
            opened = Appender(settings.database_url)
            stack.callback(opened.close)
            return opened

        health = LedgerHealth(open_appender())
        lane_of = hot.lanes()
        lanes = [Lane(hot, open_appender(), loader, health, pool) for _ in range(max(lane_of.values()) + 1)]
        engine = Engine(hot.keys, lanes, lane_of, health)
        rating = RateSnapshot(pool, settings.database_url)
        wallets = Wallets(engine, Reader(pool), rating, loader, pool, hot, health)

        probing = asyncio.create_task(health.run(), name="ledger probe")
        stack.push_async_callback(_cancel, probing)
        running = [asyncio.create_task(lane.run(), name="lane") for lane in lanes]
        stack.push_async_callback(_drain, lanes, running)
        if sweeps:
            await _start_sweeps(stack, wallets, open_appender)
        yield wallets


async def _start_sweeps(stack: AsyncExitStack, wallets: Wallets, open_appender: Callable[[], Appender]) -> None:
    """Recover once, read the prices, and start the sweeps, which `stack` cancels."""
    recover = Recovery(wallets.hot, open_appender()).run_once
    # Recover first: a retry must not be declined while its first try is still in the journal and the key record
    # has expired meanwhile.
    with translated(Applied.NO):  # Not a form of transactions.py: an appender has a connection of its own.
        await recover()
    wallets.health.before_return = recover
    # No usage may be declined only because its price is not read yet.
    await wallets.rating.refresh()
    renewing = asyncio.create_task(wallets.rating.run(), name="rating")
    stack.push_async_callback(_cancel, renewing)
    for name, sweep, pause in (
        ("recovery", Recovery(wallets.hot, open_appender()).run_once, recovery.SWEEP_SECONDS),
        ("expiry", Expiry(wallets.engine, wallets.pool).run_once, expiry.SWEEP_SECONDS),
    ):
        sweeping = asyncio.create_task(_sweep(name, sweep, pause), name=name)
        stack.push_async_callback(_cancel, sweeping)


async def _sweep(name: str, run_once: Callable[[], Awaitable[int]], pause: float) -> None:
    """Run a sweep every `pause` seconds until cancelled. A store that is away is tried again; our faults are logged."""
    while True:
        try:
            await run_once()
        except Exception as error:
            if not isinstance(error, Unavailable) and not unavailable(error):
                log.exception("sweep_failed", sweep=name)
        await asyncio.sleep(pause)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _drain(lanes: list[Lane], running: list[asyncio.Task[None]]) -> None:
    """Finish the accepted commands within DRAIN_SECONDS_MAX; the journal keeps the rest for recovery."""
    for lane in lanes:
        lane.close()
    await asyncio.wait(running, timeout=DRAIN_SECONDS_MAX)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    for lane in lanes:
        await lane.finish_loads()


async def _close_pool(pool: asyncpg.Pool) -> None:
    try:
        await asyncio.wait_for(pool.close(), DRAIN_SECONDS_MAX)
    except (TimeoutError, OSError, asyncpg.InterfaceError):
        pool.terminate()
