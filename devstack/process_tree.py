"""Find the processes of a server and end them, even after their parent has died.

A server may be more than its first process: Postgres has backends (each in a session of its own),
a gRPC server has workers.

As a script, this is the watchdog: `python -I -S process_tree.py PARENT` ends the servers whose
parent has died. Each process that starts servers starts a watchdog, because a parent-death signal
exists on Linux only, reaches one process and not its workers, and has no effect on a process that
is paused. (Hence this file imports the standard library only.)
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

GONE_SECONDS_MAX = 5.0
"""SIGKILL cannot be refused; the kernel needs this time to end the processes."""
POLL_SECONDS = 0.01
WATCHDOG_POLL_SECONDS = 0.25
"""How often the watchdog checks its parent: a forked copy of the parent may hold the pipe open."""
WATCHDOG_GRACE_SECONDS = 0.5
"""The time for Postgres to quit at its parent-death signal and remove its lock files."""


class Process(NamedTuple):
    """One line of the process table."""

    pid: int
    parent: int
    group: int
    zombie: bool


def process_table() -> list[Process]:
    """Return all processes that are visible here."""
    if sys.platform == "linux":
        found = (_read_stat(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdecimal())
        return [process for process in found if process is not None]
    listing = subprocess.run(["ps", "-axo", "pid=,ppid=,pgid=,stat="], capture_output=True, text=True, check=True)
    rows = (line.split() for line in listing.stdout.splitlines())
    return [Process(int(row[0]), int(row[1]), int(row[2]), row[3].startswith("Z")) for row in rows]


def members(root: int) -> list[int]:
    """Return the running processes of the server `root`: itself, its descendants, and its process group."""
    table = [process for process in process_table() if not process.zombie]
    found = {process.pid for process in table if root in (process.pid, process.group)}
    while True:
        more = {process.pid for process in table if process.parent in found} - found
        if not more:
            return sorted(found)
        found |= more


def is_running(pid: int) -> bool:
    """Return whether the process exists and is not a zombie."""
    if sys.platform == "linux":
        process = _read_stat(pid)
        return process is not None and not process.zombie
    return any(process.pid == pid and not process.zombie for process in process_table())


def exists(pid: int) -> bool:
    """Return whether the number is in the process table, zombies included."""
    return any(process.pid == pid for process in process_table())


def command_line(pid: int) -> str:
    """Return the program and its arguments; empty if there is no such process."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            return ""
    listing = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(listing, capture_output=True, text=True, check=False).stdout


def wait_gone(pids: Iterable[int], seconds_max: float = GONE_SECONDS_MAX) -> list[int]:
    """Wait until none of the processes runs; return those that still run at the deadline."""
    deadline = time.monotonic() + seconds_max
    left = [pid for pid in pids if is_running(pid)]
    while left and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        left = [pid for pid in left if is_running(pid)]
    return left


def kill_tree(root: int) -> list[int]:
    """Send SIGKILL to all processes of a server; return their pids.

    It is stopped first, so that it forks nothing in between.
    """
    send(signal.SIGSTOP, [root])
    pids = members(root)
    send(signal.SIGKILL, pids)
    return pids


def send(number: signal.Signals, pids: Iterable[int]) -> None:
    """Send a signal to each process that still exists."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _read_stat(pid: int) -> Process | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in parentheses and may hold anything, also ")".
    state, parent, group = stat[stat.rindex(")") + 2 :].split()[:3]
    return Process(pid, int(parent), int(group), state in "ZX")


def watch(parent: int) -> set[int]:
    """Read `+PID` (watch) and `-PID` (forget) until the parent has ended; return the watched pids."""
    watched: set[int] = set()
    unread = b""
    while os.getppid() == parent:
        if not select.select([0], [], [], WATCHDOG_POLL_SECONDS)[0]:
            continue
        received = os.read(0, 4096)
        if not received:
            break
        *lines, unread = (unread + received).split(b"\n")
        for line in lines:
            (watched.add if line.startswith(b"+") else watched.discard)(int(line[1:]))
    return watched


def end(servers: set[int]) -> None:
    """Wait a moment for servers to end, then kill them. Members are listed first: orphans get another parent."""
    belonging = {pid for server in servers for pid in members(server)}
    for pid in wait_gone(belonging, WATCHDOG_GRACE_SECONDS):
        kill_tree(pid)


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    end(watch(int(sys.argv[1])))
