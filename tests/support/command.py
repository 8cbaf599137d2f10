"""`python -m admin …` as an operator runs it, against a service that runs."""

import os
import subprocess
import sys
from pathlib import Path

from devstack import Stack

COMMAND_SECONDS_MAX = 60


class Command:
    """Runs a group of commands in a directory that has the stack's token."""

    def __init__(self, group: str, stack: Stack, directory: Path) -> None:
        self._group = group
        self._port = stack.admin_address.rpartition(":")[2]
        self._directory = directory

    def __call__(self, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run it to its end."""
        measured = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
        return subprocess.run(
            [sys.executable, "-m", "admin", self._group, *words],
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
            check=False,
            cwd=self._directory,
            env={"ADMIN_PORT": self._port, "PYTHONPATH": ":".join(filter(None, sys.path)), **measured, **environment},
        )

    def lines(self, *words: str) -> list[str]:
        """Run it with success; return what it prints."""
        done = self(*words)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    def failed(self, *words: str, **environment: str) -> str:
        """Run it without success; return its one line of complaint."""
        done = self(*words, **environment)
        assert done.returncode != 0
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        return done.stderr.splitlines()[-1]
