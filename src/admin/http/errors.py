"""Errors over HTTP: the reasons, messages and details of gRPC, in JSON (AIP-193)."""

from collections.abc import Mapping

import grpc
from aiohttp import web
from google.protobuf.json_format import MessageToDict
from google.rpc.error_details_pb2 import RetryInfo

from server.errors import ErrorAnswer

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
"""The mapping of google.rpc.Code, for every code of the error table."""


def error_response(error: ErrorAnswer, status: int | None = None) -> web.Response:
    """Return the response for an error; `status` replaces the mapped one if HTTP has a status of its own for it."""
    http_status = STATUSES[error.code] if status is None else status
    body = {
        "code": http_status,
        "status": error.code.name,
        "message": error.status.message,
        "details": [MessageToDict(detail, preserving_proto_field_name=True) for detail in error.status.details],
    }
    headers = {}
    if http_status == STATUSES[_C.UNAUTHENTICATED]:
        headers["WWW-Authenticate"] = "Bearer"
    if any(detail.Is(RetryInfo.DESCRIPTOR) for detail in error.status.details):
        headers["Retry-After"] = "1"
    return web.json_response({"error": body}, status=http_status, headers=headers)
