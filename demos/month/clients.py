"""Clients of both servers: the stubs of all services, and downloads over HTTP."""

import http.client
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, cast

import grpc

from demos.half_minute.gateways.answers import DemoFailed, Retryable, from_error
from devstack.ports import LOOPBACK
from devstack.stack import Stack
from veloconnect.admin.v1.adjustment_pb2_grpc import AdjustmentServiceStub
from veloconnect.admin.v1.auto_top_up_pb2_grpc import AutoTopUpServiceStub
from veloconnect.admin.v1.company_pb2_grpc import CompanyServiceStub
from veloconnect.admin.v1.document_pb2_grpc import DocumentServiceStub
from veloconnect.admin.v1.ledger_pb2_grpc import LedgerServiceStub
from veloconnect.admin.v1.rate_pb2_grpc import RateServiceStub
from veloconnect.admin.v1.refund_pb2_grpc import RefundServiceStub
from veloconnect.admin.v1.rule_pb2_grpc import RuleServiceStub
from veloconnect.admin.v1.subscription_pb2_grpc import SubscriptionServiceStub
from veloconnect.admin.v1.top_up_pb2_grpc import TopUpServiceStub
from veloconnect.admin.v1.transaction_pb2_grpc import TransactionServiceStub
from veloconnect.admin.v1.webhook_pb2_grpc import WebhookServiceStub
from veloconnect.charging.v1.charging_pb2_grpc import ChargingServiceStub

ANSWER_SECONDS_MAX = 20.0
RETRY_SECONDS_MAX = 10.0
PAUSE_SECONDS = 0.2


class Clients:
    """Stubs of every service that the demo calls; use as a context manager."""

    def __init__(self, stack: Stack) -> None:
        """Connect when first used."""
        charging = grpc.insecure_channel(stack.charging_address)
        admin = grpc.insecure_channel(stack.admin_address)
        self._channels = (charging, admin)
        self._token = f"Bearer {stack.token}"
        self._http_port = stack.ports.admin_http
        self.charging = ChargingServiceStub(charging)
        self.adjustments = AdjustmentServiceStub(admin)
        self.auto_top_ups = AutoTopUpServiceStub(admin)
        self.companies = CompanyServiceStub(admin)
        self.documents = DocumentServiceStub(admin)
        self.ledger = LedgerServiceStub(admin)
        self.rates = RateServiceStub(admin)
        self.refunds = RefundServiceStub(admin)
        self.rules = RuleServiceStub(admin)
        self.subscriptions = SubscriptionServiceStub(admin)
        self.top_ups = TopUpServiceStub(admin)
        self.transactions = TransactionServiceStub(admin)
        self.webhooks = WebhookServiceStub(admin)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for channel in self._channels:
            channel.close()

    def call(self, method: Callable[..., Any], request: Any) -> Any:
        """Return the answer, with retries under the same key. Raise `Declined`, or `DemoFailed` for any other error."""
        until = time.monotonic() + RETRY_SECONDS_MAX
        while True:
            try:
                return method(request, timeout=ANSWER_SECONDS_MAX, metadata=[("authorization", self._token)])
            except grpc.RpcError as error:
                meaning = from_error(cast(grpc.Call, error), type(request).__name__)
                if not isinstance(meaning, Retryable):
                    raise meaning from error
                if time.monotonic() > until:
                    raise DemoFailed(f"no answer in {RETRY_SECONDS_MAX:g} s: {meaning}") from error
                time.sleep(max(meaning.seconds, PAUSE_SECONDS))

    def stream(self, method: Callable[..., Any], requests: list[Any]) -> Any:
        """Return the answer to a stream of requests."""
        return self.call(lambda _, **options: method(iter(requests), **options), requests[0])

    def download(self, path: str) -> bytes:
        """Return a file from admin's HTTP port. Raise `DemoFailed` unless the status is 200."""
        connection = http.client.HTTPConnection(LOOPBACK, self._http_port, timeout=ANSWER_SECONDS_MAX)
        try:
            connection.request("GET", path, headers={"Authorization": self._token})
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise DemoFailed(f"GET {path}: {response.status} {body[:500]!r}")
        return body
