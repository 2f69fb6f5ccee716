"""Chaos: what crashes, cut wires and wrong clocks leave behind, row by row.

`make chaos`; root, ip, nft, cc. In every row 26 new customers come to two gateways (nftables in namespaces;
the far one is told by the worker of a POP in a box of its own): 8 owe and are cut by a plan, 8 owe and pay
while that happens, 10 must never be cut, 4 of them because their debt begins to count only tomorrow. The
fault is done in the middle of it. Then everybody who ever came is held against what nft lists in both
gateways: `cut` counts who is, or was at any half second, cut and must not be; `open` who passes after the
reconciliation and must not; `entries` the payments acknowledged that are lost or doubled, and accounts that
do not add up.

A third gateway stands in a POP whose wire is cut at the beginning, for ten minutes (chaos_off); the other
rows happen meanwhile. Then the clock is set a day off, on a product of its own (chaos_clock). A lease lasts
10 s and a gate's pause 5 s. For a short try CHAOS_CUT_S=40 cuts the wire for 40 seconds. It ends with 1 when
a figure is not 0, or anything else is not as it must be.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.gates import chaos_clock, chaos_town
from bench.gates.chaos_acts import HEAD, Row, cut, judge, pay
from bench.gates.chaos_off import CutOff
from bench.gates.chaos_post import Post, wired
from bench.gates.chaos_town import FAR, HILL, Town, Watch, wait_alive
from bench.net import ground
from linecard import programs
from tasks import celery_app, enqueue
from tasks.runtime import queue_url
from tests import product as products
from tests.product import ROOT, wait_for

CUT_S = float(os.environ.get("CHAOS_CUT_S", "600"))
ROW_S = float(os.environ.get("CHAOS_ROW_S", "90"))
SETTINGS = {
    "LINECARD_CUTOFF__LEASE_S": "10",
    "LINECARD_CUTOFF__RETRY_FIRST_S": "1",
    "LINECARD_CUTOFF__GATE_PAUSE_LIMIT_S": "5",
    "LINECARD_CUTOFF__BRAKE_SHARE_PERCENT": "100",
    "LINECARD_CUTOFF__GRACE_DAYS": str(chaos_town.GRACE_DAYS),
}

Fault = Callable[[Town], None]


def row(town: Town, name: str, fault: Fault, *, times: int = 1) -> Row:
    """Let new people owe, pay and be cut while the fault happens; hold everything against what is right."""
    people = town.add()
    until = time.monotonic() + ROW_S
    clients, watch = [town.client() for _ in range(3)], Watch(town)
    payers = [person for person in people if person.role == "payer"]
    keys: list[str] = []

    def take(place: int) -> None:
        for person in payers[place::2]:
            pay(clients[place], person, town, keys, until=until, times=times)

    with ThreadPoolExecutor(3) as pool:
        acts = [pool.submit(cut, town, clients[2], until), *(pool.submit(take, place) for place in range(2))]
        time.sleep(0.3)
        fault(town)
        for act in acts:
            act.result()
    return judge(name, town, keys, watch, until=until)


def killed(part: str, number: int = signal.SIGKILL) -> Fault:
    """A process of the product is killed; its supervisor starts it again."""

    def fault(town: Town) -> None:
        pid = town.product.pid_of(part)
        assert pid is not None, f"{part} does not run"
        os.kill(pid, number)
        wait_for(lambda: town.product.pid_of(part) not in (None, pid), 40, town.product.log)

    return fault


def far_killed(town: Town) -> None:
    """The POP's own worker is killed and comes back three seconds later."""
    town.posts[FAR].kill_worker()
    time.sleep(3)
    town.posts[FAR].start_worker(town.product)


def hanging(town: Town) -> None:
    """The near gateway does not answer for fifteen seconds; the far one is told all the same."""
    town.hang.touch()
    try:
        time.sleep(15)
    finally:
        town.hang.unlink()


def rebooted(town: Town) -> None:
    """Both gateways lose their whole ruleset."""
    time.sleep(2)
    for namespace in (town.near, town.posts[FAR].gateway):
        subprocess.run(["ip", "netns", "exec", namespace, "nft", "flush", "ruleset"], check=True, timeout=20)


def two_beats(town: Town) -> None:
    """A second timetable runs for twenty seconds."""
    program = programs.beat(town.product.settings)
    data = town.product.settings.data
    assert data.database_url is not None
    assert data.queue_url is not None
    urls = {
        "LINECARD_DATA__DATABASE_URL": data.database_url.get_secret_value(),
        "LINECARD_DATA__QUEUE_URL": data.queue_url.get_secret_value(),
    }
    with (town.folder / "beat.log").open("ab") as output:
        second = subprocess.Popen(
            program.argv, env={**town.product.environ, **urls}, cwd=ROOT, stdout=output, stderr=output
        )
    time.sleep(20)
    assert second.poll() is None, "the second beat ended by itself"
    second.terminate()
    second.wait(20)
    if "Sending due task" in (town.folder / "beat.log").read_text(errors="replace"):
        town.faults.append("the second beat ticked too")


