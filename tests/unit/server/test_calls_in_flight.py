"""Calls are counted while they run, can be held back, and end when the process stops."""

import asyncio

import pytest

from server import calls_in_flight
from server.calls_in_flight import CallsInFlight

SECONDS_MAX = 5.0
QUIET_SECONDS = 0.02


async def call(calls: CallsInFlight, done: asyncio.Event, log: list[str]) -> None:
    """Run as a handler does."""
    task = calls.begin()
    try:
        if calls.held:
            await calls.released()
        log.append("begun")
        await done.wait()
        log.append("done")
    except asyncio.CancelledError:
        log.append("ended" if calls.ended else "cancelled")
    finally:
        calls.end(task)


async def test_it_is_full_with_so_many_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_in_flight, "CALLS_MAX", 2)
    calls, done, log = CallsInFlight(), asyncio.Event(), list[str]()
    async with asyncio.TaskGroup() as tasks:
        for expected in (False, True, True):
            tasks.create_task(call(calls, done, log))
            await asyncio.sleep(0)
            assert calls.full is expected
        done.set()
    assert not calls.full
    assert len(calls) == 0


async def test_held_calls_wait_until_those_before_have_ended() -> None:
    calls, done, log = CallsInFlight(), asyncio.Event(), list[str]()
    async with asyncio.timeout(SECONDS_MAX), asyncio.TaskGroup() as tasks:
        tasks.create_task(call(calls, done, log))
        await asyncio.sleep(0)
        calls.hold()
        tasks.create_task(call(calls, done, log))
        settling = tasks.create_task(calls.settle(quiet_seconds=0, seconds_max=SECONDS_MAX))
        await asyncio.sleep(10 * calls_in_flight.POLL_SECONDS)
        assert not settling.done(), "the first call runs"
        assert log == ["begun"]
        done.set()
        await settling
        assert log == ["begun", "done"]
        calls.release()
    assert log == ["begun", "done", "begun", "done"]


async def test_it_settles_when_no_call_has_come_for_a_while_or_time_is_over() -> None:
    calls, done, log = CallsInFlight(), asyncio.Event(), list[str]()
    calls.hold()
    clock = asyncio.get_running_loop().time  # Its steps are milliseconds, and another clock's are not.
    begun = clock()
    await calls.settle(quiet_seconds=QUIET_SECONDS, seconds_max=SECONDS_MAX)
    assert QUIET_SECONDS <= clock() - begun < SECONDS_MAX
    calls.held = False
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(call(calls, done, log))
        await asyncio.sleep(0)
        await calls.settle(quiet_seconds=0, seconds_max=QUIET_SECONDS)
        assert log == ["begun"]
        done.set()


async def test_calls_that_do_not_finish_in_time_are_ended() -> None:
    calls, done, log = CallsInFlight(), asyncio.Event(), list[str]()
    async with asyncio.timeout(SECONDS_MAX), asyncio.TaskGroup() as tasks:
        tasks.create_task(call(calls, done, log))
        await asyncio.sleep(0)
        await calls.finish(QUIET_SECONDS)
    assert log == ["begun", "ended"]


async def test_finishing_ends_as_soon_as_the_calls_have() -> None:
    calls, done, log = CallsInFlight(), asyncio.Event(), list[str]()
    async with asyncio.timeout(SECONDS_MAX), asyncio.TaskGroup() as tasks:
        tasks.create_task(call(calls, done, log))
        await asyncio.sleep(0)
        finishing = tasks.create_task(calls.finish(SECONDS_MAX * 10))
        done.set()
        await finishing
    assert log == ["begun", "done"]
