"""Clients of a running service, and the errors that they get."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from devstack import Stack
from veloconnect.admin.v1 import (
    adjustment_pb2_grpc,
    auto_top_up_pb2_grpc,
    company_pb2_grpc,
    document_pb2_grpc,
    ledger_pb2,
    ledger_pb2_grpc,
    rate_pb2_grpc,
    refund_pb2_grpc,
    rule_pb2_grpc,
    subscription_pb2_grpc,
    top_up_pb2_grpc,
    transaction_pb2_grpc,
    webhook_pb2_grpc,
)
from veloconnect.charging.v1 import charging_pb2_grpc

CALL_SECONDS_MAX = 20.0

Metadata = list[tuple[str, str]]


@dataclass(frozen=True)
class Refusal:
    """An error of a call. Without a reason it is one of gRPC itself."""

    code: str
    message: str
    reason: str = ""
    domain: str = ""
    metadata: dict[str, str] | None = None
    fields: tuple[str, ...] = ()
    """The paths of BadRequest's field violations."""
    retry_seconds: float | None = None

    @classmethod
    def of(cls, error: grpc.RpcError) -> Self:
        """Return the refusal of a call's error."""
        assert isinstance(error, grpc.Call)
        status = rpc_status.from_call(error)
        if status is None:
            return cls(error.code().name, error.details() or "")
        return cls.in_status(status)

    @classmethod
    def in_status(cls, status: Status) -> Self:
        """Return the refusal of a status with its details."""
        info, bad, retry = ErrorInfo(), BadRequest(), RetryInfo()
        found = {type(detail) for detail in (info, bad, retry) for packed in status.details if packed.Unpack(detail)}
        assert len(found) == len(status.details), "a detail of an unknown type"
        return cls(
            code=next(code.name for code in grpc.StatusCode if code.value[0] == status.code),
            message=status.message,
            reason=info.reason,
            domain=info.domain,
            metadata=dict(info.metadata),
            fields=tuple(violation.field for violation in bad.field_violations),
            retry_seconds=retry.retry_delay.ToMilliseconds() / 1000 if RetryInfo in found else None,
        )


class Clients:
    """Stubs of every service of one stack, and its token; use as a context manager."""

    def __init__(
        self,
        charging_address: str,
        admin_address: str,
        token: str,
        *,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        """Open channels with connections of their own, with TLS if there are `credentials`."""

        def open_channel(address: str) -> grpc.Channel:
            options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 200)]
            if credentials is not None:
                return grpc.secure_channel(address, credentials, options)
            return grpc.insecure_channel(address, options)

        self.metadata: Metadata = [("authorization", f"Bearer {token}")]
        self.charging_channel = open_channel(charging_address)
        self.admin_channel = open_channel(admin_address)
        self.charging = charging_pb2_grpc.ChargingServiceStub(self.charging_channel)
        self.companies = company_pb2_grpc.CompanyServiceStub(self.admin_channel)
        self.top_ups = top_up_pb2_grpc.TopUpServiceStub(self.admin_channel)
        self.adjustments = adjustment_pb2_grpc.AdjustmentServiceStub(self.admin_channel)
        self.transactions = transaction_pb2_grpc.TransactionServiceStub(self.admin_channel)
        self.refunds = refund_pb2_grpc.RefundServiceStub(self.admin_channel)
        self.documents = document_pb2_grpc.DocumentServiceStub(self.admin_channel)
        self.rates = rate_pb2_grpc.RateServiceStub(self.admin_channel)
        self.subscriptions = subscription_pb2_grpc.SubscriptionServiceStub(self.admin_channel)
        self.rules = rule_pb2_grpc.RuleServiceStub(self.admin_channel)
        self.auto_top_ups = auto_top_up_pb2_grpc.AutoTopUpServiceStub(self.admin_channel)
        self.webhooks = webhook_pb2_grpc.WebhookServiceStub(self.admin_channel)
        self.ledger = ledger_pb2_grpc.LedgerServiceStub(self.admin_channel)

    @classmethod
    def of(cls, stack: Stack) -> Self:
        """Return the clients of a stack's two servers."""
        return cls(stack.charging_address, stack.admin_address, stack.token)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.charging_channel.close()
        self.admin_channel.close()

    def call(self, method: Callable[..., Any], request: Any, *, timeout: float = CALL_SECONDS_MAX) -> Any:
        """Call a method with the token, and return its answer."""
        return method(request, metadata=self.metadata, timeout=timeout)

    def refused(
        self,
        method: Callable[..., Any],
        request: Any,
        *,
        metadata: Metadata | None = None,
        timeout: float = CALL_SECONDS_MAX,
    ) -> Refusal:
        """Call a method that must fail, and return its error."""
        sent = self.metadata if metadata is None else metadata
        try:
            answer = method(request, metadata=sent, timeout=timeout)
        except grpc.RpcError as error:
            return Refusal.of(error)
        raise AssertionError(f"not refused: {answer}")

    def assert_ledger_clean(self) -> None:
        """Assert that VerifyLedger finds no problem."""
        verdict = self.call(self.ledger.VerifyLedger, ledger_pb2.VerifyLedgerRequest())
        assert verdict.ok, list(verdict.problems)
