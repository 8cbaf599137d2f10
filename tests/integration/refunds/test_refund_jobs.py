"""Refund jobs refund each matching charge exactly once, over crashes and with many workers."""

import asyncio
from contextlib import suppress
from typing import Any

import asyncpg
import pytest

from admin.refunds import job_worker as refund_jobs
from admin.refunds.job_worker import RefundJobWorker
from refunds.domain import RefundReason
from refunds.job import (
    ChargeFilter,
    Estimate,
    JobState,
    NewJob,
    RefundJob,
)
from tests.conftest import OpenWallets
from tests.support.builders import (
    authorize,
    capture,
    charge,
    fresh,
    make_company,
    refund,
    top_up,
)
from tests.support.engine_steps import settled
from tests.support.refunding import FOREVER, crashing_at, make_job, refund_request
from tests.support.wallets import Wallets
from wallet.domain.entries import Outcome
from wallet.domain.errors import (
    Applied,
    CompanyNotFound,
    IdempotencyKeyReused,
    RefundExceedsCharge,
    RefundJobNotFound,
    WalletUnavailable,
)
from wallet.domain.usage import Channel, Usage

pytestmark = pytest.mark.usefixtures("clean_afterwards")


async def no_pause(_: float) -> None:
    """Go on at once."""


def worker(wallets: Wallets, *, batch: int = 4) -> RefundJobWorker:
    """Return a worker with small batches."""
    return RefundJobWorker(wallets.refund_jobs, wallets.engine, wallets.refunds, batch=batch, pause=no_pause)


async def counts(wallets: Wallets, job: RefundJob) -> tuple[int, int, int, int]:
    """Return a job's counts: matched, refunded, already refunded, failed."""
    done = (await wallets.refund_jobs.get(job.id)).progress
    return done.matched, done.refunded, done.already_refunded, done.failed


async def charge_some(wallets: Wallets, amounts: list[int], **fields: Any) -> list[int]:
    """Charge, and return the numbers."""
    results = await wallets.engine.submit_many([charge(amount, **fields) for amount in amounts])
    return [result.entry.number for result in results if isinstance(result, Outcome)]


async def refunded(database: asyncpg.Connection, company: str = "acme") -> dict[int, int]:
    """Return charge → what was given back of it."""
    rows = await database.fetch(
        "SELECT refunded_number, sum(amount)::bigint AS amount FROM entries WHERE company_id = $1 AND kind = 4 "
        "GROUP BY 1",
        company,
    )
    return {row["refunded_number"]: row["amount"] for row in rows}


async def test_a_job_refunds_what_is_left_of_each_charge(acme: Wallets, database: asyncpg.Connection) -> None:
    """The job counts what it did."""
    numbers = await charge_some(acme, [10, 20, 30, 40, 50])
    await acme.engine.submit(refund(20, numbers[1]))
    await acme.engine.submit(refund(5, numbers[2]))
    job = await make_job(acme)
    assert job.estimate == Estimate(5, 0, {"EUR": 125})
    assert await worker(acme).run_once() == 4
    done = await acme.refund_jobs.get(job.id)
    assert (done.state, done.progress.amounts) == (JobState.SUCCEEDED, {"EUR": 125})
    assert await counts(acme, job) == (5, 4, 1, 0)
    assert await refunded(database) == dict(zip(numbers, [10, 20, 30, 40, 50], strict=True))
    entry = await acme.reader.entry("acme", numbers[-1] + 6)
    assert (entry.reason, entry.requested_by, entry.reference) == ("CARRIER_OUTAGE", "ann", "outage 7")
    assert await worker(acme).run_once() == 0


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
async def test_all_companies_with_charges_in_the_time_are_gone_through(
    acme: Wallets, database: asyncpg.Connection, batch: int
) -> None:
    for company in ("beta", "empty", "zeta"):
        await make_company(database, company)
    for company in ("beta", "zeta"):
        await acme.engine.submit(top_up(100, company=company))
        await charge_some(acme, [1, 2, 3], company=company)
    await charge_some(acme, [4])
    job = await make_job(acme)
    assert await worker(acme, batch=batch).run_once() == 7
    assert await counts(acme, job) == (7, 7, 0, 0)
    assert (await acme.refund_jobs.get(job.id)).state is JobState.SUCCEEDED
    for company, balance in (("acme", 1_000), ("beta", 100), ("zeta", 100), ("empty", 0)):
        assert (await acme.reader.wallet(company)).balance == balance


