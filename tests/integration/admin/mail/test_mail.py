"""Mail: a mail of the outbox is sent once, and at least once whatever fails. On a real SMTP server."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from typing import Any

import asyncpg
import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope
from aiosmtpd.smtp import Session as Peer

from admin.mail import smtp
from admin.mail.domain import REFUSALS_MAX, NewMail
from admin.mail.store import Mails, enqueue
from admin.mail.worker import BATCH, MailTransport, MailWorker
from admin.metrics import mails_oldest_seconds, mails_waiting
from admin.smtp_url import MailServer, Security
from devstack.ports import free_port
from tests.conftest import OpenWallets
from tests.support.wallets import Wallets
from wallet.domain.errors import LedgerUnavailable

SENDER = "billing@charging.example"
USER, PASSWORD = "charging", "p@ss word"
VARIABLES = {"company": "acme", "name": "Acme", "available": "12.50 EUR", "empty_time": ""}


class Mailboxes:
    """The mails that a server accepted, and the answers that it gives instead."""

    def __init__(self) -> None:
        self.accepted: list[tuple[str, str]] = []
        """Recipient and Message-ID."""
        self.answers: dict[str, str] = {}
        """Recipient → the answer to DATA; others are accepted."""

    async def handle_DATA(self, server: object, peer: Peer, envelope: Envelope) -> str:  # noqa: ARG002, N802  aiosmtpd's
        """Accept a message, or answer as `answers` says."""
        (recipient,) = envelope.rcpt_tos
        if answer := self.answers.get(recipient):
            return answer
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content)
        self.accepted.append((recipient, message["Message-ID"]))
        return "250 accepted"


@pytest.fixture
async def mailboxes() -> Mailboxes:
    return Mailboxes()


@pytest.fixture
async def transport(mailboxes: Mailboxes) -> AsyncIterator[MailTransport]:
    """The transport of a server that accepts every mail."""
    async with serving(mailboxes, Security.NONE) as transport:
        yield transport


@asynccontextmanager
async def serving(mailboxes: Mailboxes, security: Security, **options: Any) -> AsyncIterator[MailTransport]:
    """Run a server within the context."""
    port = free_port()
    controller = Controller(mailboxes, hostname="127.0.0.1", port=port, ready_timeout=10, **options)
    await asyncio.to_thread(controller.start)
    try:
        yield MailTransport(MailServer("127.0.0.1", port, security, None, None), SENDER)
    finally:
        await asyncio.to_thread(controller.stop)


async def add_mail(database: asyncpg.Connection, cause: str = "test", recipient: str = "people@acme.example") -> bool:
    return await enqueue(database, NewMail("acme", cause, recipient, "balance_warning", VARIABLES))


async def pass_time(database: asyncpg.Connection, interval: str) -> None:
    """Let time pass for all mails, without waiting for it."""
    await database.execute(
        f"UPDATE mails SET due_at = due_at - interval '{interval}', created_at = created_at - interval '{interval}', "
        f"claimed_until = claimed_until - interval '{interval}'"
    )


async def states(database: asyncpg.Connection) -> list[int]:
    return [row["state"] for row in await database.fetch("SELECT state FROM mails ORDER BY serial")]


async def test_a_mail_is_sent_once_and_its_cause_makes_no_other(
    wallets: Wallets, database: asyncpg.Connection, mailboxes: Mailboxes, transport: MailTransport
) -> None:
    assert await add_mail(database)
    assert not await add_mail(database)
    worker = MailWorker(wallets.mails, transport)
    assert await worker.run_once() == 1
    assert await worker.run_once() == 0
    assert mailboxes.accepted == [("people@acme.example", "<mail-1@charging.example>")]
    assert await states(database) == [2]
    assert not await add_mail(database), "also after it was sent"


async def test_a_mail_is_sent_only_if_its_cause_is_committed(
    wallets: Wallets, database: asyncpg.Connection, mailboxes: Mailboxes, transport: MailTransport
) -> None:
    worker = MailWorker(wallets.mails, transport)
    transaction = database.transaction()
    await transaction.start()
    await add_mail(database)
    assert await worker.run_once() == 0
    await transaction.rollback()
    assert await worker.run_once() == 0
    async with database.transaction():
        await add_mail(database)
    assert await worker.run_once() == 1


async def test_without_a_server_mails_wait_and_the_metrics_count_them(
    wallets: Wallets, database: asyncpg.Connection, mailboxes: Mailboxes, transport: MailTransport
) -> None:
    for cause in ("first", "second"):
        await add_mail(database, cause)
    await pass_time(database, "1 hour")
    assert await MailWorker(wallets.mails, None).run_once() == 0
    assert mails_waiting._value.get() == 2
    assert mails_oldest_seconds._value.get() >= 3600
    assert await MailWorker(wallets.mails, transport).run_once() == 2
    assert mails_waiting._value.get() == mails_oldest_seconds._value.get() == 0


async def test_an_outage_of_an_hour_loses_no_mail_and_is_not_hammered(
    wallets: Wallets, database: asyncpg.Connection, mailboxes: Mailboxes, transport: MailTransport
) -> None:
    for number in range(3):
        await add_mail(database, f"mail-{number}")
    down = MailWorker(wallets.mails, MailTransport(transport.server._replace(port=free_port()), SENDER))
    for _ in range(360):  # An hour, ten seconds at a time.
        await down.run_once()
        await pass_time(database, "10 seconds")
    tried = await database.fetchval("SELECT max(failures) FROM mails")
    assert 6 < tried < 20
    assert await states(database) == [1, 1, 1]
    await pass_time(database, "10 minutes")
    assert await MailWorker(wallets.mails, transport).run_once() == 3
    assert len(set(mailboxes.accepted)) == len(mailboxes.accepted) == 3


async def test_a_mail_refused_permanently_is_given_up_and_kept(
    wallets: Wallets, database: asyncpg.Connection, mailboxes: Mailboxes, transport: MailTransport
) -> None:
    mailboxes.answers = {"gone@acme.example": "550 no such mailbox", "full@acme.example": "452 mailbox full"}
    for recipient in ("gone@acme.example", "full@acme.example", "people@acme.example"):
        await add_mail(database, recipient, recipient)
    worker = MailWorker(wallets.mails, transport)
    assert await worker.run_once() == 1, "the refused mails delay no other"
    for _ in range(REFUSALS_MAX + 3):
        await pass_time(database, "10 minutes")
        await worker.run_once()
    assert await states(database) == [3, 1, 2]
    row = await database.fetchrow("SELECT refusals, failures, error FROM mails WHERE serial = 1")
    assert row is not None
    assert (row["refusals"], row["failures"]) == (REFUSALS_MAX, REFUSALS_MAX)
    assert row["error"] == "550 no such mailbox"
    mailboxes.answers.clear()
    await pass_time(database, "10 minutes")
    assert await worker.run_once() == 1
    assert await states(database) == [3, 2, 2]


async def test_a_mail_that_cannot_be_rendered_is_given_up_at_once(
    wallets: Wallets, database: asyncpg.Connection, mailboxes: Mailboxes, transport: MailTransport
) -> None:
    await enqueue(database, NewMail("acme", "bad", "people@acme.example", "no_such_template", {}))
    await add_mail(database, "bent", "people@acme.example\r\nBcc: thief@elsewhere.example")
    await add_mail(database)
    assert await MailWorker(wallets.mails, transport).run_once() == 1
    assert await states(database) == [3, 3, 2]


@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
async def test_starttls_and_log_in_work_and_a_wrong_password_refuses_no_mail(
    wallets: Wallets, database: asyncpg.Connection, mailboxes: Mailboxes, password: str
) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    ours, theirs = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(theirs)

    def authenticate(server: object, peer: Peer, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        right = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=right)

    options = {"tls_context": theirs, "require_starttls": True, "auth_required": True, "authenticator": authenticate}
    await add_mail(database)
    async with serving(mailboxes, Security.STARTTLS, **options) as transport:
        with_user = transport._replace(server=transport.server._replace(user=USER, password=password), tls=ours)
        worker = MailWorker(wallets.mails, with_user)
        assert await worker.run_once() == 0, "its authority is not trusted"
        authority.configure_trust(ours)
        await pass_time(database, "1 hour")
        assert await worker.run_once() == (password == PASSWORD)
    row = await database.fetchrow("SELECT state, refusals, error FROM mails")
    assert row is not None
    assert (row["state"], row["refusals"]) == (2 if password == PASSWORD else 1, 0)
    assert password == PASSWORD or "535" in row["error"]


async def test_nothing_is_sent_in_plain_text_if_starttls_is_required(
    wallets: Wallets, database: asyncpg.Connection, mailboxes: Mailboxes, transport: MailTransport
) -> None:
    await add_mail(database)
    strict = transport._replace(server=transport.server._replace(security=Security.STARTTLS))
    assert await MailWorker(wallets.mails, strict).run_once() == 0
    assert not mailboxes.accepted


async def test_killed_after_sending_a_mail_is_sent_again_with_the_same_message_id(
    wallets: Wallets,
    database: asyncpg.Connection,
    mailboxes: Mailboxes,
    transport: MailTransport,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await add_mail(database)

    async def die(self: Mails, mail: object) -> None:
        raise LedgerUnavailable("killed", applied="no")  # type: ignore[arg-type]  # never read

    with monkeypatch.context() as patch:
        patch.setattr(Mails, "record_sent", die)
        with pytest.raises(LedgerUnavailable):
            await MailWorker(wallets.mails, transport).run_once()
    worker = MailWorker(wallets.mails, transport)
    assert await worker.run_once() == 0, "the claim has not expired"
    await pass_time(database, "2 minutes")
    assert await worker.run_once() == 1
    assert len(mailboxes.accepted) == 2
    assert len(set(mailboxes.accepted)) == 1
    assert await states(database) == [2]


async def test_killed_before_sending_a_mail_is_sent_when_the_claim_expires(
    wallets: Wallets, database: asyncpg.Connection, mailboxes: Mailboxes, transport: MailTransport
) -> None:
    await add_mail(database)
    (claimed,) = await wallets.mails.claim(BATCH, 90.0)
    await pass_time(database, "2 minutes")
    assert await MailWorker(wallets.mails, transport).run_once() == 1
    await wallets.mails.record_failure(claimed, "the first worker reports late")
    assert await states(database) == [2]


async def test_a_server_that_hangs_up_on_one_mail_still_gets_the_others(
    wallets: Wallets, database: asyncpg.Connection, mailboxes: Mailboxes, transport: MailTransport
) -> None:
    mailboxes.answers = {"poison@acme.example": "421 go away"}
    await add_mail(database, "poison", "poison@acme.example")
    await add_mail(database)
    worker = MailWorker(wallets.mails, transport)
    assert await worker.run_once() + await worker.run_once() == 1
    assert await states(database) == [1, 2]


async def test_a_server_that_connects_and_never_answers_is_not_waited_for(
    wallets: Wallets,
    database: asyncpg.Connection,
    mailboxes: Mailboxes,
    transport: MailTransport,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(smtp, "COMMAND_SECONDS_MAX", 0.1)
    await add_mail(database)
    port, connected = free_port(), asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", port):
        silent = MailWorker(wallets.mails, transport._replace(server=transport.server._replace(port=port)))
        assert await silent.run_once() == 0
    assert connected.is_set()
    assert await states(database) == [1]
    await pass_time(database, "10 minutes")
    assert await MailWorker(wallets.mails, transport).run_once() == 1


async def test_two_workers_at_once_send_each_mail_once(
    wallets: Wallets,
    open_more: OpenWallets,
    database: asyncpg.Connection,
    mailboxes: Mailboxes,
    transport: MailTransport,
) -> None:
    for number in range(3 * BATCH):
        await add_mail(database, f"mail-{number}")
    beside = await open_more()
    sent = await asyncio.gather(
        MailWorker(wallets.mails, transport).run_once(), MailWorker(beside.mails, transport).run_once()
    )
    assert sum(sent) == len(mailboxes.accepted) == len(set(mailboxes.accepted)) == 3 * BATCH
    assert set(await states(database)) == {2}
