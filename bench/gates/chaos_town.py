"""The ground of the chaos: a product, two gateways, a POP's worker behind a wire, and its people."""

import asyncio
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from urllib.error import URLError
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import Session

import gates
from bench.net import ground
from billing import ledger, subscriptions
from billing import testing as money
from billing.models import Account, LedgerEntry, Plan
from core import clock
from core.errors import LinecardError
from linecard import programs
from registry import audit, customers, line_gates, lines, pops, staff, testing
from registry.models import CustomerStatus, IpAddress
from tests.product import ROOT, Client, Product, wait_for

ACTOR = audit.Actor(None, "chaos")
LOGIN, PASSWORD = "chaos", "order out of chaos"
POP = "far"
DEBT_MINOR = 3000
# How many come with each row, at each of the two gateways, by what is right for them.
ROLES = {"fine": 3, "edge": 2, "payer": 4, "ower": 4}
GRACE_DAYS = 3


@dataclass(frozen=True)
class Person:
    """A customer with one line. `role`: fine and edge are not to be cut today; payers pay, owers do not."""

    customer_id: int
    subscription_id: int
    address: str
    role: str
    gate: str


@dataclass
class Town:
    """The product and all around it; `paid` are the customers whose payment was acknowledged."""

    product: Product
    folder: Path
    near: str
    far: str
    box: str
    environ: dict[str, str] = field(default_factory=dict)
    people: list[Person] = field(default_factory=list)
    paid: set[int] = field(default_factory=set)
    worker: subprocess.Popen[bytes] | None = None

    @property
    def hang(self) -> Path:
        """While this file is there, the near gateway's nft hangs."""
        return self.folder / "hang"

    def client(self) -> Client:
        """Return a cashier who may also cut; waits for a web server that was killed a moment ago."""
        ends = time.monotonic() + 30
        while True:
            try:
                return self.product.client(LOGIN, PASSWORD)
            except URLError:
                if time.monotonic() > ends:
                    raise
                time.sleep(0.2)

    def today(self) -> date:
        """Return the business day by the machine's own clock."""
        return clock.today(self.product.settings.isp.time_zone)

    def fill(self) -> None:
        """Add staff, plan, POP and the two gateways."""
        program = self.folder / "nft-or-hang"
        program.write_text(f'#!/bin/sh\n[ -e {self.hang} ] && exec sleep 30\nexec nft "$@"\n')
        program.chmod(0o755)
        with self.product.database.transaction() as session:
            staff.create(
                session, ACTOR, login=LOGIN, name="Chaos", password=PASSWORD, roles=["administrator"]
            )
            pop = pops.create(session, ACTOR, code=POP, name="Far")
            near = {"namespace": self.near, "program": str(program), "timeout_s": 3.0}
            line_gates.create(session, ACTOR, name="near", kind="nftables", options=near, is_default=True)
            far = {"namespace": self.far}
            line_gates.create(session, ACTOR, name="far", kind="nftables", options=far, pop_id=pop.id)
            money.plan(session, 0)

    def add(self) -> list[Person]:
        """Add the people of a row; who owes owes for a month, the edge of it begins to count tomorrow."""
        with self.product.database.transaction() as session:
            plan_id = session.scalars(select(Plan.id)).one()
            gate_of = {gate.name: gate.id for gate in line_gates.list_all(session)}
            network_id = testing.network(session, "10.61.0.0/16").id
            home = (plan_id, network_id)
            made = [
                self._person(session, home, role, name, gate_of[name])
                for name in ("near", "far")
                for role, count in ROLES.items()
                for _ in range(count)
            ]
        self.people += made
        return made

    def _person(self, session: Session, home: tuple[int, int], role: str, name: str, gate_id: int) -> Person:
        (plan_id, network_id), today = home, self.today()
        customer = customers.create(
            session, ACTOR, currency="EUR", last_name=f"{role} at {name}", status=CustomerStatus.CONNECTED
        )
        start = today - timedelta(days=60)
        service = subscriptions.start(
            session,
            customer.account_id,
            money.act(today),
            choice=subscriptions.Choice(plan_id, bill_day=1),
            starts_on=start,
        )
        line = lines.attach(session, service.id, customer.id, actor=ACTOR, gate_id=gate_id, today=today)
        late = GRACE_DAYS if role == "edge" else 30
        money.charge(session, customer.account_id, DEBT_MINOR, due_on=today - timedelta(days=late))
        if role == "fine":
            money.pay(session, customer.account_id, DEBT_MINOR)
        address = f"10.61.{line.id // 200}.{line.id % 200 + 1}"
        session.add(
            IpAddress(address=address, network_id=network_id, customer_id=customer.id, line_id=line.id)
        )
        return Person(customer.id, service.id, address, role, name)

    def held(self, gate: str) -> set[str]:
        """Return the addresses a gateway really cuts now, as nft lists them."""
        namespace = {"near": self.near, "far": self.far}[gate]
        found = gates.make("nftables", {"namespace": namespace}).held() or {}
        return {address for address, access in found.items() if access in ("closed", "walled")}

    def is_right(self, person: Person, held: set[str]) -> bool:
        """Whether the line is cut exactly when it must be."""
        must_be_cut = person.role == "ower" or (
            person.role == "payer" and person.customer_id not in self.paid
        )
        return (person.address in held) == must_be_cut

    def wrong(self) -> tuple[list[Person], list[Person]]:
        """Return who is cut and must not be, and who passes and must not, by the gateways themselves."""
        held = {name: self.held(name) for name in ("near", "far")}
        off = [person for person in self.people if not self.is_right(person, held[person.gate])]
        return (
            [person for person in off if person.address in held[person.gate]],
            [person for person in off if person.address not in held[person.gate]],
        )

    def entries(self, keys: list[str]) -> int:
        """Return how many acknowledged payments are lost or doubled, and how many accounts do not add up."""
        with self.product.database.reading() as session:
            query = select(LedgerEntry.idempotency_key).where(LedgerEntry.idempotency_key.like("%chaos-%"))
            booked = Counter(key.rpartition(":")[2] for key in session.scalars(query))
            sums = dict(
                session.execute(
                    select(LedgerEntry.account_id, func.sum(LedgerEntry.amount_minor)).group_by(
                        LedgerEntry.account_id
                    )
                ).all()
            )
            balances = dict(session.execute(select(Account.id, Account.balance_minor)).all())
            crooked = len(ledger.verify(session))
        lost = sum(key not in booked for key in keys)
        doubled = sum(count - 1 for count in booked.values())
        return lost + doubled + crooked + sum(balances[key] != total for key, total in sums.items())

    # --- the worker of the other POP

    def start_worker(self) -> None:
        """Start the POP's own worker in its box; it reaches database and queue through the wire alone."""
        found = self.product.settings
        there = found.diagnostics.model_copy(update={"pop": POP, "probe_threads": 8})
        own = found.model_copy(update={"diagnostics": there})
        program = programs.worker(own, programs.PROBE, ("ip", "netns", "exec", self.box))
        with (self.folder / "far.log").open("ab") as output:
            self.worker = subprocess.Popen(
                program.argv,
                env={**self.environ, **program.env, "LINECARD_DIAGNOSTICS__POP": POP},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def kill_worker(self) -> None:
        """Kill it and all its children with SIGKILL."""
        if self.worker is not None:
            os.killpg(self.worker.pid, signal.SIGKILL)
            self.worker.wait()
            self.worker = None

    def cut_wire(self) -> None:
        """Drop every packet of the box, in and out."""
        rules = "".join(
            f"add chain inet chaos {hook} {{ type filter hook {hook} priority -300; policy drop; }}\n"
            for hook in ("input", "output")
        )
        words = ["ip", "netns", "exec", self.box, "nft", "-f", "-"]
        subprocess.run(words, input=f"add table inet chaos\n{rules}", text=True, check=True, timeout=20)

    def mend_wire(self) -> None:
        """Let them pass again."""
        words = ["ip", "netns", "exec", self.box, "nft", "delete", "table", "inet", "chaos"]
        subprocess.run(words, check=True, timeout=20)


class Watch:
    """Looks all the time who is cut; keeps those who never may be."""

    def __init__(self, town: Town) -> None:
        self.town, self.seen = town, set[int]()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.5):
            for name in ("near", "far"):
                try:
                    held = self.town.held(name)
                except gates.GateError:
                    continue
                self.seen |= {
                    one.customer_id
                    for one in list(self.town.people)
                    if one.gate == name and one.role in ("fine", "edge") and one.address in held
                }

    def stop(self) -> set[int]:
        """End it; return the customers that were seen cut."""
        self._stop.set()
        self._thread.join()
        return self.seen


