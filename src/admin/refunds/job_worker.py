"""Works refund jobs off, a small batch of each at a time, with pauses: charging goes on meanwhile.

A batch is refunded through the engine, each charge under a key of the job's own; then the job's place moves and its
counters with it, in one transaction, and only from the place where the batch began. Whoever is killed in between, and
however many work on one job: a charge is refunded once and counted once.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from refunds.domain import RefundRequest
from refunds.job import (
    Failure,
    JobBatch,
    JobCharge,
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
"""How many charges are refunded at a time. It is what a charge of the same company may wait for."""
RUN_SECONDS_MAX = 10.0
PAUSE_SECONDS = 1.0
"""Between two runs."""
PAUSE_SECONDS_MAX = 1.0
"""After a batch: as long as it took, but never longer."""
JOBS_AT_ONCE_MAX = 20
ENGINE_SECONDS_MAX = 10.0
STUCK_SECONDS_MAX = 600.0
"""How long a job waits for a wallet that gives no answer, before it leaves its charges out and goes on."""
FINGERPRINT = b"refund job".ljust(FINGERPRINT_BYTES)

log = structlog.get_logger(__name__)


class RefundJobWorker:
    """Goes from job to job, a batch of each, so that a large one keeps nobody waiting."""

    def __init__(
        self,
        jobs: RefundJobs,
        engine: Engine,
        refunds: Refunds,
        *,
        batch: int = BATCH,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`pause` waits for so many seconds."""
        self._jobs = jobs
        self._engine = engine
        self._refunds = refunds
        self._batch = batch
        self._pause = pause
        self._stuck_since: dict[str, tuple[object, float]] = {}
        """Job → its place, and since when it does not leave it."""

    async def run_once(self) -> int:
        """Refund until all jobs are through or stuck, or RUN_SECONDS_MAX; return how many.

        Raises LedgerUnavailable, and in the end what one job raised: the others do not wait for it.
        """
        give_up_at = time.monotonic() + RUN_SECONDS_MAX
        refunded = 0
        stuck: dict[str, Exception | None] = {}
        while now_running := [job for job in await self._jobs.running(JOBS_AT_ONCE_MAX) if job.id not in stuck]:
            for job in now_running:
                began_at = time.monotonic()
                try:
                    done = await self._step(job)
                except LedgerUnavailable:
                    raise
                except Exception as error:  # noqa: BLE001  It is raised in the end.
                    done, stuck[job.id] = None, error
                if done is None:
                    stuck.setdefault(job.id, None)
                else:
                    refunded += done.refunded
                now = time.monotonic()
                if now > give_up_at:
                    return _raised(stuck, refunded)
                await self._pause(min(now - began_at, PAUSE_SECONDS_MAX))
        return _raised(stuck, refunded)

    async def _step(self, job: RefundJob) -> Progress | None:
        """Refund the next batch of a job; return what was done, or None where a wallet does not answer."""
        batch = await self._jobs.next_batch(job, self._batch)
        results = await self._refund(job, batch.charges)
        waiting = [result for result in results if isinstance(result, Unavailable)]
        if waiting and not self._out_of_patience(job):
            log.warning("refund_job_waits", job=job.id, error=repr(waiting[0]))
            return None
        self._stuck_since.pop(job.id, None)
        done = _progress(batch, results)
        if not await self._jobs.advance(job, batch, done):
            return Progress()  # Somebody else did the same, and counted it.
        if batch.last:
            log.info("refund_job_through", job=job.id)
        return done

    async def _refund(self, job: RefundJob, charges: Sequence[JobCharge]) -> list[Result | None]:
        """Return a result for each charge: None for one that needs no refund any more."""
        results: list[Result | None] = [
            TransactionNotFound(str(charge.number)) if charge.price is None else None for charge in charges
        ]
        due = [
            place
            for place, charge in enumerate(charges)
            if charge.price is not None and charge.own is None and charge.price > charge.refunded
        ]
        commands = [refund_command(_refund_request(job, charges[place]), _left(charges[place])) for place in due]
        answers = await self._engine.submit_many(commands, timeout=ENGINE_SECONDS_MAX)
        for place, result in zip(due, answers, strict=True):
            results[place] = result
            if isinstance(result, RefundExceedsCharge):  # Another refund came between: what is left now?
                results[place] = await self._rest(_refund_request(job, charges[place]))
        return results

    async def _rest(self, request: RefundRequest) -> Result | None:
        try:
            return await self._refunds.refund(request, timeout=ENGINE_SECONDS_MAX)
        except RefundExceedsCharge:
            return None
        except WalletError as error:
            return error

    def _out_of_patience(self, job: RefundJob) -> bool:
        at, since = self._stuck_since.get(job.id, (None, 0.0))
        if at != job.position:
            since = time.monotonic()
            self._stuck_since[job.id] = job.position, since
        return time.monotonic() - since > STUCK_SECONDS_MAX


def _raised(stuck: Mapping[str, Exception | None], refunded: int) -> int:
    """Return how many were refunded, or raise the fault of a job that could not go on."""
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
    """Return what became of a batch: the same, whoever looks at it, and however often."""
    refunded = already_refunded = 0
    amounts: Counter[str] = Counter()
    failures: list[Failure] = []
    for charge, result in zip(batch.charges, results, strict=True):
        if isinstance(result, WalletError):
            failures.append(Failure(charge.company, charge.number, answer(result).reason))
            continue
        given_back = charge.own if result is None else result.entry.amount
        if given_back is None:
            already_refunded += 1
        else:
            refunded += 1
            amounts[charge.currency] += given_back
    return Progress(len(batch.charges), refunded, already_refunded, len(failures), dict(amounts), failures)
