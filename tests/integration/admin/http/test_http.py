"""The back office over HTTP: authentication, errors, and that a broken download never looks complete."""

import asyncio
import http.client
import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest
import trustme
from aiohttp import web

from admin.http import server
from admin.http.boundary import ABORTED
from admin.http.errors import STATUSES
from admin.http.routes import BODY_BYTES_MAX, Route, attachment, webhook
from admin.metrics import http_requests
from admin.settings import AdminSettings
from admin.statements import http as statements
from admin.statements.domain import EVERYTHING, EntryFilter
from admin.statements.exporter import EXPORTS_AT_ONCE_MAX, StatementExporter
from admin.statements.statement_csv import StatementCsv
from devstack.ports import LOOPBACK, free_port
from server.error_table import FAULT, TABLE
from server.lifetime import Lifetime
from server.settings import Misconfigured, check
from tests.support.builders import charge, make_company, top_up
from tests.support.polling import until
from tests.support.wallets import Wallets
from wallet.domain.errors import Overloaded

TOKEN = "a token of the tests"
SECONDS_MAX = 10.0
PIECE_BYTES = 65_536
BUFFERED_BYTES_MAX = 32 * 1024 * 1024
"""Much more than the kernel buffers between two sockets."""
EXPORT = "/v1/companies/acme/transactions:export"


class Response(NamedTuple):
    """A response; `whole` unless the body broke off."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool = True

    @property
    def error(self) -> Any:
        """The error in the body."""
        return json.loads(self.body)["error"]

    @property
    def reason(self) -> str:
        """The reason of the error, by which programs decide."""
        reason: str = self.error["details"][0]["reason"]
        return reason


class Caller:
    """Calls one server, by an HTTP client that is not aiohttp's."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.port = port
        self._tls = tls

    async def call(self, method: str, path: str, *, token: str | None = TOKEN, body: bytes | None = None) -> Response:
        """Send a request and return the response."""
        return await asyncio.to_thread(self._call, method, path, token, body)

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection, for a test that sends its request itself."""
        if self._tls is not None:
            return http.client.HTTPSConnection(LOOPBACK, self.port, timeout=SECONDS_MAX, context=self._tls)
        return http.client.HTTPConnection(LOOPBACK, self.port, timeout=SECONDS_MAX)

    def _call(self, method: str, path: str, token: str | None, body: bytes | None) -> Response:
        connection = self.connect()
        try:
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            head = response.status, dict(response.getheaders())
            try:
                return Response(*head, response.read())
            except (http.client.IncompleteRead, ConnectionError):
                return Response(*head, b"", whole=False)
        finally:
            connection.close()


@pytest.fixture
def http_settings(tmp_path: Path) -> AdminSettings:
    tokens = tmp_path / "tokens"
    tokens.write_text(TOKEN)
    return AdminSettings(token_file=tokens, http_port=free_port())


@asynccontextmanager
async def serving(settings: AdminSettings, *routes: Route, tls: ssl.SSLContext | None = None) -> AsyncIterator[Caller]:
    async with server.serving(settings, routes, Lifetime()):
        yield Caller(settings.http_port, tls)


@pytest.fixture
async def exporting(acme: Wallets, http_settings: AdminSettings) -> AsyncIterator[Caller]:
    """Serve acme's statement."""
    async with serving(http_settings, *statements.routes(StatementExporter(acme.statements))) as caller:
        yield caller


async def text_of(wallets: Wallets, where: EntryFilter = EVERYTHING) -> str:
    return "".join([piece async for piece in StatementExporter(wallets.statements).stream_csv("acme", where)])


async def hello(_: web.Request) -> web.StreamResponse:
    return attachment(b"%PDF", filename="receipt-1.pdf", content_type="application/pdf")


HELLO = Route("GET", "/v1/companies/{company}/receipts/{number}.pdf", hello)
HELLO_PATH = "/v1/companies/acme/receipts/1.pdf"


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


def test_every_grpc_code_has_an_http_status() -> None:
    assert {row.code for row in (*TABLE.values(), FAULT)} == STATUSES.keys()


async def test_without_a_token_every_path_answers_401(http_settings: AdminSettings) -> None:
    """A caller without a token does not even learn which paths exist."""
    async with serving(http_settings, HELLO) as caller:
        assert (await caller.call("GET", HELLO_PATH)).status == 200
        for method, path in (("GET", HELLO_PATH), ("GET", "/nothing"), ("POST", HELLO_PATH)):
            for token in (None, "another token of the tests", "wrong \xe4\xf6\xfc token"):
                answer = await caller.call(method, path, token=token)
                assert (answer.status, answer.reason) == (401, "UNAUTHENTICATED")
                assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_unknown_paths_and_methods_are_errors_in_json(http_settings: AdminSettings) -> None:
    async with serving(http_settings, HELLO) as caller:
        missing = await caller.call("GET", "/nothing")
        assert (missing.status, missing.reason) == (404, "INVALID_REQUEST")
        wrong = await caller.call("DELETE", HELLO_PATH)
        assert (wrong.status, wrong.reason, wrong.headers["Allow"]) == (405, "INVALID_REQUEST", "GET")


async def test_a_file_is_saved_under_its_name_and_not_cached(http_settings: AdminSettings) -> None:
    async with serving(http_settings, HELLO) as caller:
        answer = await caller.call("GET", HELLO_PATH)
    assert answer.body == b"%PDF"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="receipt-1.pdf"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Server" not in answer.headers


