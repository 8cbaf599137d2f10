"""GET /v1/companies/{company}/receipts/{number}.pdf and …/statements/{month}.pdf: documents as downloads."""

from aiohttp import web

from admin.documents.messages import parse_month
from admin.documents.renderer import DocumentRenderer, PdfFile
from admin.http.route import Route, attachment
from server.validation import check
from veloconnect.admin.v1 import document_pb2
from wallet.domain.resource_names import RECEIPT, STATEMENT


def routes(renderer: DocumentRenderer) -> list[Route]:
    """Return the routes of documents."""

    async def receipt(request: web.Request) -> web.StreamResponse:
        name = RECEIPT.template.format_map(request.match_info)
        check(document_pb2.GetReceiptPdfRequest(name=name))
        return _download(await renderer.render_receipt(*RECEIPT.parse(name)))

    async def statement(request: web.Request) -> web.StreamResponse:
        name = STATEMENT.template.format_map(request.match_info)
        check(document_pb2.GetStatementPdfRequest(name=name))
        return _download(await renderer.render_statement(*parse_month(name)))

    return [
        Route("GET", f"/v1/{RECEIPT.template}.pdf", receipt),
        Route("GET", f"/v1/{STATEMENT.template}.pdf", statement),
    ]


def _download(file: PdfFile) -> web.Response:
    return attachment(file.content, filename=file.name, content_type="application/pdf")
