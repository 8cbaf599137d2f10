"""What Redis holds: a copy of it to be put back later, and keys whose time is over."""

from typing import Any

import redis


class Copy:
    """All that Redis holds at one moment, to be put back later: a replica that was behind takes over."""

    def __init__(self, hot: redis.Redis) -> None:
        """Take the copy now."""
        self._hot = hot
        self.values: dict[bytes, Any] = {key: hot.dump(key) for key in keys_of(hot)}

    def restore(self, *, other_run: bool) -> None:
        """Put it back. With `other_run` as by a server that says it is another one, else worse: as if nothing was."""
        self._hot.flushall()
        for key, value in self.values.items():
            self._hot.restore(key, 0, value)
            if other_run and b":wallet:" in key:
                self._hot.hset(key, "run", "0123456789abcdef")


def keys_of(hot: redis.Redis, pattern: str = "*") -> list[bytes]:
    """Return the names of the keys that there are."""
    keys: Any = hot.keys(pattern)
    return list(keys)


def forget_keys(hot: redis.Redis) -> None:
    """Let the time to live of every key record be over."""
    for key in keys_of(hot, "*:key:*"):
        assert hot.pttl(key) > 0
        hot.delete(key)
