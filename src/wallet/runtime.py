"""Open everything that wallets need, and close it again: the composition root of the engine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import structlog
from redis.asyncio import RedisCluster

from admin.alerts.store import Alerts
from admin.auto_top_ups.firing_store import AutoTopUpFirings
from admin.auto_top_ups.store import AutoTopUps
from admin.companies.store import Companies
from admin.documents.billing_store import Billing
from admin.documents.monthly_store import MonthlyStatements
from admin.documents.receipt_store import Receipts
from admin.mail.store import Mails
from admin.rates.store import RateCards
from admin.rules.store import SpendLimits
from admin.statements.store import Statements
from admin.statements.usage_store import UsageDays
from admin.subscriptions.renewals import Renewals
from admin.subscriptions.store import Subscriptions
from admin.top_ups.chargeback_store import ChargebackRecords
from admin.top_ups.refund_store import TopUpRefundRecords
from admin.top_ups.store import TopUpRecords
from admin.webhooks.event_store import Events
from admin.webhooks.store import Webhooks
from admin.work.leases import Leases
from refunds.case_store import RefundCases
from refunds.decisions import Decisions
from refunds.delivery_reports import Deliveries
from refunds.delivery_store import Policies, Reports
from refunds.job_store import RefundJobs
from refunds.service import Refunds
from refunds.store import Charges
from wallet import expiry, recovery
from wallet.domain.errors import Applied, Unavailable
from wallet.engine import Engine
from wallet.expiry import Expiry
from wallet.health import LedgerHealth
from wallet.hot.connect import connect
from wallet.hot.keys import Keys
from wallet.hot.store import HotStore
from wallet.installation import agree, claim
from wallet.lane import Lane
from wallet.ledger.append import Appender
from wallet.ledger.failures import translated, unavailable
from wallet.ledger.pool import open_pool
from wallet.ledger.reader import Reader
from wallet.loading import Loader
from wallet.rating import Rating
from wallet.recovery import Recovery
from wallet.settings import WalletSettings
from wallet.verification import Verification, Verifier

DRAIN_SECONDS_MAX = 10.0
"""How long a process that stops works off what it has taken."""

log = structlog.get_logger(__name__)


class Wallets:
    """What the servers use."""

    def __init__(self, engine: Engine, pool: asyncpg.Pool, hot: HotStore, health: LedgerHealth, rating: Rating) -> None:
        """Use what `open_wallets` opened."""
        self.engine = engine
        self.reader = Reader(pool)
        self.companies = Companies(pool)
        self.spend_limits = SpendLimits(pool)
        self.alerts = Alerts(pool)
        self.auto_top_ups = AutoTopUps(pool)
        self.auto_top_up_firings = AutoTopUpFirings(pool)
        self.rate_cards = RateCards(pool)
        self.statements = Statements(pool)
        self.usage_days = UsageDays(pool)
        self.monthly_statements = MonthlyStatements(pool, self.usage_days)
        self.billing = Billing(pool)
        self.receipts = Receipts(pool)
        self.leases = Leases(pool)
        self.mails = Mails(pool)
        self.webhooks = Webhooks(pool)
        self.events = Events(pool)
        self.refunds = Refunds(engine, Charges(pool))
        self.refund_jobs = RefundJobs(pool)
        self.refund_cases = RefundCases(pool)
        self.refund_policies = Policies(pool)
        self.decisions = Decisions(self.refunds, self.refund_cases)
        self.deliveries = Deliveries(self.refunds, Reports(pool), self.refund_cases, self.reader)
        self.top_ups = TopUpRecords(pool)
        self.top_up_refunds = TopUpRefundRecords(pool)
        self.chargebacks = ChargebackRecords(pool)
        self.rating = rating
        self.subscriptions = Subscriptions(pool)
        self.renewals = Renewals(engine, self.refunds, rating, self.subscriptions)
        self.loader = Loader(hot, pool)
        self.pool = pool
        self.hot = hot
        self._verifier = Verifier(pool, hot)
        self._health = health

    def healthy(self) -> bool:
        """Return whether commands are taken: Postgres is not known to be away."""
        return not self._health.away

    async def rebuild(self, company: str) -> None:
        """Load a wallet anew, whatever Redis has. Raises CompanyNotFound, LedgerUnavailable, WalletUnavailable."""
        await self.loader.load(company, cause="rebuild", rebuild=True)

    async def verify(self) -> Verification:
        """Check the promises over the whole database. Raises LedgerUnavailable, WalletUnavailable."""
        with translated(Applied.NO):
            return await self._verifier.run()


@asynccontextmanager
async def open_wallets(settings: WalletSettings, *, sweeps: bool = True) -> AsyncIterator[Wallets]:
    """Open the ledger, the hot state and the engine; with `sweeps`, recover, expire and keep the prices up to date.

    Raises LedgerUnavailable, WalletUnavailable, UnfitRedis or NotThisInstallation where it must not serve.
    """
    async with AsyncExitStack() as stack:
        pool = await open_pool(settings.database_url, size_max=settings.pool_size_max)
        stack.push_async_callback(_close_pool, pool)
        client = await connect(settings.redis_url)
        stack.push_async_callback(client.aclose)
        with translated(Applied.NO):
            partitions = await agree(pool, settings.partitions, cluster=isinstance(client, RedisCluster))
        hot = HotStore(client, Keys(partitions))
        stack.push_async_callback(hot.close)
        with translated(Applied.NO):
            await claim(pool, hot)
        loader = Loader(hot, pool)

        def appender() -> Appender:
            opened = Appender(settings.database_url)
            stack.callback(opened.close)
            return opened

        health = LedgerHealth(appender())
        lane_of = hot.lanes()
        lanes = [Lane(hot, appender(), loader, health) for _ in range(max(lane_of.values()) + 1)]
        engine = Engine(hot.keys, lanes, lane_of, health)
        rating = Rating(pool, settings.database_url)
        wallets = Wallets(engine, pool, hot, health, rating)

        probing = asyncio.create_task(health.run(), name="ledger probe")
        stack.push_async_callback(_cancelled, probing)
        running = [asyncio.create_task(lane.run(), name="lane") for lane in lanes]
        stack.push_async_callback(_drained, lanes, running)
        if sweeps:
            recover = Recovery(hot, appender()).run_once
            # First what is left from before: a retry must not be declined where its first try is still in the journal,
            # and the time of its record was up meanwhile.
            with translated(Applied.NO):
                await recover()
            health.before_return = recover
            # No usage is declined for a price that is only not read yet.
            await rating.refresh()
            renewing = asyncio.create_task(rating.run(), name="rating")
            stack.push_async_callback(_cancelled, renewing)
            for name, sweep, pause in (
                ("recovery", Recovery(hot, appender()).run_once, recovery.SWEEP_SECONDS),
                ("expiry", Expiry(engine, pool).run_once, expiry.SWEEP_SECONDS),
            ):
                sweeping = asyncio.create_task(_sweep(name, sweep, pause), name=name)
                stack.push_async_callback(_cancelled, sweeping)
        yield wallets


async def _sweep(name: str, run_once: Callable[[], Awaitable[int]], pause: float) -> None:
    """Run a sweep for ever. What is away now may be back at the next one; a fault of ours is logged and tried again."""
    while True:
        try:
            await run_once()
        except Exception as error:
            if not isinstance(error, Unavailable) and not unavailable(error):
                log.exception("sweep_failed", sweep=name)
        await asyncio.sleep(pause)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _drained(lanes: list[Lane], running: list[asyncio.Task[None]]) -> None:
    """Work off what was taken, within a bound; the journal keeps the rest for recovery."""
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
