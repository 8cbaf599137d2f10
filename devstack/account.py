"""Choose the user that runs Postgres, which refuses root and a user without a name.

The first of three choices that works:

1. the current user, if it is not root and has a name;
2. the current user in a user namespace that maps it to another, existing number. Files keep their
   owner, so this works in a clone of root that no other user can read;
3. `nobody`, with a data directory of its own outside the clone: for root where user namespaces are
   forbidden (mostly in containers).
"""

import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devstack.errors import DirectoryUnusable

PROBE_SECONDS_MAX = 10.0
LAUNCH = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class Account:
    """The user that runs the server."""

    launch_options: tuple[str, ...] = ()
    """Options of `launch` that change to this user."""
    owner: tuple[int, int] | None = None
    """The uid and gid of the server's files; None for the current user's."""

    def can_run(self, program: Sequence[str]) -> bool:
        """Try whether this user can run a program here."""
        launch = [sys.executable, "-I", "-S", str(LAUNCH)]
        options = ["--parent", str(os.getpid()), "--death-signal", "9", *self.launch_options]
        try:
            tried = subprocess.run(
                [*launch, *options, "--", *program],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PROBE_SECONDS_MAX,
                check=False,
                cwd="/",
            )
        except subprocess.TimeoutExpired:
            return False
        return tried.returncode == 0


def choose_account() -> Account:
    """Return the first of the three choices that works. Raise `DirectoryUnusable` if none does."""
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return Account()
    other = _existing_user()
    if other is not None and _may_enter_user_namespace(other.pw_uid):
        return Account(launch_options=("--map-uid", str(other.pw_uid)))
    if os.geteuid() == 0 and other is not None:
        uid, gid = other.pw_uid, other.pw_gid
        return Account(("--set-uid", str(uid), "--set-gid", str(gid)), owner=(uid, gid))
    raise DirectoryUnusable(
        f"Postgres cannot run as user {os.geteuid()}: it needs a user that is in /etc/passwd and "
        "is not root, and user namespaces are forbidden here. Run as an ordinary user, or set "
        "DATABASE_URL to a Postgres of your own."
    )


def _may_enter_user_namespace(uid: int) -> bool:
    inside = Account(launch_options=("--map-uid", str(uid)))
    return inside.can_run([sys.executable, "-I", "-S", "-c", "pass"])


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _existing_user() -> pwd.struct_passwd | None:
    """Return `nobody`, or another user that is not root: initdb looks up the name of its user."""
    users = [user for user in pwd.getpwall() if user.pw_uid != 0]
    nobody = [user for user in users if user.pw_name == "nobody"]
    return next(iter(nobody or users), None)
