"""The one table of errors: what each is on the wire, and what it tells the caller to do next.

`docs/ERRORS.md` has a section for every reason, in the order of `Reason`, which is the order of precedence: where
several hold, the first one is the answer.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from server.rejections import InvalidRequest, StreamEnded, Unauthenticated
from wallet.domain import errors as e
from wallet.domain.errors import Applied

DOMAIN = "charging.veloconnect.com"
DETAILS_KEY = "grpc-status-details-bin"
VIOLATIONS_LISTED_MAX = 16
DESCRIPTION_CHARACTERS_MAX = 200
"""Both keep the trailing metadata below the 8 KiB that gRPC clients take."""
RETRY_MS = 250
"""How long a caller is asked to wait after OVERLOADED: several cycles."""


class Reason(StrEnum):
    """`ErrorInfo.reason`, in order of precedence."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    INVALID_REQUEST = "INVALID_REQUEST"
    STREAM_ENDED = "STREAM_ENDED"
    OVERLOADED = "OVERLOADED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    LEDGER_UNAVAILABLE = "LEDGER_UNAVAILABLE"
    WALLET_UNAVAILABLE = "WALLET_UNAVAILABLE"
    COMPANY_NOT_FOUND = "COMPANY_NOT_FOUND"
    COMPANY_ALREADY_EXISTS = "COMPANY_ALREADY_EXISTS"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    COMPANY_CLOSED = "COMPANY_CLOSED"
    WALLET_NOT_EMPTY = "WALLET_NOT_EMPTY"
    AUTHORIZATION_NOT_FOUND = "AUTHORIZATION_NOT_FOUND"
    AUTHORIZATION_CLOSED = "AUTHORIZATION_CLOSED"
    COMPANY_SUSPENDED = "COMPANY_SUSPENDED"
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    BALANCE_LIMIT_REACHED = "BALANCE_LIMIT_REACHED"
    TRANSACTION_NOT_FOUND = "TRANSACTION_NOT_FOUND"
    REFUND_EXCEEDS_CHARGE = "REFUND_EXCEEDS_CHARGE"
    ENTRY_QUARANTINED = "ENTRY_QUARANTINED"
    INTERNAL = "INTERNAL"


class Row(NamedTuple):
    """What an error is on the wire. `says` is the first sentence of the message, `advice` the one about what to do."""

    code: grpc.StatusCode
    reason: Reason
    says: Callable[[Any], str]
    advice: str
    metadata: Callable[[Any], Mapping[str, str]] = lambda _: {}


class Answer(NamedTuple):
    """An error, ready to be sent."""

    code: grpc.StatusCode
    reason: Reason
    status: Status


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _applied(error: e.Unavailable) -> Mapping[str, str]:
    return {"applied": error.applied}


def _funds(error: e.InsufficientFunds) -> Mapping[str, str]:
    return {
        "available": str(error.available),
        "required": str(error.required),
        "floor": str(error.floor),
        "currency": error.currency,
    }


_C = grpc.StatusCode

