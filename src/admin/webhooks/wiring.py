"""Construct the feature `webhooks`: its stores, services, workers and routes."""

from admin.feature import Feature, service
from admin.webhooks.event_store import Events
from admin.webhooks.servicer import WebhookServicer
from admin.webhooks.store import Webhooks
from admin.webhooks.worker import PAUSE_SECONDS, WebhookWorker
from admin.work.runner import Worker
from veloconnect.admin.v1 import webhook_pb2, webhook_pb2_grpc
from wallet.runtime import Wallets


def webhooks(wallets: Wallets, *, allow_private: bool) -> Feature:
    """Return WebhookService, and the worker that sends events."""
    events = Events(wallets.pool)
    servicer = WebhookServicer(Webhooks(wallets.pool), events, allow_private=allow_private)
    sender = WebhookWorker(events, allow_private=allow_private)
    return Feature(
        services=[service(webhook_pb2, webhook_pb2_grpc, servicer)],
        workers=[Worker("webhooks", sender.run_once, PAUSE_SECONDS)],
    )
