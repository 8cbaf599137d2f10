"""Lua scripts of this package, run by their hash."""

from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha1
from importlib.resources import files
from typing import Any

from redis.exceptions import NoScriptError

Run = Callable[..., Awaitable[Any]]
"""Sends a command and returns its reply."""


class Script:
    """A Lua script of this package."""

    def __init__(self, name: str) -> None:
        """Read scripts/<name>.lua."""
        self.source = (files("wallet.hot") / "scripts" / f"{name}.lua").read_text()
        self.sha = sha1(self.source.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, run: Run, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run it by its hash; send the source where the server does not have it. Raises RedisError."""
        try:
            return await run("EVALSHA", self.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            return await run("EVAL", self.source, len(keys), *keys, *arguments)
