"""The composition root of the back office's service."""

from functools import partial

from google.protobuf.descriptor import FileDescriptor

from admin.servicers.companies import CompanyServicer
from admin.servicers.ledger import LedgerServicer
from admin.servicers.top_ups import TopUpServicer
from admin.servicers.transactions import TransactionServicer
from admin.settings import AdminSettings
from server.lifecycle import Service, serve
from server.lifetime import Lifetime
from server.worker import run_worker
from veloconnect.admin.v1 import (
    company_pb2,
    company_pb2_grpc,
    ledger_pb2,
    ledger_pb2_grpc,
    top_up_pb2,
    top_up_pb2_grpc,
    transaction_pb2,
    transaction_pb2_grpc,
)
from wallet.runtime import Wallets


def run(settings: AdminSettings, tether: int | None) -> int:
    """Serve in this process until it is told to stop; return its exit status. Raises Misconfigured."""

    async def work(wallets: Wallets, lifetime: Lifetime) -> None:
        await serve(settings, services(wallets), healthy=wallets.healthy, lifetime=lifetime)

    return run_worker(work, tether=tether)


def services(wallets: Wallets) -> list[Service]:
    """Return the services of the back office."""
    companies = CompanyServicer(wallets.companies, wallets.reader)
    top_ups = TopUpServicer(wallets.engine, wallets.reader)
    transactions = TransactionServicer(wallets.reader)
    ledger = LedgerServicer(wallets)
    return [
        Service(
            _name(company_pb2.DESCRIPTOR), partial(company_pb2_grpc.add_CompanyServiceServicer_to_server, companies)
        ),
        Service(_name(top_up_pb2.DESCRIPTOR), partial(top_up_pb2_grpc.add_TopUpServiceServicer_to_server, top_ups)),
        Service(
            _name(transaction_pb2.DESCRIPTOR),
            partial(transaction_pb2_grpc.add_TransactionServiceServicer_to_server, transactions),
        ),
        Service(_name(ledger_pb2.DESCRIPTOR), partial(ledger_pb2_grpc.add_LedgerServiceServicer_to_server, ledger)),
    ]


def _name(file: FileDescriptor) -> str:
    """Return the full name of the one service that a file of protos/veloconnect/admin/v1 has."""
    (service,) = file.services_by_name.values()
    return service.full_name
