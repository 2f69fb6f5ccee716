"""The gate sweep: each line told once, changes of mind, failing gates, and what the network really does."""

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

import gates
from billing import access, answers, suspensions
from billing import testing as money
from billing.models import AccessState, LockReason, NightRun, SubscriptionAccess
from core import clock, errors
from gates.testing import FakeGate
from registry import audit, credentials, line_gates, lines, strangers, testing
from registry.models import Customer, CustomerStatus, Device, GateStranger, IpAddress, Line, LineGate
from tasks import access as tasks_access
from tasks import celery_app, gate_calls, night
from tasks.gate_calls import Maker
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


def maker(gate: FakeGate) -> Maker:
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
    monkeypatch.setattr(gate_calls, "BATCH", 30)
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


def gate_row(runtime: Runtime) -> LineGate:
    with runtime.database.transaction() as session:
        return session.scalars(select(LineGate)).one()


def end_pause(runtime: Runtime) -> None:
    with runtime.database.transaction() as session:
        session.execute(update(LineGate).values(paused_until=clock.now(), epoch_read_at=None))


def test_a_gate_that_fails_as_a_whole_is_left_alone_longer_each_time_and_then_tried_once(runtime, fake):
    ids = add_lines(runtime, 2)
    assert tasks_access.sweep(runtime, maker(fake)) == 2
    for key in ids:
        lock(runtime, key)
    fake.failures = [gates.GateUnreachable("the gateway does not answer")] * 3
    pauses = []
    for attempt in range(1, 4):
        before = clock.now()
        assert tasks_access.sweep(runtime, maker(fake)) == 0
        gate, row = gate_row(runtime), rows(runtime)[ids[0]]
        pauses.append((gate.paused_until - before).total_seconds())
        assert (gate.error, gate.failures) == ("the gateway does not answer", attempt)
        assert (row.error, row.leased_until) == ("the gateway does not answer", None)
        assert tasks_access.sweep(runtime, maker(fake)) == 0, "not before its time"
        assert tasks_access.observe(runtime, maker(fake)) == []
        assert len(fake.failures) == 3 - attempt, "one trial, not one for each line"
        end_pause(runtime)
    assert pauses[2] > pauses[0] * 1.5
    assert tasks_access.sweep(runtime, maker(fake)) == 2
    assert rows(runtime)[ids[0]].error is None
    gate = gate_row(runtime)
    assert (gate.error, gate.failing_since, gate.failures, gate.paused_until) == ("", None, 0, None)


def test_a_dead_gate_holds_up_nobody_else(runtime, fake):
    """The dead one answers only when the other gate's lines are settled."""
    ids = add_lines(runtime, 4)
    with runtime.database.transaction() as session:
        dead = line_gates.create(session, ACTOR, name="dead", kind="dead", options={})
        session.execute(update(Line).where(Line.subscription_id.in_(ids[:2])).values(gate_id=dead.id))
    is_settled = threading.Event()

    class Dead(FakeGate):
        """Says nothing until the other gate has been told."""

        def apply(self, wanted: Any) -> Any:
            assert is_settled.wait(20), "the other gate waits for this one"
            raise gates.GateUnreachable("no answer in 10 s")

    class Quick(FakeGate):
        """Tells that its lines were told."""

        def read(self, lines: Any) -> Any:
            is_settled.set()
            return super().read(lines)

    made = {"dead": Dead(), "fake": Quick()}
    with runtime.database.transaction() as session:
        answers.repair(session, ids[2:], by="Olha")
    assert tasks_access.sweep(runtime, lambda kind, settings: made[kind]) == 2
    found = rows(runtime)
    assert [found[key].applied for key in ids] == [None, None, AccessState.OPEN, AccessState.OPEN]
    assert [found[key].repaired_at is not None for key in ids] == [False, False, True, True]


