"""A subscription's period is charged once, told once and recorded, wherever a process dies and whoever goes on."""

import asyncio
from typing import Any

import asyncpg
import pytest

import admin.mail.store as outbox
import admin.notices.store as bulletin
import admin.subscriptions.store as adapter
from admin.subscriptions import verify
from admin.subscriptions.domain import SubscriptionState
from admin.subscriptions.lifecycle import _command
from admin.subscriptions.transitions import SETTLE_SECONDS, UNFINISHED_SECONDS
from tests.conftest import OpenWallets
from tests.support.builders import top_up
from tests.support.engine_steps import crash_after_redis
from tests.support.refunding import dying_at
from tests.support.subscribing import (
    DAY,
    HOUR,
    PRICE,
    at,
    keys,
    mailed,
    new,
    read,
    run,
    told,
)
from tests.support.wallets import Wallets
from wallet.domain.errors import InsufficientFunds, LedgerUnavailable
from wallet.domain.ratebook import Quote
from wallet.recovery import Recovery

pytestmark = pytest.mark.usefixtures("clean_afterwards")

START = at("2027-01-31T09:30")
DUE = at("2027-02-28T09:30")
SECOND = 1_000_000
SAVE = "$1::text, $2::text, $3::bigint, $4::smallint, $5::text, $6::smallint, $7::text, $8::text, $9::text, "
SAVE += "$10::bigint, $11::text, $12::text, $13::bigint, $14::bigint, $15::smallint, "
SAVE += ", ".join(f"${place}::bigint" for place in range(16, 25))
SAVE += ", $25::text, $26::bigint, $27::boolean, $28::bigint, $29::bigint"
STEPS: dict[str, tuple[Any, str]] = {
    "due": (adapter, "$1::bigint, $2::bigint, $3::bigint, $4::integer"),
    "save": (adapter, SAVE),
    "insert event": (bulletin, "$1::text, $2::text, $3::text, $4::text"),
    "insert mail": (outbox, "$1::text, $2::text, $3::text, $4::text, $5::text"),
}
"""What a worker asks of Postgres beside the charge, and with what."""
PAID_STEPS = [step for step in STEPS if step != "insert mail"]
"""There is no mail for what is paid."""


@pytest.fixture(autouse=True)
async def _address(acme: Wallets, database: asyncpg.Connection) -> None:
    await database.execute("UPDATE companies SET billing_email = 'people@acme.example'")


@pytest.mark.parametrize(("step", "pays"), [*((step, False) for step in STEPS), *((step, True) for step in PAID_STEPS)])
async def test_p2_killed_at_any_step_a_period_is_charged_once_or_told_once(
    acme: Wallets, database: asyncpg.Connection, step: str, pays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await acme.renewals.create(new(amount=400 if pays else 600), now=START)
    module, arguments = STEPS[step]
    with monkeypatch.context() as patch:
        name = step.removesuffix(" event").removesuffix(" mail")
        patch.setitem(module._SQL, name, f"SELECT pg_terminate_backend(pg_backend_pid()), {arguments}")
        with pytest.raises(LedgerUnavailable):
            await run(acme, DUE)
    line = await read(acme)
    assert (line.state, line.charged) == (SubscriptionState.ACTIVE, 1), "nothing is half done"
    assert await told(database) == ["subscription.renewed"]
    assert await mailed(database) == []
    assert [await run(acme, DUE + second) for second in (1, 2)] == ([1, 0] if pays else [0, 0])
    assert await keys(database) == ["~sub:line:1", "~sub:line:2"][: 1 + pays]
    assert await told(database) == ["subscription.renewed", "subscription.renewed" if pays else "subscription.past_due"]
    assert await mailed(database) == ([] if pays else ["subscription_past_due"])


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["create", "submit", "save"])
@pytest.mark.parametrize("healed_by", ["request", "worker", "both"])
async def test_p2_a_request_may_die_at_every_step_and_charges_its_first_period_once(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection, step: str, after: bool, healed_by: str
) -> None:
    target: Any = acme.engine if step == "submit" else acme.subscriptions
    with dying_at(target, step, after=after):
        await acme.renewals.create(new(), now=START)
    other = await open_more()
    later = START + UNFINISHED_SECONDS * SECOND
    assert await run(other, later - 1) == 0, "whoever asked may still be at it"
    if healed_by == "request" or (step == "create" and not after):
        await other.renewals.create(new(), now=later)
    elif healed_by == "worker":
        await run(other, later)
    else:
        await asyncio.gather(other.renewals.create(new(), now=later), run(acme, later), run(other, later))
    line = await read(acme)
    assert (line.state, line.charged) == (SubscriptionState.ACTIVE, 1)
    begun_at = later if (step, after) == ("create", False) else START
    assert line.period_starts_at == begun_at, "when it was asked for, whoever charged it"
    assert await keys(database) == ["~sub:line:1"]
    assert await told(database) == ["subscription.renewed"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["due", "submit", "save"])
async def test_p2_a_worker_may_die_at_every_step_and_another_goes_on(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection, step: str, after: bool
) -> None:
    await acme.renewals.create(new(), now=START)
    target: Any = acme.engine if step == "submit" else acme.subscriptions
    other = await open_more()
    with dying_at(target, step, after=after):
        await acme.subscriptions.due(DUE, (0, 0), 1)
        (line,) = await other.subscriptions.due(DUE, (0, 0), 1)
        await acme.renewals.step(line, DUE)
    await asyncio.gather(*(run(each, DUE + DAY) for each in (acme, other)))
    assert (await read(acme)).charged == 2
    assert await keys(database) == ["~sub:line:1", "~sub:line:2"]
    assert await told(database) == ["subscription.renewed"] * 2