@contextmanager
def wired(tag: str, box: str, product: Product) -> Iterator[dict[str, str]]:
    """Join the box to this machine and let it reach the product's two sockets there; yields its settings."""
    inner, outer = f"{tag}i", f"{tag}o"
    net = f"10.99.{os.getpid() % 250}"
    ground.ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", box)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    doors: list[asyncio.Server] = []
    try:
        ground.ip("addr", "add", f"{net}.1/30", "dev", outer)
        ground.ip("link", "set", outer, "up")
        ground.ip("-n", box, "addr", "add", f"{net}.2/30", "dev", inner)
        ground.ip("-n", box, "link", "set", inner, "up")
        thread.start()
        data = product.settings.data
        assert data.database_url is not None
        assert data.queue_url is not None
        base, queue = urlsplit(data.database_url.get_secret_value()), data.queue_url.get_secret_value()
        sockets = parse_qs(base.query)
        place = f"{sockets['host'][0]}/.s.PGSQL.{sockets.get('port', ['5432'])[0]}"
        for port, path in ((15432, place), (16379, urlsplit(queue).path)):
            doors.append(asyncio.run_coroutine_threadsafe(_relay(f"{net}.1", port, path), loop).result(10))
        user = sockets.get("user", [base.username or "linecard"])[0]
        number = parse_qs(urlsplit(queue).query).get("db", ["0"])[0]
        yield {
            **product.environ,
            "LINECARD_DATA__DATABASE_URL": f"postgresql://{user}@{net}.1:15432{base.path}",
            "LINECARD_DATA__QUEUE_URL": f"redis://{net}.1:16379/{number}",
        }
    finally:
        for door in doors:
            loop.call_soon_threadsafe(door.close)
        asyncio.run_coroutine_threadsafe(_end_all(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        subprocess.run(["ip", "link", "del", outer], check=False, capture_output=True)


async def _end_all() -> None:
    """Cancel every connection that is passed on."""
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _relay(host: str, port: int, path: str) -> asyncio.Server:
    """Pass every connection on to a unix socket."""

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while words := await reader.read(65_536):
                writer.write(words)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_unix_connection(path)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pipe(reader, back), pipe(there, writer))

    return await asyncio.start_server(accept, host, port)


def again(act: Callable[[], bool], until: float, said: list[str]) -> None:
    """Do it until it succeeds, as people do who see an error."""
    while True:
        try:
            if act():
                return
        except (OSError, AssertionError, LinecardError):
            pass
        if time.monotonic() > until:
            raise TimeoutError(f"it never succeeded: {said}")
        time.sleep(0.2)


def wait_alive(town: Town, name: str, limit_s: float = 60) -> None:
    """Wait until a part gave its sign of life."""
    wait_for(lambda: name in town.product.beats(), limit_s, town.product.log)