def test_one_line_a_gate_refuses_is_found_and_the_others_are_told(runtime):
    ids = add_lines(runtime, 9)
    with runtime.database.transaction() as session:
        bad = lines.targets(session, ids)[ids[4]].line_id

    class Picky(FakeGate):
        """Refuses every batch with a certain line in it."""

        def apply(self, wanted: Any) -> Any:
            if any(line.line_id == bad for line in wanted):
                raise gates.GateRefused("overlaps what is there")
            return super().apply(wanted)

    assert tasks_access.sweep(runtime, maker(Picky())) == 8
    assert {key for key, row in rows(runtime).items() if row.error} == {ids[4]}
    assert gate_row(runtime).error == ""


def test_gear_that_lost_everything_is_told_all_its_lines_again(runtime, fake):
    ids = add_lines(runtime, 5)
    lock(runtime, ids[0])
    assert tasks_access.sweep(runtime, maker(fake)) == 5
    told = len(fake.calls)
    end_pause(runtime)
    assert tasks_access.sweep(runtime, maker(fake)) == 0
    assert len(fake.calls) == told, "the same life: nothing is told again"
    assert gate_row(runtime).restarted_at is None
    fake.reboot()
    end_pause(runtime)
    assert tasks_access.sweep(runtime, maker(fake)) == 5
    assert sorted(fake.state.values()) == ["closed", "open", "open", "open", "open"]
    gate = gate_row(runtime)
    assert gate.restarted_lines == 5
    assert gate.resynced_at >= gate.restarted_at
    fake.reboot()
    fake.life = ""
    end_pause(runtime)
    fake.calls.clear()
    tasks_access.sweep(runtime, maker(fake))
    assert len(fake.state) == 5
    assert len(fake.calls[0]) == 1, "one line first: it makes the mark that is kept"


def test_what_a_gate_holds_for_no_line_is_listed_and_taken_off_when_asked(runtime, fake):
    ids = add_lines(runtime, 1)
    with runtime.database.transaction() as session:
        target = lines.targets(session, ids)[ids[0]]
        network = testing.network(session, "10.60.0.0/24")
        session.add(IpAddress(address="10.60.0.5", network_id=network.id, customer_id=target.customer_id))
    lock(runtime, ids[0])
    tasks_access.sweep(runtime, maker(fake))
    fake.list_of_addresses["10.60.0.9"] = "closed"
    for _ in range(2):
        tasks_access.observe(runtime, maker(fake))
    with runtime.database.transaction() as session:
        stranger = session.scalars(select(GateStranger)).one()
        assert (stranger.address, stranger.access, stranger.repaired_at) == ("10.60.0.9", "closed", None)
        assert strangers.repair(session, [stranger.id], by="Olha") == {stranger.gate_id}
    tasks_access.sweep(runtime, maker(fake))
    assert fake.list_of_addresses == {"10.60.0.5": "closed"}
    with runtime.database.transaction() as session:
        stranger = session.scalars(select(GateStranger)).one()
        assert stranger.repaired_at is not None
        assert stranger.repair_by == "Olha"
    fake.list_of_addresses["10.60.0.9"] = "closed"
    tasks_access.observe(runtime, maker(fake))
    with runtime.database.transaction() as session:
        stranger = session.scalars(select(GateStranger)).one()
        assert (stranger.repair_asked_at, stranger.repaired_at) == (None, None)


def test_one_broken_line_does_not_hold_up_the_others(runtime, fake):
    ids = add_lines(runtime, 3)
    with runtime.database.transaction() as session:
        targets = lines.targets(session, ids)
    fake.broken = {targets[ids[1]].line_id: "no address on file"}
    assert tasks_access.sweep(runtime, maker(fake)) == 2
    assert [row.error for _, row in sorted(rows(runtime).items())] == [None, "no address on file", None]


def test_a_gate_that_is_set_wrong_waits_for_a_person(runtime):
    add_lines(runtime, 1, kind="nftables")
    with runtime.database.transaction() as session:
        session.execute(update(LineGate).values(options={"no_such": 1}))
    before = clock.now()
    assert tasks_access.sweep(runtime) == 0
    gate = gate_row(runtime)
    assert "no_such" in gate.error
    assert (gate.paused_until - before).total_seconds() > 40


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
    end_pause(runtime)
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
