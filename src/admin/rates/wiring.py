"""Construct the feature `rates`: its stores, services, workers and routes."""

from admin.companies.store import Companies
from admin.feature import Feature, service
from admin.rates.quotes import Quotes
from admin.rates.servicer import RateServicer
from admin.rates.store import RateCards
from veloconnect.admin.v1 import rate_pb2, rate_pb2_grpc
from wallet.runtime import Wallets


def rates(wallets: Wallets) -> Feature:
    """Return RateService."""
    servicer = RateServicer(RateCards(wallets.pool), Quotes(wallets.rating, Companies(wallets.pool)))
    return Feature(services=[service(rate_pb2, rate_pb2_grpc, servicer)])
