"""As which user Postgres runs, since it refuses root and a user without a name.

Three answers, the first that holds:

1. as ourselves: we are neither root nor nameless;
2. in a user namespace, where our own user is seen under another, existing number. No file changes
   hands, so it works in a root user's clone that nobody else may look into;
3. as `nobody`, with a data directory of its own outside the clone: for root where user namespaces
   are forbidden (a container, mostly).
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
    """How to become the user that runs the server."""

    launch_options: tuple[str, ...] = ()
    """Options of `launch`."""
    owner: tuple[int, int] | None = None
    """The uid and gid that the server's files must have, where they are not our own."""

    def can_run(self, program: Sequence[str]) -> bool:
        """Whether this user can become this program here, by trying."""
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
    """Return the first of the three answers that holds here; `DirectoryUnusable` if none does."""
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return Account()
    stranger = _existing_user()
    if stranger is not None and _may_enter_user_namespace(stranger.pw_uid):
        return Account(launch_options=("--map-uid", str(stranger.pw_uid)))
    if os.geteuid() == 0 and stranger is not None:
        uid, gid = stranger.pw_uid, stranger.pw_gid
        return Account(("--set-uid", str(uid), "--set-gid", str(gid)), owner=(uid, gid))
    raise DirectoryUnusable(
        f"Postgres cannot run as user {os.geteuid()}: it wants a user that is in /etc/passwd and "
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
    """`nobody`, or whoever else exists and is not root: initdb looks its user's name up."""
    users = [user for user in pwd.getpwall() if user.pw_uid != 0]
    nobody = [user for user in users if user.pw_name == "nobody"]
    return next(iter(nobody or users), None)
