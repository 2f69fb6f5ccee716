"""The gate sweep: each line told once, changes of mind, failing gates, and what the network really does."""

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

import gates
from billing import access, suspensions
from billing import testing as money
from billing.models import AccessState, LockReason, NightRun, SubscriptionAccess
from core import clock, errors
from gates.testing import FakeGate
from registry import audit, credentials, line_gates, lines, testing
from registry.models import Customer, CustomerStatus, Device, LineGate
from tasks import access as tasks_access
from tasks import celery_app, night
from tasks.runtime import Runtime

ACTOR = audit.Actor(None, "test")
TODAY = date(2026, 11, 22)


@pytest.fixture
def fake() -> FakeGate:
    return FakeGate()


@pytest.fixture
def runtime(make_settings: Callable[..., Any], fresh_url: str, redis_url: str):
    made = Runtime(
        make_settings(
            data={"database_url": fresh_url, "queue_url": redis_url},
            cutoff={"retry_first_s": 5, "retry_limit_s": 60},
        )
    )
    yield made
    made.close()


def maker(gate: FakeGate) -> tasks_access.Maker:
    """Return what makes gates: the shipped in-memory one for the kind `fake`."""
    return lambda kind, settings: gate if kind == "fake" else gates.make(kind, settings)


def add_lines(runtime: Runtime, count: int, *, kind: str | None = "fake") -> list[int]:
    """Add customers with a line each, on a default gate of this kind; return their subscriptions."""
    made = []
    with runtime.database.transaction() as session:
        if kind and not line_gates.list_all(session):
            line_gates.create(session, ACTOR, name=kind, kind=kind, options={}, is_default=True)
        for number in range(count):
            sample = money.subscriber(session, starts_on=TODAY - timedelta(days=40), today=TODAY)
            customer = Customer(
                number=f"{number}",
                sort_name=f"{number}",
                last_name=f"{number}",
                account_id=sample.account_id,
                status=CustomerStatus.CONNECTED,
            )
            session.add(customer)
            session.flush()
            lines.attach(session, sample.subscription_id, customer.id, actor=ACTOR, today=TODAY)
            access.ensure(session, sample.subscription_id, today=TODAY)
            made.append(sample.subscription_id)
    return made


def rows(runtime: Runtime) -> dict[int, SubscriptionAccess]:
    with runtime.database.transaction() as session:
        return {row.subscription_id: row for row in session.scalars(select(SubscriptionAccess))}


def lock(runtime: Runtime, subscription_id: int) -> None:
    with runtime.database.transaction() as session:
        suspensions.place(session, [subscription_id], LockReason.MANUAL, owner="test", note="", today=TODAY)


def due_now(runtime: Runtime) -> None:
    with runtime.database.transaction() as session:
        session.execute(update(SubscriptionAccess).values(next_attempt_at=clock.now()))


