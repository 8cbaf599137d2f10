"""One running service for all acceptance tests that need one."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import Stack
from tests.support.fronts import Fronts

MANUAL_MICROS_MAX = 9 * 10**15 - 1
"""A wallet is filled to the brim by two top-ups."""


@pytest.fixture(scope="package")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory like a clone while `make run` serves from it: `.venv` and `.local` are there."""
    directory = tmp_path_factory.mktemp("clone")
    (directory / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    return directory


@pytest.fixture(scope="package")
def stack(clone: Path) -> Iterator[Stack]:
    """The whole service."""
    with Stack(clone / ".local", environment={"MANUAL_MICROS_MAX": str(MANUAL_MICROS_MAX)}) as running:
        yield running


@pytest.fixture(scope="package")
def fronts(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronts]:
    """The gateways' servers."""
    with Fronts(stack, tmp_path_factory.mktemp("front")) as servers:
        yield servers
