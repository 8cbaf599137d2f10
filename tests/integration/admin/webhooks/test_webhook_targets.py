"""Webhooks: events are sent to public addresses over HTTPS only."""

import ssl

import asyncpg
import pytest
import trustme

from admin.webhooks.domain import (
    WebhookChange,
)
from admin.webhooks.targets import AddressRefused, socket_factory
from devstack.ports import LOOPBACK
from tests.support.wallets import Wallets
from tests.support.webhooks import Receiver, pass_time, publish_event, run_receiver, send_due_events


async def test_a_redirect_is_not_followed(acme: Wallets, database: asyncpg.Connection, receiver: Receiver) -> None:
    async with run_receiver() as elsewhere:
        receiver.status, receiver.headers = lambda _: 307, {"Location": elsewhere.url}
        serial = await publish_event(database)
        assert await send_due_events(acme) == 0
        assert elsewhere.received == []
    assert "redirects are not followed" in (await acme.events.get("acme", serial)).error


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1:1/", "https://localhost:1/", "https://2130706433:1/", "https://[::1]:1/", "http://127.0.0.1/"],
)
async def test_a_private_address_is_refused_when_an_event_is_sent(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver, url: str
) -> None:
    """It may have been allowed when it was set, and a name shows only by its address that it is private."""
    await acme.webhooks.update("acme", WebhookChange(url=url))
    serial = await publish_event(database)
    assert await send_due_events(acme, allow_private=False) == 0
    assert (await acme.events.get("acme", serial)).error in (
        "the URL must have a public address",
        "the host has no public address",
        "the URL must begin with https://",
        "its URL has no valid host",
    )


async def test_a_name_that_resolves_to_a_private_address_is_refused(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    authority = trustme.CA()
    serving, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(serving)
    authority.configure_trust(trusting)
    async with run_receiver(serving) as private:
        await acme.webhooks.update("acme", WebhookChange(url=private.url.replace(LOOPBACK, "localhost")))
        serial = await publish_event(database)
        assert await send_due_events(acme, allow_private=False, tls=trusting) == 0
        assert (await acme.events.get("acme", serial)).error == "the host has no public address"
        assert private.received == []
        await pass_time(database, 10)
        assert await send_due_events(acme, allow_private=True, tls=trusting) == 1
        assert private.ids == [f"evt_{serial}"]


async def test_an_untrusted_certificate_is_refused(acme: Wallets, database: asyncpg.Connection) -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(LOOPBACK).configure_cert(serving)
    async with run_receiver(serving) as receiver:
        await acme.webhooks.update("acme", WebhookChange(url=receiver.url))
        serial = await publish_event(database)
        assert await send_due_events(acme) == 0
        assert receiver.received == []
    assert "certificate is not trusted" in (await acme.events.get("acme", serial)).error


def test_plain_http_goes_to_loopback_only() -> None:
    make = socket_factory(allow_private=True, loopback_only=True)
    with pytest.raises(AddressRefused):
        make((2, 1, 6, "", ("192.168.1.1", 80)))
    make((2, 1, 6, "", (LOOPBACK, 80))).close()
