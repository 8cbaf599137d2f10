"""CPU time of servers on this machine, their children included, from /proc (Linux)."""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from devstack.process_tree import members


class Processes:
    """Named servers, each given by its first process; empty if they run elsewhere."""

    def __init__(self, pids: Mapping[str, int] | None = None) -> None:
        """Measure these processes; on Linux only."""
        self._pids = dict(pids or {}) if sys.platform == "linux" else {}

    @classmethod
    def together(cls, several: Iterable["Processes"]) -> "Processes":
        """Return the union of several."""
        return cls({name: pid for each in several for name, pid in each._pids.items()})  # noqa: SLF001 of its own kind

    def cpu_seconds(self) -> dict[str, float]:
        """Return the CPU seconds of each so far, in user and kernel mode, to 10 ms."""
        return {name: sum(map(_cpu_seconds, members(pid))) for name, pid in self._pids.items()}


def _cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of one process and of its children that have ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    # The second field, the name, may hold anything; from the third on: utime is 14, cstime 17.
    ticks = stat[stat.rindex(")") + 2 :].split()[11:15]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
