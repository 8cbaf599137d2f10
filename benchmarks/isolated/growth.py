"""Growth: compare the throughput of a small installation and of large ones.

Three installations run side by side, each with its own stores: few companies with an empty ledger, many companies
with an empty ledger, many companies with a full one. Each round measures all three, and the result is the ratios
within rounds, so that a drift of the machine's speed does not count as growth.
"""

import shutil
import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import uvloop

from benchmarks.isolated.filling import BYTES_PER_ENTRY
from benchmarks.isolated.installation import WARM_UP_SECONDS, Installation
from benchmarks.isolated.scenario import InsufficientSpace, Outcome, print_progress
from devstack import Ports, Stack

COMPANIES_SMALL = 10
FILL_SECONDS_MAX = 1_800.0


@dataclass(frozen=True)
class Growth:
    """The scenario; sizes are those of the large installations."""

    companies: int = 10_000
    entries: int = 500_000
    rounds: int = 5
    seconds: float = 3.0
    """The measured time of each run."""
    name: ClassVar[str] = "growth"

    def run(self, directory: Path) -> Outcome:
        """Measure all three in turn; the metrics are medians of the ratios within rounds."""
        needed = self.entries * BYTES_PER_ENTRY
        if shutil.disk_usage(directory).free < needed:
            raise InsufficientSpace(f"{self.entries:,} entries need some {needed / 1e9:.0f} GB under {directory}")
        sizes = [(COMPANIES_SMALL, 0), (self.companies, 0), (self.companies, self.entries)]
        with ExitStack() as running:
            installations = []
            for number, (companies, entries) in enumerate(sizes):
                stack = running.enter_context(Stack(directory / str(number), ports=Ports.free()))
                installations.append(
                    Installation.start(stack, companies=companies, entries=entries, seconds_max=FILL_SECONDS_MAX)
                )
            rates = uvloop.run(self._compare(installations))
            differences = [difference for each in installations for difference in each.differences()]
        return _outcome(installations, rates, differences)

    async def _compare(self, installations: Sequence[Installation]) -> list[list[float]]:
        """Return charges per second, one row for each round."""
        for installation in installations:
            await installation.warm()
            await installation.charges_per_second(WARM_UP_SECONDS)
        rates = []
        for number in range(1, self.rounds + 1):
            rates.append([await installation.charges_per_second(self.seconds) for installation in installations])
            print_progress(f"round {number}: " + ", ".join(f"{rate:,.0f}/s" for rate in rates[-1]))
        return rates


def _outcome(
    installations: Sequence[Installation], rates: Sequence[Sequence[float]], differences: Sequence[str]
) -> Outcome:
    by_companies = statistics.median(many / small for small, many, _ in rates)
    by_entries = statistics.median(full / many for _, many, full in rates)
    lines = [
        f"{statistics.median(column):10,.0f}/s  {installation.title}"
        for installation, column in zip(installations, zip(*rates, strict=True), strict=True)
    ]
    lines.append(
        f"more companies: × {by_companies:.2f}; more entries: × {by_entries:.2f} (each should be 0.90 or more)"
    )
    metrics = {"growth_companies": round(by_companies, 3), "growth_entries": round(by_entries, 3)}
    return Outcome(metrics, lines, differences)
