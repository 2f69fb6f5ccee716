"""Three boxes in three POPs, each a network of its own: ARP from the card in each one's segment, one cut off.

The core's door stands in a namespace too, reached over veth and TLS; the broker itself on its unix socket.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import gates
from core import clock, db, secrets
from core import settings as settings_of
from core.settings import Settings
from gates import LineAccess
from registry import audit, diagnostics, line_gates, passwords, pop_boxes, pops, testing
from registry.lines import GateTarget
from registry.models import DiagnosticStatus, StaffUser
from registry.pop_boxes import BoxState
from tasks import calls, celery_app, enqueue, gate_calls, sites
from tasks import pops as pop_tasks
from tasks.box_gates import BoxGate
from tasks.runtime import Runtime
from tests import pop_broker, pop_country
from tests.integration.conftest import Browser
from tests.pop_broker import Broker, wait
from tests.pop_country import DOOR, POPS, Country

ROOT = Path(__file__).resolve().parents[2]
PORT = 6380
TAKEN_S = 3
SOMEBODY = audit.Actor(None, "a test")


@pytest.fixture(scope="module")
def country(need: Callable[..., None]) -> Iterator[Country]:
    need("root", "ip", "nft")
    with pop_country.standing() as made:
        yield made


@dataclass
class Isp:
    """The core with its boxes: its settings, its database, who sits at the card, the boxes' processes."""

    settings: Settings
    database: db.Database
    broker: Broker
    browser: Any
    customers: dict[str, int]
    boxes: dict[str, "subprocess.Popen[bytes]"]

    def ask(self, pop: str, target: str) -> int:
        """Press the button of the card that asks for the MAC; returns the run."""
        self.press(pop, "mac", {"target": target})
        return self.latest(pop)

    def press(self, pop: str, button: str, data: dict[str, str]) -> None:
        """Press a button of the card."""
        page = self.browser.post(f"/customers/{self.customers[pop]}/diagnostics/{button}", data=data)
        assert page.status_code in (200, 302, 303), page.text[:800]

    def latest(self, pop: str) -> int:
        """Return the run that was begun last."""
        with self.database.reading() as session:
            runs = diagnostics.open_runs(session, self.customers[pop]) or diagnostics.history(
                session, self.customers[pop]
            )
        return max(run.id for run in runs)

    def ended(self, run_id: int) -> Any:
        """Return the run when it is over."""

        def look() -> Any:
            with self.database.reading() as session:
                run = diagnostics.get(session, run_id)
            return run if run.status not in diagnostics.OPEN else None

        return wait(look, 20)


def _environ(url: str, broker: Broker, folder: Path, keys: str) -> dict[str, str]:
    return {
        "LINECARD_CONFIG": str(folder / "config.toml"),
        "LINECARD_WEB__SECRET_KEY": "x" * 43,
        "LINECARD_SECRETS__KEYS": keys,
        "LINECARD_DATA__DATABASE_URL": url,
        "LINECARD_DATA__QUEUE_URL": broker.url,
        "LINECARD_DATA__FOLDER": str(folder / "var"),
        "LINECARD_POPS__ADDRESS": f"{DOOR}:{PORT}",
        "LINECARD_POPS__LISTEN": f"{DOOR}:{PORT}",
        "LINECARD_POPS__TAKEN_S": str(TAKEN_S),
    }


@contextmanager
def _core_worker(folder: Path, environ: dict[str, str]) -> Iterator[None]:
    """The core's worker: one process for all its queues."""
    argv = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "tasks.worker",
        "--skip-checks",
        "worker",
        "-n",
        "probe.core@%h",
    ]
    argv += [
        "-Q",
        "probe.core,gate.core,work",
        "-P",
        "threads",
        "-c",
        "12",
        "--without-gossip",
        "--without-mingle",
    ]
    with (folder / "core.log").open("wb") as log:
        child = subprocess.Popen(
            argv, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT), **environ}, stdout=log, stderr=log
        )
    try:
        yield
    except BaseException:
        print((folder / "core.log").read_text()[-6000:])
        raise
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(5)


def _records(database: db.Database, country: Country) -> dict[str, int]:
    customers = {}
    with database.transaction() as session:
        testing.pop(session, "core", is_alive=False)
        session.add(
            StaffUser(
                login="noc",
                name="Noc",
                roles=["administrator"],
                password_hash=passwords.seal("correct horse"),
            )
        )
        for number, pop in enumerate(POPS, 1):
            found = testing.pop(session, pop, is_alive=False)
            segment = testing.network(session, f"{country.address(pop, 0)}/24", pop_id=found.id)
            made = testing.customer(
                session, f"{number}", addresses=[country.address(pop)], network_id=segment.id
            )
            customers[pop] = made.id
    return customers


