"""A server as a child process: start, wait until ready, pause, stop, kill. It cannot outlive this process.

Three things end a child: `stop`, the kernel's parent-death signal (see `launch`), and the watchdog
(see `process_tree`). A child has a session of its own, so that Ctrl-C reaches only this
process, which stops its children in order.
"""

import atexit
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from devstack import process_tree
from devstack.errors import PortTaken, StartFailed

LOG_LINES_SHOWN = 15
LOG_TAIL_BYTES = 16_384
POLL_SECONDS = 0.01
PORT_TAKEN_TEXTS = ("Address already in use", "could not bind IPv4 address")
"""The messages of Postgres, Valkey and Redis in their logs, and of the operating system for others."""


@dataclass
class Child:
    """A program that can be started again and again; its output is appended to a log file."""

    name: str
    """The name in messages: `Postgres`, `charging`."""
    command: Sequence[str]
    """The program's absolute path and its arguments."""
    environment: Mapping[str, str]
    log_path: Path
    working_directory: Path
    stop_signals: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 10.0),)
    """Sent one after the other, each with the seconds to wait after it; SIGKILL follows."""
    parent_death_signal: signal.Signals = signal.SIGKILL
    launch_options: Sequence[str] = ()
    """Options of `launch` that change the user."""
    _spawned: "Future[subprocess.Popen[bytes]] | None" = field(default=None, repr=False)
    _is_swept: bool = field(default=False, repr=False)
    """All processes of the last run have ended; their ids may belong to others by now."""
    _log_start: int = field(default=0, repr=False)
    """The offset at which the log of this run begins."""

    @property
    def pid(self) -> int:
        """The process id. Raises `StartFailed` if it was not started."""
        if self._spawned is None:
            raise StartFailed(f"{self.name} is not running")
        return self._spawned.result().pid

    @property
    def exit_status(self) -> int | None:
        """The exit status (negative: the signal); None while it runs or was never started."""
        return None if self._spawned is None else self._spawned.result().poll()

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._spawned is not None and self._spawned.result().poll() is None

    def start(self) -> None:
        """Start the program; see `wait_ready` for when it can be used."""
        if self.is_running:
            raise StartFailed(f"{self.name} is already running as process {self.pid}")
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self._log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        self._is_swept = False
        # Stored before the wait, so that an interrupt in the middle does not lose the child.
        self._spawned = _spawner(os.getpid()).submit(self._spawn, os.getpid())
        try:
            _watchdog(os.getpid()).watch(self._spawned.result().pid)
        except OSError as error:
            self._spawned = None
            raise StartFailed(f"{self.name} could not be started: {error}") from error

    def wait_ready(self, is_ready: Callable[[], bool], seconds_max: float) -> None:
        """Wait until the server answers. Raise `StartFailed` if it ends, or is too slow (it is then killed)."""
        deadline = time.monotonic() + seconds_max
        while self.is_running:
            if is_ready():
                return
            if time.monotonic() > deadline and self.is_running:
                self.kill()
                raise StartFailed(self.describe(f"was not ready within {seconds_max:g} s"))
            time.sleep(POLL_SECONDS)
        message = self.describe(f"ended with {describe_status(self.exit_status)} while it started")
        log = self.log_tail()
        raise (PortTaken if any(text in log for text in PORT_TAKEN_TEXTS) else StartFailed)(message)

    def run(self, seconds_max: float) -> None:
        """Start a program and wait until it ends. Raise `StartFailed` unless it succeeds in time."""
        self.start()
        if not self._wait_exit(seconds_max):
            self.kill()
            raise StartFailed(self.describe(f"took longer than {seconds_max:g} s"))
        self.kill()
        if self.exit_status != 0:
            raise StartFailed(self.describe(f"ended with {describe_status(self.exit_status)}"))

    def stop(self) -> None:
        """Send the stop signals in order, then SIGKILL; wait until it and its processes have ended."""
        if not self.is_running:
            self.kill()
            return
        pids = process_tree.members(self.pid)
        process_tree.send(signal.SIGCONT, pids)
        for number, seconds_max in self.stop_signals:
            process_tree.send(number, [self.pid])
            if self._wait_exit(seconds_max):
                break
        self.kill(also=pids)

    def kill(self, also: Sequence[int] = ()) -> None:
        """Send SIGKILL to it, its processes, and `also`; wait until they end. Raise `StartFailed` if they do not."""
        if self._spawned is None or self._is_swept:
            return
        pids = {*also, *self._orphans()}
        if self.is_running:
            pids |= set(process_tree.kill_tree(self.pid))
        process_tree.send(signal.SIGKILL, pids)
        self._wait_exit(process_tree.GONE_SECONDS_MAX)
        left = process_tree.wait_gone(pids)
        if left:
            raise StartFailed(f"{self.name}: processes {left} did not end after SIGKILL")
        self._is_swept = True
        _watchdog(os.getpid()).forget(self.pid)

    def pause(self) -> None:
        """Send SIGSTOP to all its processes, as if the machine hung: connections stay open and get no answer."""
        process_tree.send(signal.SIGSTOP, [self.pid])
        process_tree.send(signal.SIGSTOP, process_tree.members(self.pid))

    def resume(self) -> None:
        """Resume after `pause`."""
        process_tree.send(signal.SIGCONT, process_tree.members(self.pid))

    def log_tail(self) -> str:
        """Return the last lines of its log since it was started."""
        try:
            with self.log_path.open("rb") as file:
                file.seek(max(self._log_start, self.log_path.stat().st_size - LOG_TAIL_BYTES))
                text = file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-LOG_LINES_SHOWN:])

    def describe(self, event: str) -> str:
        """Return a message about this child: the event, then the end of its log."""
        return f"{self.name} {event}. The end of {self.log_path}:\n{self.log_tail()}"

    def _spawn(self, parent: int) -> "subprocess.Popen[bytes]":
        launch = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launch.py"))]
        ends_with = ["--parent", str(parent), "--death-signal", str(int(self.parent_death_signal))]
        with self.log_path.open("ab") as log:
            return subprocess.Popen(
                [*launch, *ends_with, *self.launch_options, "--", *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.working_directory,
                env=dict(self.environment),
                start_new_session=True,
            )

    def _wait_exit(self, seconds_max: float) -> bool:
        assert self._spawned is not None
        try:
            self._spawned.result().wait(seconds_max)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _orphans(self) -> list[int]:
        """Return the processes that the program has left behind, if it has ended."""
        if self.is_running:
            return []
        pids = process_tree.members(self.pid)
        # Its number is free once its group is empty: then this is another program.
        return [] if self.pid in pids else pids


def describe_status(status: int | None) -> str:
    """Return an exit status as text."""
    if status is not None and status < 0:
        return f"signal {signal.Signals(-status).name}"
    return f"status {status}"


@cache
def _spawner(_process: int) -> ThreadPoolExecutor:
    """Return the thread that starts all children and lives as long as this process.

    The parent-death signal comes when the *thread* that started the child ends, not the process: a
    server started from a short-lived thread would die with it.
    """
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="devstack-spawner")


