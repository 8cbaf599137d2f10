"""`make run` prints the first calls, stops all servers with it, and leaves no process."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devstack import process_tree, run
from tests.integration.devstack.programs import (
    GONE_SECONDS_MAX,
    PROGRAM_SECONDS_MAX,
    first_line,
    own_children,
    program,
)

STAND_IN_SERVER = """
import http.server, os, sys, time
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
port = int(os.environ[sys.argv[1] + "_METRICS_PORT"])
http.server.HTTPServer(("127.0.0.1", port), Health).serve_forever()
"""

RUN_WITH_STAND_INS = """
import os, sys
from pathlib import Path
from devstack import Commands
from devstack.run import run

def stand_in(name): return (sys.executable, "-c", sys.argv[2], name)

commands = Commands((sys.executable, "-c", ""), stand_in("ADMIN"), stand_in("CHARGING"))
sys.exit(run(os.environ, local_directory=Path(sys.argv[1]), with_parent=True, commands=commands))
"""


def test_interrupted_run_ends_quietly_and_leaves_no_process(tmp_path: Path) -> None:
    with running_stack(tmp_path) as (parent, pids, _output):
        parent.send_signal(signal.SIGINT)
        output, errors = parent.communicate(timeout=PROGRAM_SECONDS_MAX)
        assert (parent.returncode, errors) == (0, "")
        assert "stopping" in output
        assert process_tree.wait_gone(pids, GONE_SECONDS_MAX) == []


def test_killed_run_leaves_no_process(tmp_path: Path) -> None:
    with running_stack(tmp_path) as (parent, pids, _output):
        parent.kill()
        assert process_tree.wait_gone(pids, GONE_SECONDS_MAX) == []


def test_run_stops_everything_when_a_server_dies(tmp_path: Path) -> None:
    with running_stack(tmp_path) as (parent, pids, _output):
        charging = next(pid for pid in pids if "CHARGING" in process_tree.command_line(pid))
        os.kill(charging, signal.SIGKILL)
        _, errors = parent.communicate(timeout=PROGRAM_SECONDS_MAX)
        assert parent.returncode == 1
        assert "charging has ended by itself with signal SIGKILL" in errors
        assert process_tree.wait_gone(pids, GONE_SECONDS_MAX) == []


def test_run_prints_the_first_calls_and_keeps_its_token(tmp_path: Path) -> None:
    token = tmp_path / "token"
    outputs = []
    for _ in range(2):
        with running_stack(tmp_path) as (parent, _pids, output):
            outputs.append(output)
            assert f"{token.read_text().strip()}   (kept in" in output
            assert token.stat().st_mode & 0o777 == 0o600
            parent.send_signal(signal.SIGTERM)
            assert parent.wait(PROGRAM_SECONDS_MAX) == 0
    assert "veloconnect.charging.v1.ChargingService/Charge" in outputs[0]
    assert token.read_text().strip() in outputs[1]


def test_log_lines_are_printed_when_they_are_complete(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntw")
    tail = run.LogTail({"admin": log})
    tail.print_new()
    assert capsys.readouterr().out == "admin | one\n"
    with log.open("a") as file:
        file.write("o\n")
    tail.print_new()
    assert capsys.readouterr().out == "admin | two\n"


@contextmanager
def running_stack(
    local_directory: Path,
) -> Iterator[tuple["subprocess.Popen[str]", list[int], str]]:
    """Run `make run` with stand-ins for the servers; yield its process, all its children's pids, and its output."""
    with program(RUN_WITH_STAND_INS, local_directory, STAND_IN_SERVER) as parent:
        output = ""
        while "Ctrl-C stops" not in output:
            output += first_line(parent)
        children = own_children(parent.pid)
        yield (
            parent,
            sorted({pid for child in children for pid in process_tree.members(child)}),
            output,
        )
