"""Construct the feature `documents`: its stores, services, workers and routes."""

from admin.companies.store import Companies
from admin.documents.billing_store import Billing
from admin.documents.http import routes
from admin.documents.monthly_store import MonthlyStatements
from admin.documents.receipt_store import Receipts
from admin.documents.renderer import DocumentRenderer
from admin.documents.servicer import DocumentServicer
from admin.documents.worker import PAUSE_SECONDS, ReceiptWorker
from admin.feature import Feature, service
from admin.statements.usage_store import UsageDays
from admin.work.runner import Worker
from veloconnect.admin.v1 import document_pb2, document_pb2_grpc
from wallet.runtime import Wallets


def documents(wallets: Wallets) -> Feature:
    """Return DocumentService, the worker that issues receipts, and the PDFs as downloads."""
    pool = wallets.pool
    receipts, billing, months = Receipts(pool), Billing(pool), MonthlyStatements(pool, UsageDays(pool))
    renderer = DocumentRenderer(receipts, months, billing, Companies(pool))
    return Feature(
        services=[service(document_pb2, document_pb2_grpc, DocumentServicer(billing, receipts, months, renderer))],
        workers=[Worker("receipts", ReceiptWorker(receipts).run_once, PAUSE_SECONDS)],
        routes=routes(renderer),
    )
