"""Commands that the documents show are ones that there are, with options that they take."""

import importlib
import importlib.util
import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.support.markdown import code, pages
from tests.support.paths import ROOT

MAKE = re.compile(r"(?:^|[ =])make ([a-z][a-z-]*)")
MODULE = re.compile(r"python -m ([a-z_.]+)(.*)")
ENDS = {"|", ">", "<", ";", "&&", "…", "..."}


def shown() -> Iterator[tuple[str, str, list[str]]]:
    """Yield each `python -m` command of the documents: its page, module, and arguments before a pipe."""
    for page in pages():
        for line in code(page):
            for module, rest in MODULE.findall(line.partition(" # ")[0]):
                arguments = shlex.split(rest, comments=True)
                end = next((place for place, word in enumerate(arguments) if word in ENDS), len(arguments))
                yield str(page.relative_to(ROOT)), module, arguments[:end]


def parse(command: click.Command, arguments: list[str]) -> None:
    """Raise click.UsageError where a command line names a command or option that there is not.

    What is required may be missing, since prose names commands without their options.
    """
    context = click.Context(command)
    if isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        found = command.get_command(context, arguments[0])
        if found is None:
            raise click.UsageError(f"there is no command {arguments[0]}")
        parse(found, arguments[1:])
        return
    words = [word for word in arguments if word != "--help"]
    _, rest, _ = command.make_parser(context).parse_args(words)
    if rest:
        raise click.UsageError(f"unexpected arguments: {rest}")


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(MAKE.findall("\n".join(code(page)))) <= targets


@pytest.mark.parametrize(("page", "module", "arguments"), [*shown()], ids=lambda value: str(value)[:60])
def test_command_lines_parse(page: str, module: str, arguments: list[str]) -> None:
    found = importlib.util.find_spec(module)
    assert found is not None, f"{page} shows a module that there is not: {module}"
    program = importlib.import_module(f"{module}.__main__" if found.submodule_search_locations else module)
    if isinstance(program.main, click.Command):
        parse(program.main, arguments)
    else:
        source = inspect.getsource(program)  # Programs by argparse, or by sys.argv, spell their options out.
        assert all(f'"{word}"' in source for word in arguments if word.startswith("-"))


@pytest.mark.parametrize("arguments", [["rats"], ["rates", "imports"], ["rates", "import", "--crad", "x"]])
def test_a_wrong_command_line_is_found(arguments: list[str]) -> None:
    from admin.__main__ import main

    with pytest.raises(click.UsageError):
        parse(main, arguments)
