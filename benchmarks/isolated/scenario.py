"""A scenario that starts installations of its own, since it needs a ledger of a certain size or a card that stays."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol


@dataclass(slots=True)
class Outcome:
    """What a run has shown."""

    figures: dict[str, float] = field(default_factory=dict)
    """For the report and the line of JSON, by key."""
    lines: list[str] = field(default_factory=list)
    """For people: each figure with its unit, and what it should be."""
    differences: Sequence[str] = ()
    """A line for each wallet that is not what was acknowledged."""


class OwnScenario(Protocol):
    """What `--only` can name besides the scenarios that take turns on one service."""

    name: ClassVar[str]

    def run(self, directory: Path) -> Outcome:
        """Start what is needed under `directory`, measure, and stop it.

        Raises DevstackError, TargetUnreachable, AdminFailed, NoRoom, grpc.RpcError or TimeoutError where nothing could
        be measured.
        """


class NoRoom(Exception):
    """The disk is too small, or filling a ledger takes too long."""


def say(text: str) -> None:
    """Show progress on standard error; figures go to standard output."""
    print(text, file=sys.stderr, flush=True)
