"""Construct the feature `auto_top_ups`: its stores, services, workers and routes."""

from functools import partial

from admin.auto_top_ups.firing_store import AutoTopUpFirings
from admin.auto_top_ups.servicer import AutoTopUpServicer
from admin.auto_top_ups.store import AutoTopUps
from admin.auto_top_ups.top_up_starter import TopUpStarter
from admin.auto_top_ups.worker import PAUSE_SECONDS, TURNS_SECONDS, AutoTopUpWorker
from admin.feature import Feature, service
from admin.top_ups.services import TopUpServices
from admin.work.runner import Worker
from veloconnect.admin.v1 import auto_top_up_pb2, auto_top_up_pb2_grpc
from wallet.runtime import Wallets


def auto_top_ups(wallets: Wallets, top_ups: TopUpServices) -> Feature:
    """Return AutoTopUpService, and the worker that charges cards, if there is a payment provider."""
    servicer = AutoTopUpServicer(AutoTopUps(wallets.pool), wallets.reader, top_ups.customers)
    top_up_starter = TopUpStarter(top_ups.top_ups, top_ups.stores.top_ups)
    worker = AutoTopUpWorker(AutoTopUpFirings(wallets.pool), wallets.hot, top_up_starter)
    take_turns = partial(worker.run_once, seconds=TURNS_SECONDS)
    return Feature(
        services=[service(auto_top_up_pb2, auto_top_up_pb2_grpc, servicer)],
        workers=[Worker("auto-top-ups", take_turns, PAUSE_SECONDS)] if top_ups.has_cards else [],
    )