class _Watchdog:
    """The client of the watchdog process, which is started again if it was killed."""

    def __init__(self) -> None:
        self._watched: set[int] = set()
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self._end, os.getpid())

    def watch(self, pid: int) -> None:
        self._watched.add(pid)
        self._send(b"+%d\n" % pid)

    def forget(self, pid: int) -> None:
        if pid in self._watched:
            self._watched.discard(pid)
            self._send(b"-%d\n" % pid)

    def _send(self, line: bytes) -> None:
        if self._process is None or self._process.poll() is not None:
            self._process = self._start()
            line = b"".join(b"+%d\n" % pid for pid in self._watched)
        assert self._process.stdin is not None
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def _end(self, owner: int) -> None:
        if self._process is not None and owner == os.getpid():
            # The end of its input ends it, after the servers that are still watched.
            self._process.communicate(timeout=process_tree.GONE_SECONDS_MAX)

    @staticmethod
    def _start() -> "subprocess.Popen[bytes]":
        script = Path(process_tree.__file__)
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(script), str(os.getpid())],
            stdin=subprocess.PIPE,
            cwd="/",
            start_new_session=True,
        )


@cache
def _watchdog(_process: int) -> _Watchdog:
    """Return the watchdog of this process (a forked copy needs its own)."""
    return _Watchdog()
