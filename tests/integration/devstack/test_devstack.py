"""The servers under every other test start, can be broken on purpose, and leave no process.

Tests that end a parent run a small Python program, which starts the servers.
"""

import os
import pwd
import shutil
import socket
import sys
import threading
import time
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

import devstack
from devstack import account, directory, process_tree
from devstack.binaries import Flavour, postgres_binaries, server_binary
from devstack.process import Child
from tests.integration.devstack.programs import (
    GONE_SECONDS_MAX,
    PROGRAM_SECONDS_MAX,
    first_line,
    own_children,
    program,
)

HOLD_STORES = """
import sys, threading, time
from pathlib import Path
import devstack, psycopg
from devstack import process_tree

directory, state = Path(sys.argv[1]), sys.argv[2]
with (
    devstack.Postgres(directory / "postgres") as postgres,
    devstack.Valkey(directory / "valkey") as valkey,
):
    if state == "busy":
        def count() -> None:
            with psycopg.connect(postgres.dsn) as connection:
                connection.execute("SELECT count(*) FROM generate_series(1, 1000000000000)")
        threading.Thread(target=count, daemon=True).start()
        with psycopg.connect(postgres.dsn, autocommit=True) as connection:
            while not connection.execute(
                "SELECT 1 FROM pg_stat_activity"
                " WHERE query LIKE 'SELECT count%' AND state = 'active'"
            ).fetchone():
                time.sleep(0.01)
    if state == "paused":
        postgres.pause()
        valkey.pause()
    print(*process_tree.members(postgres.pid), *process_tree.members(valkey.pid), flush=True)
    time.sleep(1000)
"""


@pytest.mark.parametrize("state", ["idle", "busy", "paused"])
def test_a_killed_parent_leaves_no_process(tmp_path: Path, state: str) -> None:
    with program(HOLD_STORES, tmp_path, state) as parent:
        pids = [int(word) for word in first_line(parent).split()]
        assert len(pids) > 2
        parent.kill()
        parent.wait()
        assert process_tree.wait_gone(pids, GONE_SECONDS_MAX) == []
    # The next start works in spite of the dead postmaster's lock file.
    with devstack.Postgres(tmp_path / "postgres"):
        pass


def test_a_failed_migration_is_shown_and_leaves_no_process(tmp_path: Path) -> None:
    commands = devstack.Commands(migrate=(sys.executable, "-c", "raise SystemExit('no such table')"))
    before = own_children()
    message = r"migrate ended with status 1[^\n]*\nno such table"
    with (
        pytest.raises(devstack.StartFailed, match=message),
        devstack.Stack(tmp_path, commands=commands),
    ):
        pass
    assert own_children() <= before
    with devstack.Postgres(tmp_path / "postgres"):
        pass


def test_a_failed_start_leaves_no_process(tmp_path: Path) -> None:
    before = own_children()
    broken = devstack.Valkey(tmp_path / "valkey", settings={"no-such-setting": "1"})
    with pytest.raises(devstack.StartFailed, match="no-such-setting"), broken:
        pass
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(devstack.PortTaken), devstack.Postgres(tmp_path / "p", port=taken):
            pass
        with pytest.raises(devstack.PortTaken), devstack.Valkey(tmp_path / "v", port=taken):
            pass
    assert own_children() <= before


def test_a_taken_port_is_refused_with_the_setting_that_changes_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports = devstack.Ports(charging=other.getsockname()[1])
        with pytest.raises(devstack.PortTaken, match=r"CHARGING_PORT=\d+ make run"):
            ports.check_free()


def test_a_second_start_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    with devstack.Valkey(tmp_path) as first:
        with (
            pytest.raises(devstack.DirectoryInUse, match=f"in use by process {os.getpid()}.*kill"),
            devstack.Valkey(tmp_path),
        ):
            pass
        with first.connect() as client:
            assert client.ping()


