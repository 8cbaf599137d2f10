"""A subscription's period is charged once, with one notice, wherever a process dies and whichever continues."""

import asyncio
from typing import Any

import asyncpg
import pytest

import admin.mail.store as outbox
import admin.notices.store as notices
import admin.subscriptions.store as adapter
from admin.subscriptions import verify
from admin.subscriptions.domain import SubscriptionState
from admin.subscriptions.lifecycle import _command
from admin.subscriptions.transitions import SETTLE_SECONDS, TAKEOVER_SECONDS
from tests.conftest import OpenWallets
from tests.support.builders import top_up
from tests.support.engine_steps import crash_after_redis
from tests.support.refunding import crashing_at
from tests.support.statements import kill_connection_at
from tests.support.subscribing import (
    DAY,
    HOUR,
    PRICE,
    charge_keys,
    event_types,
    mail_templates,
    new_subscription,
    parse_time,
    read_subscription,
    run_worker,
)
from tests.support.wallets import Wallets
from wallet.domain.errors import InsufficientFunds, LedgerUnavailable
from wallet.domain.ratebook import Quote
from wallet.recovery import Recovery

pytestmark = pytest.mark.usefixtures("clean_afterwards")

START = parse_time("2027-01-31T09:30")
DUE = parse_time("2027-02-28T09:30")
SECOND = 1_000_000
SAVE = "$1::text, $2::text, $3::bigint, $4::smallint, $5::text, $6::smallint, $7::text, $8::text, $9::text, "
SAVE += "$10::bigint, $11::text, $12::text, $13::bigint, $14::bigint, $15::smallint, "
SAVE += ", ".join(f"${place}::bigint" for place in range(16, 25))
SAVE += ", $25::text, $26::bigint, $27::boolean, $28::bigint, $29::bigint"
STEPS: dict[str, tuple[Any, str]] = {
    "due": (adapter, "$1::bigint, $2::bigint, $3::bigint, $4::integer"),
    "save": (adapter, SAVE),
    "insert event": (notices, "$1::text, $2::text, $3::text, $4::text"),
    "insert mail": (outbox, "$1::text, $2::text, $3::text, $4::text, $5::text"),
}
"""The statements of a worker beside the charge, and the types of their arguments."""
PAID_STEPS = [step for step in STEPS if step != "insert mail"]
"""A charged period makes no mail."""


@pytest.mark.parametrize(("step", "pays"), [*((step, False) for step in STEPS), *((step, True) for step in PAID_STEPS)])
async def test_p2_killed_at_any_step_a_period_is_charged_or_declined_once(
    acme: Wallets, database: asyncpg.Connection, step: str, pays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await acme.lifecycle.create(new_subscription(amount=400 if pays else 600), now=START)
    module, arguments = STEPS[step]
    with monkeypatch.context() as patch:
        name = step.removesuffix(" event").removesuffix(" mail")
        kill_connection_at(patch, module._SQL, name, arguments)
        with pytest.raises(LedgerUnavailable):
            await run_worker(acme, DUE)
    line = await read_subscription(acme)
    assert (line.state, line.charged) == (SubscriptionState.ACTIVE, 1), "no partial change"
    assert await event_types(database) == ["subscription.renewed"]
    assert await mail_templates(database) == []
    assert [await run_worker(acme, DUE + second) for second in (1, 2)] == ([1, 0] if pays else [0, 0])
    assert await charge_keys(database) == ["~sub:line:1", "~sub:line:2"][: 1 + pays]
    assert await event_types(database) == [
        "subscription.renewed",
        "subscription.renewed" if pays else "subscription.past_due",
    ]
    assert await mail_templates(database) == ([] if pays else ["subscription_past_due"])


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["create", "submit", "save"])
@pytest.mark.parametrize("continued_by", ["request", "worker", "both"])
async def test_p2_a_killed_request_charges_its_first_period_once(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection, step: str, after: bool, continued_by: str
) -> None:
    target: Any = acme.engine if step == "submit" else acme.subscriptions
    with crashing_at(target, step, after=after):
        await acme.lifecycle.create(new_subscription(), now=START)
    other = await open_more()
    later = START + TAKEOVER_SECONDS * SECOND
    assert await run_worker(other, later - 1) == 0, "the request may still be running"
    if continued_by == "request" or (step == "create" and not after):
        await other.lifecycle.create(new_subscription(), now=later)
    elif continued_by == "worker":
        await run_worker(other, later)
    else:
        await asyncio.gather(
            other.lifecycle.create(new_subscription(), now=later), run_worker(acme, later), run_worker(other, later)
        )
    line = await read_subscription(acme)
    assert (line.state, line.charged) == (SubscriptionState.ACTIVE, 1)
    begun_at = later if (step, after) == ("create", False) else START
    assert line.period_starts_at == begun_at, "the time of the request, whichever process charged it"
    assert await charge_keys(database) == ["~sub:line:1"]
    assert await event_types(database) == ["subscription.renewed"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["due", "submit", "save"])
async def test_p2_a_killed_worker_is_continued_by_another(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection, step: str, after: bool
) -> None:
    await acme.lifecycle.create(new_subscription(), now=START)
    target: Any = acme.engine if step == "submit" else acme.subscriptions
    other = await open_more()
    with crashing_at(target, step, after=after):
        await acme.subscriptions.due(DUE, (0, 0), 1)
        (line,) = await other.subscriptions.due(DUE, (0, 0), 1)
        await acme.lifecycle.step(line, DUE)
    await asyncio.gather(*(run_worker(each, DUE + DAY) for each in (acme, other)))
    assert (await read_subscription(acme)).charged == 2
    assert await charge_keys(database) == ["~sub:line:1", "~sub:line:2"]
    assert await event_types(database) == ["subscription.renewed"] * 2


