"""Properties of the machine on which the metrics depend. They name its kind, not the machine."""

import os
import platform
import statistics
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

FSYNCS = 50
PAGE_BYTES = 8_192


def machine() -> dict[str, str]:
    """Return processor, cores, memory and kernel."""
    return {
        "CPU": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {_public_part(platform.release())}",
    }


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries."""
    return {
        "Python": platform.python_version(),
        "grpcio": version("grpcio"),
        "uvloop": version("uvloop"),
    }


def fsync_ms(directory: Path) -> float:
    """Return the median time to write a page to the disk under `directory`, in ms.

    No charge is acknowledged before such a write, which many may share.
    """
    page = bytes(PAGE_BYTES)
    times_ms = []
    with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
        for _ in range(FSYNCS):
            file.write(page)
            began = time.perf_counter()
            os.fsync(file.fileno())
            times_ms.append((time.perf_counter() - began) * 1e3)
    return statistics.median(times_ms)


def _public_part(release: str) -> str:
    """Return the kernel's version without a builder's suffix."""
    return release.split("-", 1)[0]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
