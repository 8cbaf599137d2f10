"""grpc.aio tells by an error of its own, and logs it, that an answer has no one to go to: no fault of ours."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2

from server.errors import caller_is_gone
from server.open_services import OpenCalls

GONE = grpc.aio.InternalError("Failed execute_batch")


@pytest.mark.parametrize(
    ("error", "gone"),
    [
        (GONE, True),
        (ExceptionGroup("answers", [GONE, ExceptionGroup("more", [GONE])]), True),
        (ExceptionGroup("answers", [GONE, ValueError()]), False),
        (ValueError(), False),
    ],
)
def test_a_caller_that_is_gone_is_told_from_a_fault(error: Exception, gone: bool) -> None:
    assert caller_is_gone(error) is gone


async def test_a_health_check_whose_caller_is_gone_ends_as_cancelled() -> None:
    class Gone:
        async def write(self, _message: object) -> None:
            raise GONE

    async def check(_request: object, _context: object) -> health_pb2.HealthCheckResponse:
        return health_pb2.HealthCheckResponse()

    async def requests() -> AsyncIterator[bytes]:
        yield b""

    request = health_pb2.HealthCheckRequest.FromString
    bounded = OpenCalls().bounded(grpc.unary_unary_rpc_method_handler(check, request_deserializer=request))
    context: Any = Gone()
    with pytest.raises(asyncio.CancelledError):
        await bounded.stream_stream(requests(), context)
