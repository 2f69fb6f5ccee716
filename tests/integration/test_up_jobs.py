"""Real Celery and gunicorn under the supervisor: jobs in hand, open streams, nothing left behind."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from linecard import init
from tasks import celery_app

ROOT = Path(__file__).resolve().parents[2]

JOBS = """
import os, time
from pathlib import Path
from tasks import celery_app
app = celery_app.make(os.environ["QUEUE"])

@app.task(name="slow")
def slow(folder, seconds):
    Path(folder, "begun").write_text(str(os.getpid()))
    time.sleep(seconds)
    Path(folder, "done").write_text("yes")
"""

DRIVER = """
import sys
from pathlib import Path
from linecard import supervisor
from linecard.children import Program
argv = tuple(sys.argv[2:])
with supervisor.Supervisor(Path(sys.argv[1])) as watcher:
    try:
        watcher.start(Program("part", argv, stop_s=20))
        watcher.watch()
    except supervisor.Stopped:
        watcher.stop([["part"]])
"""

STREAMS = """
import threading, time
from flask import Flask, Response
app = Flask("streams")
app.extensions["linecard.is_stopping"] = threading.Event()

@app.route("/stream")
def stream():
    def lines():
        while not app.extensions["linecard.is_stopping"].is_set():
            yield "data: tick\\n\\n"
            time.sleep(0.2)
        yield "data: bye\\n\\n"
    return Response(lines(), mimetype="text/event-stream")
"""

Supervise = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def supervise(tmp_path: Path, redis_url: str) -> Iterator[Supervise]:
    """Start a supervisor over one program, with our modules and this test's own to import."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(*argv: str, **env: str) -> subprocess.Popen[bytes]:
        paths = {"PYTHONPATH": f"{ROOT}:{tmp_path}", "QUEUE": redis_url}
        child = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(tmp_path), *argv],
            env={**os.environ, **paths, **env},
            stdout=subprocess.DEVNULL,
        )
        running.append(child)
        return child

    yield begin
    for child in running:
        child.kill()
        child.wait()


def _wait(is_so: Callable[[], object], limit_s: float = 30) -> float:
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() < began + limit_s, "it did not happen in time"
        time.sleep(0.05)
    return time.monotonic() - began


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _begin_job(
    tmp_path: Path, redis_url: str, supervise: Supervise, pool: str, seconds: float
) -> tuple[int, subprocess.Popen[bytes]]:
    (tmp_path / "jobs_of_test.py").write_text(JOBS)
    worker = (
        "-m",
        "celery",
        "-A",
        "jobs_of_test",
        "worker",
        "-Q",
        "work",
        "-P",
        pool,
        "-c",
        "2",
        "-l",
        "warning",
    )
    child = supervise(sys.executable, *worker, "--without-gossip", "--without-mingle")
    app = celery_app.make(redis_url)
    app.send_task("slow", [str(tmp_path), seconds], queue="work")
    app.close()
    _wait(lambda: (tmp_path / "begun").exists() and (tmp_path / "begun").read_text())
    return int((tmp_path / "begun").read_text()), child


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_job_in_hand_is_finished_before_the_worker_ends(
    tmp_path: Path, redis_url: str, supervise: Supervise, pool: str
) -> None:
    pid, child = _begin_job(tmp_path, redis_url, supervise, pool, 3)
    child.send_signal(signal.SIGTERM)
    assert child.wait(30) == 0
    assert (tmp_path / "done").read_text() == "yes"
    assert not _alive(pid)


def test_a_killed_supervisor_leaves_no_busy_child_of_a_worker_s_pool(
    tmp_path: Path, redis_url: str, supervise: Supervise
) -> None:
    pid, child = _begin_job(tmp_path, redis_url, supervise, "prefork", 60)
    child.kill()
    assert _wait(lambda: not _alive(pid)) < 3


def _serve(tmp_path: Path, supervise: Supervise) -> tuple[subprocess.Popen[bytes], int]:
    (tmp_path / "streams_of_test.py").write_text(STREAMS)
    init.write(tmp_path / "config.toml")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    child = supervise(
        sys.executable, "-m", "gunicorn", "-c", "python:linecard.gunicorn_conf", "streams_of_test:app",
        LINECARD_CONFIG=str(tmp_path / "config.toml"),
        LINECARD_WEB__PORT=str(port),
        LINECARD_WEB__THREADS="64",
    )  # fmt: skip

    def answers() -> bool:
        with socket.socket() as line:
            return line.connect_ex(("127.0.0.1", port)) == 0

    _wait(answers)
    return child, port


def test_open_streams_do_not_hold_the_stop(tmp_path: Path, supervise: Supervise) -> None:
    child, port = _serve(tmp_path, supervise)
    lines = [http.client.HTTPConnection("127.0.0.1", port, timeout=15) for _ in range(20)]
    answers = []
    for line in lines:
        line.request("GET", "/stream")
        answers.append(line.getresponse())
    assert all(answer.readline() == b"data: tick\n" for answer in answers)
    began = time.monotonic()
    child.send_signal(signal.SIGTERM)
    assert all(answer.read().endswith(b"data: bye\n\n") for answer in answers)
    assert child.wait(15) == 0
    print(f"twenty open streams: stopped in {time.monotonic() - began:.1f} s")
    for line in lines:
        line.close()


def test_a_killed_supervisor_leaves_no_web_worker_with_open_streams(
    tmp_path: Path, supervise: Supervise
) -> None:
    child, port = _serve(tmp_path, supervise)
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    line.request("GET", "/stream")
    line.getresponse().readline()
    child.kill()

    def refuses() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0

    assert _wait(refuses) < 3
    line.close()
