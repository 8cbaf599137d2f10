"""Workers' processes: what they are given, and what happens when one cannot be started."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from server.lifetime import SIGNALS
from server.settings import Misconfigured
from server.spawning import Assignment, Prepare, Program, Spawner
from server.supervisor import RESTART_SECONDS_MIN, Slot, Supervisor

SECONDS_MAX = 30.0

BLOCKED = "import signal, os; os.write({tether}, repr(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []))).encode())"
"""A worker that reports over its tether which signals are blocked."""
ENVIRONMENT = "import os; os.write({tether}, (os.environ['PROMETHEUS_MULTIPROC_DIR'] + os.environ['GIVEN']).encode())"


def python(program: str, blocked: frozenset[signal.Signals] = frozenset(), **environment: str) -> Prepare:
    """Return what prepares a worker that runs a Python program, in which {tether} stands for its tether."""

    def prepared(assignment: Assignment) -> Program:
        return Program([sys.executable, "-c", program.format(tether=assignment.tether)], environment, blocked)

    return prepared


async def told(spawner: Spawner, folder: Path) -> str:
    """Start a worker and return what it writes to its tether until it ends."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = await spawner.spawn(Assignment({}, 0, theirs.fileno(), folder))
        ours.setblocking(False)
        parts = []
        async with asyncio.timeout(SECONDS_MAX):
            while part := await asyncio.get_running_loop().sock_recv(ours, 4096):
                parts.append(part)
            assert await process.wait() == 0
    return b"".join(parts).decode()


def test_signals_are_blocked_in_the_worker_from_its_beginning_and_not_in_the_supervisor(tmp_path: Path) -> None:
    """On asyncio's own loop, which is the supervisor's: others unblock signals in the processes that they start."""

    async def side_by_side() -> list[str]:
        spawner = Spawner(python(BLOCKED, frozenset(SIGNALS)))
        return await asyncio.gather(*(told(spawner, tmp_path) for _ in range(4)))

    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert asyncio.run(side_by_side()) == [repr(sorted(SIGNALS))] * 4
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
    assert asyncio.run(told(Spawner(python(BLOCKED)), tmp_path)) == repr(sorted(before))


async def test_a_worker_is_given_its_folder_and_its_programs_variables(tmp_path: Path) -> None:
    assert await told(Spawner(python(ENVIRONMENT, GIVEN="!")), tmp_path) == f"{tmp_path}!"


def missing_program(_: Assignment) -> Program:
    return Program(["/nowhere/worker"])


def full_disk(_: Assignment) -> Program:
    raise OSError(28, "No space left on device")


def broken_certificate(_: Assignment) -> Program:
    raise Misconfigured("TLS_CERT_FILE cannot be used")


@pytest.mark.parametrize(
    ("prepare", "status"),
    [(missing_program, os.EX_OSERR), (full_disk, os.EX_OSERR), (broken_certificate, os.EX_CONFIG)],
)
async def test_a_worker_that_cannot_be_started_has_ended(
    prepare: Callable[[Assignment], Program], status: int, tmp_path: Path
) -> None:
    """The error would end the supervisor, and with it the workers that serve."""
    assert await Slot(0, Spawner(prepare), {}, tmp_path).run_once() == (status, False)


async def test_a_supervisor_ends_when_no_worker_can_be_prepared(tmp_path: Path) -> None:
    supervisor = Supervisor(broken_certificate, 2, {}, tmp_path)
    async with asyncio.timeout(SECONDS_MAX):
        assert await supervisor.run() == os.EX_CONFIG
    assert not supervisor.serving()


async def test_a_worker_that_could_not_be_started_is_started_again(tmp_path: Path) -> None:
    """A full disk, or too many processes, are over at some time."""
    failures = [OSError(11, "Resource temporarily unavailable"), OSError(28, "No space left on device")]
    serve = python("import os, time; os.write({tether}, b'+'); time.sleep(60)")

    def prepare(assignment: Assignment) -> Program:
        if failures:
            raise failures.pop()
        return serve(assignment)

    supervisor = Supervisor(prepare, 1, {}, tmp_path)
    running = asyncio.ensure_future(supervisor.run())
    try:
        async with asyncio.timeout(SECONDS_MAX):
            while not supervisor.healthy():
                await asyncio.sleep(0.01)
        assert supervisor.restarts() == 2
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        assert await running == 0


async def test_a_service_that_has_served_is_not_ended_by_what_is_wrong_for_a_moment(tmp_path: Path) -> None:
    """Its only worker dies while a certificate and its key are being replaced, one after the other."""
    served = python("import os; os.write({tether}, b'+')")
    serve = python("import os, time; os.write({tether}, b'+'); time.sleep(60)")
    prepared = [serve, broken_certificate, served, served]

    def prepare(assignment: Assignment) -> Program:
        return prepared.pop()(assignment)

    supervisor = Supervisor(prepare, 1, {}, tmp_path)
    with capture_logs() as logged:
        running = asyncio.ensure_future(supervisor.run())
        try:
            async with asyncio.timeout(SECONDS_MAX):
                while not running.done() and (prepared or not supervisor.healthy()):
                    await asyncio.sleep(0.01)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            assert await running == 0
    waits = [line["restart_seconds"] for line in logged if line["event"] == "worker_ended"]
    assert waits == [RESTART_SECONDS_MIN, RESTART_SECONDS_MIN, 2 * RESTART_SECONDS_MIN]
