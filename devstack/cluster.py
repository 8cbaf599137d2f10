"""A real cluster of Valkey servers, for tests of slots and redirections."""

import shutil
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis

from devstack.binaries import Flavour
from devstack.errors import StartFailed
from devstack.ports import LOOPBACK, free_port
from devstack.valkey import Valkey

SLOTS = 16_384
FORM_SECONDS_MAX = 30.0
POLL_SECONDS = 0.05
NODE_TIMEOUT_MS = 2_000
"""The time after which a silent node counts as failed; short, so that tests are quick."""


class ValkeyCluster:
    """`nodes` primaries that share the slots evenly; `with` starts and stops it.

    It starts empty each time. `nodes` are servers that can be killed, paused and started again.
    """

    def __init__(self, data_directory: Path, *, nodes: int = 3, flavour: Flavour = "valkey") -> None:
        """Choose the nodes and their ports; start nothing."""
        self._data_directory = data_directory.absolute()
        self._stack = ExitStack()
        self.nodes = [self._node(index, flavour) for index in range(nodes)]

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The URL of the first node; a cluster client finds the others."""
        return self.nodes[0].url

    def start(self) -> None:
        """Start all nodes, assign the slots, and wait for `cluster_state:ok` of every node. Raise `StartFailed`."""
        shutil.rmtree(self._data_directory, ignore_errors=True)
        for node in self.nodes:
            self._stack.enter_context(node)
        for index, node in enumerate(self.nodes):
            first, beyond = (SLOTS * at // len(self.nodes) for at in (index, index + 1))
            _execute(node, "CLUSTER ADDSLOTSRANGE", first, beyond - 1)
            _execute(node, "CLUSTER SET-CONFIG-EPOCH", index + 1)
        for node in self.nodes[1:]:
            bus_port = int(node.settings["cluster-port"])
            _execute(self.nodes[0], "CLUSTER MEET", LOOPBACK, node.port, bus_port)
        self.wait_whole()

    def close(self) -> None:
        """Stop all nodes."""
        self._stack.close()

    def wait_whole(self, seconds_max: float = FORM_SECONDS_MAX) -> None:
        """Wait until every node knows all others and all slots are served. Raise `StartFailed`."""
        deadline = time.monotonic() + seconds_max
        while not all(self._is_whole(node) for node in self.nodes):
            if time.monotonic() > deadline:
                raise StartFailed(f"the cluster was not whole within {seconds_max:g} s")
            time.sleep(POLL_SECONDS)

    def _node(self, index: int, flavour: Flavour) -> Valkey:
        settings = {
            "cluster-enabled": "yes",
            "cluster-port": str(free_port()),
            "cluster-config-file": "nodes.conf",
            "cluster-node-timeout": str(NODE_TIMEOUT_MS),
        }
        directory = self._data_directory / f"node-{index}"
        return Valkey(directory, flavour=flavour, settings=settings)

    def _is_whole(self, node: Valkey) -> bool:
        try:
            info = _execute(node, "CLUSTER INFO")
        except redis.RedisError:
            return False
        nodes_known = int(info["cluster_known_nodes"])
        return bool(info["cluster_state"] == "ok" and nodes_known == len(self.nodes))


def _execute(node: Valkey, *command: str | int) -> Any:
    with node.connect() as client:
        return client.execute_command(*command)
