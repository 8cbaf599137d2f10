"""Construct the feature `companies`: its stores, services, workers and routes."""

from admin.alerts.store import Alerts
from admin.companies.servicer import CompanyServicer
from admin.companies.store import Companies
from admin.feature import Feature, service
from veloconnect.admin.v1 import company_pb2, company_pb2_grpc
from wallet.runtime import Wallets


def companies(wallets: Wallets) -> Feature:
    """Return CompanyService."""
    servicer = CompanyServicer(Companies(wallets.pool), wallets.reader, Alerts(wallets.pool))
    return Feature(services=[service(company_pb2, company_pb2_grpc, servicer)])
