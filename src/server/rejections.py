"""The errors by which a server rejects a call before it reaches a wallet.

Rejection
├── Unauthenticated    no token, or an unknown one
├── InvalidRequest     the request breaks a rule of its message
├── CallerTooSlow      the caller neither sends nor receives in time
└── StreamEnded        the server ends a stream; unanswered batches were not read
"""

from collections.abc import Sequence
from typing import NamedTuple

from wallet.domain.errors import Applied


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


class CallerTooSlow(Rejection):
    """The caller of a stream did not send the next message, or receive an answer, within the time for it."""

    def __init__(self, message: str, *, applied: Applied) -> None:
        """Say what was awaited and for how long; `applied` says whether anything may have been done for the call."""
        super().__init__(message)
        self.applied = applied


class StreamEnded(Rejection):
    """The stream has reached its maximum age, or this process stops. All batches that were read have been answered."""


def invalid(field: str, description: str) -> InvalidRequest:
    """Return the error for one bad field."""
    return InvalidRequest(violations=[Violation(field, description)])
