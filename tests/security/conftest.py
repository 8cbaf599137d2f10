"""The service behind each front."""

from collections.abc import Iterator

import pytest

from devstack import Stack
from tests.security.bystander import fund
from tests.support.fronts import FRONTS, require


@pytest.fixture(scope="session", params=FRONTS)
def front(request: pytest.FixtureRequest) -> str:
    """Return the name of the front, as CHARGING_FRONT has it."""
    chosen = str(request.param)
    require(chosen)
    return chosen


@pytest.fixture(scope="session")
def stack(front: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole service, with one worker of charging, and a company for the honest caller."""
    with Stack(tmp_path_factory.mktemp("stack"), environment={"CHARGING_FRONT": front}) as running:
        fund(running)
        yield running