async def test_p2_killed_between_redis_and_postgres_the_journal_settles_it(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection, appender: Any
) -> None:
    await acme.lifecycle.create(new_subscription(), now=START)
    await crash_after_redis(acme, _command(await read_subscription(acme), Quote(PRICE, None)))
    other = await open_more()
    await asyncio.gather(run_worker(other, DUE), Recovery(other.hot, appender).run_once())
    assert (await read_subscription(acme)).charged == 2
    assert await charge_keys(database) == ["~sub:line:1", "~sub:line:2"]
    assert (await acme.reader.wallet("acme")).balance == 1_000 - 2 * PRICE


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["submit", "save"])
@pytest.mark.parametrize("continued_by", ["request", "worker", "both"])
async def test_p2_a_killed_resumption_charges_the_period_of_its_time(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection, step: str, after: bool, continued_by: str
) -> None:
    await acme.lifecycle.create(new_subscription(amount=600, grace_seconds=0), now=START)
    await run_worker(acme, DUE)
    await acme.engine.submit(top_up(1_000))
    resumed_at = DUE + 60 * DAY
    target: Any = acme.engine if step == "submit" else acme.subscriptions
    with crashing_at(target, step, after=after):
        await acme.lifecycle.resume("acme", "line", now=resumed_at)
    other = await open_more()
    later = resumed_at + HOUR
    begun = not (step == "save" and not after)
    if continued_by == "request" or not begun:
        await other.lifecycle.resume("acme", "line", now=later)
    elif continued_by == "worker":
        await run_worker(other, later)
    else:
        await asyncio.gather(other.lifecycle.resume("acme", "line", now=later), run_worker(acme, later))
    line = await read_subscription(acme)
    assert (line.state, line.charged) == (SubscriptionState.ACTIVE, 2)
    assert line.period_starts_at == (resumed_at if begun else later)
    assert await charge_keys(database) == ["~sub:line:1", "~sub:line:2"]


async def test_an_abandoned_resumption_that_is_declined_stays_suspended(acme: Wallets) -> None:
    await acme.lifecycle.create(new_subscription(amount=600, grace_seconds=0), now=START)
    await run_worker(acme, DUE)
    with crashing_at(acme.engine, "submit"):
        await acme.lifecycle.resume("acme", "line", now=DUE + DAY)
    await run_worker(acme, DUE + 2 * DAY)
    line = await read_subscription(acme)
    assert (line.state, line.due_at, line.resumed_at) == (SubscriptionState.SUSPENDED, None, None)
    with pytest.raises(InsufficientFunds):
        await acme.lifecycle.resume("acme", "line", now=DUE + 3 * DAY)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["submit", "refund", "save"])
async def test_p6_a_killed_worker_refunds_a_canceled_subscription_once(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection, step: str, after: bool
) -> None:
    """The worker that charged it died before it could record that; then it was canceled."""
    await acme.lifecycle.create(new_subscription(), now=START)
    with crashing_at(acme.subscriptions, "save"):
        await acme.lifecycle.step(await read_subscription(acme), DUE)
    canceled = await acme.lifecycle.cancel("acme", "line", at_period_end=False, now=DUE + 1)
    target: Any = {"submit": acme.engine, "refund": acme.lifecycle._refunds, "save": acme.subscriptions}[step]
    settled_at = DUE + 1 + SETTLE_SECONDS * SECOND
    with crashing_at(target, step, after=after):
        await acme.lifecycle.step(canceled, settled_at)
    other = await open_more()
    await asyncio.gather(*(run_worker(each, settled_at) for each in (acme, other)))
    line = await read_subscription(acme)
    assert (line.state, line.charged, line.due_at) == (SubscriptionState.CANCELED, 1, None)
    assert await charge_keys(database, "~sub") == ["~sub:line:1", "~sub:line:2", "~sub-refund:line:2"]
    assert (await acme.reader.wallet("acme")).balance == 1_000 - PRICE


TAMPERINGS = {
    "recorded_without_charge": "UPDATE subscriptions SET charged = 3",
    "charged_without_record": "UPDATE subscriptions SET charged = 0",
    "wrong_last_entry": "UPDATE subscriptions SET last_number = 1",
    "entry_of_another_kind": "UPDATE entries SET kind = 3 WHERE idempotency_key = '~sub:line:2'",
    "charge_without_subscription": "UPDATE entries SET idempotency_key = '~sub:none:1' WHERE number = 1",
    "canceled_and_not_refunded": "UPDATE subscriptions SET state = 5, charged = 1, due_at = NULL, "
    "last_number = (SELECT number FROM entries WHERE idempotency_key = '~sub:line:1')",
}


@pytest.mark.parametrize("how", TAMPERINGS)
async def test_verify_ledger_finds_each_contradiction(acme: Wallets, database: asyncpg.Connection, how: str) -> None:
    await acme.lifecycle.create(new_subscription(), now=START)
    await run_worker(acme, DUE)
    transaction = database.transaction()
    assert not (await acme.verify()).problems
    await transaction.start()
    for _, sql in verify.CHECKS:
        assert await database.fetch(sql, "", None) == []
        await database.execute(TAMPERINGS[how])
        assert [row["company_id"] for row in await database.fetch(sql, "", None)] == ["acme"]
    await transaction.rollback()
