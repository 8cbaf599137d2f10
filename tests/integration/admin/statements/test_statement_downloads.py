"""Downloads of statements over HTTP: the CSV of the RPC, its limits, and broken downloads."""

import asyncio
import http.client
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from admin.http.boundary import ABORTED
from admin.metrics import http_requests
from admin.settings import AdminSettings
from admin.statements import http as statements
from admin.statements.domain import EVERYTHING, EntryFilter
from admin.statements.exporter import EXPORTS_AT_ONCE_MAX, StatementExporter
from admin.statements.statement_csv import StatementCsv
from devstack.ports import LOOPBACK
from tests.support.builders import charge, make_company, top_up
from tests.support.http_calls import SECONDS_MAX, TOKEN, Caller, serving, settings_in
from tests.support.polling import until
from tests.support.wallets import Wallets

PIECE_BYTES = 65_536
BUFFERED_BYTES_MAX = 32 * 1024 * 1024
"""Much more than the kernel buffers between two sockets."""
EXPORT = "/v1/companies/acme/transactions:export"


@pytest.fixture
def http_settings(tmp_path: Path) -> AdminSettings:
    return settings_in(tmp_path)


@pytest.fixture
async def exporting(acme: Wallets, http_settings: AdminSettings) -> AsyncIterator[Caller]:
    """Serve acme's statement."""
    async with serving(http_settings, *statements.routes(StatementExporter(acme.statements))) as caller:
        yield caller


async def text_of(wallets: Wallets, where: EntryFilter = EVERYTHING) -> str:
    return "".join([piece async for piece in StatementExporter(wallets.statements).stream_csv("acme", where)])


async def test_the_download_is_the_text_of_the_rpc(acme: Wallets, exporting: Caller) -> None:
    for _ in range(3):
        await acme.engine.submit(charge(10))
    answer = await exporting.call("GET", EXPORT)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="acme-transactions.csv"'
    assert answer.headers["Transfer-Encoding"] == "chunked"
    lines = answer.body.decode().splitlines()
    assert lines[1:-1] == (await text_of(acme)).splitlines()[1:-1]
    assert len(lines) == 1 + 1 + 4 + 1


async def test_the_filters_are_those_of_the_rpc(acme: Wallets, exporting: Caller) -> None:
    await acme.engine.submit(charge(10, reference="a&b"))
    await acme.engine.submit(charge(20))
    for query, rows in (
        ("filter.kinds=KIND_TOP_UP&filter.kinds=KIND_CHARGE", 3),
        ("filter.kinds=KIND_TOP_UP", 1),
        ("filter.reference=a%26b", 1),
        ("filter.min_amount_micros=20", 2),
        ("filter.channel=CHANNEL_SMS&filter.country_code=DE", 2),
        ("filter.start_time=2000-01-01T00:00:00Z&filter.end_time=2001-01-01T00:00:00Z", 0),
    ):
        answer = await exporting.call("GET", f"{EXPORT}?{query}")
        numbered = [line for line in answer.body.decode().splitlines()[1:] if not line.startswith(",")]
        assert (answer.status, len(numbered)) == (200, rows), query


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("filter.start_time=yesterday", "filter.start_time"),
        ("filter.kinds=KIND_GIFT", "filter.kinds"),
        ("filter.kinds=KIND_CHARGE&filter.kinds=KIND_CHARGE", "filter.kinds"),
        ("filter.min_amount_micros=1.5", "filter.min_amount_micros"),
        ("filter.channel=CHANNEL_SMS&filter.channel=CHANNEL_VOICE", "filter.channel"),
        ("filter.country_code=QX", "filter.country_code"),
        ("filter.reference=a%0Ab", "filter.reference"),
        ("start_time=2026-11-01T00:00:00Z", "start_time"),
        ("filter.colour=red", "filter.colour"),
    ],
)
async def test_a_bad_filter_is_named(exporting: Caller, query: str, field: str) -> None:
    answer = await exporting.call("GET", f"{EXPORT}?{query}")
    assert (answer.status, answer.reason) == (400, "INVALID_REQUEST")
    assert [violation["field"] for violation in answer.error["details"][1]["field_violations"]] == [field]


