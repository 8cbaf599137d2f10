"""The program of a worker in Envoy."""

import json
from pathlib import Path

import pytest

from charging.settings import ChargingSettings
from server.envoy.launch import SOCKET_PATH_BYTES_MAX, Arguments, Programs, find_programs, worker_program
from server.lifetime import SIGNALS
from server.settings import FrontChoice, Misconfigured


def test_a_worker_in_envoy_is_envoy_from_its_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Python comes before it, which would start, import and read the settings once more."""
    programs = find_programs(FrontChoice.AUTO)
    if programs is None:
        pytest.skip("Envoy cannot run here")
    monkeypatch.setenv("TOKEN_FILE", str(tmp_path / "tokens"))
    arguments = Arguments({"port": 50051}, 3, 7, insecure=False, folder=tmp_path)
    program = worker_program(programs, ChargingSettings(), "charging.hosted:app", arguments)
    assert program.command[0] == str(programs.envoy)
    assert program.blocked == set(SIGNALS)
    config = Path(program.command[program.command.index("--config-path") + 1])
    assert json.loads(config.read_text())["static_resources"]
    for name, value in program.environment.items():
        monkeypatch.setenv(name, value)
    assert Arguments.of_environment() == arguments


@pytest.mark.parametrize("excess", [0, 1])
def test_a_folder_too_long_for_a_socket_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, excess: int
) -> None:
    """Envoy would end with a status of its own, and be started again for ever."""
    monkeypatch.setenv("TOKEN_FILE", str(tmp_path / "tokens"))
    folder = tmp_path / ("x" * (SOCKET_PATH_BYTES_MAX - len(f"{tmp_path}//envoy-0.sock") + excess))
    folder.mkdir()
    arguments = Arguments({"port": 50051}, 0, 7, insecure=False, folder=folder)
    programs = Programs(Path("envoy"), Path("module"), Path("libpython"))
    if not excess:
        assert worker_program(programs, ChargingSettings(), "charging.hosted:app", arguments)
        return
    with pytest.raises(Misconfigured, match="1 bytes too long"):
        worker_program(programs, ChargingSettings(), "charging.hosted:app", arguments)
