"""kill -9 of a worker, of Valkey and of PostgreSQL while a cutoff is applied and payments come in: nothing is lost."""

import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from sqlalchemy import ColumnElement, func, select

from billing import ledger, subscriptions
from billing import testing as billing_testing
from billing.models import (
    AccessState,
    Account,
    CutoffRun,
    LedgerEntry,
    LockReason,
    RunStatus,
    SubscriptionAccess,
    SuspensionLock,
)
from core import clock
from core.errors import LinecardError
from registry import audit, customers, lines, staff
from registry.models import CustomerStatus
from tests import product as products
from tests.product import Client, Product, wait_for

# The first test of a run starts the whole product, with neighbours on the same cores.
pytestmark = pytest.mark.timeout(300)

PEOPLE = 120
PAYERS = 4
PRICE_MINOR = 3000
LIMIT_S = 60.0
LOGIN, PASSWORD = "crash", "crash and come again"
ACTOR = audit.Actor(None, "test")
SETTINGS = {
    "LINECARD_CUTOFF__LEASE_S": "10",
    "LINECARD_CUTOFF__RETRY_FIRST_S": "1",
    "LINECARD_CUTOFF__BRAKE_SHARE_PERCENT": "100",
}


@dataclass
class Town:
    """A product without the demo, where everybody owes for months; the first half will pay."""

    product: Product
    ids: list[int] = field(default_factory=list)

    def client(self) -> Client:
        return self.product.client(LOGIN, PASSWORD)

    @property
    def payers(self) -> list[int]:
        return self.ids[: PEOPLE // 2]


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with products.running("--empty", settings=SETTINGS) as made:
        town = Town(made)
        _fill(town)
        yield town


def _fill(town: Town) -> None:
    today = clock.today("Europe/Kyiv")
    start = date(today.year, today.month, 1) - timedelta(days=60)
    with town.product.database.transaction() as session:
        staff.create(
            session, ACTOR, login=LOGIN, name="Crash Test", password=PASSWORD, roles=["administrator"]
        )
        plan = billing_testing.plan(session, PRICE_MINOR)
        for number in range(PEOPLE):
            customer = customers.create(
                session, ACTOR, currency="EUR", last_name=f"Person {number}", status=CustomerStatus.CONNECTED
            )
            service = subscriptions.start(
                session,
                customer.account_id,
                billing_testing.act(start, payment_days=7),
                choice=subscriptions.Choice(plan.id, bill_day=start.day if start.day < 29 else 1),
                starts_on=start,
            )
            lines.attach(session, service.id, customer.id, actor=ACTOR, today=today)
            town.ids.append(customer.id)


def _again(act: Callable[[], bool], until: float) -> int:
    """Do it until it succeeds, as people do who see an error; returns how often it failed."""
    failures = 0
    while True:
        try:
            if act():
                return failures
        except OSError:
            pass
        failures += 1
        assert time.monotonic() < until, "it never succeeded"
        time.sleep(0.15)


def _pay(client: Client, customer_id: int, key: str) -> bool:
    fields = {
        "amount": "100.00",
        "method": "bank",
        "dated_on": clock.today("Europe/Kyiv").isoformat(),
        "reference": key,
        "key": key,
    }
    return client.post(f"/customers/{customer_id}/money/payment", fields).status == 303


def _cut(client: Client, until: float) -> None:
    """Plan and apply, until a plan is applied."""
    found: list[str] = []

    def plan() -> bool:
        answer = client.post("/cutoff/plan")
        found.extend(re.findall(r"/cutoff/(\d+)", answer.headers.get("Location", "")))
        return answer.status == 303

    _again(plan, until)
    # 409: it was applied although the answer got lost.
    _again(lambda: client.post(f"/cutoff/{found[-1]}/apply").status in (303, 409), until)


def _kill(product: Product, part: str) -> None:
    pid = product.pid_of(part)
    assert pid is not None, f"{part} does not run"
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: product.pid_of(part) not in (None, pid), 20, product.log)


