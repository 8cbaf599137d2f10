"""Runs refund jobs in small batches with pauses, so that charging continues meanwhile.

A batch is refunded through the engine, each charge under a key of the job. Then the position and the counters of the
job advance in one transaction, and only from the position where the batch began. So each charge is refunded and counted
once, also if several processes run the same job, or one is killed in between.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from refunds.domain import RefundRequest
from refunds.job import (
    JobBatch,
    JobCharge,
    JobFailure,
    Progress,
    RefundJob,
)
from refunds.job_store import RefundJobs
from refunds.service import Refunds, refund_command
from server.errors import answer
from wallet.domain import system_keys
from wallet.domain.commands import FINGERPRINT_BYTES
from wallet.domain.errors import LedgerUnavailable, RefundExceedsCharge, TransactionNotFound, Unavailable, WalletError
from wallet.engine import Engine
from wallet.requests import Result

BATCH = 32
"""How many charges are refunded at a time. A charge of the same company may have to wait for a batch."""
RUN_SECONDS_MAX = 10.0
PAUSE_SECONDS = 1.0
"""The pause between two runs."""
PAUSE_SECONDS_MAX = 1.0
"""The longest pause after a batch, which is otherwise as long as the batch took."""
JOBS_AT_ONCE_MAX = 20
ENGINE_SECONDS_MAX = 10.0
STUCK_SECONDS_MAX = 600.0
"""How long a job waits for a wallet that does not answer, before it counts its charges as failed and continues."""
FINGERPRINT = b"refund job".ljust(FINGERPRINT_BYTES)

log = structlog.get_logger(__name__)


class RefundJobWorker:
    """Runs a batch of each job in turn, so that a large job does not delay the others."""

    def __init__(
        self,
        jobs: RefundJobs,
        engine: Engine,
        refunds: Refunds,
        *,
        batch: int = BATCH,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Run the jobs in `jobs`; `pause` sleeps for a number of seconds."""
        self._jobs = jobs
        self._engine = engine
        self._refunds = refunds
        self._batch = batch
        self._pause = pause
        self._stuck_since: dict[str, tuple[object, float]] = {}
        """Maps a job to its position, and the monotonic time since which it has not advanced."""

    async def run_once(self) -> int:
        """Refund until all jobs are complete or stuck, or for RUN_SECONDS_MAX; return how many charges were refunded.

        Raises LedgerUnavailable, and at the end the error of a job, which does not delay the others.
        """
        give_up_at = time.monotonic() + RUN_SECONDS_MAX
        refunded = 0
        stuck: dict[str, Exception | None] = {}
        while active := [job for job in await self._jobs.running(JOBS_AT_ONCE_MAX) if job.id not in stuck]:
            for job in active:
                began_at = time.monotonic()
                try:
                    done = await self._step(job)
                except LedgerUnavailable:
                    raise
                except Exception as error:  # noqa: BLE001  It is raised at the end.
                    done, stuck[job.id] = None, error
                if done is None:
                    stuck.setdefault(job.id, None)
                else:
                    refunded += done.refunded
                now = time.monotonic()
                if now > give_up_at:
                    return _result(stuck, refunded)
                await self._pause(min(now - began_at, PAUSE_SECONDS_MAX))
        return _result(stuck, refunded)

    async def _step(self, job: RefundJob) -> Progress | None:
        """Refund the next batch of a job; return its progress, or None if a wallet does not answer."""
        batch = await self._jobs.next_batch(job, self._batch)
        results = await self._refund(job, batch.charges)
        waiting = [result for result in results if isinstance(result, Unavailable)]
        if waiting and not self._waited_too_long(job):
            log.warning("refund_job_waits", job=job.id, error=repr(waiting[0]))
            return None
        self._stuck_since.pop(job.id, None)
        done = _progress(batch, results)
        if not await self._jobs.advance(job, batch, done):
            return Progress()  # Another process has refunded and counted this batch.
        if batch.last:
            log.info("refund_job_through", job=job.id)
        return done

    async def _refund(self, job: RefundJob, charges: Sequence[JobCharge]) -> list[Result | None]:
        """Return a result for each charge, None for a charge that needs no refund any more."""
        results: list[Result | None] = [
            TransactionNotFound(str(charge.number)) if charge.price is None else None for charge in charges
        ]
        due = [
            index
            for index, charge in enumerate(charges)
            if charge.price is not None and charge.own is None and charge.price > charge.refunded
        ]
        commands = [refund_command(_refund_request(job, charges[index]), _left(charges[index])) for index in due]
        answers = await self._engine.submit_many(commands, timeout=ENGINE_SECONDS_MAX)
        for index, result in zip(due, answers, strict=True):
            results[index] = result
            if isinstance(result, RefundExceedsCharge):  # Another refund came first: refund what is left.
                results[index] = await self._refund_remaining(_refund_request(job, charges[index]))
        return results

    async def _refund_remaining(self, request: RefundRequest) -> Result | None:
        try:
            return await self._refunds.refund(request, timeout=ENGINE_SECONDS_MAX)
        except RefundExceedsCharge:
            return None
        except WalletError as error:
            return error

    def _waited_too_long(self, job: RefundJob) -> bool:
        at, since = self._stuck_since.get(job.id, (None, 0.0))
        if at != job.position:
            since = time.monotonic()
            self._stuck_since[job.id] = job.position, since
        return time.monotonic() - since > STUCK_SECONDS_MAX


def _result(stuck: Mapping[str, Exception | None], refunded: int) -> int:
    """Return the number of refunded charges, or raise the error of a job that could not continue."""
    for fault in stuck.values():
        if fault is not None:
            raise fault
    return refunded


def _refund_request(job: RefundJob, charge: JobCharge) -> RefundRequest:
    return RefundRequest(
        charge.company,
        charge.number,
        system_keys.job_refund(job.id, charge.number),
        FINGERPRINT,
        job.reason,
        job.requested_by,
        job.reference,
    )


def _left(charge: JobCharge) -> int:
    assert charge.price is not None
    return charge.price - charge.refunded


def _progress(batch: JobBatch, results: Sequence[Result | None]) -> Progress:
    """Return the progress of a batch. It is the same for each process that refunds the batch, and for each attempt."""
    refunded = already_refunded = 0
    amounts: Counter[str] = Counter()
    failures: list[JobFailure] = []
    for charge, result in zip(batch.charges, results, strict=True):
        if isinstance(result, WalletError):
            failures.append(JobFailure(charge.company, charge.number, answer(result).reason))
            continue
        refunded_amount = charge.own if result is None else result.entry.amount
        if refunded_amount is None:
            already_refunded += 1
        else:
            refunded += 1
            amounts[charge.currency] += refunded_amount
    return Progress(len(batch.charges), refunded, already_refunded, len(failures), dict(amounts), failures)
