"""Many watchers of live runs: `python bench/bench_watchers.py [WATCHERS] [RUNS] [COUNT]`.

Real gunicorn, a real probe worker, real pings of loopback addresses in a throwaway database. Every watcher
holds one stream and follows all runs of its person's page. Printed: replies delivered of those due, how late
they came, memory of the web processes; and how long the first reply takes from the request that starts it.
"""

import asyncio
import http.cookiejar
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

from core import db, secrets
from linecard import embedded, migrate
from registry import passwords, testing
from registry.models import StaffUser

ROOT = Path(__file__).resolve().parents[1]
INTERVAL_S = 0.5
STARTS = 20


def main(watchers: int, runs: int, count: int) -> int:
    with tempfile.TemporaryDirectory() as name, embedded.throwaway() as urls:
        folder = Path(name)
        migrate.upgrade(urls.database)
        customer_id = fill(urls.database, runs)
        port = free_port()
        write_settings(folder, urls, port, runs)
        programs = [start(folder, *argv) for argv in (WEB, PROBE)]
        try:
            browser = Browser(port)
            browser.wait_until_up()
            browser.sign_in()
            delays = [browser.first_reply_ms(customer_id) for _ in range(STARTS)]
            print(
                f"request to first reply: median {statistics.median(delays):.1f} ms, "
                f"p95 {sorted(delays)[round(0.95 * STARTS) - 1]:.1f} ms over {STARTS} starts"
            )
            return asyncio.run(measure(browser, programs[0], customer_id, (watchers, runs, count)))
        finally:
            for program in programs:
                program.send_signal(signal.SIGTERM)
            for program in programs:
                program.wait(20)


WEB = ("gunicorn", "-c", "python:linecard.gunicorn_conf", "webapp.wsgi:app")
PROBE = (
    "celery", "-A", "tasks.worker", "--skip-checks", "--quiet", "worker", "-Q", "probe.core", "-P", "threads",
    "-c", "64", "-n", "probe.core@%h", "--without-gossip", "--without-mingle", "-l", "warning",
)  # fmt: skip


def fill(url: str, runs: int) -> int:
    database = db.Database(db.engine_of(url))
    with database.transaction() as session:
        testing.pop(session)
        sealed = passwords.seal("correct horse")
        session.add(StaffUser(login="noc", name="Noc", roles=["noc"], password_hash=sealed))
        addresses = [f"127.0.10.{number}" for number in range(1, runs + 1)]
        customer_id = testing.customer(session, addresses=addresses).id
    database.dispose()
    return customer_id


def free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


def write_settings(folder: Path, urls: embedded.Urls, port: int, runs: int) -> None:
    (folder / "config.toml").write_text(
        f'[web]\nsecret_key = "{"x" * 43}"\nport = {port}\n'
        f'[data]\nfolder = "{folder}"\ndatabase_url = "{urls.database}"\nqueue_url = "{urls.queue}"\n'
        f'[secrets]\nkeys = ["{secrets.new_key()}"]\n'
        f"[diagnostics]\nopen_runs_limit = {runs + 1}\nopen_runs_per_person = {min(runs + 1, 100)}\n"
        '[logs]\nlevel = "warning"\n'
    )


def start(folder: Path, *argv: str) -> subprocess.Popen[bytes]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "LINECARD_CONFIG": str(folder / "config.toml")}
    return subprocess.Popen([sys.executable, "-m", *argv], cwd=folder, env=environ)


