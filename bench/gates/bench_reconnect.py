"""From a payment's POST to the first ping reply through the gateway, beside a gate that is down.

Fifty payments on the whole product and a laboratory of namespaces: the customer is cut for debt in the
gateway's nftables and pings the core all the time; the sum is taken by the form at the till. Half way a
second gate of the same POP, with twenty lines to be told, hangs: it answers nothing within its ten seconds.
Needs root, ip and nft; ends with 1 when p95 is not under two seconds.
"""

import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sqlalchemy import select
from sqlalchemy.orm import Session

from bench.net import ground
from billing import subscriptions, suspensions
from billing import testing as money
from billing.models import Account, LockReason, SubscriptionAccess
from core import clock
from linecard.demo import lab as demo_lab
from netdiag import ping
from registry import audit, customers, line_gates, lines, testing
from registry.models import Customer, CustomerStatus, IpAddress, Line, LineGate, Pop
from tasks import celery_app, enqueue
from tasks.runtime import queue_url
from tests import product as products
from tests.product import Client, Product, wait_for

PAYERS = ("c1", "c3", "c9", "c10", "c11")
ROUNDS = 10
HANGING = "nft-that-hangs"
DEAD_LINES = 20
EVERY_S = 0.02
STEP_MINOR = 1500
TARGET_S = 2.0
ACTOR = audit.Actor(None, "bench")


class Pings:
    """A customer's own pings to the core, one after the other, until told to stop."""

    def __init__(self, product: Product, key: str) -> None:
        self.answered: list[float] = []
        self._stop = threading.Event()
        self._namespace = product.plan.customer(key).namespace
        self._target = product.plan.probe_address
        self._thread = threading.Thread(target=self._run, name=key, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        ground.enter(self._namespace)
        replies = ping.stream(
            self._target, count=1_000_000, interval_s=EVERY_S, timeout_s=0.1, should_stop=self._stop.is_set
        )
        for reply in replies:
            if reply.rtt_ms is not None:
                self.answered.append(time.monotonic())

    def stop(self) -> None:
        """End it."""
        self._stop.set()
        self._thread.join()

    @property
    def is_dead(self) -> bool:
        """Whether nothing was answered for half a second."""
        return not self.answered or time.monotonic() - self.answered[-1] > 0.5

    def first_after(self, moment: float) -> float | None:
        """Return when the first answer after the moment came."""
        return next((at for at in self.answered if at > moment), None)


@contextmanager
def pinging(product: Product) -> Iterator[dict[str, Pings]]:
    """Let the payers ping for a block."""
    people = {key: Pings(product, key) for key in PAYERS}
    try:
        wait_for(lambda: all(one.answered for one in people.values()), 20, product.log)
        yield people
    finally:
        for one in people.values():
            one.stop()


def account_of(session: Session, key: str) -> Account:
    """Return the account of a customer of the laboratory."""
    query = select(Account).join(Customer, Customer.account_id == Account.id)
    return session.scalars(query.where(Customer.number == demo_lab.number_of(key))).one()


def cut(product: Product, people: dict[str, Pings]) -> None:
    """Charge everybody something that is long overdue and lock the lines for it, as a cutoff does."""
    today = clock.today(product.settings.isp.time_zone)
    with product.database.transaction() as session:
        for key in PAYERS:
            account = account_of(session, key)
            owed = max(0, account.balance_minor) + STEP_MINOR
            money.charge(session, account.id, owed, due_on=today - timedelta(days=60))
            line = select(Line.subscription_id).join(Customer, Customer.id == Line.customer_id)
            ids = session.scalars(line.where(Customer.account_id == account.id)).all()
            suspensions.place(session, ids, LockReason.DEBT, owner="bench", today=today)
    wake(product)
    wait_for(lambda: all(one.is_dead for one in people.values()), 30, product.log)


def wake(product: Product) -> None:
    """Have the gates told, as every change of locks does."""
    app = celery_app.make(queue_url(product.settings))
    enqueue.sweep_access(app)
    app.close()


def pay(product: Product, client: Client, people: dict[str, Pings], key: str, place: int) -> float:
    """Take what the customer owes at the till; return the seconds until the first reply to a ping."""
    with product.database.reading() as session:
        owed = -account_of(session, key).balance_minor
    fields = {
        "amount": f"{owed / 100:.2f}",
        "method": "cash",
        "dated_on": clock.today(product.settings.isp.time_zone).isoformat(),
        "reference": f"bench {place}",
        "key": f"bench-{key}-{place}",
    }
    path = f"/customers/{product.customer_id(demo_lab.number_of(key))}/money/payment"
    sent_at = time.monotonic()
    answer = client.post(path, fields)
    assert answer.status == 303, f"{answer.status} {answer.text[:2000]}"
    wait_for(lambda: people[key].first_after(sent_at) is not None, 30, product.log)
    return (people[key].first_after(sent_at) or 0.0) - sent_at


def add_dead_gate(product: Product, folder: Path) -> list[int]:
    """Add a gate of the laboratory's POP whose nft hangs, and lines at it; return their subscriptions."""
    program = folder / HANGING
    program.write_text("#!/bin/sh\nexec sleep 30\n")
    program.chmod(0o755)
    today = clock.today(product.settings.isp.time_zone)
    with product.database.transaction() as session:
        pop_id = session.scalars(select(Pop.id).where(Pop.code == demo_lab.POP)).one()
        options = {"program": str(program)}
        gate = line_gates.create(session, ACTOR, name="Dead", kind="nftables", options=options, pop_id=pop_id)
        plan = money.plan(session, 0)
        network = testing.network(session, "10.60.0.0/24")
        made = []
        for number in range(DEAD_LINES):
            customer = customers.create(
                session, ACTOR, currency="EUR", last_name=f"Dead {number}", status=CustomerStatus.CONNECTED
            )
            service = subscriptions.start(
                session,
                customer.account_id,
                money.act(today),
                choice=subscriptions.Choice(plan.id, bill_day=1),
                starts_on=today,
            )
            line = lines.attach(session, service.id, customer.id, actor=ACTOR, gate_id=gate.id, today=today)
            address = f"10.60.0.{number + 1}"
            home = {"network_id": network.id, "customer_id": customer.id, "line_id": line.id}
            session.add(IpAddress(address=address, **home))
            made.append(service.id)
    return made


def failures(product: Product) -> int:
    """Return how often the dead gate was tried in vain."""
    with product.database.reading() as session:
        return session.scalars(select(LineGate.failures).where(LineGate.name == "Dead")).one_or_none() or 0


def words(name: str, took: list[float]) -> str:
    """Return one line of the table."""
    ordered = sorted(took)
    p95 = ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]
    figures = (statistics.median(took), p95, ordered[0], ordered[-1])
    return f"{name:44} {len(took):3d} " + " ".join(f"{figure:6.2f}" for figure in figures)


