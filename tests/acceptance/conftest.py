"""One running service for all acceptance tests that need one."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import Stack


@pytest.fixture(scope="package")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that looks as a clone does while `make run` serves from it: `.venv` and `.local` are there."""
    directory = tmp_path_factory.mktemp("clone")
    (directory / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    return directory


@pytest.fixture(scope="package")
def stack(clone: Path) -> Iterator[Stack]:
    """The whole service."""
    with Stack(clone / ".local") as running:
        yield running
