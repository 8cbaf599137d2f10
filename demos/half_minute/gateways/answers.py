"""The meaning of an error for a gateway: a decline, a retryable error, or an unexpected one."""

from typing import cast

import grpc
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

RETRYABLE_CODES = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)
"""The outcome is unknown: the same request is sent again under the same key, later."""

INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
"""The reason of a decline that a top-up remedies; these gateways handle no other."""

CODES = {code.value[0]: code for code in grpc.StatusCode}


class Declined(Exception):
    """The wallet lacks funds. Nothing is recorded: the same key may succeed later."""

    def __init__(self, available: str, required: str) -> None:
        """Take the amounts of ErrorInfo, in micros, as text."""
        super().__init__(f"{required} micros are required and {available} are available")
        self.available = available
        self.required = required


class Retryable(Exception):
    """The call has no definite answer. `seconds` is the delay that RetryInfo asks for."""

    def __init__(self, message: str, seconds: float = 0.0) -> None:
        """Take the error as text."""
        super().__init__(message)
        self.seconds = seconds


class DemoFailed(Exception):
    """An error or a result that a correct service does not give here: the demo stops."""


def from_error(error: grpc.aio.AioRpcError | grpc.Call, call_text: str) -> Declined | Retryable | DemoFailed:
    """Return the meaning of a failed call; `call_text` names the call in messages."""
    status = rpc_status.from_call(cast(grpc.Call, error))
    if status is None:
        status = Status(code=error.code().value[0], message=error.details() or "")
    return from_status(status, call_text)


def from_status(status: Status, call_text: str) -> Declined | Retryable | DemoFailed:
    """Return the meaning of a status, of a call or of one charge in a batch."""
    code = CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    reason = ErrorInfo()
    retry = RetryInfo()
    for detail in status.details:
        # Unpack does nothing where the detail is of another type.
        detail.Unpack(reason)
        detail.Unpack(retry)
    message = f"{call_text}: {code.name} {reason.reason} {status.message}"
    if code in RETRYABLE_CODES:
        return Retryable(message, retry.retry_delay.ToTimedelta().total_seconds())
    if reason.reason == INSUFFICIENT_FUNDS:
        return Declined(reason.metadata.get("available", "?"), reason.metadata.get("required", "?"))
    return DemoFailed(message)