async def test_a_webhook_gets_raw_body_and_headers_without_a_token(http_settings: AdminSettings) -> None:
    seen: list[tuple[bytes, str]] = []

    async def receive(body: bytes, headers: Mapping[str, str]) -> web.Response:
        seen.append((body, headers["content-length"]))
        return web.Response(status=204)

    async with serving(http_settings, webhook("/v1/webhooks/bank", receive)) as caller:
        answer = await caller.call("POST", "/v1/webhooks/bank", token=None, body=b'{"a": 1}')
        assert (answer.status, seen) == (204, [(b'{"a": 1}', "8")])
        much = await caller.call("POST", "/v1/webhooks/bank", token=None, body=b"x" * (BODY_BYTES_MAX + 1))
        assert (much.status, much.reason) == (413, "INVALID_REQUEST")
        assert len(seen) == 1


async def test_a_fault_reveals_nothing(http_settings: AdminSettings) -> None:
    async def broken(_: web.Request) -> web.StreamResponse:
        raise ValueError("a secret")

    async def busy(_: web.Request) -> web.StreamResponse:
        raise Overloaded("enough")

    async with serving(http_settings, Route("GET", "/broken", broken), Route("GET", "/busy", busy)) as caller:
        answer = await caller.call("GET", "/broken")
        assert (answer.status, answer.reason) == (500, "INTERNAL")
        assert b"secret" not in answer.body
        answer = await caller.call("GET", "/busy")
        assert (answer.status, answer.reason, answer.headers["Retry-After"]) == (429, "OVERLOADED", "1")


async def test_a_request_has_a_time_limit(http_settings: AdminSettings) -> None:
    async def stuck(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with serving(http_settings, Route("GET", "/stuck", stuck, seconds_max=0.05)) as caller:
        answer = await caller.call("GET", "/stuck")
    assert (answer.status, answer.reason) == (504, "DEADLINE_EXCEEDED")


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


async def test_a_stopping_server_finishes_its_requests(http_settings: AdminSettings) -> None:
    begun, finish = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        begun.set()
        await finish.wait()
        return web.Response(text="done")

    lifetime = Lifetime()
    async with server.serving(http_settings, [Route("GET", "/slow", slow)], lifetime):
        caller = Caller(http_settings.http_port)
        pending = asyncio.create_task(caller.call("GET", "/slow"))
        await begun.wait()
        lifetime.stopping.set()
        async with asyncio.timeout(SECONDS_MAX):
            while True:
                try:
                    _, writer = await asyncio.open_connection(LOOPBACK, http_settings.http_port)
                except OSError:
                    break
                writer.close()
        finish.set()
        assert (await pending).body == b"done"


async def test_a_stopping_server_cuts_off_an_endless_download(
    acme: Wallets, http_settings: AdminSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "DRAIN_SECONDS_MAX", 0.1)
    begun = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(b"the first line\n")
        begun.set()
        await asyncio.Event().wait()
        return response

    async with serving(http_settings, Route("GET", "/endless", endless)) as caller:
        pending = asyncio.create_task(caller.call("GET", "/endless"))
        await begun.wait()
    answer = await pending
    assert (answer.status, answer.whole) == (200, False)


async def test_an_idle_connection_is_closed(http_settings: AdminSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "IDLE_SECONDS_MAX", 0.1)
    async with serving(http_settings, HELLO) as caller, asyncio.timeout(SECONDS_MAX):
        for sent in (b"", b"GET / HTTP/1.1\r\nHost: x\r\n"):
            reader, writer = await asyncio.open_connection(LOOPBACK, caller.port)
            writer.write(sent)
            assert await reader.read() == b""
            writer.close()


async def test_a_client_without_http_gets_400_and_no_server_name(
    http_settings: AdminSettings, capfd: pytest.CaptureFixture[str]
) -> None:
    async with serving(http_settings, HELLO) as caller, asyncio.timeout(SECONDS_MAX):
        reader, writer = await asyncio.open_connection(LOOPBACK, caller.port)
        writer.write(b"\x16\x03\x01 what is this\r\n\r\n")
        answered = await reader.read()
        writer.close()
    assert answered.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 "))
    assert b"aiohttp" not in answered
    assert b"Python" not in answered
    assert "Traceback" not in "".join(capfd.readouterr())


async def test_tls_uses_the_certificate_of_grpc(http_settings: AdminSettings, tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert(LOOPBACK)
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    for pem in issued.cert_chain_pems:
        pem.write_to_path(certificate, append=True)
    issued.private_key_pem.write_to_path(key)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    settings = http_settings.model_copy(update={"tls_cert_file": certificate, "tls_key_file": key})
    async with serving(settings, HELLO, tls=trusting) as caller:
        assert (await caller.call("GET", HELLO_PATH)).status == 200
        with pytest.raises((http.client.HTTPException, OSError)):
            await Caller(settings.http_port).call("GET", HELLO_PATH)


async def test_a_bad_certificate_is_misconfigured(http_settings: AdminSettings, tmp_path: Path) -> None:
    (tmp_path / "cert.pem").touch()
    settings = http_settings.model_copy(
        update={"tls_cert_file": tmp_path / "cert.pem", "tls_key_file": tmp_path / "key"}
    )
    with pytest.raises(Misconfigured, match="TLS_CERT_FILE"):
        async with serving(settings):
            pass


def test_an_address_beyond_loopback_needs_tls_or_insecure() -> None:
    settings = AdminSettings(http_host="0.0.0.0")
    with pytest.raises(Misconfigured, match=r"ADMIN_HTTP_HOST=0\.0\.0\.0"):
        check(settings, insecure=False)
    check(settings, insecure=True)
