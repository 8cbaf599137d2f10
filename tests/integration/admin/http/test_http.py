"""The back office over HTTP: authentication, errors, limits, TLS and shutdown."""

import asyncio
import http.client
import ssl
from collections.abc import Mapping
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from admin.http import server
from admin.http.errors import STATUSES
from admin.http.route import BODY_BYTES_MAX, Route, attachment, webhook
from admin.settings import AdminSettings
from devstack.ports import LOOPBACK
from server.error_table import FAULT, TABLE
from server.lifetime import Lifetime
from server.settings import Misconfigured, check
from tests.support.http_calls import SECONDS_MAX, Caller, serving, settings_in
from tests.support.wallets import Wallets
from wallet.domain.errors import Overloaded


@pytest.fixture
def http_settings(tmp_path: Path) -> AdminSettings:
    return settings_in(tmp_path)


async def hello(_: web.Request) -> web.StreamResponse:
    return attachment(b"%PDF", filename="receipt-1.pdf", content_type="application/pdf")


HELLO = Route("GET", "/v1/companies/{company}/receipts/{number}.pdf", hello)
HELLO_PATH = "/v1/companies/acme/receipts/1.pdf"


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
