"""What a servicer may use of a call, beside its request. Both fronts have it."""

from typing import Any, NoReturn, Protocol

import grpc

from server.tokens import Metadata


class Context(Protocol):
    """A call in progress."""

    def time_remaining(self) -> float | None:
        """Return the seconds until the caller's deadline, 0 if it has passed; None if there is none."""

    async def write(self, message: Any, /) -> None:
        """Send one message of a stream, and return when the caller has room for another."""

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Metadata = ()) -> NoReturn:
        """End the call with a status, by an exception that is not to be caught."""
