"""Construct the feature `subscriptions`: its stores, services, workers and routes."""

from admin.feature import Feature, service
from admin.subscriptions.lifecycle import SubscriptionLifecycle
from admin.subscriptions.servicer import SubscriptionServicer
from admin.subscriptions.store import Subscriptions
from admin.subscriptions.worker import PAUSE_SECONDS, SubscriptionWorker
from admin.work.runner import Worker
from refunds.service import Refunds
from refunds.store import ChargeReader
from veloconnect.admin.v1 import subscription_pb2, subscription_pb2_grpc
from wallet.runtime import Wallets


def subscriptions(wallets: Wallets) -> Feature:
    """Return SubscriptionService, and the worker that charges due periods."""
    store = Subscriptions(wallets.pool)
    lifecycle = SubscriptionLifecycle(
        wallets.engine, Refunds(wallets.engine, ChargeReader(wallets.pool)), wallets.rating, store
    )
    return Feature(
        services=[
            service(subscription_pb2, subscription_pb2_grpc, SubscriptionServicer(store, lifecycle, wallets.reader))
        ],
        workers=[Worker("subscriptions", SubscriptionWorker(store, lifecycle).run_once, PAUSE_SECONDS)],
    )
