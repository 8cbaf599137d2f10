"""Requests of LedgerService that must be refused."""

from tests.acceptance.bad_requests.makers import UNKNOWN, BadRequest, RefusedRequest
from veloconnect.admin.v1 import ledger_pb2

BAD: dict[str, BadRequest] = {
    "rebuilding of a bad name": ("ledger.RebuildWallet", ledger_pb2.RebuildWalletRequest(name="companies/bad"), "name"),
}
"""Case → method, request, invalid field."""

REFUSED: dict[str, RefusedRequest] = {
    "rebuilding of an unknown company": (
        "ledger.RebuildWallet",
        ledger_pb2.RebuildWalletRequest(name=f"{UNKNOWN}/wallet"),
        "COMPANY_NOT_FOUND",
    ),
}
"""Case → method, request, reason."""