class Browser:
    """One signed-in person, without the page's own scripts."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.base = f"http://127.0.0.1:{port}"
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        self.token = ""

    def wait_until_up(self) -> None:
        for _ in range(300):
            try:
                self.token = self.read_token(self.opener.open(f"{self.base}/sign-in", timeout=5).read())
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise SystemExit("the web server did not start")

    @staticmethod
    def read_token(page: bytes) -> str:
        found = re.search(rb'name="csrf-token" content="([^"]+)"', page)
        return found.group(1).decode() if found else ""

    def sign_in(self) -> None:
        self.post("/sign-in", login="noc", password="correct horse")
        self.token = self.read_token(self.opener.open(f"{self.base}/runs").read())

    def post(self, path: str, **form: object) -> bytes:
        request = urllib.request.Request(
            self.base + path,
            urllib.parse.urlencode(form, doseq=True).encode(),
            {"X-CSRFToken": self.token, "HX-Request": "true"},
        )
        return bytes(self.opener.open(request, timeout=30).read())

    def ping(self, customer_id: int, targets: list[str], count: int, interval_s: float) -> list[int]:
        form = {"target": targets, "count": count, "interval_s": interval_s, "size": 56}
        page = self.post(f"/customers/{customer_id}/diagnostics/ping", **form)
        return [int(run) for run in re.findall(rb'id="run-(\d+)"', page)]

    def first_reply_ms(self, customer_id: int) -> float:
        """Return the time from the request to the first reply on a stream opened as the page does."""
        began = time.perf_counter()
        (run,) = self.ping(customer_id, ["127.0.10.1"], 1, 1.0)
        with self.opener.open(f"{self.base}/runs/events?run={run}", timeout=30) as stream:
            for line in stream:
                if b'"kind":"reply"' in line:
                    took = (time.perf_counter() - began) * 1000
                if b'"kind":"end"' in line:
                    return took
        raise SystemExit("the stream ended without a reply")

    def cookie(self) -> str:
        return "; ".join(f"{one.name}={one.value}" for one in self.jar)


async def watch(
    browser: Browser, runs: list[int], opened: asyncio.Semaphore, delays: list[tuple[float, float]]
) -> tuple[int, float]:
    """Follow all runs to their end; return the replies seen, and when the first one came."""
    query = "&".join(f"run={run}" for run in runs)
    async with opened:
        reader, writer = await asyncio.open_connection("127.0.0.1", browser.port)
        head = f"GET /runs/events?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {browser.cookie()}\r\n"
        writer.write(f"{head}Accept: text/event-stream\r\n\r\n".encode())
        await writer.drain()
    seen, ended, opened_at = set(), 0, 0.0
    while ended < len(runs):
        line = await reader.readline()
        if not line:
            break
        if line.startswith(b"data: "):
            message = json.loads(line[6:])
            ended += message["kind"] == "end"
            if message["kind"] == "reply":
                seen.add((message["run"], message["seq"]))
                late = (time.time() - message["at"]) * 1000 - (message["rtt_ms"] or 0)
                delays.append((message["at"], late))
                opened_at = opened_at or time.time()
    writer.close()
    return len(seen), opened_at


async def measure(
    browser: Browser, web: subprocess.Popen[bytes], customer_id: int, size: tuple[int, int, int]
) -> int:
    watchers, runs, count = size
    before = memory_mb(web.pid)
    targets = [f"127.0.10.{number}" for number in range(1, runs + 1)]
    # The form takes 32 targets; the watchers open their streams while the first replies come.
    found: list[int] = []
    for at in range(0, runs, 32):
        found += await asyncio.to_thread(browser.ping, customer_id, targets[at : at + 32], count, INTERVAL_S)
    delays: list[tuple[float, float]] = []
    opened = asyncio.Semaphore(50)
    tasks = [asyncio.create_task(watch(browser, found, opened, delays)) for _ in range(watchers)]
    await asyncio.sleep(count * INTERVAL_S / 2)
    during = memory_mb(web.pid)
    outcomes = await asyncio.gather(*tasks)
    seen, due = sum(replies for replies, _ in outcomes), watchers * runs * count
    all_open_at = max(opened_at for _, opened_at in outcomes)
    steady = sorted(late for at, late in delays if at > all_open_at)
    print(
        f"{watchers} watchers of {runs} runs: {seen} of {due} replies delivered "
        f"({100 * seen / due:.2f} %), late by {statistics.median(steady):.1f} ms median, "
        f"{steady[round(0.95 * len(steady)) - 1]:.1f} ms p95"
    )
    print(f"memory of the web processes (PSS): {before:.0f} MB before, {during:.0f} MB with all streams open")
    return int(seen != due)


def memory_mb(master: int) -> float:
    """Return the proportional memory of a process and its children (smaps_rollup, proc(5))."""
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    total = 0
    for pid in [str(master), *children]:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(re.search(r"^Pss:\s+(\d+)", rollup, re.MULTILINE).group(1))  # type: ignore[union-attr]
    return total / 1024


if __name__ == "__main__":
    words = [int(word) for word in sys.argv[1:]]
    sys.exit(main(*(words + [200, 10, 30][len(words) :])))
