"""What a server itself says no to, before any wallet is asked.

Rejection
├── Unauthenticated    no token, or not a known one
├── InvalidRequest     the request breaks a rule of its message
└── StreamEnded        the server closes a stream; what it did not answer it did not do
"""

from collections.abc import Sequence
from typing import NamedTuple


class Violation(NamedTuple):
    """One field that breaks a rule: its path in the request, as in `usage.channel` or `requests[3]`, and how."""

    field: str
    description: str


class Rejection(Exception):
    """The root of the tree."""


class Unauthenticated(Rejection):
    """No bearer token, or one that is not known."""


class InvalidRequest(Rejection):
    """The request cannot be read, or fields of it break their rules."""

    def __init__(self, message: str = "", *, violations: Sequence[Violation] = ()) -> None:
        """Say what is wrong, in one sentence or field by field."""
        super().__init__(message or "; ".join(f"{field}: {how}" for field, how in violations))
        self.violations = tuple(violations)


class StreamEnded(Rejection):
    """The stream has lived long enough, or this process stops. All that was read has been answered."""


def invalid(field: str, description: str) -> InvalidRequest:
    """Return the error for one bad field."""
    return InvalidRequest(violations=[Violation(field, description)])
