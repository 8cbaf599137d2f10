"""Start a service for the demo on fresh data, and run the gateways in another process."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from demos.half_minute.run import Service
from devstack import launch
from devstack.directory import DirectoryLock
from devstack.stack import Stack

POLL_SECONDS = 0.2
STOP_SECONDS_MAX = 5.0
LOCK = "lock"


def run_with_service(local_directory: Path, arguments: Sequence[str]) -> int:
    """Start the service, run the demo against it in another process, stop it; return the demo's exit status.

    Files of an earlier demo in the directory are removed; data and logs of this one stay until the next.
    """
    lock = DirectoryLock(local_directory.absolute())
    lock.acquire()
    try:
        empty_directory(local_directory)
        # A new name for each run: where Postgres keeps its data elsewhere, the place depends on the name.
        fresh = local_directory / time.strftime("%Y%m%d-%H%M%S")
        print(f"starting Postgres, Valkey, admin and charging; data and logs are in {fresh}", flush=True)
        with interrupted_by_signals(), Stack(fresh) as stack:
            service = Service(stack.charging_address, stack.admin_address, stack.token_path)
            print(f"charging is at {service.target}, admin at {service.admin_target}\n", flush=True)
            return _run_client(stack, service, arguments)
    finally:
        lock.release()


def _run_client(stack: Stack, service: Service, arguments: Sequence[str]) -> int:
    """Run the gateways' process until it ends. Raise `ChildDied` if a server ends before it."""
    command = [sys.executable, "-m", "demos.half_minute", *arguments, "--target", service.target]
    command += ["--admin-target", service.admin_target, "--token-file", str(service.token_file)]
    # The process ends with this one, even if this one is killed.
    until_we_end = [sys.executable, "-I", "-S", launch.__file__]
    until_we_end += ["--parent", str(os.getpid()), "--death-signal", str(int(signal.SIGKILL)), "--"]
    with subprocess.Popen([*until_we_end, *command]) as client:
        try:
            while client.poll() is None:
                stack.check()
                time.sleep(POLL_SECONDS)
        finally:
            client.terminate()
            try:
                client.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                client.kill()
    return client.returncode


def empty_directory(directory: Path) -> None:
    """Remove the contents of a directory, except the lock that this process holds."""
    for path in directory.iterdir():
        if path.name == LOCK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextlib.contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Handle SIGTERM and SIGHUP as Ctrl-C, so that all servers are stopped."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
