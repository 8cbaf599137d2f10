"""Construct the feature `statements`: its stores, services, workers and routes."""

from admin.feature import Feature, service
from admin.statements.exporter import StatementExporter
from admin.statements.http import routes
from admin.statements.servicer import TransactionServicer
from admin.statements.store import Statements
from admin.statements.usage_store import UsageDays
from admin.statements.worker import PAUSE_SECONDS, UsageWorker
from admin.work.runner import Worker
from veloconnect.admin.v1 import transaction_pb2, transaction_pb2_grpc
from wallet.runtime import Wallets


def statements(wallets: Wallets) -> Feature:
    """Return TransactionService, the worker that sums usage up by day, and the statement as a download."""
    statements, usage = Statements(wallets.pool), UsageDays(wallets.pool)
    exporter = StatementExporter(statements)
    servicer = TransactionServicer(wallets.reader, statements, exporter, usage)
    return Feature(
        services=[service(transaction_pb2, transaction_pb2_grpc, servicer)],
        workers=[Worker("rollups", UsageWorker(usage).run_once, PAUSE_SECONDS)],
        routes=routes(exporter),
    )
