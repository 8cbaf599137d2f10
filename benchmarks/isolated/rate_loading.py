"""Measure the time and memory of loading all rate cards, in a fresh process."""

import gc
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import uvloop

from wallet.ledger.pool import open_pool
from wallet.rate_snapshot import RateSnapshot

SECONDS_MAX = 120.0


@dataclass(frozen=True, slots=True)
class Loading:
    """Time and memory of loading all rate cards."""

    seconds: float
    bytes: int
    """Growth of the resident memory in bytes."""
    rates: int


def measure_loading(database_url: str) -> Loading:
    """Return the measurement of a fresh process. Raise `subprocess.CalledProcessError` if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.isolated.rate_loading"],
        input=database_url,
        stdout=subprocess.PIPE,
        text=True,
        timeout=SECONDS_MAX,
        check=True,
    )
    return Loading(**json.loads(done.stdout.rstrip().rsplit("\n", 1)[-1]))  # Log lines of the service precede it.


async def _load(database_url: str) -> Loading:
    pool = await open_pool(database_url, size_max=1)
    try:
        rating = RateSnapshot(pool, database_url)
        before = _resident_bytes()
        began = time.perf_counter()
        await rating.refresh()
        seconds = time.perf_counter() - began
        return Loading(
            seconds, _resident_bytes() - before, sum(book.rate_count for book in rating.books.books.values())
        )
    finally:
        pool.terminate()


def _resident_bytes() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Read the database's URL, which has a password, from standard input; print the measurement as JSON."""
    loading = uvloop.run(_load(sys.stdin.read()))
    print(json.dumps({"seconds": loading.seconds, "bytes": loading.bytes, "rates": loading.rates}))


if __name__ == "__main__":
    main()
