"""Benchmarks with installations of their own, each in a process of its own: `growth`, `rates` and `refunds`."""

import json
import subprocess
import sys
from collections.abc import Mapping

SECONDS_MAX = 1_800.0


NAMES = ("growth", "rates", "refunds")


def figures_apart() -> Mapping[str, float]:
    """Run all of them; returns their figures, without those that could not be measured."""
    return {key: value for name in NAMES for key, value in _figures(name).items()}


def _figures(name: str) -> Mapping[str, float]:
    print(f"measuring {name}", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"],
            stdout=subprocess.PIPE,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        print(f"{name} was not measured within {SECONDS_MAX:g} s", file=sys.stderr)
        return {}
    if done.returncode != 0:
        print(f"{name} ended with {done.returncode}:\n{done.stdout}", file=sys.stderr)
    return last_figures(done.stdout)


def last_figures(output: str) -> Mapping[str, float]:
    """Read the line of JSON with which a benchmark ends; nothing where it did not come to that."""
    line = output.rstrip().rsplit("\n", 1)[-1]
    if not line.startswith("{"):
        return {}
    return {name: value for name, value in json.loads(line).items() if isinstance(value, int | float)}
