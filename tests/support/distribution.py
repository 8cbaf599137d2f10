"""Which tests run in one process, when `make test` uses several: see pytest-xdist."""

from xdist.scheduler import LoadScopeScheduling

WHOLE_SERVICES = (
    "tests/acceptance/",
    "tests/faults/",
    "tests/integration/benchmarks/",
    "tests/integration/devstack/",
    "tests/integration/server/",
    "tests/integration/wallet/test_cluster.py",
    "tests/security/",
    "tests/unit/benchmarks/",
)
"""They start programs of several processes, share those that cost most to start, and measure time: one after the other,
so that no two of them want the machine at once."""
MODULES = ("tests/unit/",)
"""So quick that one is handed out with its whole module."""


class Distribution(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types.
    """Hand out what belongs together to one process, and every other test to the first that is free."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def group_of(nodeid: str) -> str:
    """Name the tests that run in the process in which this one does."""
    if nodeid.startswith(WHOLE_SERVICES):
        return "whole services"
    return nodeid.partition("::")[0] if nodeid.startswith(MODULES) else nodeid
