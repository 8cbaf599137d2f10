"""GET /v1/companies/{company}/receipts/{number}.pdf and …/statements/{month}.pdf: documents as downloads."""

from aiohttp import web

from admin.documents.names import month_in
from admin.documents.printing import File, Printing
from admin.http.routes import Route, attachment
from server.names import parse_receipt, receipt_name, statement_name
from server.validation import check
from veloconnect.admin.v1 import document_pb2


def routes(printing: Printing) -> list[Route]:
    """Return the routes of documents."""

    async def receipt(request: web.Request) -> web.StreamResponse:
        name = receipt_name(request.match_info["company"], request.match_info["number"])
        check(document_pb2.GetReceiptPdfRequest(name=name))
        return _sent(await printing.receipt(*parse_receipt(name)))

    async def statement(request: web.Request) -> web.StreamResponse:
        name = statement_name(request.match_info["company"], request.match_info["month"])
        check(document_pb2.GetStatementPdfRequest(name=name))
        return _sent(await printing.statement(*month_in(name)))

    company = "/v1/companies/{company}"
    return [
        Route("GET", f"{company}/receipts/{{number}}.pdf", receipt),
        Route("GET", f"{company}/statements/{{month}}.pdf", statement),
    ]


def _sent(file: File) -> web.Response:
    return attachment(file.content, filename=file.name, content_type="application/pdf")
