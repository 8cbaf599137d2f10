"""GET /v1/companies/{company}/transactions:export: the statement as a download."""

import asyncio
from contextlib import aclosing

from aiohttp import HttpVersion11, web
from google.protobuf.json_format import ParseDict, ParseError
from multidict import MultiMapping

from admin.http.route import Route, attachment_headers
from admin.statements.exporter import StatementExporter
from admin.statements.filters import filter_of
from server.rejections import InvalidRequest, invalid
from server.validation import check
from veloconnect.admin.v1 import transaction_pb2
from wallet.domain.resource_names import COMPANY, TRANSACTION

EXPORT_SECONDS_MAX = 900.0
"""The limit of the RPC's streams as well."""
PIECE_SECONDS_MAX = 60.0
"""How long a reader may take for a piece. A stalled reader keeps others from their exports."""

_PREFIX = "filter."


def routes(exporter: StatementExporter) -> list[Route]:
    """Return the routes of statements."""

    async def export(request: web.Request) -> web.StreamResponse:
        message = transaction_pb2.ExportTransactionsRequest(
            parent=COMPANY.name(request.match_info["company"]), filter=_filter(request.query)
        )
        check(message)
        if request.version < HttpVersion11:
            raise InvalidRequest("A download needs HTTP/1.1: with an older version a broken download looks complete.")
        company = COMPANY.parse(message.parent)
        async with aclosing(exporter.stream_csv(company, filter_of(message.filter))) as pieces:
            # Before anything is sent, so that an error of the request can still be the response.
            piece = await anext(pieces)
            response = web.StreamResponse(headers=attachment_headers(f"{company}-transactions.csv"))
            response.content_type, response.charset = "text/csv", "utf-8"
            # Chunked, without a length: the last chunk marks a complete download.
            response.enable_chunked_encoding()
            await response.prepare(request)
            await _write(response, piece)
            async for more in pieces:
                await _write(response, more)
        await response.write_eof()
        return response

    path = f"/v1/{COMPANY.template}/{TRANSACTION.collection}:export"
    return [Route("GET", path, export, seconds_max=EXPORT_SECONDS_MAX)]


async def _write(response: web.StreamResponse, piece: str) -> None:
    try:
        async with asyncio.timeout(PIECE_SECONDS_MAX):
            await response.write(piece.encode())
    except TimeoutError as error:
        raise ConnectionAbortedError("the reader has stalled") from error


def _filter(query: MultiMapping[str]) -> transaction_pb2.TransactionFilter:
    """Return the filter of a query, such as `filter.start_time=2026-11-01T00:00:00Z&filter.kinds=KIND_CHARGE`.

    Raises InvalidRequest.
    """
    found = transaction_pb2.TransactionFilter()
    fields = found.DESCRIPTOR.fields_by_name
    for name in dict.fromkeys(query):
        field = fields.get(name.removeprefix(_PREFIX)) if name.startswith(_PREFIX) else None
        if field is None:
            known = ", ".join(f"{_PREFIX}{known}" for known in fields)
            raise invalid(name[:100], f"is unknown; the parameters are {known}")
        values = query.getall(name)
        if len(values) > 1 and not field.is_repeated:
            raise invalid(name, "is given more than once")
        try:
            ParseDict({field.name: values if field.is_repeated else values[0]}, found)
        except ParseError as error:
            raise invalid(name, f"must be {_expected(field.name)}") from error
    return found


def _expected(name: str) -> str:
    field = transaction_pb2.TransactionFilter.DESCRIPTOR.fields_by_name[name]
    if field.message_type is not None:
        return "a time such as 2026-11-01T00:00:00Z"
    if field.enum_type is not None:
        return "one of " + ", ".join(value.name for value in field.enum_type.values if value.number)
    return "a whole number" if field.cpp_type == field.CPPTYPE_INT64 else "text"
