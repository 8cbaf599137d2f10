"""A group of commands that imports each command when it is used."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """A group whose commands may be given by import path (click's documentation, "Lazily loading").

    A process imports no more than its command uses: the supervisor of `serve` needs neither gRPC nor a database.
    """

    def __init__(self, *args: Any, lazy_commands: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        """`lazy_commands` maps names to "module:attribute". Other commands are added as to any group."""
        super().__init__(*args, **kwargs)
        self.lazy_commands = dict(lazy_commands or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in order."""
        return sorted({*super().list_commands(ctx), *self.lazy_commands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, and import it if it is lazy. Return None if there is no command of this name."""
        if target := self.lazy_commands.get(cmd_name):
            module, _, attribute = target.partition(":")
            command = getattr(import_module(module), attribute)
            assert isinstance(command, click.Command), target
            return command
        return super().get_command(ctx, cmd_name)
