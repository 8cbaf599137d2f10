"""Errors to HTTP: the same reasons, words and details as over gRPC, in JSON (AIP-193)."""

from collections.abc import Mapping

import grpc
from aiohttp import web
from google.protobuf.json_format import MessageToDict
from google.rpc.error_details_pb2 import RetryInfo

from server.errors import Answer

_C = grpc.StatusCode

STATUSES: Mapping[grpc.StatusCode, int] = {
    _C.INVALID_ARGUMENT: 400,
    _C.FAILED_PRECONDITION: 400,
    _C.UNAUTHENTICATED: 401,
    _C.NOT_FOUND: 404,
    _C.ALREADY_EXISTS: 409,
    _C.RESOURCE_EXHAUSTED: 429,
    _C.INTERNAL: 500,
    _C.UNAVAILABLE: 503,
    _C.DEADLINE_EXCEEDED: 504,
}
"""As google.rpc.Code says it; every code of the error table is here."""


def error_response(said: Answer, status: int | None = None) -> web.Response:
    """Return an error as it is sent; `status` where HTTP has one of its own for it."""
    found = STATUSES[said.code] if status is None else status
    error = {
        "code": found,
        "status": said.code.name,
        "message": said.status.message,
        "details": [MessageToDict(detail, preserving_proto_field_name=True) for detail in said.status.details],
    }
    headers = {}
    if found == STATUSES[_C.UNAUTHENTICATED]:
        headers["WWW-Authenticate"] = "Bearer"
    if any(detail.Is(RetryInfo.DESCRIPTOR) for detail in said.status.details):
        headers["Retry-After"] = "1"
    return web.json_response({"error": error}, status=found, headers=headers)