def measure(product: Product, folder: Path) -> int:
    """Pay fifty times, the later half beside a dead gate; print the table, return the exit code."""
    client = product.client("billing")
    client.get("/customers")
    took: dict[bool, list[float]] = {False: [], True: []}
    with pinging(product) as people:
        for place in range(ROUNDS):
            is_beside = place >= ROUNDS // 2
            if place == ROUNDS // 2:
                add_dead_gate(product, folder)
            cut(product, people)
            took[is_beside] += [pay(product, client, people, key, place) for key in PAYERS]
    # Its first trial ends after ten seconds, longer than the payments take: that it hung is seen afterwards.
    wait_for(lambda: failures(product) > 0, 30, product.log)
    everything = took[False] + took[True]
    print(f"{'seconds from POST to the first ping reply':44}   n    p50    p95  least   most")
    print(words("every gate works", took[False]))
    print(words(f"beside a gate that is down ({failures(product)} trials in vain)", took[True]))
    print(words("all of them", everything))
    with product.database.reading() as session:
        waiting = session.scalars(
            select(SubscriptionAccess.subscription_id).where(SubscriptionAccess.applied.is_(None))
        ).all()
    print(f"lines of the dead gate that still wait: {len(waiting)}")
    return 0 if sorted(everything)[-(-len(everything) * 95 // 100) - 1] < TARGET_S else 1


def main() -> int:
    """Run the product with a laboratory of its own and measure."""
    print(ground.describe("nft", "ip"))
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        allowed = {"LINECARD_GATES__NFT_PROGRAMS": json.dumps([f"{folder}/{HANGING}"])}
        product = stack.enter_context(products.running(settings=allowed))
        Path(folder).chmod(0o755)
        product.lab_up()
        return measure(product, Path(folder))


if __name__ == "__main__":
    ground.run(main, needs=("ip", "nft"))
