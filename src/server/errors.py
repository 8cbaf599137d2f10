"""Convert errors to statuses with reason and details, by the table."""

from collections.abc import Sequence
from typing import NamedTuple, NoReturn

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from server.context import Context
from server.error_table import FAULT, TABLE
from server.reasons import Reason, sentence
from server.rejections import Violation

DOMAIN = "charging.veloconnect.com"
DETAILS_KEY = "grpc-status-details-bin"
VIOLATIONS_LISTED_MAX = 16
DESCRIPTION_BYTES_MAX = 700
DESCRIPTIONS_BYTES_MAX = 2_800
"""These keep the trailing metadata below the 8 KiB that gRPC clients accept; a few descriptions may each be longer."""
RETRY_MS = 250
"""The retry delay of OVERLOADED: several cycles."""


class ErrorAnswer(NamedTuple):
    """An error, ready to be sent."""

    code: grpc.StatusCode
    reason: Reason
    status: Status

    @property
    def trailers(self) -> tuple[tuple[str, bytes]]:
        """The trailing metadata that has the status with its details."""
        return ((DETAILS_KEY, self.status.SerializeToString()),)


def answer(error: Exception) -> ErrorAnswer:
    """Return the answer to an error. One that is not in the table is a fault: nothing of it is shown."""
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
    return ErrorAnswer(row.code, row.reason, status)


async def abort(context: Context, error: Exception) -> NoReturn:
    """End a call with an error's status."""
    answered = answer(error)
    await context.abort(answered.code, answered.status.message, answered.trailers)


def caller_is_gone(error: Exception) -> bool:
    """Return whether grpc.aio raised an error since the caller of an answer is gone: it says so in no other way."""
    if isinstance(error, ExceptionGroup):
        return all(caller_is_gone(each) for each in error.exceptions)
    return isinstance(error, grpc.aio.InternalError)


def is_fault(error: Exception) -> bool:
    """Return whether an error is not in the table, and so is to be logged with its traceback."""
    return type(error) not in TABLE


def _summary(violations: Sequence[Violation]) -> str:
    first = violations[0]
    more = len(violations) - 1
    rest = f" And {more} more." if more else ""
    return sentence(f"{first.field or 'The request'}: {cut(first.description, _bytes_each(violations))}") + rest


def _bad_request(violations: Sequence[Violation]) -> BadRequest:
    return BadRequest(
        field_violations=[
            BadRequest.FieldViolation(field=field, description=cut(description, _bytes_each(violations)))
            for field, description in violations[:VIOLATIONS_LISTED_MAX]
        ]
    )


def cut(text: str, bytes_max: int) -> str:
    """Return a text, or as many of its words as fit, with "…" after them, into `bytes_max` (at least 4) of UTF-8."""
    encoded = text.encode()
    if len(encoded) <= bytes_max:
        return text
    kept = encoded[: bytes_max - len("…".encode())].decode(errors="ignore")
    words, space, _ = kept.rpartition(" ")
    return f"{words if space else kept}…"


def _bytes_each(violations: Sequence[Violation]) -> int:
    return min(DESCRIPTION_BYTES_MAX, DESCRIPTIONS_BYTES_MAX // min(len(violations), VIOLATIONS_LISTED_MAX))
