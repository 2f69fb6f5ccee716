"""The whole round of money and packets on the running product: the night cuts, a payment lets in again."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from billing.models import (
    AccessState,
    Account,
    CutoffRun,
    LockReason,
    NightRun,
    RunStatus,
    SubscriptionAccess,
    SuspensionLock,
)
from core import clock
from linecard.demo import lab as demo_lab
from netdiag import ping
from netdiag.results import PingReply
from registry.models import Customer, Line
from tasks import celery_app, enqueue
from tasks.runtime import queue_url
from tests.product import Client, Product, wait_for

# The first test of a run starts the whole product, with neighbours on the same cores.
pytestmark = pytest.mark.timeout(300)

Inside = Callable[[str, Callable[[], Any]], Any]
EVERY_S = 0.1
CUT = ("c9", "c3")
SPARED = ("c1", "c10", "c11")
LOCKED = demo_lab.LOCKED


class Pings:
    """Somebody's own pings to the core, one after the other, through the gateway, until told to stop."""

    def __init__(self, product: Product, inside: Inside, key: str) -> None:
        self.replies: list[tuple[float, PingReply]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=inside, args=(product.plan.customer(key).namespace, lambda: self._run(product)), name=key
        )
        self._thread.start()

    def _run(self, product: Product) -> None:
        stream = ping.stream(
            product.plan.probe_address,
            count=100_000,
            interval_s=EVERY_S,
            timeout_s=0.5,
            should_stop=self._stop.is_set,
        )
        for reply in stream:
            self.replies.append((time.monotonic(), reply))

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def lost(self) -> int:
        """How many of all got no answer."""
        return sum(reply.rtt_ms is None for _, reply in self.replies)

    def is_alive_since(self, moment: float) -> bool:
        """Whether one that was answered came after the moment."""
        return any(at > moment and reply.rtt_ms is not None for at, reply in self.replies)

    def is_dead(self) -> bool:
        """Whether the last three got no answer."""
        last = self.replies[-3:]
        return len(last) == 3 and all(reply.rtt_ms is None for _, reply in last)


@contextmanager
def pinging(product: Product, inside: Inside, *keys: str) -> Iterator[dict[str, Pings]]:
    """Let these customers ping for a block."""
    running = {key: Pings(product, inside, key) for key in keys}
    try:
        yield running
    finally:
        for one in running.values():
            one.stop()


def access_of(product: Product, key: str) -> SubscriptionAccess:
    with product.database.reading() as session:
        return session.scalars(
            select(SubscriptionAccess)
            .join(Line, Line.subscription_id == SubscriptionAccess.subscription_id)
            .join(Customer, Customer.id == Line.customer_id)
            .where(Customer.number == demo_lab.number_of(key))
        ).one()


def debt_minor(product: Product, key: str) -> int:
    with product.database.reading() as session:
        found = session.scalar(
            select(Account.balance_minor)
            .join(Customer, Customer.account_id == Account.id)
            .where(Customer.number == demo_lab.number_of(key))
        )
    return -(found or 0)


def close_day(product: Product, client: Client) -> None:
    """Run tonight's job through the queue; where the brake holds the plan, a person releases it."""
    settings = product.settings
    app = celery_app.make(queue_url(settings))
    today = clock.today(settings.isp.time_zone)
    enqueue.close_day(app, today.isoformat())
    app.close()

    def night() -> NightRun | None:
        with product.database.reading() as session:
            return session.get(NightRun, today)

    def is_closed() -> bool:
        found = night()
        return found is not None and found.finished_at is not None

    wait_for(is_closed, 30, product.log)
    found = night()
    assert found is not None
    with product.database.reading() as session:
        run = session.get_one(CutoffRun, found.cutoff_run_id)
    if run.status is RunStatus.BRAKED:
        client.get(f"/cutoff/{run.id}")
        told = {"typed": str(run.cut_count), "reason": "the laboratory owes as a whole"}
        answer = client.post(f"/cutoff/{run.id}/release", told)
        assert answer.status == 303, answer.text[:2000]
        answer = client.post(f"/cutoff/{run.id}/apply")
        assert answer.status == 303, answer.text[:2000]


