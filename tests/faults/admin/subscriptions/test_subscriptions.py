"""Subscriptions whose worker is killed again and again, with kill -9, while seven periods of each are due."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psutil
import psycopg
import pytest
from google.protobuf.duration_pb2 import Duration

from devstack import Stack
from tests.acceptance.bad_requests.makers import create, top_up
from tests.acceptance.bad_requests.subscriptions import subscribe
from tests.support.clients import Clients
from tests.support.polling import CALL_POLL_SECONDS, until
from veloconnect.admin.v1 import subscription_pb2

SUBSCRIPTIONS, WEEKS, AMOUNT = 150, 7, 10
KILLS = 4
SECONDS_MAX = 60.0
COMPANY = "companies/renting"
WEEK_US = 7 * 86_400_000_000
WEEKLY = subscription_pb2.Subscription.Period(unit=subscription_pb2.Subscription.Period.UNIT_WEEK, count=1)
DUE = "SELECT count(*) FROM subscriptions WHERE due_at < (extract(epoch FROM now()) * 1000000)::bigint"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def clients(stack: Stack) -> Iterator[Clients]:
    with Clients.of(stack) as opened:
        yield opened


def count(database: "psycopg.Connection[Any]", query: str) -> int:
    row = database.execute(query.encode()).fetchone()
    assert row is not None
    number: int = row[0]
    return number


def charged_periods(database: "psycopg.Connection[Any]") -> int:
    """Return how many periods are recorded as charged."""
    return count(database, "SELECT sum(charged)::bigint FROM subscriptions")


def create_subscriptions(clients: Clients) -> None:
    """Create SUBSCRIPTIONS weekly subscriptions, which are charged their first period."""
    for number in range(SUBSCRIPTIONS):
        request = subscribe(
            f"line-{number}",
            parent=COMPANY,
            period=WEEKLY,
            amount_micros=AMOUNT,
            start_time=None,
            grace_period=Duration(seconds=86_400),
        )
        clients.call(clients.subscriptions.CreateSubscription, request)


def make_weeks_due(database: "psycopg.Connection[Any]") -> None:
    """Make WEEKS periods of each subscription due, as if it were that old and no worker had run since."""
    database.execute(
        "UPDATE subscriptions SET version = version + 1, origin_at = origin_at - %(ago)s, "
        "due_at = due_at - %(ago)s, starts_at = starts_at - %(ago)s, "
        "period_starts_at = period_starts_at - %(ago)s, "
        "period_ends_at = period_ends_at - %(ago)s",
        {"ago": WEEKS * WEEK_US},
    )


async def test_p2_each_period_is_charged_once_though_workers_are_killed(stack: Stack, clients: Clients) -> None:
    clients.call(clients.companies.CreateCompany, create("renting"))
    # Enough for all but one period of each.
    enough = SUBSCRIPTIONS * WEEKS * AMOUNT
    clients.call(clients.top_ups.CreateTopUp, top_up(parent=COMPANY, key="wire-1", amount_micros=enough))
    create_subscriptions(clients)
    seen: list[int] = []
    with psycopg.connect(stack.database_url, autocommit=True) as database:
        make_weeks_due(database)
        for number in range(KILLS):
            await until(
                lambda: charged_periods(database) > SUBSCRIPTIONS + len(seen) * 50,
                seconds_max=SECONDS_MAX,
                poll_seconds=CALL_POLL_SECONDS,
            )
            for worker in psutil.Process(stack.admin.pid).children():
                worker.kill()
            # As if the lease had expired: the test does not wait half a minute for that.
            database.execute("DELETE FROM leases")
            if number == KILLS // 2:
                stack.valkey.kill()
                await asyncio.to_thread(stack.valkey.start)
            seen.append(charged_periods(database))
        await until(lambda: not count(database, DUE), seconds_max=SECONDS_MAX, poll_seconds=CALL_POLL_SECONDS)
        keys = database.execute("SELECT idempotency_key FROM entries WHERE kind = 1").fetchall()
        states = database.execute("SELECT state, charged, count(*) FROM subscriptions GROUP BY 1, 2").fetchall()
        event_counts = database.execute("SELECT type, count(*) FROM events GROUP BY 1").fetchall()
    assert seen[-1] < SUBSCRIPTIONS * WEEKS, f"no worker was killed in the middle: {seen}"
    assert seen == sorted(seen)
    by_line = Counter(key.rpartition(":")[0] for (key,) in keys)
    assert len(keys) == len(set(keys)) == SUBSCRIPTIONS * WEEKS, "all the money, and each period once"
    assert max(by_line.values()) <= WEEKS + 1
    for (key,) in keys:
        line, _, number = key.rpartition(":")
        assert 1 <= int(number) <= by_line[line], "in order, without a gap"
    charged = sum(count_ * periods for _, periods, count_ in states)
    assert charged == SUBSCRIPTIONS * WEEKS
    past_due = subscription_pb2.Subscription.STATE_PAST_DUE
    assert {state for state, periods, _ in states if periods <= WEEKS} == {past_due}
    events: dict[str, int] = dict(event_counts)
    assert events["subscription.renewed"] == SUBSCRIPTIONS * WEEKS
    assert events["subscription.past_due"] == sum(count_ for state, _, count_ in states if state == past_due)
    clients.assert_ledger_clean()
