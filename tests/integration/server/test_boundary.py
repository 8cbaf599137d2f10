"""Unary and streaming calls at the boundary have the same tokens, checks, errors and metrics."""
# ruff: noqa: ARG002, N802  Names and arguments are gRPC's.

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status
from prometheus_client import REGISTRY

from server import boundary
from server.boundary import Boundary
from server.context import Context
from server.tokens import Tokens
from server.validation import MESSAGE_BYTES_MAX
from tests.support.polling import until
from veloconnect.admin.v1 import rate_pb2, rate_pb2_grpc
from wallet.domain.errors import RateCardNotFound

SERVICE = rate_pb2.DESCRIPTOR.services_by_name["RateService"].full_name
TOKEN = "t" * 43
SHOWN = (("authorization", f"Bearer {TOKEN}"),)
CALL_SECONDS_MAX = 10


class Servicer(rate_pb2_grpc.RateServiceServicer):
    """Counts what is sent, and sends back as many as the card's name says."""

    def __init__(self) -> None:
        self.closed = 0
        self.received = 0
        self.piece = ""
        """Sent after the number of each piece of a download."""

    async def ImportRates(
        self, requests: AsyncIterator[rate_pb2.ImportRatesRequest], context: Context
    ) -> rate_pb2.ImportRatesResponse:
        """Count, and fail where a chunk says so."""
        rows = 0
        async for request in requests:
            self.received += 1
            if request.chunk == b"stop":
                raise RateCardNotFound("none")
            rows += 1
        return rate_pb2.ImportRatesResponse(rows=rows)

    async def ExportRates(
        self, request: rate_pb2.ExportRatesRequest, context: Context
    ) -> AsyncIterator[rate_pb2.ExportRatesResponse]:
        """Send, and then fail."""
        try:
            for number in range(int(request.name.rpartition("/")[2])):
                yield rate_pb2.ExportRatesResponse(csv=f"{number}{self.piece}")
            raise RateCardNotFound("none")
        finally:
            self.closed += 1


@asynccontextmanager
async def served(servicer: Servicer) -> AsyncIterator[rate_pb2_grpc.RateServiceStub]:
    """Serve behind a boundary; yields stubs."""
    guard = Boundary(Tokens([TOKEN]), ours=frozenset({SERVICE}), open_services=frozenset())
    rate_pb2_grpc.add_RateServiceServicer_to_server(servicer, guard)
    server = grpc.aio.server(handlers=[guard])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield rate_pb2_grpc.RateServiceStub(channel)
    await server.stop(0)


@pytest.fixture
def servicer() -> Servicer:
    return Servicer()


@pytest.fixture
async def stub(servicer: Servicer) -> AsyncIterator[rate_pb2_grpc.RateServiceStub]:
    async with served(servicer) as opened:
        yield opened


def chunks(*parts: bytes) -> Iterator[rate_pb2.ImportRatesRequest]:
    """Return the messages of an upload."""
    return (rate_pb2.ImportRatesRequest(chunk=part) for part in parts)


async def refused(call: Any) -> tuple[grpc.StatusCode, str, str]:
    """Return code, reason and text of a call that must fail."""
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await call
    return status_of(ended.value)