def _count(product: Product, condition: ColumnElement[bool]) -> int:
    """Return how many lines are so; -1 while the database does not answer."""
    query = select(func.count()).select_from(SubscriptionAccess).where(condition)
    try:
        with product.database.reading() as session:
            return session.scalar(query) or 0
    except LinecardError:
        return -1


def _is_settled(product: Product) -> bool:
    return _count(product, SubscriptionAccess.applied.is_distinct_from(SubscriptionAccess.wanted)) == 0


def test_nothing_is_lost_or_doubled_when_parts_are_killed_during_a_cutoff_and_payments(town: Town) -> None:
    product = town.product
    wait_for(lambda: _is_settled(product), 30, product.log)
    clients = [town.client() for _ in range(PAYERS)]
    is_over, began = threading.Event(), time.monotonic()
    until = began + LIMIT_S

    def take(turn: int) -> tuple[list[str], int]:
        """Take payment after payment until the killing is over; return the keys, and the failed requests."""
        keys, failures = [], 0
        mine = town.payers[turn::PAYERS]
        while not is_over.is_set() or len(keys) < len(mine):
            customer = mine[len(keys) % len(mine)]
            key = f"crash-payment-{customer}-{len(keys)}"
            failures += _again(lambda key=key, customer=customer: _pay(clients[turn], customer, key), until)
            keys.append(key)
        return keys, failures

    with ThreadPoolExecutor(PAYERS + 1) as pool:
        payments = [pool.submit(take, turn) for turn in range(PAYERS)]
        cut = pool.submit(_cut, town.client(), until)
        time.sleep(0.3)
        _kill(product, "postgresql")
        wait_for(
            lambda: _count(product, SubscriptionAccess.applied == AccessState.CLOSED) > 0, 30, product.log
        )
        for part in ("probe", "valkey", "work"):
            _kill(product, part)
            time.sleep(0.5)
        cut.result()
        wait_for(product.is_well, until - time.monotonic(), product.log)
        is_over.set()
        taken = [future.result() for future in payments]
    keys = [key for found, _ in taken for key in found]
    failures = sum(failed for _, failed in taken)
    wait_for(lambda: _is_settled(product), until - time.monotonic(), product.log)
    print(f"{len(keys)} payments, {failures} of their requests failed and were sent again; "
          f"all settled after {time.monotonic() - began:.1f} s")  # fmt: skip
    _check_money(town, keys)
    _check_lines(town)


def _check_money(town: Town, keys: list[str]) -> None:
    with town.product.database.reading() as session:
        booked = Counter(
            session.scalars(
                select(LedgerEntry.idempotency_key).where(
                    LedgerEntry.idempotency_key.like("%crash-payment-%")
                )
            )
        )
        assert len(booked) == len(keys)
        assert set(booked.values()) == {1}
        assert {key.rpartition(":")[2] for key in booked} == set(keys)
        assert ledger.verify(session) == []
        sums = select(LedgerEntry.account_id, func.sum(LedgerEntry.amount_minor)).group_by(
            LedgerEntry.account_id
        )
        balances = select(Account.id, Account.balance_minor)
        assert dict(session.execute(balances).all()) == dict(session.execute(sums).all())


def _check_lines(town: Town) -> None:
    with town.product.database.reading() as session:
        locked = set(
            session.scalars(
                select(SuspensionLock.subscription_id).where(
                    SuspensionLock.reason == LockReason.DEBT, SuspensionLock.lifted_at.is_(None)
                )
            )
        )
        rows = session.scalars(select(SubscriptionAccess)).all()
        assert [run.status for run in session.scalars(select(CutoffRun).order_by(CutoffRun.id))][-1] is (
            RunStatus.APPLIED
        )
    assert len(rows) == PEOPLE
    assert len(locked) == PEOPLE - len(town.payers)
    for row in rows:
        right = AccessState.CLOSED if row.subscription_id in locked else AccessState.OPEN
        assert (row.wanted, row.applied) == (right, right)
