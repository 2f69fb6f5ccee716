"""`linecard up` itself: every part up, data kept, ordered stop, nothing left after kill -9."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from linecard import init, lock

ROOT = Path(__file__).resolve().parents[2]


class Whole:
    """The product in a folder of its own, without the demo."""

    def __init__(self) -> None:
        self.folder = Path(mkdtemp(prefix="lc-"))
        self.folder.chmod(0o711)
        init.write(self.folder / "config.toml")
        with socket.create_server(("127.0.0.1", 0)) as free, socket.create_server(("127.0.0.1", 0)) as other:
            self.port, self.garden_port = free.getsockname()[1], other.getsockname()[1]
        self.data = self.folder / "var"
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")},
            "PYTHONPATH": str(ROOT),
            "LINECARD_CONFIG": str(self.folder / "config.toml"),
            "LINECARD_DATA__FOLDER": str(self.data),
            "LINECARD_WEB__PORT": str(self.port),
            "LINECARD_GARDEN__PORT": str(self.garden_port),
        }
        self.running: list[subprocess.Popen[str]] = []

    def command(self, *words: str) -> subprocess.Popen[str]:
        """Start `linecard WORDS`."""
        child = subprocess.Popen(
            [sys.executable, "-m", "linecard", *words],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.running.append(child)
        return child

    def up(self) -> subprocess.Popen[str]:
        """Start everything and wait until it says that it is ready."""
        child = self.command("up", "--empty")
        assert child.stdout
        said = []
        for line in child.stdout:
            said.append(line)
            if "Linecard is ready" in line:
                return child
            assert "not every part answers" not in line, "".join(said)
        pytest.fail("it ended before it was ready:\n" + "".join(said))

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask the web server."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        line.request("GET", path)
        answer = line.getresponse()
        found = answer.status, answer.read()
        line.close()
        return found

    def processes(self) -> list[str]:
        """Every living process that was started for this folder, by its environment or its words."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except (OSError, ValueError):
                continue
            is_own = entry.name.isdigit() and int(entry.name) != os.getpid()
            if is_own and state not in "ZX" and str(self.folder).encode() in words:
                found.append(entry.name)
        return found

    def wait_gone(self, limit_s: float = 15) -> float:
        """Wait until nothing of it is left; returns the seconds."""
        began = time.monotonic()
        while left := self.processes():
            assert time.monotonic() < began + limit_s, left
            time.sleep(0.1)
        return time.monotonic() - began


@pytest.fixture
def whole() -> Iterator[Whole]:
    made = Whole()
    yield made
    for child in made.running:
        child.kill()
        child.wait()
        if child.stdout:
            child.stdout.close()
    made.wait_gone()
    subprocess.run(["rm", "-rf", str(made.folder)], check=True)


def _wait(is_so: Callable[[], object], limit_s: float) -> None:
    end = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def _postmaster(whole: Whole) -> int:
    """Return the number of PostgreSQL's first process; 0 while a new one has not written it yet."""
    try:
        said = (whole.data / "postgres" / "postmaster.pid").read_text()
    except FileNotFoundError:
        return 0
    return int(said.split("\n", 1)[0] or 0)


@pytest.mark.timeout(240)
def test_everything_runs_survives_what_is_killed_and_leaves_nothing(whole: Whole) -> None:
    child = whole.up()
    status, body = whole.get("/healthz")
    assert status == 200
    assert set(json.loads(body)["parts"].values()) == {"ok"}

    # Another one is refused in words, for the folder before the port.
    second = whole.command("up")
    assert "already runs on" in second.communicate(timeout=30)[0]
    assert second.returncode == 1

    # Doctor finds all well.
    doctor = whole.command("doctor")
    said, _ = doctor.communicate(timeout=60)
    assert (doctor.returncode, "All is well." in said) == (0, True), said

    # The database, killed, comes back, and so does the page.
    pid = _postmaster(whole)
    assert pid
    os.kill(pid, signal.SIGKILL)
    _wait(lambda: _postmaster(whole) not in {0, pid}, 30)
    _wait(lambda: whole.get("/healthz")[0] == 200, 30)

    # Killed itself, it leaves nothing, and starts again with what there was.
    child.kill()
    child.communicate()
    whole.wait_gone()
    child = whole.up()
    assert whole.get("/healthz")[0] == 200
    child.send_signal(signal.SIGINT)
    said, _ = child.communicate(timeout=60)
    assert child.returncode == 0, said
    assert "killed" not in said
    assert whole.processes() == []
    assert lock.holder(whole.data) is None


def test_a_taken_port_is_told_before_anything_starts(whole: Whole) -> None:
    with socket.create_server(("127.0.0.1", whole.port)):
        said, _ = whole.command("up").communicate(timeout=30)
    assert f"Port {whole.port} on 127.0.0.1 is taken by process {os.getpid()}" in said
    assert not (whole.data / "postgres").exists()


def test_a_database_that_does_not_answer_is_told(whole: Whole) -> None:
    whole.environ["LINECARD_DATA__DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none"
    child = whole.command("up")
    said, _ = child.communicate(timeout=30)
    assert child.returncode == 1
    assert "The database does not answer" in said
    assert "Traceback" not in said
