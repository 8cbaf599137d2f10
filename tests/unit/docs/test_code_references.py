"""Modules and files that comments of the code name exist, wherever they have moved to."""

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

SRC = ROOT / "src"
FOLDERS = sorted(path.name for path in SRC.iterdir() if (path / "__init__.py").exists() and path.name != "veloconnect")
FILES = sorted(
    path
    for suffix in ("py", "sql", "lua")
    for folder in FOLDERS
    for path in (SRC / folder).rglob(f"*.{suffix}")
    if "migrations" not in path.parts
)
MODULE = re.compile(rf"(?<![\w./-])((?:{'|'.join(FOLDERS)})(?:\.[a-z_]+)+)\b(?![(/-])")
FILE = re.compile(rf"(?<![\w./-])((?:{'|'.join(FOLDERS)})(?:/[a-z_]+)+\.(?:py|sql|lua))\b")
LINE_LENGTH_MAX = 128
"""Of SQL. Python's is ruff's."""


def prose_of(path: Path) -> Iterator[str]:
    """Yield the comments of a file; of Python its strings too, docstrings among them."""
    if path.suffix == ".py":
        with path.open("rb") as file:
            yield from (
                token.string
                for token in tokenize.tokenize(file.readline)
                if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and '"""' in token.string)
            )
    else:
        yield from (line.split("--", 1)[1] for line in path.read_text().splitlines() if "--" in line)


def exists(name: str) -> bool:
    """Return whether a dotted name is a package, a module, or what a module defines."""
    path = SRC / name.replace(".", "/")
    return path.is_dir() or any(module.with_suffix(".py").exists() for module in (path, path.parent))


@pytest.mark.parametrize("folder", FOLDERS)
def test_modules_and_files_that_comments_name_exist(folder: str) -> None:
    missing = [
        f"{path.relative_to(SRC)}: {name}"
        for path in FILES
        if path.is_relative_to(SRC / folder)
        for prose in prose_of(path)
        for name in [
            *(name for name in MODULE.findall(prose) if not exists(name)),
            *(name for name in FILE.findall(prose) if not (SRC / name).exists()),
        ]
    ]
    assert not missing


def test_lines_of_sql_fit() -> None:
    long = [
        f"{path.relative_to(SRC)}:{number}"
        for path in FILES
        if path.suffix == ".sql"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > LINE_LENGTH_MAX
    ]
    assert not long
