"""Outcomes of calls: gRPC's status with the service's reason, or an error below gRPC."""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

DEFINITE = frozenset(
    {
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "UNAUTHENTICATED",
    }
)
"""After these the request has changed nothing; after any other error it may have."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a call."""

    name: str
    """`OK`, `UNAVAILABLE/LEDGER_UNAVAILABLE`, `RST_STREAM/CANCEL`."""
    maybe_applied: bool = True
    """Whether the request may have been applied although this is not `OK`."""
    detail: str = ""
    """The server's message, for people."""


OK = Outcome("OK")
CONNECTION_LOST = Outcome("CONNECTION_LOST")
NO_ANSWER = Outcome("NO_ANSWER")
"""The run ended before the answer came."""
NOT_SENT = Outcome("NOT_SENT", maybe_applied=False)
"""The call was due, but too many others were unanswered."""
NO_TRAILERS = Outcome("NO_TRAILERS")
"""The stream ended without a status."""
BAD_MESSAGE = Outcome("BAD_MESSAGE")
"""The status is 0, but the answer is not exactly one complete message."""


def of_headers(headers: Mapping[str, str]) -> Outcome:
    """Return the outcome of the headers that ended a stream: trailers, or trailers-only."""
    if headers.get(":status", "200") != "200":
        return Outcome(f"HTTP/{headers[':status']}")
    number = headers.get("grpc-status")
    if number is None:
        return NO_TRAILERS
    if number == "0":
        return OK
    return of_status(
        int(number) if number.isdecimal() else -1,
        unquote(headers.get("grpc-message", "")),
        _details(headers.get("grpc-status-details-bin", "")),
    )


def of_status(number: int, message: str, details: Status) -> Outcome:
    """Return the outcome of a gRPC error; `details` carry the reason, if any."""
    code = _CODES.get(number, f"STATUS_{number}")
    reason, applied = "", ""
    for detail in details.details:
        info = ErrorInfo()
        if detail.Unpack(info):
            reason, applied = info.reason, info.metadata.get("applied", "")
    return Outcome(
        name=f"{code}/{reason}" if reason else code,
        maybe_applied=code not in DEFINITE and applied != "no",
        detail=message,
    )


def of_result(status: Status) -> Outcome:
    """Return the outcome of one charge of a batch."""
    return of_status(status.code, status.message, status)


def _details(text: str) -> Status:
    try:
        return Status.FromString(b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, DecodeError):
        return Status()


_CODES = {code.value[0]: code.name for code in grpc.StatusCode}
