"""Runs background work repeatedly, in one process at a time.

Several processes may serve the back office, and a lease decides which of them runs a worker. Its work must also be
correct when two processes do it at once (admin.work.leases says why), and when one is killed at any step.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import structlog

from admin.metrics import worker_runs
from admin.work.leases import Leases
from wallet.domain.errors import Unavailable

LEASE_SECONDS = 30.0
"""How long a worker pauses after its process was killed, at most. A run should take less."""

log = structlog.get_logger(__name__)


class Worker(NamedTuple):
    """A kind of background work."""

    name: str
    """The name of its lease, also in the log and the metrics."""
    run_once: Callable[[], Awaitable[object]]
    """Does the work that is due now, up to a bound."""
    pause_seconds: float
    """The pause between two runs."""


async def run_once(worker: Worker, leases: Leases) -> bool:
    """Run a worker if its lease can be acquired; return whether it ran to its end.

    Unavailable stores and faults of ours (which are logged) end this run only: the next one tries again.
    """
    try:
        if not await leases.acquire(worker.name, LEASE_SECONDS):
            return False
        await worker.run_once()
    except Unavailable:
        outcome = "unavailable"
    except Exception:
        log.exception("worker_failed", worker=worker.name)
        outcome = "failed"
    else:
        outcome = "done"
    worker_runs.labels(worker.name, outcome).inc()
    return outcome == "done"


@asynccontextmanager
async def running(workers: Sequence[Worker], leases: Leases) -> AsyncIterator[None]:
    """Run each worker in a task of its own for the duration of the context; then release their leases."""

    async def run(worker: Worker) -> None:
        while True:
            await run_once(worker, leases)
            await asyncio.sleep(worker.pause_seconds)

    tasks = [asyncio.create_task(run(worker), name=worker.name) for worker in workers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(Unavailable):
            await leases.release(*(worker.name for worker in workers))