async def test_a_filter_matches_time_channel_country_campaign_and_contact(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    usages = [
        Usage(Channel.SMS, country="DE", campaign_id="spring", contact_id="c1"),
        Usage(Channel.SMS, country="FR", campaign_id="spring", contact_id="c2"),
        Usage(Channel.WHATSAPP, country="DE", campaign_id="autumn", contact_id="c1"),
    ]
    numbers = [(await acme.engine.submit(charge(10, usage=usage))).entry.number for usage in usages]
    await acme.engine.submit(authorize(100, "call", usage=usages[2]))
    numbers.append((await acme.engine.submit(capture(10, "call"))).entry.number)
    times = [(await acme.reader.entry("acme", number)).created_at for number in numbers]
    for fields, expected in (
        ({"channel": Channel.SMS}, [0, 1]),
        ({"country": "DE"}, [0, 2, 3]),
        ({"campaign_id": "autumn"}, [2, 3]),
        ({"contact_id": "c1", "channel": Channel.WHATSAPP}, [2, 3]),
        ({"company": "acme", "campaign_id": "none"}, []),
        ({"starts_at": times[1]}, [1, 2, 3]),
        ({"ends_at": times[1]}, [0]),
        ({"starts_at": times[1], "ends_at": times[3]}, [1, 2]),
        ({"starts_at": times[3] + 1}, []),
    ):
        values: dict[str, Any] = {"starts_at": 0, "ends_at": 2**62, **fields}
        job = await make_job(acme, ChargeFilter(**values))
        batch = await acme.refund_jobs.next_batch(job, 100)
        assert [charge.number for charge in batch.charges] == [numbers[i] for i in expected], fields
        assert job.estimate.charges == len(expected), fields
        await acme.refund_jobs.cancel(job.id)
    assert await refunded(database) == {}


async def test_a_list_of_charges_is_refunded_and_says_what_is_no_charge(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    await make_company(database, "beta")
    await acme.engine.submit(top_up(100, company="beta"))
    numbers = await charge_some(acme, [10, 20, 30])
    (other,) = await charge_some(acme, [7], company="beta")
    listed = [("acme", 1), *(("acme", number) for number in numbers[:2]), ("acme", 99), ("beta", other), ("nobody", 1)]
    job = await make_job(acme, listed=listed)
    assert job.estimate == Estimate(3, 0, {"EUR": 37})
    assert await worker(acme, batch=2).run_once() == 3
    done = await acme.refund_jobs.get(job.id)
    assert await counts(acme, job) == (6, 3, 0, 3)
    assert [(failure.company, failure.number, failure.reason) for failure in done.progress.failures] == [
        ("acme", 1, "TRANSACTION_NOT_FOUND"),
        ("acme", 99, "TRANSACTION_NOT_FOUND"),
        ("nobody", 1, "TRANSACTION_NOT_FOUND"),
    ]
    assert await refunded(database) == {numbers[0]: 10, numbers[1]: 20}
    assert await refunded(database, "beta") == {other: 7}


async def test_charges_of_a_closed_company_fail_and_the_job_goes_on(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    await make_company(database, "beta")
    await acme.engine.submit(top_up(10, company="beta"))
    await charge_some(acme, [10], company="beta")
    await charge_some(acme, [10])
    await settled(acme)
    await acme.companies.close("beta")
    job = await make_job(acme)
    assert await worker(acme).run_once() == 1
    (failure,) = (await acme.refund_jobs.get(job.id)).progress.failures
    assert (failure.company, failure.reason) == ("beta", "COMPANY_CLOSED")
    assert await counts(acme, job) == (2, 1, 0, 1)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["next_batch", "refund", "advance"])
@pytest.mark.parametrize("batches", [0, 1, 3])
async def test_p2_a_worker_may_die_at_every_step_and_another_goes_on(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection, batches: int, step: str, after: bool
) -> None:
    numbers = await charge_some(acme, [10] * 10)
    job = await make_job(acme)
    first = worker(acme, batch=3)
    for _ in range(batches):
        await first._step(await acme.refund_jobs.get(job.id))
    target, method = {
        "next_batch": (acme.refund_jobs, "next_batch"),
        "refund": (acme.engine, "submit_many"),
        "advance": (acme.refund_jobs, "advance"),
    }[step]
    with crashing_at(target, method, after=after):
        await first.run_once()
    await worker(await open_more(), batch=3).run_once()
    assert await counts(acme, job) == (10, 10, 0, 0)
    done = await acme.refund_jobs.get(job.id)
    assert (done.state, done.progress.amounts) == (JobState.SUCCEEDED, {"EUR": 100})
    assert await refunded(database) == dict.fromkeys(numbers, 10)


async def test_p2_workers_that_work_at_once_refund_and_count_each_charge_once(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection
) -> None:
    numbers = await charge_some(acme, [7] * 60)
    job = await make_job(acme)
    others = [worker(await open_more(), batch=5) for _ in range(3)]
    await asyncio.gather(*(each.run_once() for each in [worker(acme, batch=5), *others]))
    assert await counts(acme, job) == (60, 60, 0, 0)
    assert (await acme.refund_jobs.get(job.id)).progress.amounts == {"EUR": 420}
    assert await refunded(database) == dict.fromkeys(numbers, 7)


async def test_p6_jobs_and_single_refunds_at_once_never_exceed_the_charge(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection
) -> None:
    """P6: jobs and people that refund the same charges at once never refund more than was charged."""
    numbers = await charge_some(acme, [10] * 40)
    jobs = [await make_job(acme), await make_job(acme)]
    other = await open_more()

    async def by_hand(number: int) -> None:
        with suppress(RefundExceedsCharge):
            await other.refunds.refund(refund_request(number, amount=4))

    await asyncio.gather(
        worker(acme, batch=4).run_once(), worker(other, batch=3).run_once(), *(by_hand(number) for number in numbers)
    )
    await worker(acme).run_once()
    assert await refunded(database) == dict.fromkeys(numbers, 10)
    for job in jobs:
        matched, done, already, failed = await counts(acme, job)
        assert (matched, done + already, failed) == (40, 40, 0)


async def test_a_canceled_job_refunds_nothing_more_and_keeps_what_it_did(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    await charge_some(acme, [10] * 6)
    job = await make_job(acme)
    await worker(acme, batch=2)._step(job)
    canceled = await acme.refund_jobs.cancel(job.id)
    assert (canceled.state, canceled.progress.refunded) == (JobState.CANCELED, 2)
    assert await worker(acme).run_once() == 0
    assert len(await refunded(database)) == 2
    assert (await acme.refund_jobs.cancel(job.id)).ended_at == canceled.ended_at


async def test_a_batch_that_is_under_way_when_its_job_is_canceled_is_counted(acme: Wallets) -> None:
    await charge_some(acme, [10] * 3)
    job = await make_job(acme)
    await acme.refund_jobs.cancel(job.id)
    await worker(acme)._step(job)
    assert await counts(acme, job) == (3, 3, 0, 0)
    assert (await acme.refund_jobs.get(job.id)).state is JobState.CANCELED


async def test_a_job_waits_for_a_wallet_that_does_not_answer_and_others_do_not(
    acme: Wallets, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_company(database, "beta")
    await acme.engine.submit(top_up(100, company="beta"))
    (number,) = await charge_some(acme, [10], company="beta")
    mine = await charge_some(acme, [10])
    stuck = await make_job(acme, listed=[("beta", number)])
    other = await make_job(acme, listed=[("acme", mine[0])])
    submit_many = acme.engine.submit_many

    async def away(commands: Any, **options: Any) -> Any:
        if any(command.company == "beta" for command in commands):
            return [WalletUnavailable("away", applied=Applied.UNKNOWN)] * len(commands)
        return await submit_many(commands, **options)

    monkeypatch.setattr(acme.engine, "submit_many", away)
    impatient = worker(acme)
    assert await impatient.run_once() == 1
    assert await counts(acme, stuck) == (0, 0, 0, 0)
    assert await counts(acme, other) == (1, 1, 0, 0)
    monkeypatch.setattr(refund_jobs, "STUCK_SECONDS_MAX", 0.0)
    assert await impatient.run_once() == 0
    (failure,) = (await acme.refund_jobs.get(stuck.id)).progress.failures
    assert failure.reason == "WALLET_UNAVAILABLE"


async def test_a_fault_in_one_job_does_not_keep_the_others_waiting(
    acme: Wallets, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = await charge_some(acme, [10, 20])
    broken, sound = [await make_job(acme, listed=[("acme", number)]) for number in numbers]
    next_batch = acme.refund_jobs.next_batch

    async def fault(job: RefundJob, limit: int) -> Any:
        if job.id == broken.id:
            raise ZeroDivisionError
        return await next_batch(job, limit)

    monkeypatch.setattr(acme.refund_jobs, "next_batch", fault)
    with pytest.raises(ZeroDivisionError):
        await worker(acme).run_once()
    assert await counts(acme, sound) == (1, 1, 0, 0)
    assert await counts(acme, broken) == (0, 0, 0, 0)


async def test_p2_the_same_request_makes_one_job(acme: Wallets) -> None:
    """P2: another request under its id is refused."""
    await charge_some(acme, [10])
    job = await make_job(acme, job="outage")
    assert await make_job(acme, job="outage") == job
    with pytest.raises(IdempotencyKeyReused):
        await make_job(acme, ChargeFilter(starts_at=1, ends_at=2), job="outage")
    new = NewJob("outage", b"other", RefundReason.OTHER, "ann", "", FOREVER, [])
    with pytest.raises(IdempotencyKeyReused):
        await acme.refund_jobs.find(new)
    with pytest.raises(RefundJobNotFound):
        await acme.refund_jobs.get("never")
    with pytest.raises(CompanyNotFound):
        await make_job(acme, ChargeFilter(starts_at=0, ends_at=1, company="nobody"))


async def test_jobs_are_listed_newest_first(acme: Wallets) -> None:
    made = [(await make_job(acme, job=fresh("listed"))).id for _ in range(3)]
    page = await acme.refund_jobs.list(None, 2)
    assert [job.id for job in page] == made[:0:-1]
    assert [job.id for job in await acme.refund_jobs.list(page[-1].serial, 2)] == made[:1]


async def test_only_the_first_failures_are_kept(acme: Wallets) -> None:
    job = await make_job(acme, listed=[("acme", number) for number in range(100, 150)])
    await worker(acme, batch=7).run_once()
    done = await acme.refund_jobs.get(job.id)
    assert (done.progress.failed, len(done.progress.failures)) == (50, 20)
    assert [failure.number for failure in done.progress.failures] == list(range(100, 120))
