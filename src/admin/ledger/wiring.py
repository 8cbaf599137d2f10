"""Construct the feature `ledger`: its stores, services, workers and routes."""

from admin.feature import Feature, service
from admin.ledger.servicer import LedgerServicer
from admin.ledger.verifier import verifier_of
from veloconnect.admin.v1 import ledger_pb2, ledger_pb2_grpc
from wallet.runtime import Wallets


def ledger(wallets: Wallets) -> Feature:
    """Return LedgerService."""
    return Feature(services=[service(ledger_pb2, ledger_pb2_grpc, LedgerServicer(wallets, verifier_of(wallets)))])
