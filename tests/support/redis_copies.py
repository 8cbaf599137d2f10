"""Copies of Redis, to be restored later, and the expiry of its key records."""

from typing import Any

import redis


class Copy:
    """A copy of all keys of Redis. Restoring it acts as a fail-over to a replica that lagged."""

    def __init__(self, hot: redis.Redis) -> None:
        """Copy all keys now."""
        self._hot = hot
        self.values: dict[bytes, Any] = {key: hot.dump(key) for key in keys_of(hot)}

    def restore(self, *, other_run: bool) -> None:
        """Restore the copy: with `other_run` as a server with another run id, else as one that hides the fail-over."""
        self._hot.flushall()
        for key, value in self.values.items():
            self._hot.restore(key, 0, value)
            if other_run and b":wallet:" in key:
                self._hot.hset(key, "run", "0123456789abcdef")


def keys_of(hot: redis.Redis, pattern: str = "*") -> list[bytes]:
    """Return the names of the keys that match."""
    keys: Any = hot.keys(pattern)
    return list(keys)


def forget_keys(hot: redis.Redis) -> None:
    """Delete every key record, as if its time to live had ended."""
    for key in keys_of(hot, "*:key:*"):
        assert hot.pttl(key) > 0
        hot.delete(key)
