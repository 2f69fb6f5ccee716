"""Rounds of watching: who is swept from where, what becomes of them, and that no round is done twice."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from core import clock, errors
from netdiag import errors as wire
from registry import testing, upkeep, watch_rounds, watching
from registry.models import (
    Device,
    DeviceRole,
    IpAddress,
    Pop,
    RoundKind,
    SeriesKind,
    SeriesRound,
    WatchRound,
    WatchSeries,
    WatchState,
    WatchStatus,
)
from tasks import watch
from tasks.runtime import Runtime
from tasks.testing import FakeSweep

A, D, B, U = WatchState.ALIVE, WatchState.DEAD, WatchState.BEHIND, WatchState.UNKNOWN


@pytest.fixture
def runtime(make_settings: Callable[..., Any], fresh_url: str, redis_url: str) -> Iterator[Runtime]:
    made = Runtime(make_settings(data={"database_url": fresh_url, "queue_url": redis_url}))
    yield made
    made.close()


@pytest.fixture
def town(runtime: Runtime) -> dict[str, int]:
    """A router, a switch behind it, a customer on the switch with an address and a device, one elsewhere."""
    with runtime.database.transaction() as session:
        core = testing.pop(session)
        north = testing.pop(session, "north", is_alive=False)
        router = testing.device(session, "rt", role=DeviceRole.ROUTER, address="10.0.0.1", pop_id=core.id)
        switch = testing.device(session, "sw", address="10.0.0.2", pop_id=core.id)
        switch.parent_id = router.id
        home = testing.network(session, "10.1.0.0/24", pop_id=core.id, gateway_id=router.id)
        away = testing.network(session, "10.2.0.0/24", pop_id=north.id)
        one = testing.customer(session, "1", addresses=["10.1.0.5"], network_id=home.id)
        testing.connect(session, one.id, switch.id, 7)
        testing.device(
            session, "cpe", role=DeviceRole.CPE, address="10.1.0.5", customer_id=one.id, pop_id=core.id
        )
        two = testing.customer(session, "2", addresses=["10.1.0.6", "10.1.0.8/29"], network_id=home.id)
        three = testing.customer(session, "3", addresses=["10.2.0.9"], network_id=away.id)
        session.flush()
        return {"router": router.id, "switch": switch.id, "one": one.id, "two": two.id, "three": three.id}


ALL = {"10.0.0.1": 0.5, "10.0.0.2": 0.7, "10.1.0.5": 2.0, "10.1.0.6": 3.0, "10.2.0.9": 9.0}


def call(runtime: Runtime) -> list[tuple[str, str, str]]:
    sent: list[tuple[str, str, str]] = []
    watch.call(runtime, lambda pop, kind, doer, _: sent.append((pop, kind, doer)))
    return sent


def due(runtime: Runtime) -> None:
    with runtime.database.transaction() as session:
        now = clock.now()
        session.execute(update(WatchRound).values(due_at=now - timedelta(seconds=1), asked_at=None))


def sweep_all(
    runtime: Runtime, sweep: FakeSweep, rounds: int = 1, kinds: tuple[str, ...] = ("devices", "customers")
) -> None:
    for _ in range(rounds):
        call(runtime)
        due(runtime)
        for kind in kinds:
            assert watch.do_round(runtime, "core", kind, sweep=sweep)


def statuses(runtime: Runtime) -> dict[str, WatchStatus]:
    """How everybody stands, devices by name and addresses by themselves."""
    query = (
        select(func.coalesce(Device.name, func.host(IpAddress.address)), WatchStatus)
        .join(WatchSeries, WatchSeries.id == WatchStatus.series_id)
        .outerjoin(Device, Device.id == WatchSeries.device_id)
        .outerjoin(IpAddress, IpAddress.id == WatchSeries.ip_id)
    )
    with runtime.database.transaction() as session:
        return dict(session.execute(query).all())


def states(runtime: Runtime) -> dict[str, WatchState]:
    return {name: status.state for name, status in statuses(runtime).items()}


def test_everybody_of_a_pop_is_swept_and_nobody_of_another(runtime: Runtime, town: dict[str, int]) -> None:
    sweep = FakeSweep(ALL)
    sweep_all(runtime, sweep)
    asked = [["10.0.0.1", "10.0.0.2"], ["10.1.0.5", "10.1.0.6"]]
    assert [sorted(addresses) for addresses in sweep.asked] == asked
    assert states(runtime) == {"rt": A, "sw": A, "cpe": A, "10.1.0.5": A, "10.1.0.6": A, "10.2.0.9": U}
    found = statuses(runtime)
    assert (found["10.1.0.5"].rtt_us, found["10.1.0.5"].loss_percent) == (2000, 0)
    with runtime.database.reading() as session:
        row = session.scalars(select(IpAddress).where(IpAddress.address == "10.1.0.5")).one()
        assert row.last_seen_at == found["10.1.0.5"].last_seen_at


def test_after_three_silent_rounds_an_address_is_dead_and_returns(
    runtime: Runtime, town: dict[str, int]
) -> None:
    sweep = FakeSweep(ALL)
    sweep_all(runtime, sweep)
    del sweep.alive["10.1.0.6"]
    sweep_all(runtime, sweep, 2)
    assert states(runtime)["10.1.0.6"] is A
    silent = statuses(runtime)["10.1.0.6"]
    assert (silent.silent_rounds, silent.loss_percent, silent.rtt_us) == (2, 100, None)
    sweep_all(runtime, sweep)
    dead = statuses(runtime)["10.1.0.6"]
    assert (dead.state, dead.died_at) == (D, silent.silent_since)
    sweep_all(runtime, sweep)
    assert statuses(runtime)["10.1.0.6"].died_at == dead.died_at
    sweep.alive = dict(ALL)
    sweep_all(runtime, sweep)
    back = statuses(runtime)["10.1.0.6"]
    assert (back.state, back.died_at, back.silent_rounds) == (A, None, 0)


def test_children_of_a_dead_parent_are_behind_and_the_parent_is_dead(
    runtime: Runtime, town: dict[str, int]
) -> None:
    sweep = FakeSweep(ALL)
    sweep_all(runtime, sweep)
    sweep.alive = {"10.2.0.9": 9.0}
    sweep_all(runtime, sweep, 3)
    assert states(runtime) == {"rt": D, "sw": B, "cpe": B, "10.1.0.5": B, "10.1.0.6": B, "10.2.0.9": U}
    sweep.alive = {"10.0.0.1": 0.5, "10.0.0.2": 0.7}
    sweep_all(runtime, sweep)
    assert states(runtime) == {"rt": A, "sw": A, "cpe": B, "10.1.0.5": B, "10.1.0.6": B, "10.2.0.9": U}
    sweep_all(runtime, sweep, 2)
    assert states(runtime)["10.1.0.5"] is D


def test_a_silent_switch_behind_which_somebody_answers_cuts_nobody_off(
    runtime: Runtime, town: dict[str, int]
) -> None:
    sweep = FakeSweep(ALL)
    sweep_all(runtime, sweep)
    with runtime.database.transaction() as session:
        four = testing.customer(
            session,
            "4",
            addresses=["10.1.0.7"],
            network_id=session.scalars(
                select(IpAddress.network_id).where(IpAddress.address == "10.1.0.5")
            ).one(),
        )
        testing.connect(session, four.id, town["switch"], 8)
    sweep.alive = {"10.0.0.1": 0.5, "10.1.0.7": 1.0}
    sweep_all(runtime, sweep, 3)
    assert states(runtime) == {
        "rt": A,
        "sw": D,
        "cpe": D,
        "10.1.0.5": D,
        "10.1.0.6": D,
        "10.1.0.7": A,
        "10.2.0.9": U,
    }


def test_who_is_never_watched_is_not_asked_and_of_unknown_state(
    runtime: Runtime, town: dict[str, int]
) -> None:
    sweep = FakeSweep(ALL)
    sweep_all(runtime, sweep)
    with runtime.database.transaction() as session:
        session.execute(update(Device).where(Device.name == "sw").values(is_unwatched=True))
        session.execute(update(IpAddress).where(IpAddress.address == "10.1.0.6").values(is_unwatched=True))
    sweep.asked.clear()
    sweep_all(runtime, sweep)
    assert sorted(address for asked in sweep.asked for address in asked) == ["10.0.0.1", "10.1.0.5"]
    found = statuses(runtime)
    assert (found["sw"].state, found["10.1.0.6"].state) == (U, U)
    assert found["sw"].last_seen_at is not None


def test_two_workers_do_not_do_the_same_round(runtime: Runtime, town: dict[str, int]) -> None:
    sweep = FakeSweep(ALL)
    call(runtime)
    inside, go = threading.Event(), threading.Event()
    sweep.during = lambda: (inside.set(), go.wait(20))
    first = threading.Thread(
        target=watch.do_round, args=(runtime, "core", "devices"), kwargs={"sweep": sweep}
    )
    first.start()
    assert inside.wait(20)
    due(runtime)
    assert watch.do_round(runtime, "core", "devices", sweep=FakeSweep(ALL)) is False
    assert ("core", "devices", "core") not in call(runtime)
    go.set()
    first.join()
    assert len(sweep.asked) == 1
    with runtime.database.reading() as session:
        row = session.get(WatchRound, ("core", RoundKind.DEVICES))
        assert row is not None
        assert (row.number, row.targets, row.answered, row.leased_until) == (1, 2, 2, None)


def test_many_workers_at_once_do_each_round_once(runtime: Runtime, town: dict[str, int]) -> None:
    sweep = FakeSweep(ALL)
    call(runtime)
    done: list[bool] = []
    threads = [
        threading.Thread(
            target=lambda: done.append(watch.do_round(runtime, "core", "customers", sweep=sweep))
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False] * 5 + [True]
    with runtime.database.reading() as session:
        assert session.scalar(select(func.count(SeriesRound.id))) == 1


def test_a_round_whose_lease_was_taken_over_writes_nothing(runtime: Runtime, town: dict[str, int]) -> None:
    late = FakeSweep(ALL)
    call(runtime)

    def overtake() -> None:
        with runtime.database.transaction() as session:
            past = clock.now() - timedelta(seconds=1)
            session.execute(update(WatchRound).values(leased_until=past, due_at=past))
        assert watch.do_round(runtime, "core", "devices", sweep=FakeSweep({}))

    late.during = overtake
    assert watch.do_round(runtime, "core", "devices", sweep=late)
    found = statuses(runtime)
    assert (found["rt"].state, found["rt"].silent_rounds) == (U, 1)
    with runtime.database.reading() as session:
        row = session.get(WatchRound, ("core", RoundKind.DEVICES))
        assert row is not None
        assert (row.number, row.answered, row.error) == (2, 0, "")


def test_what_could_not_be_measured_changes_nobody(runtime: Runtime, town: dict[str, int]) -> None:
    sweep = FakeSweep(ALL)
    sweep_all(runtime, sweep)
    before = statuses(runtime)

    def is_not_permitted() -> None:
        raise wire.NotPermitted("No raw socket here")

    sweep.during = is_not_permitted
    sweep_all(runtime, sweep, 4)
    after = statuses(runtime)
    assert {name: one.checked_at for name, one in before.items()} == {
        name: one.checked_at for name, one in after.items()
    }
    with runtime.database.reading() as session:
        row = session.get(WatchRound, ("core", RoundKind.DEVICES))
        assert row is not None
        assert row.error == "No raw socket here"
        assert row.leased_until is None


def test_a_worker_that_is_stopped_in_a_round_calls_nobody_silent(
    runtime: Runtime, town: dict[str, int]
) -> None:
    sweep = FakeSweep({})
    call(runtime)
    sweep.during = runtime.is_stopping.set
    watch.do_round(runtime, "core", "devices", sweep=sweep)
    assert statuses(runtime)["rt"].silent_rounds == 0


def test_a_pop_is_swept_by_its_own_worker_while_it_lives(runtime: Runtime, town: dict[str, int]) -> None:
    assert ("north", "devices", "core") in call(runtime)
    with runtime.database.transaction() as session:
        upkeep.beat(session, "probe.north")
    due(runtime)
    assert {doer for pop, _, doer in call(runtime) if pop == "north"} == {"north"}


def test_a_call_nobody_took_is_repeated_only_after_its_interval(
    runtime: Runtime, town: dict[str, int]
) -> None:
    assert len(call(runtime)) == 6
    assert call(runtime) == []
    with runtime.database.transaction() as session:
        past = clock.now() - timedelta(seconds=61)
        session.execute(update(WatchRound).values(asked_at=past, due_at=past))
    assert {kind for _, kind, _ in call(runtime)} == {"devices"}


def test_that_the_queue_is_silent_stops_nobody(runtime: Runtime, town: dict[str, int]) -> None:
    def is_silent(*_: object) -> None:
        raise errors.Unavailable("The job queue does not answer")

    assert watch.call(runtime, is_silent) == 6


def test_a_pop_may_have_its_own_pace(runtime: Runtime, town: dict[str, int]) -> None:
    with runtime.database.transaction() as session:
        session.execute(update(Pop).where(Pop.code == "core").values(device_watch_s=20))
    call(runtime)
    began = clock.now()
    watch.do_round(runtime, "core", "devices", sweep=FakeSweep(ALL))
    watch.do_round(runtime, "core", "customers", sweep=FakeSweep(ALL))

    def due_in(kind: RoundKind) -> float:
        with runtime.database.reading() as session:
            row = session.get(WatchRound, ("core", kind))
            assert row is not None
            return (row.due_at - began).total_seconds()

    assert 5 < due_in(RoundKind.DEVICES) < 25
    assert 250 < due_in(RoundKind.CUSTOMERS) < 305


def test_a_worker_that_was_away_does_not_catch_up(runtime: Runtime, town: dict[str, int]) -> None:
    call(runtime)
    with runtime.database.transaction() as session:
        session.execute(update(WatchRound).values(due_at=clock.now() - timedelta(hours=5)))
    assert watch.do_round(runtime, "core", "devices", sweep=FakeSweep(ALL))
    with runtime.database.reading() as session:
        row = session.get(WatchRound, ("core", RoundKind.DEVICES))
        assert row is not None
        assert row.due_at > clock.now()
        assert row.lag_s is not None
        assert row.lag_s > 17_000


def test_a_round_is_a_few_statements_however_many_are_swept(runtime: Runtime, town: dict[str, int]) -> None:
    with runtime.database.transaction() as session:
        away = testing.network(session, "10.8.0.0/16", pop_id=testing.pop(session).id)
        addresses = [f"10.8.{third}.{last}" for third in range(4) for last in range(1, 251)]
        testing.customer(session, "many", addresses=addresses, network_id=away.id)
    call(runtime)
    statements = []
    from sqlalchemy import event

    event.listen(runtime.database.bind, "before_cursor_execute", lambda *args: statements.append(args[2]))
    assert watch.do_round(runtime, "core", "customers", sweep=FakeSweep(dict.fromkeys(addresses, 1.0)))
    assert len(statements) < 25, statements
    with runtime.database.reading() as session:
        assert session.scalar(select(func.count()).where(WatchStatus.state == A)) == 1000


def test_batches_end_where_a_block_of_history_ends() -> None:
    def target(series_id: int) -> watching.Target:
        standing = watching.Standing(U, clock.now())
        return watching.Target(series_id, "10.0.0.1", None, None, standing)

    targets = [target(series_id) for series_id in range(1, 5000)]
    found = list(watching.batches(targets))
    assert [one for batch in found for one in batch] == targets
    assert all(batch[0].series_id % 128 == 0 for batch in found[1:])
    assert len(found) == 3
    assert list(watching.batches([])) == []


def test_the_clocks_of_a_pop_that_is_gone_are_forgotten(runtime: Runtime, town: dict[str, int]) -> None:
    call(runtime)
    with runtime.database.transaction() as session:
        session.execute(update(Pop).where(Pop.code == "north").values(code="west"))
    call(runtime)
    with runtime.database.reading() as session:
        assert {row.pop for row in watch_rounds.list_all(session)} == {"core", "west"}


def test_a_series_goes_with_its_address(runtime: Runtime, town: dict[str, int]) -> None:
    sweep_all(runtime, FakeSweep(ALL))
    with runtime.database.transaction() as session:
        row = session.scalars(select(IpAddress).where(IpAddress.address == "10.1.0.6")).one()
        session.delete(row)
    assert "10.1.0.6" not in states(runtime)
    with runtime.database.reading() as session:
        assert session.scalar(select(func.count()).where(WatchSeries.kind == SeriesKind.PING)) == 5
