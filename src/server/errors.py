"""Errors to what is sent: status, reason and details, by the table."""

from collections.abc import Sequence
from typing import NamedTuple

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from server.error_table import FAULT, TABLE, Reason, sentence
from server.rejections import Violation

DOMAIN = "charging.veloconnect.com"
DETAILS_KEY = "grpc-status-details-bin"
VIOLATIONS_LISTED_MAX = 16
DESCRIPTION_CHARACTERS_MAX = 200
"""Both keep the trailing metadata below the 8 KiB that gRPC clients take."""
RETRY_MS = 250
"""How long a caller is asked to wait after OVERLOADED: several cycles."""


class Answer(NamedTuple):
    """An error, ready to be sent."""

    code: grpc.StatusCode
    reason: Reason
    status: Status


def answer(error: Exception) -> Answer:
    """Return what is sent for an error. One that is not in the table is a fault: nothing of it is shown."""
    row = TABLE.get(type(error), FAULT)
    info = ErrorInfo(reason=row.reason, domain=DOMAIN, metadata=row.metadata(error))
    number: int = row.code.value[0]
    status = Status(code=number, message=f"{row.says(error)} {row.advice}")
    status.details.add().Pack(info)
    violations = row.violations(error)
    if violations:
        status.message = f"{_summary(violations)} {row.advice}"
        status.details.add().Pack(_bad_request(violations))
    if row.reason is Reason.OVERLOADED:
        status.details.add().Pack(RetryInfo(retry_delay=Duration(nanos=RETRY_MS * 1_000_000)))
    return Answer(row.code, row.reason, status)


def is_fault(error: Exception) -> bool:
    """Return whether an error is in no row of the table, and so belongs into the log with its traceback."""
    return type(error) not in TABLE


def _summary(violations: Sequence[Violation]) -> str:
    first = violations[0]
    more = len(violations) - 1
    rest = f" And {more} more." if more else ""
    return sentence(f"{first.field or 'The request'}: {first.description[:DESCRIPTION_CHARACTERS_MAX]}") + rest


def _bad_request(violations: Sequence[Violation]) -> BadRequest:
    return BadRequest(
        field_violations=[
            BadRequest.FieldViolation(field=field, description=description[:DESCRIPTION_CHARACTERS_MAX])
            for field, description in violations[:VIOLATIONS_LISTED_MAX]
        ]
    )
