"""Requests of TransactionService that must be refused."""

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from tests.acceptance.bad_requests.makers import MICROS_MAX, UNKNOWN, BadRequest, RefusedRequest, forged
from veloconnect.admin.v1 import transaction_pb2
from veloconnect.wallet.v1 import wallet_pb2


def statement(token: str = "", size: int = 0, parent: str = "companies/bad") -> transaction_pb2.ListTransactionsRequest:
    """Return the reading of a statement."""
    return transaction_pb2.ListTransactionsRequest(parent=parent, page_token=token, page_size=size)


def filtered(token: str = "", **fields: Any) -> transaction_pb2.ListTransactionsRequest:
    """Return the reading of a filtered statement."""
    return transaction_pb2.ListTransactionsRequest(
        parent="companies/bad", page_token=token, filter=transaction_pb2.TransactionFilter(**fields)
    )


def export(parent: str = "companies/bad", **fields: Any) -> transaction_pb2.ExportTransactionsRequest:
    """Return the writing of a statement."""
    return transaction_pb2.ExportTransactionsRequest(parent=parent, filter=transaction_pb2.TransactionFilter(**fields))


def summary(**fields: Any) -> transaction_pb2.GetUsageSummaryRequest:
    """Return a question for usage."""
    return transaction_pb2.GetUsageSummaryRequest(**{"parent": "companies/bad", **fields})


def at(seconds: int) -> Timestamp:
    """Return a time."""
    return Timestamp(seconds=seconds)


BAD_FILTERS: dict[str, tuple[dict[str, Any], str]] = {
    "time before 1970": ({"start_time": at(-1)}, "filter.start_time"),
    "time after 9999": ({"end_time": at(10**12)}, "filter.end_time"),
    "end before the start": ({"start_time": at(2), "end_time": at(1)}, "filter.end_time"),
    "no kind": ({"kinds": [0]}, "filter.kinds[0]"),
    "an unknown kind": ({"kinds": [77]}, "filter.kinds[0]"),
    "a kind twice": ({"kinds": [wallet_pb2.Transaction.KIND_CHARGE] * 2}, "filter.kinds"),
    "an unknown channel": ({"channel": 77}, "filter.channel"),
    "a country that is none": ({"country_code": "QX"}, "filter.country_code"),
    "a country in small letters": ({"country_code": "de"}, "filter.country_code"),
    "a campaign too long": ({"campaign_id": "x" * 129}, "filter.campaign_id"),
    "NUL in a contact": ({"contact_id": "a\0"}, "filter.contact_id"),
    "a negative amount": ({"min_amount_micros": -1}, "filter.min_amount_micros"),
    "an amount too large": ({"max_amount_micros": MICROS_MAX + 1}, "filter.max_amount_micros"),
    "amounts crossed": ({"min_amount_micros": 2, "max_amount_micros": 1}, "filter.max_amount_micros"),
    "a reference with a line break": ({"reference": "a\nb"}, "filter.reference"),
}
"""Case → the fields of a filter, and the invalid field."""

BAD: dict[str, BadRequest] = {
    "statement of a bad name": ("transactions.ListTransactions", statement(parent="companies/bad/"), "parent"),
    "statement by a negative page size": ("transactions.ListTransactions", statement(size=-1), "page_size"),
    "statement by garbage": ("transactions.ListTransactions", statement("%%%"), "page_token"),
    "statement by a token too long": ("transactions.ListTransactions", statement("A" * 257), "page_token"),
    "statement by another company's token": (
        "transactions.ListTransactions",
        statement(forged("companies/full 2")),
        "page_token",
    ),
    "statement by a forged token": (
        "transactions.ListTransactions",
        statement(forged("companies/bad seven")),
        "page_token",
    ),
    "statement by a token past every number": (
        "transactions.ListTransactions",
        statement(forged(f"companies/bad {10**30}")),
        "page_token",
    ),
    "transaction zero": (
        "transactions.GetTransaction",
        transaction_pb2.GetTransactionRequest(name="companies/bad/transactions/0"),
        "name",
    ),
    **{
        f"statement by {what}": ("transactions.ListTransactions", filtered(**fields), field)
        for what, (fields, field) in BAD_FILTERS.items()
    },
    "statement by the token of another filter": (
        "transactions.ListTransactions",
        filtered(forged("companies/bad 2"), country_code="DE"),
        "page_token",
    ),
    "usage of a bad name": ("transactions.GetUsageSummary", summary(parent="bad"), "parent"),
    "usage of a day that is none": ("transactions.GetUsageSummary", summary(end_date="2026-02-30"), "end_date"),
    "usage of a date in words": ("transactions.GetUsageSummary", summary(start_date="today"), "start_date"),
    "usage backwards": (
        "transactions.GetUsageSummary",
        summary(start_date="2026-02-02", end_date="2026-02-01"),
        "end_date",
    ),
    "usage from a day to come": ("transactions.GetUsageSummary", summary(start_date="9999-01-01"), "end_date"),
    "usage of too many days": (
        "transactions.GetUsageSummary",
        summary(start_date="2024-01-01", end_date="2025-01-01"),
        "end_date",
    ),
    "usage by an unknown channel": ("transactions.GetUsageSummary", summary(channel=77), "channel"),
    "usage of a country that is none": ("transactions.GetUsageSummary", summary(country_code="QX"), "country_code"),
}
"""Case → method, request, invalid field."""

REFUSED: dict[str, RefusedRequest] = {
    "statement of an unknown company": (
        "transactions.ListTransactions",
        statement(parent=UNKNOWN),
        "COMPANY_NOT_FOUND",
    ),
    "usage of an unknown company": (
        "transactions.GetUsageSummary",
        transaction_pb2.GetUsageSummaryRequest(parent=UNKNOWN),
        "COMPANY_NOT_FOUND",
    ),
    "unknown transaction": (
        "transactions.GetTransaction",
        transaction_pb2.GetTransactionRequest(name="companies/bad/transactions/999999999999999999"),
        "TRANSACTION_NOT_FOUND",
    ),
    "transaction of an unknown company": (
        "transactions.GetTransaction",
        transaction_pb2.GetTransactionRequest(name=f"{UNKNOWN}/transactions/1"),
        "TRANSACTION_NOT_FOUND",
    ),
}
"""Case → method, request, reason."""

BAD_EXPORTS: dict[str, tuple[transaction_pb2.ExportTransactionsRequest, str, tuple[str, ...]]] = {
    "of a bad name": (export("companies/"), "INVALID_REQUEST", ("parent",)),
    "of an unknown company": (export(UNKNOWN), "COMPANY_NOT_FOUND", ()),
    **{f"by {what}": (export(**fields), "INVALID_REQUEST", (field,)) for what, (fields, field) in BAD_FILTERS.items()},
}
"""Case → request, reason, and the fields that it names."""
