"""Construct the feature `adjustments`: its stores, services, workers and routes."""

from admin.adjustments.servicer import AdjustmentServicer
from admin.feature import Feature, service
from veloconnect.admin.v1 import adjustment_pb2, adjustment_pb2_grpc
from wallet.runtime import Wallets


def adjustments(wallets: Wallets, *, manual_micros_max: int) -> Feature:
    """Return AdjustmentService."""
    servicer = AdjustmentServicer(wallets.engine, wallets.reader, manual_micros_max=manual_micros_max)
    return Feature(services=[service(adjustment_pb2, adjustment_pb2_grpc, servicer)])
