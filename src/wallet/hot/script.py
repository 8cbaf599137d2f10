"""Lua scripts of this package, run by their hash."""

import re
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha1
from importlib.resources import files
from typing import Any

from redis.exceptions import NoScriptError

Run = Callable[..., Awaitable[Any]]
"""Sends a command and returns its reply."""

_INCLUDE = re.compile(r"^-- include: (\w+)\n", re.MULTILINE)


class Script:
    """A Lua script of this package."""

    def __init__(self, name: str) -> None:
        """Read scripts/<name>.lua; a line `-- include: <other>` is replaced by scripts/includes/<other>.lua."""
        scripts = files("wallet.hot") / "scripts"
        self.source = _INCLUDE.sub(
            lambda found: (scripts / "includes" / f"{found[1]}.lua").read_text(), (scripts / f"{name}.lua").read_text()
        )
        self.sha = sha1(self.source.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, run: Run, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run it by its hash; send the source if the server does not have it. Raises RedisError."""
        try:
            return await run("EVALSHA", self.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            return await run("EVAL", self.source, len(keys), *keys, *arguments)
