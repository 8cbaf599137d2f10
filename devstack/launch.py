"""Become another program that does not outlive the process that started it.

Run as a script in a fresh interpreter, between fork and exec, because nothing of this is safe in
the forked copy of a program with threads (gRPC's, a test's): it takes one thread to enter a user
namespace, and Python code after a fork may wait for a lock that nobody holds any more.

    python -I -S launch.py --parent PID --death-signal N [--map-uid U] -- program …
    python -I -S launch.py --parent PID --death-signal N [--set-uid U --set-gid G] -- program …

The order matters: a change of user clears the parent-death signal, so that one is asked for last.
"""

import ctypes  # here, not where it is used: another user may not be able to read it
import os
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
EXIT_CANNOT_LAUNCH = 125
"""As `env` and `unshare` do: the program was never reached."""


def main(arguments: list[str]) -> None:
    """Apply the options in order, then become the program."""
    split = arguments.index("--")
    options = dict(zip(arguments[:split:2], arguments[1:split:2], strict=True))
    program = arguments[split + 1 :]
    if "--map-uid" in options:
        enter_user_namespace(int(options["--map-uid"]))
    if "--set-uid" in options:
        become_user(int(options["--set-uid"]), int(options["--set-gid"]))
    die_with_parent(int(options["--death-signal"]), int(options["--parent"]))
    os.execv(program[0], program)  # noqa: S606 a shell would take the signals


def enter_user_namespace(uid: int) -> None:
    """Be seen as `uid` from here on, while the files stay those of the real user: no chown."""
    real_uid, real_gid = os.geteuid(), os.getegid()
    _system_call("unshare", CLONE_NEWUSER)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {real_uid} 1")
    _write("/proc/self/gid_map", f"{uid} {real_gid} 1")


def become_user(uid: int, gid: int) -> None:
    """Give up root for good."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def die_with_parent(death_signal: int, parent: int) -> None:
    """Have the kernel signal this process when its parent ends; end now if it already has."""
    if sys.platform == "linux":
        _system_call("prctl", PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(EXIT_CANNOT_LAUNCH)


def _system_call(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*(ctypes.c_ulong(argument) for argument in arguments)) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def _write(path: str, text: str) -> None:
    Path(path).write_text(text)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        print(f"cannot launch: {error}", file=sys.stderr)
        sys.exit(EXIT_CANNOT_LAUNCH)
