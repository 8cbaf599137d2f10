"""The composition root of the back office's service."""

from contextlib import AsyncExitStack
from itertools import chain

from admin.adjustments.wiring import adjustments
from admin.alerts.wiring import alerts
from admin.auto_top_ups.store import AutoTopUps
from admin.auto_top_ups.wiring import auto_top_ups
from admin.companies.wiring import companies
from admin.documents.wiring import documents
from admin.feature import Feature
from admin.http.server import serving
from admin.ledger.wiring import ledger
from admin.mail.wiring import mail, mail_transport
from admin.mail.worker import MailTransport
from admin.payments.factory import make_provider
from admin.payments.measured import MeasuredProvider
from admin.payments.port import PaymentProvider
from admin.rates.wiring import rates
from admin.refunds.wiring import refunds
from admin.rules.wiring import rules
from admin.settings import AdminSettings
from admin.statements.wiring import statements
from admin.subscriptions.wiring import subscriptions
from admin.top_ups.services import TopUpServices, TopUpStores
from admin.top_ups.wiring import top_ups
from admin.webhooks.wiring import webhooks
from admin.work.leases import Leases
from admin.work.runner import running
from server.grpc_front import GrpcFront
from server.lifecycle import serve
from server.lifetime import Lifetime
from server.worker import run_worker
from wallet.runtime import Wallets


def run(settings: AdminSettings, tether: int | None) -> int:
    """Serve in this process until it is asked to stop; return its exit status. Raises Misconfigured."""
    transport = mail_transport(settings.smtp_url, settings.mail_from)

    async def work(wallets: Wallets, lifetime: Lifetime) -> None:
        async with AsyncExitStack() as stack:
            provider = make_provider(settings)
            if provider is not None:
                stack.push_async_callback(provider.close)
            measured = None if provider is None else MeasuredProvider(provider)
            all_features = features(wallets, settings, measured, transport)
            workers = list(chain.from_iterable(feature.workers for feature in all_features))
            routes = list(chain.from_iterable(feature.routes for feature in all_features))
            services = list(chain.from_iterable(feature.services for feature in all_features))
            await stack.enter_async_context(running(workers, Leases(wallets.pool)))
            await stack.enter_async_context(serving(settings, routes, lifetime))
            await serve(settings, services, GrpcFront(settings), healthy=wallets.healthy, lifetime=lifetime)

    return run_worker(work, tether=tether)


def features(
    wallets: Wallets, settings: AdminSettings, provider: PaymentProvider | None, transport: MailTransport | None
) -> list[Feature]:
    """Return the features of the back office.

    Without `provider` no card can be charged; without `transport` mails stay in the outbox.
    """
    stores, pause_for_dispute = TopUpStores.over(wallets.pool), AutoTopUps(wallets.pool).pause_for_dispute
    top_up_services = TopUpServices(wallets.engine, stores, provider, on_chargeback=pause_for_dispute)
    return [
        companies(wallets),
        top_ups(wallets, top_up_services, manual_micros_max=settings.manual_micros_max),
        auto_top_ups(wallets, top_up_services),
        adjustments(wallets, manual_micros_max=settings.manual_micros_max),
        statements(wallets),
        rates(wallets),
        refunds(wallets),
        rules(wallets),
        alerts(wallets),
        mail(wallets, transport),
        subscriptions(wallets),
        documents(wallets),
        webhooks(wallets, allow_private=settings.webhook_allow_private),
        ledger(wallets),
    ]