def doubled_jobs(town: Town) -> None:
    """Every job of the gates and of the night is sent many times over."""
    app = celery_app.make(queue_url(town.product.settings))
    for _ in range(15):
        enqueue.sweep_access(app)
        enqueue.sweep_access(app, pop=FAR)
    for _ in range(4):
        enqueue.observe_access(app)
        enqueue.close_day(app, town.today().isoformat())
    app.close()


ROWS: tuple[tuple[str, Fault, int], ...] = (
    ("nothing (for comparison)", lambda _town: None, 1),
    ("kill -9 web", killed("web"), 1),
    ("kill -9 worker of gates and probes", killed("probe"), 1),
    ("kill -9 worker of the far POP", far_killed, 1),
    ("kill -9 worker of money", killed("work"), 1),
    ("kill -9 beat", killed("beat"), 1),
    ("kill -9 Valkey", killed("valkey"), 1),
    ("kill -9 PostgreSQL", killed("postgresql"), 1),
    ("broker restarted", killed("valkey", signal.SIGTERM), 1),
    ("database restarted", killed("postgresql", signal.SIGINT), 1),
    ("gateway does not answer for 15 s", hanging, 1),
    ("both gateways rebooted, rulesets gone", rebooted, 1),
    ("two beats for 20 s", two_beats, 1),
    ("jobs sent 4 to 15 times, payments 3 times", doubled_jobs, 3),
)
OFF = "worker of a POP cut off"
CLOCK_ROWS = {"clock +1 day": chaos_clock.DAY_S, "clock -1 day": -chaos_clock.DAY_S}


@contextmanager
def town_of(settings: dict[str, str], folder: Path, codes: list[str]) -> Iterator[Town]:
    """Run a product with a gateway and POPs for a block."""
    with ExitStack() as stack:
        names = stack.enter_context(
            ground.namespaces("n" + "".join(code[0] + code[0].upper() for code in codes))
        )
        own = [folder / "nft-or-hang", *(folder / f"nft-{code}" for code in codes)]
        allowed = {"LINECARD_GATES__NFT_PROGRAMS": json.dumps([str(one) for one in own])}
        made = stack.enter_context(products.running("--empty", settings=settings | allowed))
        posts = {
            code: Post(code, names[2 * number + 1], names[2 * number + 2], folder)
            for number, code in enumerate(codes)
        }
        town = Town(made, folder, names[0], posts)
        town.fill()
        for number, post in enumerate(posts.values()):
            post.environ = stack.enter_context(wired(post.box, made, number))
            stack.callback(post.kill_worker)
            post.start_worker(made)
        for code in codes:
            wait_alive(town, f"probe.{code}")
        yield town


def happen(wanted: str) -> Iterator[Row]:
    """Let everything happen that has the word in its name, but the clock; yield the rows as they end."""
    chosen = [one for one in ROWS if wanted in one[0]]
    is_off = wanted in OFF
    if not (chosen or is_off):
        return
    with in_folder() as folder, town_of(SETTINGS, folder, [FAR, HILL] if is_off else [FAR]) as town:
        off = CutOff(town, CUT_S) if is_off else None
        if off:
            off.begin()
        for title, fault, times in chosen:
            yield row(town, title, fault, times=times)
        if off:
            yield off.end()


def wrong_clocks(wanted: str) -> Iterator[Row]:
    """Set the clock off as far as the word is in the row's name; yield the rows as they end."""
    chosen = [by_s for name, by_s in CLOCK_ROWS.items() if wanted in name]
    if not chosen:
        return
    with in_folder() as folder:
        settings = SETTINGS | chaos_clock.own_clock(folder)
        with town_of(settings, folder, [FAR]) as town:
            days = chaos_clock.Days()
            for by_s in chosen:
                yield chaos_clock.row(town, days, by_s, ROW_S)


@contextmanager
def in_folder() -> Iterator[Path]:
    """Make a folder that the product's users can enter, for a block."""
    with tempfile.TemporaryDirectory(prefix="lc-chaos-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def measure(wanted: str) -> int:
    """Print a row as it ends; return the exit code."""
    began, is_good = time.monotonic(), True
    print(ground.describe("nft", "ip"))
    print(HEAD, flush=True)
    for rows in (happen(wanted), wrong_clocks(wanted)):
        for done in rows:
            is_good = is_good and done.is_good
            print(done, flush=True)
    words = "every figure is 0" if is_good else "NOT ALL IS AS IT MUST BE"
    print(f"{time.monotonic() - began:.0f} s in all; {words}")
    return 0 if is_good else 1


def main(wanted: str = "") -> int:
    """Run the rows whose name has the word, or all."""
    if shutil.which("cc") is None:
        print("cc: not on this machine. As root: apt-get install gcc libc6-dev", file=sys.stderr)
        return 2
    return measure(wanted)


if __name__ == "__main__":
    ground.run(main, " ".join(sys.argv[1:]), needs=("ip", "nft"))
