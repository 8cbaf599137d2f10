"""The composition root of the back office's service."""

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import grpc

from admin.documents.printing import Printing
from admin.exports import Exports
from admin.http import documents, statements
from admin.http.routes import Route
from admin.http.server import serving
from admin.mail.server import parse_smtp_url
from admin.quotes import Quotes
from admin.servicers.auto_top_ups import AutoTopUpServicer
from admin.servicers.companies import CompanyServicer
from admin.servicers.documents import DocumentServicer
from admin.servicers.ledger import LedgerServicer
from admin.servicers.rates import RateServicer
from admin.servicers.refunds import RefundServicer
from admin.servicers.rules import RuleServicer
from admin.servicers.top_ups import TopUpServicer
from admin.servicers.transactions import TransactionServicer
from admin.servicers.webhooks import WebhookServicer
from admin.settings import AdminSettings
from admin.workers import alerts, mail, receipts, refund_finishing, refund_jobs, rollups, subscriptions, webhooks
from admin.workers.alerts import AlertWorker
from admin.workers.mail import MailWorker, Post
from admin.workers.receipts import ReceiptWorker
from admin.workers.refund_finishing import RefundFinisher
from admin.workers.refund_jobs import RefundJobWorker
from admin.workers.rollups import Rollups
from admin.workers.runner import Worker, running
from admin.workers.subscriptions import SubscriptionWorker
from admin.workers.webhooks import WebhookWorker
from server.lifecycle import Service, serve
from server.lifetime import Lifetime
from server.settings import Misconfigured
from server.worker import run_worker
from veloconnect.admin.v1 import (
    auto_top_up_pb2,
    auto_top_up_pb2_grpc,
    company_pb2,
    company_pb2_grpc,
    document_pb2,
    document_pb2_grpc,
    ledger_pb2,
    ledger_pb2_grpc,
    rate_pb2,
    rate_pb2_grpc,
    refund_pb2,
    refund_pb2_grpc,
    rule_pb2,
    rule_pb2_grpc,
    top_up_pb2,
    top_up_pb2_grpc,
    transaction_pb2,
    transaction_pb2_grpc,
    webhook_pb2,
    webhook_pb2_grpc,
)
from wallet.runtime import Wallets


def run(settings: AdminSettings, tether: int | None) -> int:
    """Serve in this process until it is told to stop; return its exit status. Raises Misconfigured."""
    post = post_of(settings)
    private = settings.webhook_allow_private

    async def work(wallets: Wallets, lifetime: Lifetime) -> None:
        exports = Exports(wallets.statements)
        printing = Printing(wallets.receipts, wallets.monthly_statements, wallets.billing, wallets.companies)
        async with (
            running(workers(wallets, post, webhook_allow_private=private), wallets.leases),
            serving(settings, routes(exports, printing), lifetime),
        ):
            served = services(wallets, exports, printing, webhook_allow_private=private)
            await serve(settings, served, healthy=wallets.healthy, lifetime=lifetime)

    return run_worker(work, tether=tether)


def routes(exports: Exports, printing: Printing) -> list[Route]:
    """Return what the back office serves over HTTP."""
    return [*statements.routes(exports), *documents.routes(printing)]


def services(
    wallets: Wallets, exports: Exports, printing: Printing, *, webhook_allow_private: bool = False
) -> list[Service]:
    """Return the services of the back office."""
    companies = CompanyServicer(wallets.companies, wallets.reader, wallets.alerts)
    top_ups = TopUpServicer(wallets.engine, wallets.reader)
    rates = RateServicer(wallets.rate_cards, Quotes(wallets.rating, wallets.companies))
    return [
        _service(company_pb2, company_pb2_grpc.add_CompanyServiceServicer_to_server, companies),
        _service(
            auto_top_up_pb2,
            auto_top_up_pb2_grpc.add_AutoTopUpServiceServicer_to_server,
            AutoTopUpServicer(wallets.auto_top_ups, wallets.reader),
        ),
        _service(top_up_pb2, top_up_pb2_grpc.add_TopUpServiceServicer_to_server, top_ups),
        _service(
            transaction_pb2,
            transaction_pb2_grpc.add_TransactionServiceServicer_to_server,
            TransactionServicer(wallets.reader, wallets.statements, exports, wallets.usage_days),
        ),
        _service(rate_pb2, rate_pb2_grpc.add_RateServiceServicer_to_server, rates),
        _service(refund_pb2, refund_pb2_grpc.add_RefundServiceServicer_to_server, RefundServicer(wallets)),
        _service(
            rule_pb2,
            rule_pb2_grpc.add_RuleServiceServicer_to_server,
            RuleServicer(wallets.spend_limits, wallets.alerts),
        ),
        _service(
            document_pb2,
            document_pb2_grpc.add_DocumentServiceServicer_to_server,
            DocumentServicer(wallets.billing, wallets.receipts, wallets.monthly_statements, printing),
        ),
        _service(
            webhook_pb2,
            webhook_pb2_grpc.add_WebhookServiceServicer_to_server,
            WebhookServicer(wallets.webhooks, wallets.events, allow_private=webhook_allow_private),
        ),
        _service(ledger_pb2, ledger_pb2_grpc.add_LedgerServiceServicer_to_server, LedgerServicer(wallets)),
    ]


def post_of(settings: AdminSettings) -> Post | None:
    """Return how mail is sent, or None where it is not. Raises Misconfigured."""
    if settings.smtp_url is None:
        return None
    if settings.mail_from is None:
        raise Misconfigured("SMTP_URL is set and MAIL_FROM is not: the address that mails are from.")
    return Post(parse_smtp_url(settings.smtp_url), settings.mail_from)


def workers(wallets: Wallets, post: Post | None = None, *, webhook_allow_private: bool = False) -> list[Worker]:
    """Return the background work of the back office; without `post` mails wait."""
    refunding = RefundJobWorker(wallets.refund_jobs, wallets.engine, wallets.refunds)
    charging = SubscriptionWorker(wallets.subscriptions, wallets.renewals)
    sending = WebhookWorker(wallets.events, allow_private=webhook_allow_private)
    finishing = RefundFinisher(wallets.deliveries, wallets.decisions)
    return [
        Worker("refund-jobs", refunding.run_once, refund_jobs.PAUSE_SECONDS),
        Worker("refund-finishing", finishing.run_once, refund_finishing.PAUSE_SECONDS),
        Worker("alerts", AlertWorker(wallets.alerts, wallets.usage_days).run_once, alerts.PAUSE_SECONDS),
        Worker("mail", MailWorker(wallets.mails, post).run_once, mail.PAUSE_SECONDS),
        Worker("receipts", ReceiptWorker(wallets.receipts).run_once, receipts.PAUSE_SECONDS),
        Worker("subscriptions", charging.run_once, subscriptions.PAUSE_SECONDS),
        Worker("webhooks", sending.run_once, webhooks.PAUSE_SECONDS),
        Worker("rollups", Rollups(wallets.usage_days).run_once, rollups.PAUSE_SECONDS),
    ]


def _service(file: ModuleType, add: Callable[[Any, grpc.aio.Server], None], servicer: object) -> Service:
    """Return the one service that a file of protos/veloconnect/admin/v1 has."""
    (service,) = file.DESCRIPTOR.services_by_name.values()
    return Service(service.full_name, partial(add, servicer))
