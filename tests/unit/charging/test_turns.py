"""Batches take turns on the event loop, company by company, and other work runs between their slices."""

import asyncio
import time

import pytest

from charging import turns
from charging.turns import Turns
from wallet.domain.errors import Overloaded


def work(seconds: float) -> None:
    """Keep the event loop busy."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


async def in_slices(shared: Turns, company: str, slices: int, done: list[str]) -> None:
    """Take turns for so many slices of work."""
    turn = await shared.take(company)
    for _ in range(slices):
        while not turn.over:
            work(turns.SLICE_SECONDS / 4)
        done.append(company)
        await turn.renew()


async def test_other_work_runs_after_every_slice() -> None:
    """However many batches wait, no two slices run in one iteration of the event loop."""
    shared = Turns()
    done: list[str] = []
    batches = [asyncio.create_task(in_slices(shared, f"company-{place}", 3, done)) for place in range(20)]
    most = 0
    while not all(batch.done() for batch in batches):
        before = len(done)
        await asyncio.sleep(0)
        most = max(most, len(done) - before)
    assert len(done) == 60
    assert most == 1


async def test_companies_take_turns() -> None:
    """A company with one batch gets its slice after one of each other company, not after all of another's."""
    shared = Turns()
    done: list[str] = []
    async with asyncio.TaskGroup() as batches:
        for _ in range(30):
            batches.create_task(in_slices(shared, "many", 1, done))
        batches.create_task(in_slices(shared, "one", 1, done))
    assert done.index("one") <= 2


async def test_a_batch_that_is_cancelled_gives_its_turn_to_the_next() -> None:
    shared = Turns()
    done: list[str] = []
    batches = [asyncio.create_task(in_slices(shared, "acme", 1, done)) for _ in range(3)]
    await asyncio.sleep(0)
    batches[1].cancel()
    await asyncio.wait(batches, timeout=5)
    assert done == ["acme", "acme"]


def test_unary_batches_under_way_are_bounded_by_company_and_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "COMPANY_CHARGES_MAX", 10)
    monkeypatch.setattr(turns, "CHARGES_MAX", 15)
    shared = Turns()
    with shared.admitted("a", 10):
        with pytest.raises(Overloaded, match="of the company"), shared.admitted("a", 1):
            pass
        with shared.admitted("b", 5), pytest.raises(Overloaded, match="15 charges"), shared.admitted("c", 1):
            pass
    with shared.admitted("a", 1):
        pass