async def test_p2_killed_between_redis_and_postgres_the_period_is_the_one_of_the_journal(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection, appender: Any
) -> None:
    await acme.renewals.create(new(), now=START)
    await crash_after_redis(acme, _command(await read(acme), Quote(PRICE, None)))
    other = await open_more()
    await asyncio.gather(run(other, DUE), Recovery(other.hot, appender).run_once())
    assert (await read(acme)).charged == 2
    assert await keys(database) == ["~sub:line:1", "~sub:line:2"]
    assert (await acme.reader.wallet("acme")).balance == 1_000 - 2 * PRICE


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["submit", "save"])
@pytest.mark.parametrize("healed_by", ["request", "worker", "both"])
async def test_p2_a_resumption_may_die_at_every_step_and_charges_the_period_of_its_time(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection, step: str, after: bool, healed_by: str
) -> None:
    await acme.renewals.create(new(amount=600, grace_seconds=0), now=START)
    await run(acme, DUE)
    await acme.engine.submit(top_up(1_000))
    resumed_at = DUE + 60 * DAY
    target: Any = acme.engine if step == "submit" else acme.subscriptions
    with dying_at(target, step, after=after):
        await acme.renewals.resume("acme", "line", now=resumed_at)
    other = await open_more()
    later = resumed_at + HOUR
    begun = not (step == "save" and not after)
    if healed_by == "request" or not begun:
        await other.renewals.resume("acme", "line", now=later)
    elif healed_by == "worker":
        await run(other, later)
    else:
        await asyncio.gather(other.renewals.resume("acme", "line", now=later), run(acme, later))
    line = await read(acme)
    assert (line.state, line.charged) == (SubscriptionState.ACTIVE, 2)
    assert line.period_starts_at == (resumed_at if begun else later)
    assert await keys(database) == ["~sub:line:1", "~sub:line:2"]


async def test_a_resumption_that_nobody_came_back_for_and_that_is_declined_stays_suspended(acme: Wallets) -> None:
    await acme.renewals.create(new(amount=600, grace_seconds=0), now=START)
    await run(acme, DUE)
    with dying_at(acme.engine, "submit"):
        await acme.renewals.resume("acme", "line", now=DUE + DAY)
    await run(acme, DUE + 2 * DAY)
    line = await read(acme)
    assert (line.state, line.due_at, line.resumed_at) == (SubscriptionState.SUSPENDED, None, None)
    with pytest.raises(InsufficientFunds):
        await acme.renewals.resume("acme", "line", now=DUE + 3 * DAY)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["submit", "refund", "save"])
async def test_p6_what_is_given_back_of_a_canceled_one_is_given_back_once_wherever_a_worker_dies(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection, step: str, after: bool
) -> None:
    """The worker that charged it died before it could record that; then it was canceled."""
    await acme.renewals.create(new(), now=START)
    with dying_at(acme.subscriptions, "save"):
        await acme.renewals.step(await read(acme), DUE)
    canceled = await acme.renewals.cancel("acme", "line", at_period_end=False, now=DUE + 1)
    target: Any = {"submit": acme.engine, "refund": acme.renewals._refunds, "save": acme.subscriptions}[step]
    settled_at = DUE + 1 + SETTLE_SECONDS * SECOND
    with dying_at(target, step, after=after):
        await acme.renewals.step(canceled, settled_at)
    other = await open_more()
    await asyncio.gather(*(run(each, settled_at) for each in (acme, other)))
    line = await read(acme)
    assert (line.state, line.charged, line.due_at) == (SubscriptionState.CANCELED, 1, None)
    assert await keys(database, "~sub") == ["~sub:line:1", "~sub:line:2", "~sub-refund:line:2"]
    assert (await acme.reader.wallet("acme")).balance == 1_000 - PRICE


TAMPERINGS = {
    "a period is said to be charged and is not": "UPDATE subscriptions SET charged = 3",
    "a period is charged and not said to be": "UPDATE subscriptions SET charged = 0",
    "another entry is the last": "UPDATE subscriptions SET last_number = 1",
    "a period is charged by no charge": "UPDATE entries SET kind = 3 WHERE idempotency_key = '~sub:line:2'",
    "a charge is of no subscription": "UPDATE entries SET idempotency_key = '~sub:none:1' WHERE number = 1",
    "a canceled one was charged and keeps it": "UPDATE subscriptions SET state = 5, charged = 1, due_at = NULL, "
    "last_number = (SELECT number FROM entries WHERE idempotency_key = '~sub:line:1')",
}


@pytest.mark.parametrize("how", TAMPERINGS)
async def test_verify_finds_what_does_not_agree(acme: Wallets, database: asyncpg.Connection, how: str) -> None:
    await acme.renewals.create(new(), now=START)
    await run(acme, DUE)
    transaction = database.transaction()
    assert not (await acme.verify()).problems
    await transaction.start()
    for _, sql in verify.CHECKS:
        assert await database.fetch(sql, "", None) == []
        await database.execute(TAMPERINGS[how])
        assert [row["company_id"] for row in await database.fetch(sql, "", None)] == ["acme"]
    await transaction.rollback()
