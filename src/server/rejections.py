"""The errors by which a server rejects a call before it reaches a wallet.

Rejection
├── Unauthenticated    no token, or an unknown one
├── InvalidRequest     the request breaks a rule of its message
└── StreamEnded        the server ends a stream; unanswered batches were not read
"""

from collections.abc import Sequence
from typing import NamedTuple


class Violation(NamedTuple):
    """One field that breaks a rule: its path in the request, as in `usage.channel` or `requests[3]`, and the rule."""

    field: str
    description: str


class Rejection(Exception):
    """The root of the tree."""


class Unauthenticated(Rejection):
    """The call has no bearer token, or an unknown one."""


class InvalidRequest(Rejection):
    """The request cannot be read, or fields of it break their rules."""

    def __init__(self, message: str = "", *, violations: Sequence[Violation] = ()) -> None:
        """Give one `message`, or the `violations` field by field."""
        super().__init__(message or "; ".join(f"{field}: {how}" for field, how in violations))
        self.violations = tuple(violations)


class StreamEnded(Rejection):
    """The stream has reached its maximum age, or this process stops. All batches that were read have been answered."""


def invalid(field: str, description: str) -> InvalidRequest:
    """Return the error for one bad field."""
    return InvalidRequest(violations=[Violation(field, description)])
