"""Callers wait for room in their company's queue, and the first to wait is the first to be woken."""

import asyncio

import pytest

from wallet import room
from wallet.room import WOKEN_PER_CYCLE_MAX, Room


async def waiting(place: Room, company: str, count: int) -> list[asyncio.Task[bool]]:
    """Return callers that wait for room."""
    tasks = [asyncio.create_task(place.wait(company)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_only_callers_whose_company_has_room_are_woken_in_order() -> None:
    place = Room(lambda company: company == "free")
    free = await waiting(place, "free", WOKEN_PER_CYCLE_MAX + 1)
    full = await waiting(place, "full", 1)
    place.wake()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [task.done() for task in free] == [True] * WOKEN_PER_CYCLE_MAX + [False]
    assert not full[0].done()
    place.wake()
    assert await free[-1]
    full[0].cancel()


async def test_a_caller_that_leaves_takes_no_place_of_another() -> None:
    place = Room(lambda _: True)
    callers = await waiting(place, "acme", WOKEN_PER_CYCLE_MAX + 1)
    for caller in callers[:-1]:
        caller.cancel()
    await asyncio.sleep(0)
    place.wake()
    assert await callers[-1]


async def test_a_caller_gives_up_where_there_is_no_room_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "ROOM_SECONDS_MAX", 0.01)
    assert not await Room(lambda _: False).wait("acme")