async def test_errors_are_those_of_grpc_in_json(exporting: Caller) -> None:
    answer = await exporting.call("GET", "/v1/companies/nobody/transactions:export")
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/json; charset=utf-8")
    assert answer.error == {
        "code": 404,
        "status": "NOT_FOUND",
        "message": "There is no company nobody. Check the name, or create it with CompanyService.CreateCompany.",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "COMPANY_NOT_FOUND",
                "domain": "charging.veloconnect.com",
            }
        ],
    }
    bad = await exporting.call("GET", "/v1/companies/NOBODY/transactions:export")
    assert (bad.status, bad.reason) == (400, "INVALID_REQUEST")


async def test_a_broken_download_is_never_complete(
    acme: Wallets, exporting: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All lines are sent, and only the closing balance fails."""
    route = statements.routes(StatementExporter(acme.statements))[0].path
    before = http_requests.labels(route, ABORTED)._value.get()

    def closing(self: StatementCsv, now: int) -> str:
        raise ValueError("a fault at the end")

    with monkeypatch.context() as patch:
        patch.setattr(StatementCsv, "closing", closing)
        answer = await exporting.call("GET", EXPORT)
    assert (answer.status, answer.whole) == (200, False)
    assert http_requests.labels(route, ABORTED)._value.get() == before + 1
    assert (await exporting.call("GET", EXPORT)).whole


async def test_downloads_share_the_limit_of_exports(acme: Wallets, http_settings: AdminSettings) -> None:
    """StatementExporter over gRPC and over HTTP count together."""
    exporter = StatementExporter(acme.statements)
    async with serving(http_settings, *statements.routes(exporter)) as caller:
        running = [exporter.stream_csv("acme", EVERYTHING) for _ in range(EXPORTS_AT_ONCE_MAX)]
        for export in running:
            await anext(export)
        assert (await caller.call("GET", EXPORT)).reason == "OVERLOADED"
        for export in running:
            await export.aclose()
        assert (await caller.call("GET", EXPORT)).status == 200


async def test_a_disconnected_reader_ends_the_export(
    wallets: Wallets, database: asyncpg.Connection, http_settings: AdminSettings
) -> None:
    await make_company(database)
    await wallets.engine.submit(top_up(10**9))
    await asyncio.gather(*(wallets.engine.submit(charge(1, reference="r" * 250)) for _ in range(3000)))
    exporter = StatementExporter(wallets.statements)
    async with serving(http_settings, *statements.routes(exporter)) as caller:
        connection = caller.connect()
        connection.request("GET", EXPORT, headers={"Authorization": f"Bearer {TOKEN}"})
        connection.close()
        await until(lambda: not exporter._limit._count)
        assert (await caller.call("GET", EXPORT)).whole


async def test_a_reader_that_stops_reading_is_disconnected(
    acme: Wallets, http_settings: AdminSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more is written than fits into buffers, and the reader does not keep others from their exporter."""
    monkeypatch.setattr(statements, "PIECE_SECONDS_MAX", 0.2)
    pieces = 0
    ended = asyncio.Event()

    class Endless(StatementExporter):
        async def stream_csv(self, company: str, where: EntryFilter) -> AsyncGenerator[str, None]:  # noqa: ARG002
            nonlocal pieces
            try:
                while True:
                    pieces += 1
                    yield "x" * PIECE_BYTES
            finally:
                ended.set()

    async with serving(http_settings, *statements.routes(Endless(acme.statements))) as caller:
        connection = caller.connect()
        connection.request("GET", EXPORT, headers={"Authorization": f"Bearer {TOKEN}"})
        async with asyncio.timeout(SECONDS_MAX):
            await ended.wait()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            await asyncio.to_thread(lambda: connection.getresponse().read())
        connection.close()
    assert pieces * PIECE_BYTES < BUFFERED_BYTES_MAX


async def test_a_download_needs_http_1_1(exporting: Caller) -> None:
    """An older client could not tell a complete download from a broken one."""
    reader, writer = await asyncio.open_connection(LOOPBACK, exporting.port)
    writer.write(f"GET {EXPORT} HTTP/1.0\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
    async with asyncio.timeout(SECONDS_MAX):
        answered = await reader.read()
    writer.close()
    assert b" 400 " in answered.partition(b"\r\n")[0]
    assert b"needs HTTP/1.1" in answered
