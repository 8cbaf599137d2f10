"""Refunds under load: the latency of charges while a job refunds an outage.

Gateways charge at a constant rate; then a job refunds many older charges of the same companies meanwhile. The result
is the ratio of the gateways' p99 during the job to that before it: it should not double.
"""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import psycopg
import uvloop

from benchmarks.http2.endpoint import Endpoint, Target
from benchmarks.isolated.installation import Installation, read_balances
from benchmarks.isolated.scenario import Outcome
from benchmarks.loadgen.open_loop import OpenLoop
from benchmarks.loadgen.tally import Tally
from benchmarks.loadgen.workloads import Charges
from devstack import Ports, Stack
from veloconnect.admin.v1 import refund_pb2, refund_pb2_grpc

CONNECTIONS = 4
WARM_UP_SECONDS = 2.0
POLL_SECONDS = 0.5
CALL_SECONDS_MAX = 120.0
JOB_SECONDS_MAX = 1_800.0
FILL_SECONDS_MAX = 600.0
RATIO_MAX = 2.0


@dataclass(frozen=True)
class Refunds:
    """The scenario."""

    companies: int = 100
    """The companies, all with refunded charges."""
    charges: int = 100_000
    """The number of refunded charges."""
    rate: float = 500.0
    """Charges per second meanwhile."""
    seconds: float = 20.0
    """The measured time before the job."""
    name: ClassVar[str] = "refunds"

    def run(self, directory: Path) -> Outcome:
        """Measure the latency of charges before and during a refund job."""
        with Stack(directory, ports=Ports.free()) as stack:
            installation = Installation.start(
                stack, companies=self.companies, entries=self.charges, seconds_max=FILL_SECONDS_MAX
            )
            measured = uvloop.run(_measure(installation, self.rate, self.seconds))
            return _outcome(measured, self.rate, _differences(installation, measured.job))


@dataclass(frozen=True, slots=True)
class RefundRun:
    """The gateways' latencies, and the time of the job."""

    before: Tally
    during: Tally
    job_seconds: float
    preview_seconds: float
    job: refund_pb2.RefundJob

    @property
    def ratio(self) -> float:
        """p99 during the job divided by p99 before it."""
        return _percentile_ms(self.during, 99) / _percentile_ms(self.before, 99)


async def _measure(installation: Installation, rate: float, seconds: float) -> RefundRun:
    """Charge, and refund while charging. Raise `TargetUnreachable`, `grpc.RpcError` or `TimeoutError`."""
    await installation.warm()
    loop = OpenLoop(Charges(installation.books), installation.endpoint, rate=rate, connections=CONNECTIONS)
    admin = Endpoint((Target.parse(installation.stack.admin_address),), installation.stack.token)
    async with loop, admin.channel() as channel:
        stub = refund_pb2_grpc.RefundServiceStub(channel)
        loop.start()
        await asyncio.sleep(WARM_UP_SECONDS)
        before = loop.start_recording()
        await asyncio.sleep(seconds)
        loop.stop_recording()
        settings = _settings()
        began = time.perf_counter()
        settings.validate_only = True
        await _create_job(stub, admin, settings)
        preview_seconds = time.perf_counter() - began
        settings.validate_only = False
        during = loop.start_recording()
        began = time.perf_counter()
        job = await _wait_for_end(stub, admin, await _create_job(stub, admin, settings))
        job_seconds = time.perf_counter() - began
        loop.stop_recording()
        await loop.drain()
    return RefundRun(before, during, job_seconds, preview_seconds, job)


def _settings() -> refund_pb2.CreateRefundJobSettings:
    """Return a job that refunds all charges made before the run."""
    charges = refund_pb2.RefundFilter()
    charges.start_time.FromSeconds(0)
    charges.end_time.FromSeconds(int(time.time()) - 3_600)
    job = refund_pb2.RefundJob(
        filter=charges, reason=refund_pb2.REFUND_REASON_CARRIER_OUTAGE, requested_by="benchmark", reference="outage"
    )
    return refund_pb2.CreateRefundJobSettings(refund_job_id="outage", refund_job=job)


async def _create_job(
    stub: refund_pb2_grpc.RefundServiceStub, admin: Endpoint, settings: refund_pb2.CreateRefundJobSettings
) -> refund_pb2.RefundJob:
    requests = [refund_pb2.CreateRefundJobRequest(settings=settings)]
    job: refund_pb2.RefundJob = await stub.CreateRefundJob(
        iter(requests), metadata=admin.metadata, timeout=CALL_SECONDS_MAX
    )
    return job


async def _wait_for_end(
    stub: refund_pb2_grpc.RefundServiceStub, admin: Endpoint, job: refund_pb2.RefundJob
) -> refund_pb2.RefundJob:
    """Wait until a job has ended, and return it. Raise `TimeoutError`."""
    async with asyncio.timeout(JOB_SECONDS_MAX):
        while job.state == refund_pb2.RefundJob.STATE_RUNNING:
            await asyncio.sleep(POLL_SECONDS)
            request = refund_pb2.GetRefundJobRequest(name=job.name)
            job = await stub.GetRefundJob(request, metadata=admin.metadata, timeout=CALL_SECONDS_MAX)
    return job


def _differences(installation: Installation, job: refund_pb2.RefundJob) -> list[str]:
    """Compare each wallet with acknowledged charges and refunds, and the job with the entries."""
    with psycopg.connect(installation.stack.database_url) as connection:
        rows = connection.execute("SELECT company_id, sum(amount)::bigint FROM entries WHERE kind = 4 GROUP BY 1")
        refunded: dict[str, int] = dict(rows.fetchall())
    now = read_balances(installation.stack.database_url)
    found = [
        difference
        for place, (company, balance) in enumerate(installation.balances.items())
        if (difference := installation.books.difference(place, balance - now[company] + refunded.get(company, 0)))
    ]
    if (job.refunded_count, job.matched_count) != (installation.entries, installation.entries):
        found.append(f"{job.refunded_count} of {installation.entries} charges are refunded")
    if sum(refunded.values()) != installation.entries * installation.books.amount_micros:
        found.append(f"{sum(refunded.values())} micros are refunded")
    return found


def _outcome(measured: RefundRun, rate: float, differences: list[str]) -> Outcome:
    lines = []
    for title, tally in (("before", measured.before), ("during", measured.during)):
        shown = ", ".join(f"p{percent:g} {_percentile_ms(tally, percent):.2f} ms" for percent in (50, 99, 99.9))
        errors = sum(tally.errors.values())
        lines.append(f"{title:7} {tally.calls:9,} charges at {rate:,.0f}/s: {shown}; {errors} errors")
    per_second = measured.job.refunded_count / measured.job_seconds
    lines += [
        f"{measured.job.refunded_count:,} refunds in {measured.job_seconds:.1f} s: {per_second:,.0f}/s",
        f"validate_only took {measured.preview_seconds:.2f} s",
        f"p99 × {measured.ratio:.2f} (should be {RATIO_MAX:g} or less)",
    ]
    found = {
        "refunds_p99_before_ms": round(_percentile_ms(measured.before, 99), 3),
        "refunds_p99_during_ms": round(_percentile_ms(measured.during, 99), 3),
        "refunds_p99_ratio": round(measured.ratio, 3),
        "refunds_per_second": round(per_second, 1),
    }
    return Outcome(found, lines, differences)


def _percentile_ms(tally: Tally, percent: float) -> float:
    return tally.latencies.percentile_ns(percent) / 1e6
