"""Replace this process by a program that does not outlive the process that started it.

This is a script for a fresh interpreter, between fork and exec, because these steps are unsafe in
the forked copy of a program with threads (gRPC's, a test's): entering a user namespace requires a
single thread, and Python code after a fork may wait for a lock whose holder was not copied.

    python -I -S launch.py --parent PID --death-signal N [--map-uid U] -- program …
    python -I -S launch.py --parent PID --death-signal N [--set-uid U --set-gid G] -- program …

The order matters: a change of user clears the parent-death signal, which is therefore set last.
"""

import ctypes  # imported here because another user may be unable to read it later
import os
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
EXIT_CANNOT_LAUNCH = 125
"""The status of `env` and `unshare` if the program was never started."""


def main(arguments: list[str]) -> None:
    """Apply the options in order, then execute the program."""
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
    """Map this user to `uid` in a new namespace; files keep their owner without chown."""
    real_uid, real_gid = os.geteuid(), os.getegid()
    _system_call("unshare", CLONE_NEWUSER)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {real_uid} 1")
    _write("/proc/self/gid_map", f"{uid} {real_gid} 1")


def become_user(uid: int, gid: int) -> None:
    """Change from root to another user."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def die_with_parent(death_signal: int, parent: int) -> None:
    """Ask the kernel to signal this process when its parent ends; exit if it has already ended."""
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
