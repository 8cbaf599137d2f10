"""What a gateway makes of an error: an honest no, no answer yet, or something that must not happen."""

from typing import cast

import grpc
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

ASK_AGAIN = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)
"""Not definite: the same request under the same key, later."""

WAIT_FOR_MONEY = "INSUFFICIENT_FUNDS"
"""The one reason that these gateways have an answer to: a top-up."""

CODES = {code.value[0]: code for code in grpc.StatusCode}


class Declined(Exception):
    """The wallet has not enough money. Nothing is recorded: the same key may succeed later."""

    def __init__(self, available: str, required: str) -> None:
        """Take what ErrorInfo says, in micros."""
        super().__init__(f"{required} micros are required and {available} are available")
        self.available = available
        self.required = required


class AskAgain(Exception):
    """No definite answer. `seconds` is how long the service asks to be left alone."""

    def __init__(self, message: str, seconds: float = 0.0) -> None:
        """Say what came instead of an answer."""
        super().__init__(message)
        self.seconds = seconds


class Refused(Exception):
    """An error that a correct service has no reason to give to these gateways: the play stops."""


def from_error(error: grpc.aio.AioRpcError | grpc.Call, asked: str) -> Declined | AskAgain | Refused:
    """Return what a failed call means; `asked` says which call it was."""
    status = rpc_status.from_call(cast(grpc.Call, error))
    if status is None:
        status = Status(code=error.code().value[0], message=error.details() or "")
    return from_status(status, asked)


def from_status(status: Status, asked: str) -> Declined | AskAgain | Refused:
    """Return what a status means, a batch's or a call's own."""
    code = CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    reason = ErrorInfo()
    retry = RetryInfo()
    for detail in status.details:
        # Unpack does nothing where the detail is of another type.
        detail.Unpack(reason)
        detail.Unpack(retry)
    message = f"{asked}: {code.name} {reason.reason} {status.message}"
    if code in ASK_AGAIN:
        return AskAgain(message, retry.retry_delay.ToTimedelta().total_seconds())
    if reason.reason == WAIT_FOR_MONEY:
        return Declined(reason.metadata.get("available", "?"), reason.metadata.get("required", "?"))
    return Refused(message)