def pay(product: Product, client: Client, key: str, amount_minor: int) -> float:
    """Take the customer's payment by the form; return when it was sent (monotonic seconds)."""
    path = f"/customers/{product.customer_id(demo_lab.number_of(key))}/money/payment"
    client.get(path)
    fields = {
        "amount": f"{amount_minor / 100:.2f}",
        "method": "cash",
        "dated_on": clock.today(product.settings.isp.time_zone).isoformat(),
        "reference": f"receipt {key}",
        "key": f"round-{key}-{time.time_ns()}",
    }
    sent_at = time.monotonic()
    answer = client.post(path, fields)
    assert answer.status == 303, f"{answer.status} {answer.text[:3000]}"
    return sent_at


@pytest.fixture(scope="module")
def cashier(product_lab: Product) -> Client:
    """Somebody at the till."""
    return product_lab.client("billing")


def test_the_night_cuts_real_packets_and_a_payment_lets_them_through_again(
    product_lab: Product, cashier: Client, inside: Inside
) -> None:
    wait_for(lambda: access_of(product_lab, LOCKED).applied is AccessState.CLOSED, 30, product_lab.log)
    with pinging(product_lab, inside, *CUT, *SPARED, LOCKED) as people:
        began = time.monotonic()
        wait_for(lambda: all(people[key].is_alive_since(began) for key in (*CUT, *SPARED)), 10)
        assert people[LOCKED].lost == len(people[LOCKED].replies) > 0, "a manual lock lets nothing through"
        close_day(product_lab, product_lab.client("admin"))
        for key in CUT:
            wait_for(people[key].is_dead, 20, product_lab.log)
        took = {}
        for key in CUT:
            sent_at = pay(product_lab, cashier, key, debt_minor(product_lab, key))
            wait_for(
                lambda key=key, sent_at=sent_at: people[key].is_alive_since(sent_at), 20, product_lab.log
            )
            at = next(at for at, reply in people[key].replies if at > sent_at and reply.rtt_ms is not None)
            took[key] = at - sent_at
        paid_at = pay(product_lab, cashier, LOCKED, debt_minor(product_lab, LOCKED))
        time.sleep(3)
    print(
        {key: f"{seconds:.2f} s from the payment's POST to the first packet" for key, seconds in took.items()}
    )
    assert took["c9"] < 10, "a quiet machine needs one second, the promise is three"
    assert took["c3"] < 10
    assert {key: people[key].lost for key in SPARED} == dict.fromkeys(SPARED, 0)
    assert not people[LOCKED].is_alive_since(paid_at - 1000), "he paid, and the manual lock stays"
    with product_lab.database.reading() as session:
        locks = session.scalars(
            select(SuspensionLock).where(
                SuspensionLock.subscription_id == access_of(product_lab, LOCKED).subscription_id,
                SuspensionLock.lifted_at.is_(None),
            )
        ).all()
    assert [lock.reason for lock in locks] == [LockReason.MANUAL]


def test_what_the_gates_really_do_is_observed(product_lab: Product) -> None:
    since = clock.now() - timedelta(minutes=5)

    def is_observed() -> bool:
        rows = {key: access_of(product_lab, key) for key in ("c1", LOCKED, "c3")}
        return all(row.observed_at and row.observed_at > since and row.observed for row in rows.values())

    app = celery_app.make(queue_url(product_lab.settings))
    enqueue.observe_access(app)
    app.close()
    wait_for(is_observed, 30, product_lab.log)
    assert access_of(product_lab, "c1").observed is AccessState.OPEN
    assert access_of(product_lab, LOCKED).observed is AccessState.CLOSED
    assert access_of(product_lab, "c3").observed is AccessState.OPEN
