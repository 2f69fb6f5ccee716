"""Chaos: what every crash, cut wire and wrong clock leaves behind, row by row (`make chaos`; root, ip, nft).

In every row 26 new customers come to two gateways (nftables in namespaces; the far one is told by a POP's own
worker in a box of its own): 8 owe and are cut by a plan, 8 owe and pay while that happens, 10 must never be
cut, 4 of them because their debt begins to count only tomorrow. The fault is done in the middle of it. Then
everybody who ever came is held against what nft lists in both gateways: `cut` counts who is, or was at any
half second, cut and must not be; `open` who passes after the reconciliation and must not; `entries` the
payments acknowledged that are lost or doubled, and accounts that do not add up.

The wall clock of every process of the product, both servers included, is shifted: they preload
shift_clock.c, which is compiled for it (cc). The POP is cut off for CUT_S seconds in place of ten minutes,
with the times that matter shortened with it: a lease lasts 10 s, a gate's pause 5 s. It ends with 1 when a
figure is not 0.
"""

import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import re

from sqlalchemy import func, select

from bench.gates import chaos_town
from bench.gates.chaos_town import LOGIN, PASSWORD, Person, Town, Watch, again, wait_alive
from bench.net import ground
from billing.models import CutoffRun, RunStatus
from core import clock
from linecard import programs
from tasks import celery_app, enqueue
from tasks.runtime import queue_url
from tests import product as products
from tests.product import ROOT, Client, wait_for

CUT_S = 40.0
ROW_S = float(os.environ.get("CHAOS_ROW_S", "90"))
WHOLE_S = 14 * 60.0
DAY_S = 86_400
PARTS = ("web", "probe", "work", "beat", "valkey", "postgresql")
SETTINGS = {
    "LINECARD_CUTOFF__LEASE_S": "10",
    "LINECARD_CUTOFF__RETRY_FIRST_S": "1",
    "LINECARD_CUTOFF__GATE_PAUSE_LIMIT_S": "5",
    "LINECARD_CUTOFF__BRAKE_SHARE_PERCENT": "100",
    "LINECARD_CUTOFF__GRACE_DAYS": str(chaos_town.GRACE_DAYS),
}
HEAD = (
    "                                             wrongly wrongly  entries lost\n"
    "what happens                                     cut    open    or doubled  payments  right after"
)

Fault = Callable[[Town], None]
# What the last answer was, for the words of a failure.
SAID: list[str] = []


@dataclass
class Row:
    """One line of the table."""

    name: str
    wrongly_cut: int
    wrongly_open: int
    entries: int
    payments: int
    right_s: float
    note: str = ""

    @property
    def is_good(self) -> bool:
        """Whether every figure is 0."""
        return not (self.wrongly_cut or self.wrongly_open or self.entries)

    def __str__(self) -> str:
        figures = f"{self.wrongly_cut:7d} {self.wrongly_open:7d} {self.entries:13d} {self.payments:9d}"
        return f"{self.name:44} {figures} {self.right_s:10.1f} s{self.note}"


def pay(client: Client, person: Person, key: str, town: Town, times: int = 1) -> bool:
    """Take the payment at the till; say whether it was acknowledged."""
    fields = {
        "amount": f"{chaos_town.DEBT_MINOR / 100:.2f}",
        "method": "bank",
        "dated_on": town.today().isoformat(),
        "reference": key,
        "key": key,
    }
    answers = [client.post(f"/customers/{person.customer_id}/money/payment", fields) for _ in range(times)]
    return all(is_done(client, answer) for answer in answers)


def is_done(client: Client, answer: products.Answer) -> bool:
    """Whether the act was done; whoever was signed out meanwhile signs in again and repeats it."""
    if "sign-in" in answer.headers.get("Location", "") or answer.status in (400, 401, 403):
        client.sign_in(LOGIN, PASSWORD)
        return False
    SAID[:] = [f"{answer.status} {answer.url} {answer.text[:1500]}"]
    return answer.status == 303


def cut(town: Town, client: Client, until: float) -> None:
    """Plan and apply, past the brake, as a person who looks at the plan's day: another day's is put aside."""

    def run(run_id: int) -> CutoffRun:
        with town.product.database.reading() as session:
            return session.get_one(CutoffRun, run_id)

    def act() -> bool:
        answer = client.post("/cutoff/plan")
        found = re.findall(r"/cutoff/(\d+)", answer.headers.get("Location", ""))
        if not is_done(client, answer) or not found:
            return False
        made = run(int(found[0]))
        if made.run_on != town.today():
            client.post(f"/cutoff/{made.id}/discard")
            return False
        if made.status is RunStatus.BRAKED:
            words = {"typed": str(made.cut_count), "reason": "this is a drill"}
            client.post(f"/cutoff/{made.id}/release", words)
        if is_done(client, client.post(f"/cutoff/{made.id}/apply")):
            return True
        # It may be applied although the answer got lost.
        return run(made.id).status is RunStatus.APPLIED

    again(act, until, SAID)


