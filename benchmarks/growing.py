"""How speed changes as companies and entries become many: `growth` measures it, in a process of its own."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping

SECONDS_MAX = 1_800.0


def growth_figures() -> Mapping[str, float]:
    """Run it where this checkout has it; returns its figures, or none where it could not measure."""
    if importlib.util.find_spec("benchmarks.growth") is None:
        return {}
    print("measuring growth", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.growth"],
            stdout=subprocess.PIPE,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        print(f"growth was not measured within {SECONDS_MAX:g} s", file=sys.stderr)
        return {}
    if done.returncode != 0:
        print(f"growth ended with {done.returncode}:\n{done.stdout}", file=sys.stderr)
    return last_figures(done.stdout)


def last_figures(output: str) -> Mapping[str, float]:
    """Read the line of JSON with which a benchmark ends; nothing where it did not come to that."""
    line = output.rstrip().rsplit("\n", 1)[-1]
    if not line.startswith("{"):
        return {}
    return {name: value for name, value in json.loads(line).items() if isinstance(value, int | float)}
