"""The whole way of a ping: POST, row, Celery, worker, stream, Server-Sent Events; real gunicorn and worker."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.settings import Settings
from netdiag import ping as wire_ping
from registry import passwords, testing, upkeep
from registry.models import DiagnosticRun, DiagnosticStatus, StaffUser
from tasks import celery_app

ROOT = Path(__file__).resolve().parents[2]


class Browser:
    """A signed-in person with one cookie and nothing of the page's scripts."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookie = ""
        self.token = ""
        self.open_lines: list[Any] = []

    def open(self, method: str, path: str, headers: Any = None, **form: Any) -> http.client.HTTPResponse:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        body = urllib.parse.urlencode(form, doseq=True) if form else None
        sent = {"Cookie": self.cookie, "X-CSRFToken": self.token, "HX-Request": "true", **(headers or {})}
        if body:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        line.request(method, path, body, sent)
        self.open_lines.append(line)
        answer = line.getresponse()
        self.open_lines.append(answer)
        if found := re.search(r"linecard=[^;]+", answer.headers.get("Set-Cookie", "")):
            self.cookie = found.group(0)
        return answer

    def close(self) -> None:
        for one in self.open_lines:
            one.close()

    def get(self, path: str) -> str:
        return self.open("GET", path, {"HX-Request": "false"}).read().decode()

    def sign_in(self) -> None:
        for path in ("/sign-in", "/runs"):
            found = re.search(r'name="csrf-token" content="([^"]+)"', self.get(path))
            assert found
            self.token = found.group(1)
            if path == "/sign-in":
                self.open("POST", path, login="noc", password="correct horse").read()

    def ping(self, customer_id: int, *targets: str, **options: Any) -> list[int]:
        form = {"target": targets, "count": 3, "interval_s": 0.2, "size": 56, **options}
        page = self.open("POST", f"/customers/{customer_id}/diagnostics/ping", **form).read().decode()
        return [int(run) for run in re.findall(r'id="run-(\d+)"', page)]

    def watch(self, *runs: int, last: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (id, message) until the stream ends."""
        query = "&".join(f"run={run}" for run in runs)
        headers = {"Last-Event-ID": last, "HX-Request": "false"}
        answer = self.open("GET", f"/runs/events?{query}", headers)
        assert answer.status == 200
        place = ""
        for line in answer:
            if line.startswith(b"id: "):
                place = line[4:].decode().strip()
            if line.startswith(b"data: "):
                yield place, json.loads(line[6:])


def wait_for(is_so: Callable[[], bool], timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


@pytest.fixture
def port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


@pytest.fixture
def koval(fresh_database):
    with fresh_database.transaction() as session:
        sealed = passwords.seal("correct horse")
        session.add(StaffUser(login="noc", name="Noc", roles=["noc"], password_hash=sealed))
        made = testing.customer(session, addresses=["127.0.0.1", "127.0.9.2"])
        upkeep.stop_beating(session, "probe.core")
    return made


@pytest.fixture
def programs(
    tmp_path: Path, server_settings: Settings, port: int, koval: Any, need: Any
) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """The web server and the probe worker as the product starts them."""
    if not wire_ping.access().is_allowed:
        need("root")
    data = server_settings.data
    assert data.database_url
    assert data.queue_url
    app = celery_app.make(data.queue_url.get_secret_value())
    with app.connection_for_write() as connection:
        box = connection.SimpleQueue("probe.core")
        box.clear()
        box.close()
    app.close()
    (tmp_path / "config.toml").write_text(
        f'[web]\nsecret_key = "{"x" * 43}"\nport = {port}\nworkers = 1\nthreads = 16\n'
        f'[data]\ndatabase_url = "{data.database_url.get_secret_value()}"\n'
        f'queue_url = "{data.queue_url.get_secret_value()}"\nfolder = "{tmp_path}"\n'
        f'[secrets]\nkeys = ["{server_settings.secrets.keys[0].get_secret_value()}"]\n'
        "[diagnostics]\nunwatched_s = 5\n"
    )
    worker = ("celery", "-A", "tasks.worker", "--skip-checks", "worker", "-Q", "probe.core")
    running = {
        "web": spawn(tmp_path, "gunicorn", "-c", "python:linecard.gunicorn_conf", "webapp.wsgi:app"),
        "probe": spawn(tmp_path, *worker, "-P", "threads", "-c", "8", "-n", "probe.core@%h"),
    }
    yield running
    for child in running.values():
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
    for child in running.values():
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)


def spawn(folder: Path, *argv: str) -> subprocess.Popen[bytes]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "LINECARD_CONFIG": str(folder / "config.toml")}
    with (folder / f"{argv[0]}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", *argv],
            cwd=folder,
            env=environ,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@pytest.fixture
def browser(programs: Any, port: int, fresh_database: Any) -> Iterator[Browser]:
    made = Browser(port)

    def is_up() -> bool:
        try:
            made.get("/sign-in")
        except OSError:
            return False
        with fresh_database.transaction() as session:
            return upkeep.find_beat(session, "probe.core") is not None

    wait_for(is_up)
    made.sign_in()
    yield made
    made.close()


def row(database: Any, run_id: int) -> DiagnosticRun:
    with database.transaction() as session:
        found = session.get(DiagnosticRun, run_id)
        assert found
        return found


def test_a_ping_goes_the_whole_way_and_late_viewers_see_the_same(browser, koval, fresh_database, programs):
    began = time.monotonic()
    runs = browser.ping(koval.id, "127.0.0.1", "127.0.9.2", count=5)
    seen = list(browser.watch(*runs))
    first = [message for _, message in seen]
    for run in runs:
        mine = [message for message in first if message["run"] == run]
        assert [one["kind"] for one in mine] == ["started", *["reply"] * 5, "summary", "end"]
        assert all(one["rtt_ms"] is not None for one in mine if one["kind"] == "reply")
        assert row(fresh_database, run).status is DiagnosticStatus.DONE
    print(f"two pings, all told: {time.monotonic() - began:.1f} s")

    def replies(watch: Iterator[tuple[str, dict[str, Any]]]) -> list[tuple[int, int, float]]:
        told = [message for _, message in watch if message["kind"] == "reply"]
        return sorted((one["run"], one["seq"], one["rtt_ms"]) for one in told)

    assert replies(browser.watch(*runs)) == replies(iter(seen)), "who comes late sees the same replies"
    middle = seen[len(seen) // 2][0]
    rest = [message for _, message in browser.watch(*runs, last=middle)]
    assert len(rest) == len(seen) - len(seen) // 2 - 1, "who reconnects gets what is missing, once"

    (run,) = browser.ping(koval.id, "127.0.0.1", count=600, interval_s=1)
    watch = browser.watch(run)
    next(message for _, message in watch if message["kind"] == "reply")
    asked = time.monotonic()
    assert browser.open("POST", f"/runs/{run}/stop").status == 204
    assert [message for _, message in watch][-1]["status"] == "stopped"
    assert time.monotonic() - asked < 5, "the stop button ends it, on a quiet machine within a second"
    panel = browser.get(f"/customers/{koval.id}/diagnostics")
    assert "stopped" in panel or "answered" in panel or "loss" in panel

    (run,) = browser.ping(koval.id, "127.0.0.1", count=600, interval_s=1)
    watch = browser.watch(run)
    next(watch)
    asked = time.monotonic()
    programs["web"].send_signal(signal.SIGTERM)
    assert programs["web"].wait(30) == 0, "an open stream does not hold the stop"
    print(f"the web server ended {time.monotonic() - asked:.1f} s after it was asked to")
    wait_for(lambda: row(fresh_database, run).finished_at is not None, 30)
    assert row(fresh_database, run).result["ended_by"] == "unwatched", "nobody looks: it ends by itself"