def _tickets(database: db.Database, settings: Settings, ring: Any) -> dict[str, str]:
    with database.transaction() as session:
        rows = {row.code: row.id for row in pops.list_all(session)}
        return {
            pop: pop_boxes.ticket(
                settings,
                pop_boxes.invite(session, SOMEBODY, rows[pop], ring, now=clock.now(), minutes=5),
            ).text()
            for pop in POPS
        }


def _allow(settings: Settings) -> None:
    """Have the broker know the tickets, as the press of the button has it done."""
    runtime = Runtime(settings)
    pop_tasks.tend(runtime)
    runtime.close()


@pytest.fixture(scope="module")
def isp(
    country: Country, make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Isp]:
    """Everything running: the broker, its door, the core's worker, a box in each POP that has joined."""
    from webapp import factory

    folder, url, key = tmp_path_factory.mktemp("isp"), make_database(), secrets.new_key()
    (folder / "config.toml").touch()
    with ExitStack() as stack:
        broker = stack.enter_context(pop_broker.running())
        environ = _environ(url, broker, folder, key)
        settings = settings_of.load(folder / "config.toml", environ)
        database = db.Database(db.engine_of(url, application_name="linecard-tests"))
        stack.callback(database.dispose)
        customers = _records(database, country)
        tickets = _tickets(database, settings, secrets.Ring([key]))
        stack.enter_context(_core_worker(folder, environ))
        _allow(settings)
        inside = ("ip", "netns", "exec")
        door = (*inside, country.of("core"))
        stack.enter_context(pop_broker.command("pop", "door", folder=folder, prefix=door, **environ))
        boxes = {}
        for pop in POPS:
            words = ("worker", "--pop", pop, "--file", str(folder / pop / "pop.toml"), "--join", tickets[pop])
            prefix = (*inside, country.of(pop))
            boxes[pop] = stack.enter_context(pop_broker.command(*words, folder=folder, prefix=prefix))
        app = factory.create_app(settings, database=database)
        app.testing, app.test_client_class = True, Browser
        browser = app.test_client()
        assert browser.post("/sign-in", data={"login": "noc", "password": "correct horse"}).status_code == 303
        made = Isp(settings, database, broker, browser, customers, boxes)
        queue = celery_app.make(broker.url)
        stack.callback(queue.close)

        def has_joined() -> bool:
            enqueue.tend_pops(queue)  # what the timetable does every five seconds
            time.sleep(0.4)
            with database.reading() as session:
                found = pop_boxes.by_pop(session).values()
                heard = {one["pop"] for one in diagnostics.workers(session) if one["is_alive"]}
            return {pop_boxes.state(one, clock.now()) for one in found} == {BoxState.JOINED} and heard >= set(
                POPS
            )

        wait(has_joined, 60)
        yield made
        for box in boxes.values():
            box.terminate()


def _macs(run: Any) -> list[str]:
    return [one["mac"] for one in run.result["macs"]] if run.result else []


def test_arp_is_answered_from_the_card_in_each_pops_own_segment(isp: Isp, country: Country) -> None:
    runs = {pop: isp.ask(pop, country.address(pop)) for pop in POPS}
    for pop, run_id in runs.items():
        run = isp.ended(run_id)
        assert (run.status, run.error) == (DiagnosticStatus.DONE, "")
        assert (run.pop, run.result["method"], run.result["interface"]) == (pop, "arp", "seg")
        assert _macs(run) == [country.mac(pop)]


def test_a_gate_in_a_pop_is_told_by_its_box_and_nowhere_else(isp: Isp, country: Country) -> None:
    runtime = Runtime(isp.settings)
    line = LineAccess(7, (country.address("north"),))
    gate = BoxGate(sites.at(runtime, "north"), "nftables", {})
    (outcome,) = gate.apply({line: "closed"}).values()
    assert (outcome.applied, outcome.error) == ("closed", None)
    assert gate.read([line]) == {7: "closed"}
    assert country.address("north") in _rules(country, "north")
    assert country.address("north") not in _rules(country, "east")
    runtime.close()


def test_a_gate_is_tried_from_its_page_by_the_box_of_its_pop(isp: Isp, country: Country) -> None:
    with isp.database.transaction() as session:
        place = pops.find(session, "south").id
        made = line_gates.create(session, SOMEBODY, name="gw", kind="nftables", options={}, pop_id=place)
        url = f"/setup/gates/{made.id}/try"
    before = _rules(country, "south")
    assert isp.browser.post(url).status_code == 303
    page = wait(lambda: said if "tried:" in (said := isp.browser.get(url).text) else None, 20)
    assert "by the worker of POP south" in page
    assert re.search(r"nftables [0-9.]+ answers on this machine", page)
    assert "the first line that is told does it" in page
    assert _rules(country, "south") == before