TABLE: Mapping[type[Exception], Row] = {
    Unauthenticated: Row(
        _C.UNAUTHENTICATED,
        Reason.UNAUTHENTICATED,
        lambda _: "The call shows no token that is known.",
        "Send the metadata `authorization: Bearer <token>`.",
    ),
    InvalidRequest: Row(
        _C.INVALID_ARGUMENT,
        Reason.INVALID_REQUEST,
        lambda error: _sentence(f"{error}"),
        "Correct the request; sent again as it is, it fails again.",
    ),
    StreamEnded: Row(
        _C.UNAVAILABLE,
        Reason.STREAM_ENDED,
        lambda _: "The server ends this stream; every batch that it read is answered.",
        "Open another stream and send the batches that were not answered, under the same keys.",
        lambda _: {"applied": Applied.NO},
    ),
    e.Overloaded: Row(
        _C.RESOURCE_EXHAUSTED,
        Reason.OVERLOADED,
        lambda error: _sentence(f"The service has more to do than it can: {error}"),
        "Nothing was applied. Wait, then send the same request again, and send fewer at a time.",
        _applied,
    ),
    e.DeadlineExceeded: Row(
        _C.DEADLINE_EXCEEDED,
        Reason.DEADLINE_EXCEEDED,
        lambda error: _sentence(f"There was no answer in time: {error}"),
        "Send the same request again under the same key, with a later deadline.",
        _applied,
    ),
    e.LedgerUnavailable: Row(
        _C.UNAVAILABLE,
        Reason.LEDGER_UNAVAILABLE,
        lambda error: _sentence(f"The ledger does not answer: {error}"),
        "Send the same request again under the same key until the answer is definite.",
        _applied,
    ),
    e.WalletUnavailable: Row(
        _C.UNAVAILABLE,
        Reason.WALLET_UNAVAILABLE,
        lambda error: _sentence(f"The wallet does not answer: {error}"),
        "Send the same request again under the same key until the answer is definite.",
        _applied,
    ),
    e.CompanyNotFound: Row(
        _C.NOT_FOUND,
        Reason.COMPANY_NOT_FOUND,
        lambda error: f"There is no company {error}.",
        "Check the name, or create it with CompanyService.CreateCompany.",
    ),
    e.CompanyAlreadyExists: Row(
        _C.ALREADY_EXISTS,
        Reason.COMPANY_ALREADY_EXISTS,
        lambda error: f"There is a company {error} already.",
        "Choose another company_id, or read this one with GetCompany: an earlier try may have made it.",
    ),
    e.IdempotencyKeyReused: Row(
        _C.INVALID_ARGUMENT,
        Reason.IDEMPOTENCY_KEY_REUSED,
        lambda error: (
            f"Another request is recorded under the idempotency key {error}: if it was a charge, it is charged."
        ),
        "Find out what it was before you send this one under a key of its own, and send retries unchanged.",
    ),
    e.CurrencyMismatch: Row(
        _C.FAILED_PRECONDITION,
        Reason.CURRENCY_MISMATCH,
        lambda error: f"The wallet is in {error.wallet}, the amount in {error.given}.",
        "Send the amount in the wallet's currency, which never changes.",
        lambda error: {"wallet": error.wallet, "given": error.given},
    ),
    e.CompanyClosed: Row(
        _C.FAILED_PRECONDITION,
        Reason.COMPANY_CLOSED,
        lambda error: f"The company {error} is closed for good.",
        "It can be read, and nothing else.",
    ),
    e.WalletNotEmpty: Row(
        _C.FAILED_PRECONDITION,
        Reason.WALLET_NOT_EMPTY,
        lambda error: f"The wallet of {error} has a balance, or holds money.",
        "Void what is held and charge the rest (there is no pay-out yet), or top up what is owed; then close it.",
    ),
    e.AuthorizationNotFound: Row(
        _C.NOT_FOUND,
        Reason.AUTHORIZATION_NOT_FOUND,
        lambda error: f"There is no authorization {error}.",
        "Check the name: its last part is the idempotency key of Authorize.",
    ),
    e.AuthorizationClosed: Row(
        _C.FAILED_PRECONDITION,
        Reason.AUTHORIZATION_CLOSED,
        lambda error: f"The authorization {error} is no longer open.",
        "Read it with GetAuthorization; what is still to be paid is a Charge.",
    ),
    e.CompanySuspended: Row(
        _C.FAILED_PRECONDITION,
        Reason.COMPANY_SUSPENDED,
        lambda error: f"The company {error} is suspended.",
        "Stop sending for it until CompanyService.ResumeCompany; captures and voids still work.",
    ),
    e.InsufficientFunds: Row(
        _C.FAILED_PRECONDITION,
        Reason.INSUFFICIENT_FUNDS,
        lambda error: f"{error.required} micros are required and {error.available} are available above the floor.",
        "Do not deliver what it was to pay for; a capture within its hold needs no more. "
        "After a top-up the same request may succeed.",
        _funds,
    ),
    e.BalanceLimitReached: Row(
        _C.FAILED_PRECONDITION,
        Reason.BALANCE_LIMIT_REACHED,
        lambda _: "The balance or the held amount would leave the range of ±9 000 000 000 000 000 micros.",
        "Send a smaller amount.",
    ),
    e.TransactionNotFound: Row(
        _C.NOT_FOUND,
        Reason.TRANSACTION_NOT_FOUND,
        lambda error: f"There is no transaction {error}.",
        "Check the name against ListTransactions; only charges and captures can be refunded.",
    ),
    e.RefundExceedsCharge: Row(
        _C.FAILED_PRECONDITION,
        Reason.REFUND_EXCEEDS_CHARGE,
        lambda error: f"{error.required} micros are asked for and {error.refundable} are left to refund.",
        "Refund no more than is left.",
        lambda error: {"refundable": str(error.refundable), "required": str(error.required)},
    ),
    e.EntryQuarantined: Row(
        _C.INTERNAL,
        Reason.ENTRY_QUARANTINED,
        lambda _: "The ledger refuses the data of this request, which is a fault of the service. Nothing is charged.",
        "Do not retry; report it.",
        lambda _: {"applied": Applied.NO},
    ),
    # Only the sweep of expired authorizations can meet this one; a caller who does has found a fault.
    e.AuthorizationNotExpired: Row(
        _C.INTERNAL,
        Reason.INTERNAL,
        lambda _: "The service has a fault.",
        "Report it.",
        lambda _: {"applied": Applied.NO},
    ),
}

_FAULT = Row(
    _C.INTERNAL,
    Reason.INTERNAL,
    lambda _: "The service has a fault, which is in its log.",
    "Send the same request again under the same key; if that does not help, report it.",
    lambda _: {"applied": Applied.UNKNOWN},
)


def answer(error: Exception) -> Answer:
    """Return what is sent for an error. One that is not in the table is a fault: nothing of it is shown."""
    row = TABLE.get(type(error), _FAULT)
    info = ErrorInfo(reason=row.reason, domain=DOMAIN, metadata=row.metadata(error))
    number: int = row.code.value[0]
    status = Status(code=number, message=f"{row.says(error)} {row.advice}")
    status.details.add().Pack(info)
    if isinstance(error, InvalidRequest) and error.violations:
        status.message = f"{_summary(error)} {row.advice}"
        status.details.add().Pack(_bad_request(error))
    if row.reason is Reason.OVERLOADED:
        status.details.add().Pack(RetryInfo(retry_delay=Duration(nanos=RETRY_MS * 1_000_000)))
    return Answer(row.code, row.reason, status)


def is_fault(error: Exception) -> bool:
    """Return whether an error is in no row of the table, and so belongs into the log with its traceback."""
    return type(error) not in TABLE


def _summary(error: InvalidRequest) -> str:
    first = error.violations[0]
    more = len(error.violations) - 1
    rest = f" And {more} more." if more else ""
    return _sentence(f"{first.field or 'The request'}: {first.description[:DESCRIPTION_CHARACTERS_MAX]}") + rest


def _bad_request(error: InvalidRequest) -> BadRequest:
    return BadRequest(
        field_violations=[
            BadRequest.FieldViolation(field=field, description=description[:DESCRIPTION_CHARACTERS_MAX])
            for field, description in error.violations[:VIOLATIONS_LISTED_MAX]
        ]
    )
