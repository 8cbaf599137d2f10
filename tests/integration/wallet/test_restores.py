"""After a restore of Postgres to the past, Redis is ahead of the ledger and is not trusted."""

import asyncpg
import pytest
import redis
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from admin.companies.domain import CompanyChange
from tests.conftest import OpenWallets
from tests.support.builders import change_settings, charge
from tests.support.engine_steps import crash_after_redis, entries_of, epoch_of, journaled, settled
from tests.support.polling import until
from tests.support.redis_copies import Copy
from tests.support.wallets import Wallets
from wallet.domain.commands import Command
from wallet.domain.errors import Applied, IdempotencyKeyReused, WalletUnavailable
from wallet.ledger.append import Appender
from wallet.recovery import Recovery

pytestmark = pytest.mark.usefixtures("clean_afterwards")


async def test_p2_a_redis_ahead_of_the_ledger_needs_a_rebuild(acme: Wallets, database: asyncpg.Connection) -> None:
    """Postgres was restored to the past, and the epoch that Redis has was never begun there."""
    for _ in range(2):
        await acme.rebuild("acme")
    await database.execute("UPDATE wallets SET epoch = 1")
    request = charge(400)
    for _ in range(2):
        with pytest.raises(WalletUnavailable) as raised:
            await acme.engine.submit(request)
        assert raised.value.applied is Applied.UNKNOWN
    with pytest.raises(WalletUnavailable):
        await acme.engine.submit(charge(100_000))
    await acme.rebuild("acme")
    assert (await acme.engine.submit(request)).entry.number == 2
    assert len(await entries_of(database)) == 2


async def restore(database: asyncpg.Connection, *, number: int, epoch: int) -> None:
    """Let the ledger be as it was after entry `number`, which was written in `epoch`. For wallets that hold nothing."""
    await database.execute("DELETE FROM entries WHERE number > $1", number)
    await database.execute(
        "UPDATE wallets SET last_number = number, balance = balance_after, epoch = $2, last_seq = seq"
        " FROM entries WHERE entries.company_id = wallets.company_id AND number = $1",
        number,
        epoch,
    )


async def test_p2_the_next_epoch_is_above_every_one_from_before_a_restore(database: asyncpg.Connection) -> None:
    now: int = await database.fetchval("SELECT extract(epoch FROM clock_timestamp())::bigint")
    for restored in (0, 1, now - 86_400):
        assert await database.fetchval("SELECT wallet_next_epoch($1)", restored) >= now
    assert await database.fetchval("SELECT wallet_next_epoch($1)", now + 1_000) == now + 1_001


@pytest.mark.parametrize("change", ["settings", "load"])
async def test_p1_p2_a_hot_wallet_of_before_a_restore_is_stale(
    acme: Wallets, database: asyncpg.Connection, open_more: OpenWallets, hot: redis.Redis, change: str
) -> None:
    """The ledger counts its epochs on, and must not come to the one that Redis has."""
    first = await epoch_of(database)
    spent = charge(900)
    await acme.rebuild("acme")
    await acme.engine.submit(spent)
    await settled(acme)
    before = await epoch_of(database)
    await clock_past(database, before)
    await restore(database, number=1, epoch=first - 1)
    if change == "settings":
        await acme.companies.update("acme", CompanyChange(floor=500))
    else:
        copy = Copy(hot)
        hot.flushall()
        await acme.loader.load("acme")
        copy.restore(other_run=False)
    assert await epoch_of(database) > before
    outcome = await acme.engine.submit(charge(300))
    assert (outcome.entry.number, outcome.entry.balance_after) == (2, 700)
    assert (await acme.engine.submit(charge(200, key=spent.idempotency_key))).entry.number == 3


async def clock_past(database: asyncpg.Connection, epoch: int) -> None:
    """Return when the clock is past `epoch`, as it is when a restore is done."""

    async def past() -> bool:
        return bool(await database.fetchval("SELECT extract(epoch FROM clock_timestamp()) > $1 + 1", epoch))

    await until(past)


async def test_p2_a_rebuild_gets_above_the_epochs_that_only_the_journal_has(
    acme: Wallets, database: asyncpg.Connection, hot: redis.Redis, appender: Appender
) -> None:
    """The wallet has gone from Redis, and a crashed process's entry of a later epoch is still in its journal."""
    await change_settings(database, floor=-5)
    await database.execute("UPDATE wallets SET epoch = epoch + 1000000")
    await acme.rebuild("acme")
    request = charge(400)
    (left,) = await crash_after_redis(acme, request)
    hot.delete("{w:0}:wallet:acme")
    await restore(database, number=1, epoch=1)
    await acme.rebuild("acme")
    assert await epoch_of(database) > left.epoch
    assert await Recovery(acme.hot, appender).run_once(age_seconds_min=0) == 1
    assert not await journaled(acme)
    assert (await acme.engine.submit(request)).entry.number == 2
    assert len(await entries_of(database)) == 2


@pytest.mark.parametrize("who", ["a load", "recovery"])
async def test_p2_an_entry_that_is_ahead_of_the_ledger_raises_the_alarm(
    acme: Wallets, database: asyncpg.Connection, appender: Appender, who: str
) -> None:
    """A process left it in the journal, and Postgres was restored to the past before another one finds it there."""
    (left,) = await crash_after_redis(acme, charge(400))
    await restore(database, number=1, epoch=1)
    before = recovered("AHEAD")
    with capture_logs() as logs:
        if who == "recovery":
            await Recovery(acme.hot, appender).run_once(age_seconds_min=0)
        else:
            await acme.rebuild("acme")
    alarms = [entry for entry in logs if entry["event"] == "wallet_ahead_of_ledger"]
    assert [(alarm["log_level"], alarm["company"], alarm["attempt"]) for alarm in alarms] == [
        ("error", "acme", left.name)
    ]
    assert recovered("AHEAD") == before + 1
    await acme.rebuild("acme")
    await Recovery(acme.hot, appender).run_once(age_seconds_min=0)


def recovered(answer: str) -> float:
    """Return how many attempts of journals the ledger has answered so for another process than their own."""
    return REGISTRY.get_sample_value("wallet_recovered_entries_total", {"answer": answer}) or 0


@pytest.mark.parametrize(
    "request_", [charge(400, key="sms"), charge(300, key="sms")], ids=["the same request", "another request"]
)
async def test_p5_a_key_that_redis_settled_and_the_ledger_lost_is_free_again(
    acme: Wallets, database: asyncpg.Connection, request_: Command
) -> None:
    first = await epoch_of(database)
    await acme.engine.submit(charge(400, key="sms"))
    await settled(acme)
    await restore(database, number=1, epoch=first)
    await acme.rebuild("acme")
    outcome = await acme.engine.submit(request_)
    assert (outcome.entry.number, outcome.entry.amount) == (2, -request_.amount)
    assert (await acme.engine.submit(request_)).entry == outcome.entry
    with pytest.raises(IdempotencyKeyReused):
        await acme.engine.submit(charge(1, key="sms"))