def row(town: Town, name: str, fault: Fault, *, times: int = 1) -> Row:
    """Let new people owe, pay and be cut while the fault happens; hold everything against what is right."""
    people = town.add()
    until = time.monotonic() + ROW_S
    clients, watch = [town.client() for _ in range(3)], Watch(town)
    payers = [person for person in people if person.role == "payer"]
    keys: list[str] = []

    def take(place: int) -> None:
        for person in payers[place::2]:
            key = f"chaos-payment-{person.customer_id}"
            again(lambda key=key, person=person: pay(clients[place], person, key, town, times), until, SAID)
            keys.append(key)
            town.paid.add(person.customer_id)

    with ThreadPoolExecutor(3) as pool:
        acts = [pool.submit(cut, town, clients[2], until), *(pool.submit(take, place) for place in range(2))]
        time.sleep(0.3)
        fault(town)
        for act in acts:
            act.result()
    began = time.monotonic()
    note = ""
    try:
        wait_for(lambda: _is_right(town), max(1.0, until - began))
    except AssertionError:
        note = "  NOT RIGHT IN TIME"
    cut_now, open_now = town.wrong()
    wrongly_cut = watch.stop() | {person.customer_id for person in cut_now}
    return Row(
        name, len(wrongly_cut), len(open_now), town.entries(keys), len(keys), time.monotonic() - began, note
    )


def _is_right(town: Town) -> bool:
    try:
        return town.wrong() == ([], [])
    except chaos_town.gates.GateError:
        return False


# --- what happens


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
    town.kill_worker()
    time.sleep(3)
    town.start_worker()


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
    for namespace in (town.near, town.far):
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


def doubled_jobs(town: Town) -> None:
    """Every job of the gates and of the night is sent many times over."""
    app = celery_app.make(queue_url(town.product.settings))
    for _ in range(15):
        enqueue.sweep_access(app)
        enqueue.sweep_access(app, pop=chaos_town.POP)
    for _ in range(4):
        enqueue.observe_access(app)
        enqueue.close_day(app, town.today().isoformat())
    app.close()


def cut_off(town: Town) -> None:
    """Not one packet goes to or from the POP's box."""
    town.cut_wire()
    try:
        time.sleep(CUT_S)
    finally:
        town.mend_wire()


def shifted(by_s: int) -> Fault:
    """The clock of every process is a day off for twenty seconds, then right again."""

    def fault(town: Town) -> None:
        for part in PARTS:
            pid = town.product.pid_of(part)
            maps = Path(f"/proc/{pid}/maps").read_text() if pid else ""
            assert "shift_clock.so" in maps, f"{part} has no such clock"
        set_clock(town.folder, by_s)
        with town.product.database.reading() as session:
            off_s = (session.scalars(select(func.now())).one() - clock.now()).total_seconds()
        assert abs(off_s - by_s) < 5, f"the database is {off_s:.0f} s off"
        time.sleep(20)
        set_clock(town.folder, 0)

    return fault


def set_clock(folder: Path, by_s: int) -> None:
    """Shift the clock of every process that was started with the clock of this folder."""
    with (folder / "clock").open("r+b") as file:
        file.write(struct.pack("=q", by_s))


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
    (f"worker of a POP cut off for {CUT_S:g} s (for 10 min)", cut_off, 1),
)
CLOCK_ROWS: tuple[tuple[str, Fault, int], ...] = (
    ("clock +1 day for 20 s", shifted(DAY_S), 1),
    ("clock -1 day for 20 s", shifted(-DAY_S), 1),
)


@contextmanager
def town_of(settings: dict[str, str], folder: Path) -> Iterator[Town]:
    """Run a product with two gateways and a POP's worker for a block."""
    with ground.namespaces("nfb") as (near, far, box), products.running("--empty", settings=settings) as made:
        town = Town(made, folder, near, far, box)
        with chaos_town.wired(box[:-1], box, made) as town.environ:
            town.fill()
            town.start_worker()
            try:
                wait_alive(town, f"probe.{chaos_town.POP}")
                yield town
            finally:
                town.kill_worker()


def own_clock(folder: Path) -> dict[str, str]:
    """Return the environment that puts every process of a product on a clock of its own."""
    library, clock_file = folder / "shift_clock.so", folder / "clock"
    words = [
        "cc",
        "-shared",
        "-fPIC",
        "-O2",
        "-o",
        str(library),
        str(Path(__file__).with_name("shift_clock.c")),
    ]
    subprocess.run([*words, "-ldl"], check=True, timeout=60)
    clock_file.write_bytes(bytes(8))
    clock_file.chmod(0o644)
    library.chmod(0o755)
    return {"LD_PRELOAD": str(library), "SHIFT_CLOCK": str(clock_file)}


def measure(wanted: str) -> int:
    """Print a row as it ends; return the exit code."""
    began, is_good = time.monotonic(), True
    print(ground.describe("nft", "ip"))
    print(HEAD, flush=True)
    for rows, has_own_clock in ((ROWS, False), (CLOCK_ROWS, True)):
        chosen = [one for one in rows if wanted in one[0]]
        if not chosen:
            continue
        with tempfile.TemporaryDirectory(prefix="lc-chaos-") as name:
            folder = Path(name)
            folder.chmod(0o755)
            with town_of(SETTINGS | (own_clock(folder) if has_own_clock else {}), folder) as town:
                for title, fault, times in chosen:
                    if time.monotonic() - began > WHOLE_S:
                        print(f"{title:44} left out: the time is over")
                        is_good = False
                        continue
                    done = row(town, title, fault, times=times)
                    is_good = is_good and done.is_good
                    print(done, flush=True)
    words = "every figure is 0" if is_good else "NOT ALL FIGURES ARE 0"
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
