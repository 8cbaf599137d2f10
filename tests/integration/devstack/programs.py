"""Python programs that tests start and end, and the processes that they leave."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import devstack
from devstack import process_tree

GONE_SECONDS_MAX = 2.0
PROGRAM_SECONDS_MAX = 60.0


@contextmanager
def program(source: str, *arguments: object) -> Iterator["subprocess.Popen[str]"]:
    """Run a Python program in an environment that is nearly empty."""
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    environment |= devstack.Ports.free().environment()
    with subprocess.Popen(
        [sys.executable, "-c", source, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        assert process.stderr is not None
        pytest.fail(f"it ended: {process.stderr.read()}")
    return line


def own_children(parent: int | None = None) -> set[int]:
    """Return the children of this process or of `parent`: servers and the watchdog."""
    parent = parent or os.getpid()
    return {found.pid for found in process_tree.process_table() if found.parent == parent}