def status_of(error: grpc.aio.AioRpcError) -> tuple[grpc.StatusCode, str, str]:
    """Return code, reason and text of an error."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # it reads what both kinds have
    info = ErrorInfo()
    assert status is not None
    assert status.details[0].Unpack(info)
    return error.code(), info.reason, status.message


def counted(method: str, code: str, reason: str = "") -> float:
    """Return the number of calls with this code and reason."""
    labels = {"service": "RateService", "method": method, "code": code, "reason": reason}
    return REGISTRY.get_sample_value("rpc_requests_total", labels) or 0


@pytest.mark.parametrize("shown", [(), (("authorization", "Bearer " + "x" * 43),)], ids=["none", "a wrong one"])
async def test_no_shape_is_served_without_a_token(stub: rate_pb2_grpc.RateServiceStub, shown: Any) -> None:
    before = counted("ImportRates", "UNAUTHENTICATED", "UNAUTHENTICATED")
    upload = stub.ImportRates(chunks(b"1"), metadata=shown, timeout=CALL_SECONDS_MAX)
    assert (await refused(upload))[1] == "UNAUTHENTICATED"
    download = stub.ExportRates(exported(1), metadata=shown, timeout=CALL_SECONDS_MAX)
    assert (await refused(download.read()))[1] == "UNAUTHENTICATED"
    assert counted("ImportRates", "UNAUTHENTICATED", "UNAUTHENTICATED") == before + 1


def exported(pieces: int) -> rate_pb2.ExportRatesRequest:
    """Return the request for so many pieces."""
    return rate_pb2.ExportRatesRequest(name=f"rateCards/{pieces}")


async def test_an_upload_is_read_to_its_end_and_answered_once(stub: rate_pb2_grpc.RateServiceStub) -> None:
    before = counted("ImportRates", "OK")
    for parts in ([], [b"1"], [b"1"] * 1000):
        answer = await stub.ImportRates(chunks(*parts), metadata=SHOWN, timeout=CALL_SECONDS_MAX)
        assert answer.rows == len(parts)
    assert counted("ImportRates", "OK") == before + 3


async def test_every_message_of_an_upload_is_checked_where_it_comes(stub: rate_pb2_grpc.RateServiceStub) -> None:
    for bad in (rate_pb2.ImportRatesRequest(), rate_pb2.ImportRatesRequest(chunk=b"x" * (1024 * 1024 + 1))):
        upload = stub.ImportRates(iter([*chunks(b"1"), bad]), metadata=SHOWN, timeout=CALL_SECONDS_MAX)
        code, reason, _ = await refused(upload)
        assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


async def test_an_upload_that_fails_in_the_middle_is_answered_by_the_table(
    stub: rate_pb2_grpc.RateServiceStub,
) -> None:
    upload = stub.ImportRates(chunks(b"1", b"stop", b"1"), metadata=SHOWN, timeout=CALL_SECONDS_MAX)
    assert (await refused(upload))[:2] == (grpc.StatusCode.NOT_FOUND, "RATE_CARD_NOT_FOUND")


async def test_an_upload_has_a_bound_on_its_messages(
    stub: rate_pb2_grpc.RateServiceStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boundary, "UPLOAD_MESSAGES_MAX", 10)
    assert (await stub.ImportRates(chunks(*[b"1"] * 10), metadata=SHOWN, timeout=CALL_SECONDS_MAX)).rows == 10
    upload = stub.ImportRates(chunks(*[b"1"] * 11), metadata=SHOWN, timeout=CALL_SECONDS_MAX)
    assert "More than 10 messages" in (await refused(upload))[2]


async def test_an_upload_that_pauses_too_long_is_ended(
    stub: rate_pb2_grpc.RateServiceStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boundary, "UPLOAD_PAUSE_SECONDS_MAX", 0.1)
    upload = stub.ImportRates(metadata=SHOWN, timeout=CALL_SECONDS_MAX)
    await upload.write(next(chunks(b"1")))
    code, reason, text = await refused(upload)
    assert (code, reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
    assert "the next message did not come within" in text


async def test_an_upload_that_takes_too_long_in_all_is_ended(
    stub: rate_pb2_grpc.RateServiceStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upload whose messages come in time, one after the other, has a limit on its whole time."""
    monkeypatch.setattr(boundary, "UPLOAD_SECONDS_MAX", 0.3)

    async def slow() -> AsyncIterator[rate_pb2.ImportRatesRequest]:
        while True:
            yield next(chunks(b"1"))
            await asyncio.sleep(0.02)

    code, reason, text = await refused(stub.ImportRates(slow(), metadata=SHOWN, timeout=CALL_SECONDS_MAX))
    assert (code, reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
    assert "the upload was not complete within 0.3 s" in text


@pytest.mark.parametrize(
    ("limit", "late"),
    [
        ("ANSWER_SECONDS_MAX", "an answer was not received within 0.2 s"),
        ("DOWNLOAD_SECONDS_MAX", "the download was not complete within 0.2 s"),
    ],
)
async def test_a_download_that_is_not_received_ends_and_frees_its_place(
    stub: rate_pb2_grpc.RateServiceStub, servicer: Servicer, monkeypatch: pytest.MonkeyPatch, limit: str, late: str
) -> None:
    """The servicer's generator, which holds a place, is closed although the caller receives nothing."""
    monkeypatch.setattr(boundary, limit, 0.2)
    servicer.piece = "x" * 100_000
    download = stub.ExportRates(exported(1_000_000), metadata=SHOWN, timeout=CALL_SECONDS_MAX)
    await until(lambda: servicer.closed == 1)
    code, reason, text = await refused(anext(piece async for piece in download if not piece.csv))
    assert (code, reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
    assert late in text


async def test_a_download_is_answered_piece_by_piece_and_then_by_the_table(
    stub: rate_pb2_grpc.RateServiceStub,
) -> None:
    before = counted("ExportRates", "NOT_FOUND", "RATE_CARD_NOT_FOUND")
    download = stub.ExportRates(exported(100), metadata=SHOWN, timeout=CALL_SECONDS_MAX)
    for number in range(100):
        assert (await download.read()).csv == str(number)
    assert (await refused(download.read()))[1] == "RATE_CARD_NOT_FOUND"
    assert counted("ExportRates", "NOT_FOUND", "RATE_CARD_NOT_FOUND") == before + 1


async def test_the_request_of_a_download_is_checked(stub: rate_pb2_grpc.RateServiceStub) -> None:
    bad = rate_pb2.ExportRatesRequest(name="rateCards/" + "x" * (MESSAGE_BYTES_MAX // 4))
    download = stub.ExportRates(bad, metadata=SHOWN, timeout=CALL_SECONDS_MAX)
    assert (await refused(download.read()))[1] == "INVALID_REQUEST"


async def test_who_goes_away_ends_both_ways(stub: rate_pb2_grpc.RateServiceStub, servicer: Servicer) -> None:
    download = stub.ExportRates(exported(1_000_000_000), metadata=SHOWN, timeout=CALL_SECONDS_MAX)
    await download.read()
    download.cancel()
    await until(lambda: servicer.closed == 1)
    before = counted("ImportRates", "CANCELLED")
    upload = stub.ImportRates(metadata=SHOWN, timeout=CALL_SECONDS_MAX)
    await upload.write(next(chunks(b"1")))
    await until(lambda: servicer.received)
    upload.cancel()
    await until(lambda: counted("ImportRates", "CANCELLED") == before + 1)