def test_four_sweeps_at_once_tell_each_line_once(runtime, fake, monkeypatch):
    monkeypatch.setattr(tasks_access, "BATCH", 30)
    ids = add_lines(runtime, 70)
    threads = [threading.Thread(target=tasks_access.sweep, args=(runtime, maker(fake))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = [line for call in fake.calls for line in call]
    assert len(told) == len(set(told)) == len(ids)
    assert all(row.applied is AccessState.OPEN and row.error is None for row in rows(runtime).values())
    assert tasks_access.sweep(runtime, maker(fake)) == 0


def test_a_change_of_mind_during_the_call_is_not_lost(runtime, fake):
    (subscription_id,) = add_lines(runtime, 1)
    tasks_access.sweep(runtime, maker(fake))
    lock(runtime, subscription_id)

    class Slow(FakeGate):
        """While it is asked, somebody changes his mind."""

        def apply(self, wanted: Any) -> Any:
            if not self.calls:
                with runtime.database.transaction() as session:
                    suspensions.lift(session, [subscription_id], LockReason.MANUAL, by="test", today=TODAY)
            return super().apply(wanted)

    slow = Slow()
    tasks_access.sweep(runtime, maker(slow))
    row = rows(runtime)[subscription_id]
    assert (row.wanted, row.applied) == (AccessState.OPEN, AccessState.OPEN)
    assert list(slow.state.values()) == ["open"]
    assert len(slow.calls) == 2


def test_a_failing_gate_is_shown_and_tried_again_after_growing_pauses(runtime, fake):
    (subscription_id,) = add_lines(runtime, 1)
    fake.failures = [gates.GateUnreachable("the gateway does not answer")] * 2
    pauses = []
    for _ in range(2):
        due_now(runtime)
        before = clock.now()
        assert tasks_access.sweep(runtime, maker(fake)) == 0
        row = rows(runtime)[subscription_id]
        pauses.append((row.next_attempt_at - before).total_seconds())
        assert row.error == "the gateway does not answer"
        assert tasks_access.sweep(runtime, maker(fake)) == 0, "not before its time"
    assert pauses[1] > pauses[0] * 1.1
    with runtime.database.transaction() as session:
        gate = session.scalars(select(LineGate)).one()
        assert gate.error == "the gateway does not answer"
        assert gate.failing_since is not None
    due_now(runtime)
    assert tasks_access.sweep(runtime, maker(fake)) == 1
    assert rows(runtime)[subscription_id].error is None
    with runtime.database.transaction() as session:
        gate = session.scalars(select(LineGate)).one()
        assert (gate.error, gate.failing_since) == ("", None)


def test_one_broken_line_does_not_hold_up_the_others(runtime, fake):
    ids = add_lines(runtime, 3)
    with runtime.database.transaction() as session:
        targets = lines.targets(session, ids)
    fake.broken = {targets[ids[1]].line_id: "no address on file"}
    assert tasks_access.sweep(runtime, maker(fake)) == 2
    assert [row.error for _, row in sorted(rows(runtime).items())] == [None, "no address on file", None]


def test_a_gate_that_is_set_wrong_waits_for_a_person(runtime):
    (subscription_id,) = add_lines(runtime, 1, kind="nftables")
    with runtime.database.transaction() as session:
        session.execute(update(LineGate).values(options={"no_such": 1}))
    before = clock.now()
    assert tasks_access.sweep(runtime) == 0
    row = rows(runtime)[subscription_id]
    assert "no_such" in row.error
    assert (row.next_attempt_at - before).total_seconds() > 40


def test_without_a_gate_nothing_on_the_network_is_touched_and_nothing_observed(runtime):
    (subscription_id,) = add_lines(runtime, 1, kind=None)
    assert tasks_access.sweep(runtime) == 1
    assert tasks_access.observe(runtime) == []
    row = rows(runtime)[subscription_id]
    assert (row.applied, row.observed) == (AccessState.OPEN, None)


def test_a_service_without_a_line_says_so(runtime):
    with runtime.database.transaction() as session:
        sample = money.subscriber(session, starts_on=TODAY, today=TODAY)
        access.ensure(session, sample.subscription_id, today=TODAY)
    assert tasks_access.sweep(runtime) == 0
    assert "no line" in rows(runtime)[sample.subscription_id].error


def test_a_line_that_does_otherwise_than_applied_is_told_again(runtime, fake):
    (subscription_id,) = add_lines(runtime, 1)
    tasks_access.sweep(runtime, maker(fake))
    assert tasks_access.observe(runtime, maker(fake)) == []
    assert rows(runtime)[subscription_id].observed is AccessState.OPEN
    fake.state = dict.fromkeys(fake.state, "closed")
    assert tasks_access.observe(runtime, maker(fake)) == [subscription_id]
    assert tasks_access.sweep(runtime, maker(fake)) == 1
    assert list(fake.state.values()) == ["open"]
    fake.failures = [gates.GateUnreachable("gone")]
    assert tasks_access.observe(runtime, maker(fake)) == []
    fake.blind = set(fake.state)
    tasks_access.observe(runtime, maker(fake))
    assert rows(runtime)[subscription_id].observed is None


def test_the_switch_of_a_line_whose_credentials_are_missing_fails_that_line_alone(runtime):
    ids = add_lines(runtime, 2, kind="snmp_port")
    with runtime.database.transaction() as session:
        targets = lines.targets(session, ids)
        bare = testing.device(session, "bare", address="127.0.0.1")
        testing.connect(session, targets[ids[0]].customer_id, bare.id, 3)
        sealed = testing.device(session, "sealed", address="127.0.0.1")
        sealed.snmp_port = 9
        credentials.set_snmp(session.get_one(Device, sealed.id), runtime.ring, version="2c", community="x")
        testing.connect(session, targets[ids[1]].customer_id, sealed.id, 4)
    assert tasks_access.sweep(runtime) == 0
    found = rows(runtime)
    assert "SNMP version" in found[ids[0]].error
    assert found[ids[1]].error
    assert "SNMP version" not in found[ids[1]].error


# --- the night


def test_the_night_closes_the_day_once_and_wakes_the_gates(runtime, redis_url):
    (subscription_id,) = add_lines(runtime, 1, kind=None)
    app = celery_app.make(redis_url)
    with app.connection_for_write() as connection:
        queue = connection.SimpleQueue(celery_app.gate_queue("core"))
        queue.clear()
        night.close_day(runtime, app, TODAY.isoformat())
        assert queue.get(timeout=5).headers["task"] == "sweep_access"
        queue.close()
    night.close_day(runtime, app, TODAY.isoformat())
    with runtime.database.transaction() as session:
        run = session.scalars(select(NightRun)).one()
        assert run.run_on == TODAY
        assert run.finished_at is not None
    with pytest.raises(errors.Conflict):
        night.close_day(runtime, app, (TODAY - timedelta(days=1)).isoformat())
    night.verify_ledger(runtime)
    app.close()
    assert subscription_id in rows(runtime)