def test_postgres_keeps_data_and_port_over_kill_and_restart(tmp_path: Path) -> None:
    with devstack.Postgres(tmp_path) as server:
        dsn = server.dsn
        execute(dsn, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (1)")
        pids = process_tree.members(server.pid)
        server.kill()
        assert not any(map(process_tree.is_running, pids))
        server.start()
        execute(dsn, "INSERT INTO kept VALUES (2)")
        server.restart()
        assert server.dsn == dsn
    with devstack.Postgres(tmp_path) as server, psycopg.connect(server.unix_dsn) as connection:
        assert connection.execute("SELECT sum(n) FROM kept").fetchone() == (3,)
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            value = connection.execute("SELECT current_setting(%s)", (setting,)).fetchone()
            assert value == ("on",)


def test_postgres_makes_and_drops_databases_in_use(tmp_path: Path) -> None:
    with devstack.Postgres(tmp_path) as server:
        dsn = server.create_database("one-of-many")
        with psycopg.connect(dsn):
            server.drop_database("one-of-many")
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(dsn)
        server.drop_database("one-of-many")


def test_a_paused_postgres_answers_after_it_is_resumed(tmp_path: Path) -> None:
    with devstack.Postgres(tmp_path) as server:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            server.pause()
            answered = threading.Event()

            def query() -> None:
                connection.execute("SELECT 1")
                answered.set()

            client = threading.Thread(target=query)
            client.start()
            assert not answered.wait(0.2)
            server.resume()
            assert answered.wait(GONE_SECONDS_MAX)
            client.join()
        server.pause()  # a paused server can still be stopped


@pytest.mark.parametrize("flavour", ["valkey", "redis"])
def test_valkey_keeps_data_only_with_appendonly(tmp_path: Path, flavour: Flavour) -> None:
    try:
        server_binary(flavour)
    except devstack.BinaryMissing as error:
        pytest.skip(str(error))
    for appendonly in (True, False):
        where = tmp_path / str(appendonly)
        with devstack.Valkey(where, flavour=flavour, appendonly=appendonly) as server:
            with redis.Redis.from_url(server.unix_url) as client:
                client.set("key", "value")
            server.restart()
            with redis.Redis.from_url(server.url) as client:
                assert client.exists("key") == appendonly
                assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_valkey_can_be_replaced_with_an_older_copy(tmp_path: Path) -> None:
    with devstack.Valkey(tmp_path / "server") as server:
        with server.connect() as client:
            client.set("balance", "1")
            server.save_copy(tmp_path / "copy")
            client.set("balance", "2")
        server.replace_with_copy(tmp_path / "copy")
        with server.connect() as client:
            assert client.get("balance") == b"1"


def test_a_cluster_serves_all_slots_and_recovers_a_node(tmp_path: Path) -> None:
    with devstack.ValkeyCluster(tmp_path) as cluster:
        client = redis.RedisCluster.from_url(cluster.url)
        try:
            assert client.dbsize(target_nodes=client.PRIMARIES) == 0
            for number in range(50):
                assert client.set(f"key-{number}", number)
        finally:
            client.close()
        cluster.nodes[1].kill()
        cluster.nodes[1].start()
        cluster.wait_whole()


def test_an_unfinished_data_directory_is_made_again(tmp_path: Path) -> None:
    partial = data_home(tmp_path) / "data.partial"
    partial.mkdir()
    (partial / "PG_VERSION").write_text("18\n")
    with devstack.Postgres(tmp_path) as server:
        execute(server.dsn, "SELECT 1")
    assert not partial.exists()


def test_data_of_another_version_is_refused_and_kept(tmp_path: Path) -> None:
    data = data_home(tmp_path) / "data"
    data.mkdir()
    (data / "PG_VERSION").write_text("17\n")
    with (
        pytest.raises(devstack.DirectoryUnusable, match=r"made by version 17.*rm -r"),
        devstack.Postgres(tmp_path),
    ):
        pass
    assert (data / "PG_VERSION").exists()


def test_a_stale_lock_file_of_another_program_is_removed(tmp_path: Path) -> None:
    """The file names a running process that is not a Postgres."""
    with devstack.Postgres(tmp_path) as server:
        pid_file = data_home(tmp_path) / "data" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        server.kill()
    pid_file.write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
    with devstack.Postgres(tmp_path) as server:
        execute(server.dsn, "SELECT 1")


def test_a_directory_too_deep_for_a_socket_path_works(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    with devstack.Postgres(deep / "p") as server, devstack.Valkey(deep / "v") as valkey:
        execute(server.unix_dsn, "SELECT 1")
        sockets = Path(valkey.unix_url.removeprefix("unix://").split("?")[0]).parent
        assert sockets.stat().st_mode & 0o777 == 0o700
    assert not sockets.exists()


def test_a_server_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    server = devstack.Valkey(tmp_path)
    starting = threading.Thread(target=server.start)
    starting.start()
    starting.join()
    try:
        # The signal that must not come is sent while the kernel ends the thread, which is after `join`.
        while starting.native_id in {thread.id for thread in psutil.Process().threads()}:
            time.sleep(0.001)
        with server.connect() as client:
            assert client.ping()
    finally:
        server.close()


def test_workers_of_a_dead_server_are_ended(tmp_path: Path) -> None:
    forks = "import os, time\nif os.fork() == 0: time.sleep(1000)\n"
    child = Child("forks", (sys.executable, "-c", forks), {}, tmp_path / "log", tmp_path)
    child.run(PROGRAM_SECONDS_MAX)
    assert process_tree.members(child.pid) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_without_user_namespaces_runs_postgres_as_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "_may_enter_user_namespace", lambda _uid: False)
    outside = directory.path_outside(tmp_path)
    program_outside = directory.path_outside(postgres_binaries().tree)
    was_there = program_outside.exists()
    try:
        for _ in range(2):
            with devstack.Postgres(tmp_path) as server:
                execute(server.dsn, "CREATE TABLE IF NOT EXISTS kept (n int)")
                owner = Path(f"/proc/{server.pid}").stat().st_uid
                assert pwd.getpwuid(owner).pw_name == "nobody"
                assert outside.is_dir()
    finally:
        shutil.rmtree(outside, ignore_errors=True)
        if not was_there:
            shutil.rmtree(program_outside, ignore_errors=True)


def test_a_replacement_is_removed_with_its_original(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "OUTSIDE", tmp_path)
    owner = (os.geteuid(), os.getegid())
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    first = directory.directory_outside(tmp_path / "first", owner)
    (tmp_path / "first").rmdir()
    second = directory.directory_outside(tmp_path / "second", owner)
    assert not first.exists()
    assert second.exists()
    assert second == directory.directory_outside(tmp_path / "second", owner)


def test_a_bad_port_is_refused_with_its_setting() -> None:
    with pytest.raises(devstack.DevstackError, match="ADMIN_PORT is 'fifty'"):
        devstack.Ports.from_environment({"ADMIN_PORT": "fifty"})
    assert devstack.Ports.from_environment({"ADMIN_PORT": "1"}).admin == 1


def data_home(chosen: Path) -> Path:
    """Return where Postgres keeps the data: elsewhere for root without user namespaces."""
    owner = account.choose_account().owner
    return chosen if owner is None else directory.directory_outside(chosen, owner)


def execute(dsn: str, *statements: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())
