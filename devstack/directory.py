"""Data directories: locked by one process at a time, with places for sockets and logs."""

import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import IO

from devstack.errors import DirectoryInUse, DirectoryUnusable

SOCKET_PATH_BYTES_MAX = 100
"""`sun_path` has 104 bytes on macOS and 108 on Linux."""
OUTSIDE = Path("/var/tmp")  # noqa: S108 who owns it is checked
"""For data of another user, which cannot lie in the directory asked for. It is kept over a reboot and open to all."""
OUTSIDE_PREFIX = "devstack-"
STANDS_FOR = "stands-for"
"""The file in a directory outside that names the directory it replaces."""


class DirectoryLock:
    """A lock on a directory while a server uses it; the system releases it when the holder ends."""

    def __init__(self, directory: Path) -> None:
        """Choose the directory; lock nothing."""
        self._directory = directory
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock. Raise `DirectoryInUse` with the holder's process id."""
        self._directory.mkdir(parents=True, exist_ok=True)
        file = (self._directory / "lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise DirectoryInUse(
                f"{self._directory} is in use by process {holder}. Stop that one first (Ctrl-C in "
                f"its terminal, or `kill {holder}`), or choose another directory."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file

    def release(self) -> None:
        """Release the lock. The file stays, since removing it would allow two holders."""
        if self._file is not None:
            self._file.close()
            self._file = None


class SocketDirectory:
    """A private directory for unix sockets: in the data directory, or a temporary one if that path is too long."""

    def __init__(self, parent: Path, socket_name: str, owner: tuple[int, int] | None = None) -> None:
        """Create it, empty."""
        path = parent / "socket"
        self._temporary = len(os.fsencode(path / socket_name)) > SOCKET_PATH_BYTES_MAX
        if self._temporary:
            path = Path(tempfile.mkdtemp(prefix="devstack-", dir=_short_temporary_directory()))
        path.mkdir(mode=0o700, exist_ok=True)
        for stale in path.iterdir():
            stale.unlink()
        if owner is not None:
            os.chown(path, *owner)
        self.path = path

    def remove(self) -> None:
        """Remove it if it is a temporary one."""
        if self._temporary:
            shutil.rmtree(self.path, ignore_errors=True)


def directory_outside(directory: Path, owner: tuple[int, int]) -> Path:
    """Return another user's replacement for `directory`, always the same one, where that user can reach it.

    Replacements of directories that no longer exist are removed. Raise `DirectoryUnusable`.
    """
    outside = path_outside(directory)
    outside.mkdir(mode=0o700, exist_ok=True)
    if not _belongs_to(outside, owner):
        raise DirectoryUnusable(f"{outside} belongs to another user; remove it and start again")
    outside.chmod(0o700)
    os.chown(outside, *owner)
    (outside / STANDS_FOR).write_text(str(directory.resolve()))
    for other in OUTSIDE.glob(f"{OUTSIDE_PREFIX}*"):
        if _belongs_to(other, owner) and not _original(other).exists():
            shutil.rmtree(other, ignore_errors=True)
    return outside


def path_outside(directory: Path) -> Path:
    """Return the path of the replacement for `directory`."""
    name = hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:16]
    return OUTSIDE / f"{OUTSIDE_PREFIX}{name}"


def _belongs_to(directory: Path, owner: tuple[int, int]) -> bool:
    found = directory.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid in (os.geteuid(), owner[0])


def _original(outside: Path) -> Path:
    try:
        return Path((outside / STANDS_FOR).read_text())
    except FileNotFoundError:
        return outside  # it is being created


def keep_previous(log_path: Path) -> None:
    """Rename the log of the previous run. Only one is kept, so the space is bounded."""
    log_path.parent.mkdir(parents=True, exist_ok=True)
    if log_path.exists():
        log_path.replace(log_path.with_name(log_path.name + ".previous"))


def _short_temporary_directory() -> str:
    default = tempfile.gettempdir()
    return default if len(default) < SOCKET_PATH_BYTES_MAX // 2 else "/tmp"  # noqa: S108 mkdtemp makes a private one
