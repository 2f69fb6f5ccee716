"""The ground of the chaos: a product, a gateway of its own, POPs with theirs (chaos_post), and its people."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType
from urllib.error import URLError

from sqlalchemy import func, select
from sqlalchemy.orm import Session

import gates
from bench.gates.chaos_post import Post
from billing import ledger, promises, subscriptions
from billing import testing as money
from billing.models import Account, LedgerEntry
from core import clock
from core.errors import LinecardError
from registry import audit, customers, line_gates, lines, pops, staff, testing
from registry.models import CustomerStatus, IpAddress
from tests.product import Client, Product, wait_for

ACTOR = audit.Actor(None, "chaos")
LOGIN, PASSWORD = "chaos", "order out of chaos"
FAR, HILL = "far", "hill"
NEAR = "near"
DEBT_MINOR = 3000
# How many come with each row, at each of the two gateways, by what is right for them.
ROLES = {"fine": 3, "edge": 2, "payer": 4, "ower": 4}
GRACE_DAYS = 3


@dataclass(frozen=True)
class Person:
    """A customer with one line. `role`: payers owe and pay, owers owe and do not; all others stay open."""

    customer_id: int
    subscription_id: int
    address: str
    role: str
    gate: str


@dataclass
class Town:
    """The product and all around it; `paid` are the customers whose payment was acknowledged.

    `faults` is what a fault found that is neither a line nor an entry, for the row it belongs to.
    """

    product: Product
    folder: Path
    near: str
    posts: Mapping[str, Post]
    people: list[Person] = field(default_factory=list)
    paid: set[int] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

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
        """Add staff, plan, the POPs and the gateways."""
        program = self.folder / "nft-or-hang"
        program.write_text(f'#!/bin/sh\n[ -e {self.hang} ] && exec sleep 30\nexec nft "$@"\n')
        program.chmod(0o755)
        with self.product.database.transaction() as session:
            staff.create(
                session, ACTOR, login=LOGIN, name="Chaos", password=PASSWORD, roles=["administrator"]
            )
            near = {"namespace": self.near, "program": str(program), "timeout_s": 3.0}
            line_gates.create(session, ACTOR, name=NEAR, kind="nftables", options=near, is_default=True)
            for code, post in self.posts.items():
                post.build()
                pop = pops.create(session, ACTOR, code=code, name=code.title())
                there = {"namespace": post.gateway, "program": str(post.program), "timeout_s": 3.0}
                line_gates.create(session, ACTOR, name=code, kind="nftables", options=there, pop_id=pop.id)
            money.plan(session, 0)

    def add(
        self, gates: Iterable[str] = (NEAR, FAR), roles: Mapping[str, int] = MappingProxyType(ROLES)
    ) -> list[Person]:
        """Add the people of a row; who owes owes for a month, the edge of it begins to count tomorrow."""
        with self.product.database.transaction() as session:
            plan_id = money.plan(session, 0).id
            gate_of = {gate.name: gate.id for gate in line_gates.list_all(session)}
            network_id = testing.network(session, "10.61.0.0/16").id
            home = (plan_id, network_id)
            made = [
                self._person(session, home, role, name, gate_of[name])
                for name in gates
                for role, count in roles.items()
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
        late = {"edge": GRACE_DAYS, "early": GRACE_DAYS - 1}.get(role, 30)
        money.charge(session, customer.account_id, DEBT_MINOR, due_on=today - timedelta(days=late))
        if role == "fine":
            money.pay(session, customer.account_id, DEBT_MINOR)
        if role == "promised":
            promises.make(
                session, customer.account_id, until=today, author=money.AUTHOR, today=today, rules=money.RULES
            )
        address = f"10.61.{line.id // 200}.{line.id % 200 + 1}"
        session.add(
            IpAddress(address=address, network_id=network_id, customer_id=customer.id, line_id=line.id)
        )
        return Person(customer.id, service.id, address, role, name)

    def held(self, gate: str) -> set[str]:
        """Return the addresses a gateway really cuts now, as nft lists them."""
        namespace = self.near if gate == NEAR else self.posts[gate].gateway
        found = gates.make("nftables", {"namespace": namespace}).held() or {}
        return {address for address, access in found.items() if access in ("closed", "walled")}

    def is_right(self, person: Person, held: set[str]) -> bool:
        """Whether the line is cut exactly when it must be."""
        must_be_cut = person.role == "ower" or (
            person.role == "payer" and person.customer_id not in self.paid
        )
        return (person.address in held) == must_be_cut

    def wrong(self, gates: Iterable[str] = (NEAR, FAR)) -> tuple[list[Person], list[Person]]:
        """Return who is cut and must not be, and who passes and must not, by the gateways themselves."""
        held = {name: self.held(name) for name in gates}
        there = [person for person in self.people if person.gate in held]
        off = [person for person in there if not self.is_right(person, held[person.gate])]
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


class Watch:
    """Looks all the time who is cut; keeps those who never may be."""

    def __init__(self, town: Town, gates: Iterable[str] = (NEAR, FAR)) -> None:
        self.town, self.gates, self.seen = town, tuple(gates), set[int]()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.5):
            for name in self.gates:
                try:
                    held = self.town.held(name)
                except gates.GateError:
                    continue
                self.seen |= {
                    one.customer_id
                    for one in list(self.town.people)
                    if one.gate == name and one.role not in ("payer", "ower") and one.address in held
                }

    def stop(self) -> set[int]:
        """End it; return the customers that were seen cut."""
        self._stop.set()
        self._thread.join()
        return self.seen


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
