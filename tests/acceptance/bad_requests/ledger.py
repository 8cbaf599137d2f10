"""Requests of LedgerService that must be refused."""

from tests.acceptance.bad_requests.makers import NOBODY, BadRequest, RefusedRequest
from veloconnect.admin.v1 import ledger_pb2

BAD: dict[str, BadRequest] = {
    "rebuilding of a bad name": ("ledger.RebuildWallet", ledger_pb2.RebuildWalletRequest(name="companies/bad"), "name"),
}
"""What is wrong → the method, the request, and the field that it is."""

REFUSED: dict[str, RefusedRequest] = {
    "rebuilding of an unknown company": (
        "ledger.RebuildWallet",
        ledger_pb2.RebuildWalletRequest(name=f"{NOBODY}/wallet"),
        "COMPANY_NOT_FOUND",
    ),
}
"""What is asked for → the method, the request, and the reason of the refusal."""
