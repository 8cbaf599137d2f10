"""Concurrent calls have a limit, and each call releases its place when it ends."""

import pytest

from admin.rpc.concurrency import ConcurrencyLimit
from wallet.domain.errors import Overloaded


def test_concurrent_calls_are_limited() -> None:
    """A call beyond the limit is Overloaded. Its place is free again after a call, also after one that failed."""
    exports = ConcurrencyLimit("exports", calls_max=2)
    with exports.acquire():
        with pytest.raises(ValueError, match="fails"), exports.acquire():
            raise ValueError("fails")
        with exports.acquire(), pytest.raises(Overloaded, match="2 exports are under way already"), exports.acquire():
            pass
        with exports.acquire():
            pass