def test_a_ping_and_a_whole_diagnosis_are_led_by_the_core_and_done_by_the_box(
    isp: Isp, country: Country
) -> None:
    target, customer = country.address("south"), isp.customers["south"]
    data = {"target": target, "count": "3", "interval_s": "0.2"}
    isp.press("south", "ping", data)
    ping = isp.ended(isp.latest("south"))
    assert (ping.status, ping.pop, ping.result["sent"], ping.result["received"]) == (
        DiagnosticStatus.DONE,
        "south",
        3,
        3,
    )
    isp.press("south", "diagnose", {"target": f"customer:{customer}"})
    found = isp.ended(isp.latest("south"))
    assert (found.status, found.error) == (DiagnosticStatus.DONE, "")
    stages = {stage["key"]: stage["state"] for stage in found.result["stages"]}
    assert stages["address"] == "good", found.result["stages"]
    assert found.result["answered"] == [target]


def _rules(country: Country, pop: str) -> str:
    argv = ["ip", "netns", "exec", country.of(pop), "nft", "list", "ruleset"]
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=20).stdout


def test_the_page_of_a_pop_says_what_its_worker_is_and_can(isp: Isp, country: Country) -> None:
    with isp.database.reading() as session:
        north = pops.find(session, "north")
    page = isp.browser.get(f"/setup/pops/{north.id}/box").text
    for words in (
        "alive",
        "CAP_NET_RAW",
        "nft",
        country.address("north", 1),
        "no database",
        "probe.north",
        " ms",
    ):
        assert words in page, words


def test_a_box_has_neither_database_nor_keys_of_ours_nor_another_pops(isp: Isp) -> None:
    ours = [
        isp.settings.secrets.keys[0].get_secret_value(),
        isp.settings.web.secret_key.get_secret_value(),
        "postgresql",
        pop_broker.PASSWORD,
    ]
    for pop, box in isp.boxes.items():
        told = Path(f"/proc/{box.pid}/environ").read_text() + Path(f"/proc/{box.pid}/cmdline").read_text()
        (file,) = Path(f"/proc/{box.pid}/cwd").resolve().glob(f"{pop}/pop.toml")
        told += file.read_text()
        assert not [one for one in ours if one in told]
        loaded = Path(f"/proc/{box.pid}/maps").read_text()
        assert "sqlalchemy" not in loaded
        assert "celery" not in told


def test_the_jobs_of_a_pop_that_is_cut_off_expire_with_words_and_the_others_go_on(
    isp: Isp, country: Country
) -> None:
    inside = ["ip", "netns", "exec", country.of("east"), "nft"]
    for hook, way in (("input", "iifname"), ("output", "oifname")):
        text = f"table inet cut-{hook} {{\nchain c {{\ntype filter hook {hook} priority 0\n{way} wan drop\n}}\n}}\n"
        subprocess.run([*inside, "-f", "-"], input=text, text=True, check=True, timeout=20)
    runs = {pop: isp.ask(pop, country.address(pop)) for pop in POPS}
    lost = isp.ended(runs["east"])
    assert lost.status is DiagnosticStatus.EXPIRED
    assert (
        f"No worker of POP east took the job within {TAKEN_S} s: check that its box has power" in lost.error
    )
    for pop in ("north", "south"):
        assert _macs(isp.ended(runs[pop])) == [country.mac(pop)]
    with isp.broker.client() as client:
        assert client.llen(calls.Names("east").queue("probe")) == 0
        assert list(client.scan_iter("pop.east:call:*")) == []
    with isp.database.reading() as session:
        assert pop_boxes.by_pop(session)["east"].expired_jobs == 1
    runtime = Runtime(isp.settings)
    with isp.database.transaction() as session:
        place = pops.find(session, "east").id
        gate = line_gates.create(session, SOMEBODY, name="gw-east", kind="nftables", options={}, pop_id=place)
    target = GateTarget(gate.id, "nftables", {}, "")
    with pytest.raises(gate_calls.Failed, match="No worker of POP east"):
        gate_calls.ask(runtime, target, gates.make, lambda made: made.check())
    runtime.close()
    with isp.database.reading() as session:
        assert "No worker of POP east" in line_gates.get(session, gate.id).error
    page = isp.browser.get(f"/customers/{isp.customers['east']}/diagnostics").text
    assert "No worker of POP east" in page
    for hook in ("input", "output"):
        subprocess.run([*inside, "delete", "table", "inet", f"cut-{hook}"], check=True, timeout=20)
    back = wait(lambda: _again(isp, country), 40)
    assert _macs(back) == [country.mac("east")]


def _again(isp: Isp, country: Country) -> Any:
    run = isp.ended(isp.ask("east", country.address("east")))
    return run if run.status is DiagnosticStatus.DONE else None
