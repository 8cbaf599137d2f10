"""Isolated scenarios start their own installations, for a ledger of a given size or a rate card."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol


@dataclass(slots=True)
class Outcome:
    """The results of a run."""

    metrics: dict[str, float] = field(default_factory=dict)
    """Metrics for the report and the line of JSON, by key."""
    lines: list[str] = field(default_factory=list)
    """Lines for people: each metric with its unit and its target."""
    differences: Sequence[str] = ()
    """A line for each wallet that differs from what was acknowledged."""


class IsolatedScenario(Protocol):
    """A scenario that `--only` can name besides those that take turns on one service."""

    name: ClassVar[str]

    def run(self, directory: Path) -> Outcome:
        """Start installations under `directory`, measure, and stop them.

        Raise `DevstackError`, `TargetUnreachable`, `AdminFailed`, `InsufficientSpace`, `grpc.RpcError` or
        `TimeoutError`.
        """


class InsufficientSpace(Exception):
    """The disk is too small, or filling a ledger takes too long."""


def print_progress(text: str) -> None:
    """Print progress on standard error; metrics go to standard output."""
    print(text, file=sys.stderr, flush=True)
