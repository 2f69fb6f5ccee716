"""The running product for tests: `linecard up` in a data folder of its own, and people who use it by HTTP."""

import fcntl
import html
import http.cookiejar
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from core import db
from core import settings as settings_of
from core.settings import Settings
from linecard import embedded, lock
from linecard import seed as seed_of
from linecard.lab import plan as plans

ROOT = Path(__file__).resolve().parents[1]
READY_S = 120.0
STOP_S = 45.0
PASSWORDS = {"noc": "demo-noc", "billing": "demo-billing", "tech": "demo-tech", "admin": "demo-admin"}

# What tells the supervisor's children apart: words of their command lines.
PARTS = {
    "postgresql": ("/postgres",),
    "valkey": ("-server",),
    "web": ("gunicorn", "webapp.wsgi:app"),
    "garden": ("gunicorn", "webapp.garden.app:serve()"),
    "probe": ("celery", "probe.core@%h"),
    "probe-lab": ("celery", "probe.lab@%h"),
    "work": ("celery", "work@%h"),
    "beat": ("celery", "beat"),
    "demo": ("linecard.demo.agents",),
}


@dataclass
class Product:
    """A product that runs; `folder` is its data folder, `environ` what its commands need."""

    folder: Path
    base_url: str
    environ: dict[str, str]
    process: subprocess.Popen[bytes]
    prefix: str
    ready_s: float = 0.0
    _databases: list[db.Database] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        """The settings it runs with, the servers' addresses included."""
        running = lock.holder(self.folder)
        assert running is not None, self.log()
        urls = {
            "LINECARD_DATA__DATABASE_URL": running.database,
            "LINECARD_DATA__QUEUE_URL": running.queue,
        }
        path = Path(self.environ["LINECARD_CONFIG"])
        return settings_of.load(path, {**self.environ, **urls})

    @property
    def database(self) -> db.Database:
        """Its database, to look into; one door for the life of the product."""
        if not self._databases:
            url = self.settings.data.database_url
            assert url is not None
            self._databases.append(
                db.Database(db.engine_of(url.get_secret_value(), application_name="tests"))
            )
        return self._databases[0]

    def client(self, login: str = "admin", password: str | None = None) -> "Client":
        """Return a signed-in person's browser without the browser."""
        return Client(self.base_url).sign_in(login, password or PASSWORDS[login])

    def run(self, *words: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a `linecard` command on the same data folder."""
        return subprocess.run(
            [sys.executable, "-m", "linecard", *words],
            env=self.environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def lab_up(self) -> None:
        """Build a laboratory of its own and wait until its probe worker lives."""
        done = self.run("lab", "up", "--prefix", self.prefix)
        assert done.returncode == 0, done.stdout + done.stderr
        wait_for(lambda: "probe.lab" in self.beats(), 30, self.log)

    @property
    def plan(self) -> plans.Plan:
        """What its laboratory is made of."""
        return plans.describe(self.prefix)

    def customer_id(self, number: str) -> int:
        """Return the id of the customer of this number."""
        from registry.models import Customer

        with self.database.reading() as session:
            found = session.scalar(select(Customer.id).where(Customer.number == number))
        assert found is not None, f"no customer {number}"
        return found

    def beats(self) -> set[str]:
        """Return the parts that gave a sign of life."""
        from registry import upkeep

        with self.database.reading() as session:
            return {beat.name for beat in upkeep.beats(session)}

    def pid_of(self, part: str) -> int | None:
        """Return the process of a part (see PARTS) among the supervisor's children."""
        for pid in children_of(self.process.pid):
            words = command_of(pid)
            if all(any(wanted in word for word in words) for wanted in PARTS[part]):
                return pid
        return None

    def is_well(self) -> bool:
        """Whether /healthz answers 200."""
        try:
            with urllib.request.urlopen(f"{self.base_url}/healthz", timeout=3) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def wait_well(self, limit_s: float = READY_S) -> float:
        """Wait until every part is up; returns the seconds it took."""

        def is_well() -> bool:
            assert self.process.poll() is None, self.log()
            return self.is_well()

        return wait_for(is_well, limit_s, self.log)

    def stop(self, number: int = signal.SIGINT) -> int:
        """Ask it to end and wait; returns its exit code."""
        while self._databases:
            self._databases.pop().dispose()
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"it did not end in {STOP_S:g} s\n{self.log()}") from None

    def log(self) -> str:
        """Return the end of what it said."""
        words = (self.folder / "up.txt").read_text(errors="replace")
        return words[-4000:]


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    url: str
    headers: Mapping[str, str]
    text: str

    def json(self) -> Any:
        """Return the answer read as JSON."""
        return json.loads(self.text)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Client:
    """One person's cookies and CSRF token. For one thread; threads take one each."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.token = ""
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.cookies), _NoRedirects()
        )

    def sign_in(self, login: str, password: str) -> "Client":
        """Sign in as a person; asserts that he was let in."""
        self.get("/sign-in")
        answer = self.post("/sign-in", {"login": login, "password": password})
        assert answer.status == 303, f"{answer.status} {answer.text[:2000]}"
        self.get("/me/password")
        return self

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for a page; remembers its CSRF token."""
        answer = self._ask(path, None, headers or {})
        found = re.search(r'name="csrf-token" content="([^"]+)"', answer.text)
        if found:
            self.token = html.unescape(found[1])
        return answer

    def post(
        self, path: str, fields: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a form, with the CSRF token of the last page."""
        sent = urllib.parse.urlencode(fields or {}, doseq=True).encode()
        return self._ask(path, sent, {"X-CSRFToken": self.token, **(headers or {})})

    def _ask(self, path: str, sent: bytes | None, headers: Mapping[str, str]) -> Answer:
        request = urllib.request.Request(urllib.parse.urljoin(self.base_url, path), sent, dict(headers))
        if sent is not None:
            request.add_header("Referer", self.base_url + path)
        try:
            with self._opener.open(request, timeout=30) as answer:
                return Answer(answer.status, answer.url, answer.headers, answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.url or path, error.headers, error.read().decode())


@contextmanager
def running(
    *words: str, settings: Mapping[str, str] | None = None, seed: Path | None = None
) -> Iterator[Product]:
    """Run `linecard up WORDS` for a block in a fresh data folder, on a free port; nothing is left of it.

    `settings` are environment variables such as LINECARD_CUTOFF__GRACE_DAYS; `seed` is what sow() made.
    """
    # A short path that the database's user can enter: pytest's own are private, and sockets bound in length.
    folder = Path(tempfile.mkdtemp(prefix="lc-"))
    environ = _environ(folder) | {
        "LINECARD_WEB__PORT": str(free_port()),
        "LINECARD_WEB__SIGN_IN_LIMIT": "1000 per minute",
        "LINECARD_GARDEN__IS_ON": "false",
        **(settings or {}),
    }
    made: Product | None = None
    try:
        if seed is not None:
            subprocess.run(["cp", "-a", f"{seed}/.", folder], check=True)
        made = start(folder, environ, *words)
        made.ready_s = made.wait_well()
        yield made
        assert made.process.poll() is None, made.log()
    finally:
        try:
            if made is not None:
                _end(made)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def sow(place: Path) -> None:
    """Make a data folder of the demo ISP, to be copied for products that start at once with it.

    Its database forgets when the machine goes down: for tests that are not about what a disk keeps.
    """
    folder = Path(tempfile.mkdtemp(prefix="lc-"))
    environ = _environ(folder)
    try:
        _command(environ, "init")
        with embedded.serving(folder) as urls:
            environ["LINECARD_DATA__DATABASE_URL"] = urls.database
            _command(environ, "migrate")
            _command(environ, "demo", "--mark", str(folder / seed_of.MARK))
        with (folder / "postgres" / "postgresql.conf").open("a") as lines:
            lines.write("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n")
        subprocess.run(["cp", "-a", f"{folder}/.", place], check=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sown(base: Path) -> Path:
    """Return a data folder made by sow(), the same for all workers; `make test` keeps one for all parts (DEMO_SEED)."""
    seed = Path(os.environ["DEMO_SEED"]) if "DEMO_SEED" in os.environ else base / "demo"
    with seed.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not seed.exists():
            half = seed.with_suffix(".half")
            shutil.rmtree(half, ignore_errors=True)
            half.mkdir()
            sow(half)
            half.rename(seed)
    return seed


def _environ(folder: Path) -> dict[str, str]:
    # Not measured for coverage: eleven traced processes would take the test's time and show little more.
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("LINECARD_", "COVERAGE_"))
    }
    return kept | {"LINECARD_CONFIG": str(folder / "config.toml"), "LINECARD_DATA__FOLDER": str(folder)}


def _command(environ: Mapping[str, str], *words: str) -> None:
    subprocess.run([sys.executable, "-m", "linecard", *words], env=environ, cwd=ROOT, check=True)


def start(folder: Path, environ: dict[str, str], *words: str) -> Product:
    """Start `linecard up` on a data folder, with settings of its own when there are none; does not wait."""
    if not Path(environ["LINECARD_CONFIG"]).exists():
        _command(environ, "init")
    with (folder / "up.txt").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "linecard", "up", *words],
            env=environ,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{environ['LINECARD_WEB__PORT']}"
    return Product(folder, url, environ, process, prefix=f"p{os.urandom(3).hex()}-")


def _end(product: Product) -> None:
    if (product.folder / "lab.json").exists():
        from linecard import lab

        lab.down(product.folder)
    product.stop()


def wait_for(is_so: Callable[[], bool], limit_s: float, words: Callable[[], str] = lambda: "") -> float:
    """Wait until something is so; returns the seconds it took, fails with `words` after `limit_s`."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() < began + limit_s, f"not so after {limit_s:g} s\n{words()}"
        time.sleep(0.05)
    return time.monotonic() - began


def free_port() -> int:
    """Return a TCP port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def children_of(pid: int) -> list[int]:
    """Return the living children of a process (proc(5))."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(word) for word in task.read_text().split()]
    return found


def command_of(pid: int) -> list[str]:
    """Return the command line of a process; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []
