"""Construct the feature `rules`: its stores, services, workers and routes."""

from admin.alerts.store import Alerts
from admin.feature import Feature, service
from admin.rules.servicer import RuleServicer
from admin.rules.store import SpendLimits
from veloconnect.admin.v1 import rule_pb2, rule_pb2_grpc
from wallet.runtime import Wallets


def rules(wallets: Wallets) -> Feature:
    """Return RuleService."""
    servicer = RuleServicer(SpendLimits(wallets.pool), Alerts(wallets.pool))
    return Feature(services=[service(rule_pb2, rule_pb2_grpc, servicer)])
