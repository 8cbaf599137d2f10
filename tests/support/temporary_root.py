"""The directory of the tests' files: in memory, if the machine has room for it.

Each test has a database of its own: hundreds of files made and removed, which a disk takes far longer
for than memory does. The tests kill processes, never the machine, so nothing that they promise needs the disk.
"""

import os
from pathlib import Path

import psutil

MEMORY = Path("/dev/shm")
BYTES_FREE_MIN = 6 * 1024**3
"""Of memory and of its file system: a whole run on 8 processes needs less than half."""
ENVIRONMENT = "PYTEST_DEBUG_TEMPROOT"
"""pytest's own variable for the directory that its temporary ones are made in."""


def use_memory() -> None:
    """Let pytest and its processes make temporary directories in memory, unless the environment names a place."""
    if ENVIRONMENT not in os.environ and has_room(MEMORY):
        os.environ[ENVIRONMENT] = str(MEMORY)


def has_room(directory: Path) -> bool:
    """Whether this user may write and run programs there, and enough is free."""
    if not os.access(directory, os.W_OK | os.X_OK):
        return False
    found = os.statvfs(directory)
    bytes_free = min(found.f_bavail * found.f_frsize, psutil.virtual_memory().available)
    return bytes_free >= BYTES_FREE_MIN and not found.f_flag & os.ST_NOEXEC
