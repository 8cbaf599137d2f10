"""The limit of file descriptors is raised as far as the system allows."""

import resource
import subprocess
import sys

import pytest

from server.transport_limits import DESCRIPTORS

RAISE = """
import resource
from server.transport_limits import raise_descriptor_limit
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
raise_descriptor_limit()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(("soft", "hard", "raised"), [(256, 512, 512), (512, 512, 512)])
def test_the_soft_limit_is_raised_to_the_hard_one(soft: int, hard: int, raised: int) -> None:
    program = RAISE.format(soft=soft, hard=hard)
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.split() == [str(raised), str(hard)]
    assert raised <= DESCRIPTORS


def test_a_limit_that_suffices_is_left_alone() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard <= DESCRIPTORS:
        pytest.skip("the system allows no more than is asked for")
    program = RAISE.format(soft=DESCRIPTORS + 1, hard=hard)
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.split() == [str(DESCRIPTORS + 1), str(hard)]
