"""The services of the back office, one for each file of protos/veloconnect/admin/v1."""

from functools import partial
from types import ModuleType

from admin.adjustments.servicer import AdjustmentServicer
from admin.auto_top_ups.servicer import AutoTopUpServicer
from admin.companies.servicer import CompanyServicer
from admin.documents.servicer import DocumentServicer
from admin.ledger.servicer import LedgerServicer
from admin.office import Office
from admin.rates.quotes import Quotes
from admin.rates.servicer import RateServicer
from admin.refunds.servicer import RefundServicer
from admin.rules.servicer import RuleServicer
from admin.statements.servicer import TransactionServicer
from admin.subscriptions.servicer import SubscriptionServicer
from admin.top_ups.servicer import TopUpServicer
from admin.webhooks.servicer import WebhookServicer
from server.lifecycle import Service
from veloconnect.admin.v1 import (
    adjustment_pb2,
    adjustment_pb2_grpc,
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
    subscription_pb2,
    subscription_pb2_grpc,
    top_up_pb2,
    top_up_pb2_grpc,
    transaction_pb2,
    transaction_pb2_grpc,
    webhook_pb2,
    webhook_pb2_grpc,
)


def services(office: Office) -> list[Service]:
    """Return them all."""
    w, bound = office.wallets, office.manual_micros_max
    rates = RateServicer(w.rate_cards, Quotes(w.rating, w.companies))
    documents = DocumentServicer(w.billing, w.receipts, w.monthly_statements, office.printing)
    transactions = TransactionServicer(w.reader, w.statements, office.exports, w.usage_days)
    webhooks = WebhookServicer(w.webhooks, w.events, allow_private=office.webhook_allow_private)
    return [
        _service(company_pb2, company_pb2_grpc, CompanyServicer(w.companies, w.reader, w.alerts)),
        _service(top_up_pb2, top_up_pb2_grpc, TopUpServicer(w, office.desk, manual_micros_max=bound)),
        _service(
            auto_top_up_pb2, auto_top_up_pb2_grpc, AutoTopUpServicer(w.auto_top_ups, w.reader, office.desk.customers)
        ),
        _service(adjustment_pb2, adjustment_pb2_grpc, AdjustmentServicer(w.engine, w.reader, manual_micros_max=bound)),
        _service(transaction_pb2, transaction_pb2_grpc, transactions),
        _service(rate_pb2, rate_pb2_grpc, rates),
        _service(refund_pb2, refund_pb2_grpc, RefundServicer(w)),
        _service(rule_pb2, rule_pb2_grpc, RuleServicer(w.spend_limits, w.alerts)),
        _service(subscription_pb2, subscription_pb2_grpc, SubscriptionServicer(w)),
        _service(document_pb2, document_pb2_grpc, documents),
        _service(webhook_pb2, webhook_pb2_grpc, webhooks),
        _service(ledger_pb2, ledger_pb2_grpc, LedgerServicer(w)),
    ]


def _service(messages: ModuleType, stubs: ModuleType, servicer: object) -> Service:
    """Return the one service that a file has."""
    (service,) = messages.DESCRIPTOR.services_by_name.values()
    return Service(service.full_name, partial(getattr(stubs, f"add_{service.name}Servicer_to_server"), servicer))
