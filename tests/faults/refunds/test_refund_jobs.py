"""A refund job whose process is killed again and again, with kill -9, while gateways charge and Redis is lost once."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psutil
import psycopg
import pytest

from devstack import Stack
from tests.acceptance.bad_requests.makers import charge, create, top_up
from tests.support.clients import Clients
from tests.support.polling import until
from veloconnect.admin.v1 import refund_pb2
from veloconnect.charging.v1 import charging_pb2

CHARGES, BATCH, AMOUNT = 3_000, 500, 7
KILLS = 6
KILL_POLL_SECONDS = 0.02
SECONDS_MAX = 60.0
POLL_SECONDS = 0.2


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def clients(stack: Stack) -> Iterator[Clients]:
    with Clients.of(stack) as opened:
        yield opened


def charge_batch(clients: Clients, name: str, count: int) -> None:
    """Make charges, again and again until all have succeeded."""
    requests = [
        charge(company="companies/outage", idempotency_key=f"{name}-{number}", amount_micros=AMOUNT)
        for number in range(count)
    ]
    give_up_at = time.monotonic() + SECONDS_MAX
    while True:
        answer = clients.call(clients.charging.BatchCharge, charging_pb2.BatchChargeRequest(requests=requests))
        if all(result.HasField("charge") for result in answer.results):
            return
        assert time.monotonic() < give_up_at, answer.results[-1]
        time.sleep(POLL_SECONDS)


def progress(database: "psycopg.Connection[Any]") -> tuple[int, int]:
    """Return the job's state, and how many charges it has checked; the service may be away."""
    row = database.execute("SELECT state, matched FROM refund_jobs").fetchone()
    assert row is not None
    return row[0], row[1]


async def moved(database: "psycopg.Connection[Any]", matched: int) -> None:
    """Wait until the job has checked another number of charges, or has ended."""
    unmoved = (refund_pb2.RefundJob.STATE_RUNNING, matched)
    await until(lambda: progress(database) != unmoved, seconds_max=SECONDS_MAX, poll_seconds=KILL_POLL_SECONDS)


async def test_p2_killed_workers_refund_each_charge_once(stack: Stack, clients: Clients) -> None:
    """P2: each charge is refunded once, although the worker is killed again and again."""
    clients.call(clients.companies.CreateCompany, create("outage"))
    clients.call(clients.top_ups.CreateTopUp, top_up(parent="companies/outage", amount_micros=10**9))
    for first in range(0, CHARGES, BATCH):
        charge_batch(clients, f"before-{first}", BATCH)
    where = refund_pb2.RefundFilter(company="companies/outage")
    where.start_time.FromSeconds(0)
    where.end_time.FromNanoseconds(time.time_ns())
    job = refund_pb2.RefundJob(filter=where, reason=refund_pb2.REFUND_REASON_CARRIER_OUTAGE, requested_by="ann")
    settings = refund_pb2.CreateRefundJobSettings(refund_job_id="outage", refund_job=job)
    made = clients.call(clients.refunds.CreateRefundJob, iter([refund_pb2.CreateRefundJobRequest(settings=settings)]))
    assert made.expected_count == CHARGES

    seen = [0]
    with psycopg.connect(stack.database_url, autocommit=True) as database:
        for number in range(KILLS):
            # The process that took over has done something by now, and has not done all, if it can be helped.
            await moved(database, seen[-1])
            for worker in psutil.Process(stack.admin.pid).children():
                worker.kill()
            # End its lease, so that the test need not wait for half a minute.
            database.execute("DELETE FROM leases")
            charge_batch(clients, f"meanwhile-{number}", 10)
            if number == KILLS // 2:
                stack.valkey.kill()
                await asyncio.to_thread(stack.valkey.start)
            seen.append(progress(database)[1])
        await until(
            lambda: progress(database)[0] != refund_pb2.RefundJob.STATE_RUNNING,
            seconds_max=SECONDS_MAX,
            poll_seconds=POLL_SECONDS,
        )
        rows = database.execute("SELECT refunded_number, amount FROM entries WHERE kind = 4").fetchall()
    done = clients.call(clients.refunds.GetRefundJob, refund_pb2.GetRefundJobRequest(name=made.name))
    assert any(0 < count < CHARGES for count in seen), f"no worker was killed in the middle: {seen}"
    assert seen == sorted(seen)
    assert Counter(rows) == Counter({(2 + number, AMOUNT): 1 for number in range(CHARGES)})
    counted = done.matched_count, done.refunded_count, done.already_refunded_count, done.failed_count
    assert counted == (CHARGES, CHARGES, 0, 0)
    assert [amount.amount_micros for amount in done.refunded_amounts] == [CHARGES * AMOUNT]
    clients.assert_ledger_clean()
