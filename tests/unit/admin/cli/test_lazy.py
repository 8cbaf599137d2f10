"""The command line of the back office imports its commands lazily, and lists all of them."""

import click
import pytest

from admin.__main__ import main
from admin.cli.lazy import LazyGroup

COMMANDS = ["documents", "migrate", "rates", "refunds", "serve", "transactions", "verify", "worker"]


@pytest.fixture
def context() -> click.Context:
    return click.Context(main)


def test_every_command_is_listed_and_found_by_name(context: click.Context) -> None:
    assert main.list_commands(context) == COMMANDS
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command is not None
        assert command.name == name


def test_an_unknown_command_is_not_found(context: click.Context) -> None:
    assert main.get_command(context, "nothing") is None


@pytest.mark.parametrize("target", ["admin.no_such_module:rates", "admin.rates.cli:no_such_command"])
def test_a_wrong_import_path_fails_on_use(context: click.Context, target: str) -> None:
    group = LazyGroup(lazy_commands={"wrong": target})
    with pytest.raises((ModuleNotFoundError, AttributeError)):
        group.get_command(context, "wrong")
