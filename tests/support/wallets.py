"""Open wallets with every store of the back office beside them, for tests that need several."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields

from admin.alerts.store import Alerts
from admin.auto_top_ups.firing_store import AutoTopUpFirings
from admin.auto_top_ups.store import AutoTopUps
from admin.companies.store import Companies
from admin.documents.billing_store import Billing
from admin.documents.monthly_store import MonthlyStatements
from admin.documents.receipt_store import Receipts
from admin.ledger.verifier import verifier_of
from admin.mail.store import Mails
from admin.rates.store import RateCards
from admin.rules.store import SpendLimits
from admin.statements.store import Statements
from admin.statements.usage_store import UsageDays
from admin.subscriptions.lifecycle import SubscriptionLifecycle
from admin.subscriptions.store import Subscriptions
from admin.top_ups.chargeback_store import ChargebackRecords
from admin.top_ups.refund_store import TopUpRefundRecords
from admin.top_ups.store import TopUpRecords
from admin.webhooks.event_store import Events
from admin.webhooks.store import Webhooks
from admin.work.leases import Leases
from refunds.case_decisions import CaseDecisions
from refunds.case_store import RefundCases
from refunds.delivery_reports import DeliveryReports
from refunds.delivery_store import DeliveryReportStore, RefundPolicyStore
from refunds.job_store import RefundJobs
from refunds.service import Refunds
from refunds.store import ChargeReader
from wallet import runtime
from wallet.settings import WalletSettings
from wallet.verification.verifier import Verification


class Wallets(runtime.Wallets):
    """Open wallets and the stores of every feature."""

    def __init__(self, opened: runtime.Wallets) -> None:
        """Stand on open wallets."""
        super().__init__(**{field.name: getattr(opened, field.name) for field in fields(opened)})
        pool, engine = opened.pool, opened.engine
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
        self.refunds = Refunds(engine, ChargeReader(pool))
        self.refund_jobs = RefundJobs(pool)
        self.refund_cases = RefundCases(pool)
        self.refund_policies = RefundPolicyStore(pool)
        self.decisions = CaseDecisions(self.refunds, self.refund_cases)
        self.deliveries = DeliveryReports(self.refunds, DeliveryReportStore(pool), self.refund_cases, opened.reader)
        self.top_ups = TopUpRecords(pool)
        self.top_up_refunds = TopUpRefundRecords(pool)
        self.chargebacks = ChargebackRecords(pool)
        self.subscriptions = Subscriptions(pool)
        self.lifecycle = SubscriptionLifecycle(engine, self.refunds, opened.rating, self.subscriptions)

    async def verify(self) -> Verification:
        """Check every promise over the whole database, and Redis against it."""
        return await verifier_of(self).run()


@asynccontextmanager
async def open_wallets(settings: WalletSettings, *, sweeps: bool = True) -> AsyncIterator[Wallets]:
    """Open wallets as a server does."""
    async with runtime.open_wallets(settings, sweeps=sweeps) as opened:
        yield Wallets(opened)
