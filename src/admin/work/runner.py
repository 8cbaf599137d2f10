"""Runs background work: again and again, in one process at a time.

Several processes may serve the back office; a lease decides which of them does a piece of work. What a worker does must
be right also where two do it at once (wallet.ledger.leases says why), and where one is killed at any step.
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
"""How long work rests after its process was killed; a run should take less."""

log = structlog.get_logger(__name__)


class Worker(NamedTuple):
    """A kind of background work."""

    name: str
    """Of its lease, and in the log."""
    run_once: Callable[[], Awaitable[object]]
    """Does what is to be done now, up to a bound."""
    pause_seconds: float
    """Between two runs."""


async def run_once(worker: Worker, leases: Leases) -> bool:
    """Run a worker, if its lease can be had; return whether it ran to its end.

    What is away now may be back at the next run; a fault of ours is logged and tried again.
    """
    try:
        if not await leases.hold(worker.name, LEASE_SECONDS):
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
    """Run workers, each for itself, while the context lasts; then give their leases up."""

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
