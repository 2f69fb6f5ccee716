"""Diagnostic runs as rows: what may be asked, bounds, who is first, and what became of them."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from core import clock, errors
from core.settings import Diagnostics
from registry import audit, diagnostic_block, diagnostics, testing, upkeep
from registry.models import (
    AuditEvent,
    DeviceRole,
    DiagnosticKind,
    DiagnosticRun,
    DiagnosticStatus,
    Heartbeat,
    IpAddress,
)

PING, MAC = DiagnosticKind.PING, DiagnosticKind.MAC_LOOKUP
SNMP, LOCATE = DiagnosticKind.SNMP_STATUS, DiagnosticKind.LOCATE_MAC
LIMITS = Diagnostics(open_runs_per_person=3, open_runs_limit=4)


def begin(session: Any, actor: audit.Actor, target: str, customer_id: int | None, kind=PING, **options: Any):
    return diagnostics.open_run(
        session, actor, kind=kind, target=target, customer_id=customer_id, limits=LIMITS, options=options
    )


@pytest.fixture
def olena(session):
    return testing.person(session)


@pytest.fixture
def koval(session):
    return testing.customer(session, addresses=["127.0.9.1", "127.0.9.2"], macs=["aa:bb:cc:00:00:01"])


def test_a_run_of_his_own_address_waits_for_the_worker_and_is_in_the_history(session, olena, koval):
    run = begin(session, olena, "127.0.9.1", koval.id, count="5", interval_s="0.2", size="1400")
    assert run.status is DiagnosticStatus.QUEUED
    assert run.options == {"count": 5, "interval_s": 0.2, "size": 1400, "address": "127.0.9.1"}
    assert (run.pop, run.staff_name) == ("core", "Olena")
    event = session.scalars(select(AuditEvent).where(AuditEvent.action == "diagnostics.ping")).one()
    assert (event.customer_id, event.object_id, event.note) == (koval.id, run.id, "127.0.9.1")


def test_the_usual_options_are_taken_when_none_are_given(session, olena, koval):
    run = begin(session, olena, "127.0.9.1", koval.id, count="", size=None)
    assert (run.options["count"], run.options["interval_s"], run.options["size"]) == (20, 1.0, 56)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("count", "0"),
        ("count", "601"),
        ("count", "2.5"),
        ("count", "many"),
        ("count", "nan"),
        ("interval_s", "0.1"),
        ("interval_s", "inf"),
        ("size", "9001"),
        ("size", "-1"),
    ],
)
def test_options_out_of_bounds_are_refused_at_their_field(session, olena, koval, field, value):
    with pytest.raises(errors.Invalid) as caught:
        begin(session, olena, "127.0.9.1", koval.id, **{field: value})
    assert list(caught.value.fields) == [field]


def test_only_his_own_addresses_devices_and_ports_are_asked(session, olena, koval):
    other = testing.customer(session, "1002", addresses=["127.0.9.3"])
    device = testing.device(session, "cpe", role=DeviceRole.CPE, address="127.0.9.4", customer_id=other.id)
    switch = testing.device(session, "sw1", address="127.0.9.5")
    port = testing.connect(session, other.id, switch.id, 3)
    for kind, target in (
        (PING, "127.0.9.3"),
        (PING, "127.0.9.4"),
        (PING, "8.8.8.8"),
        (PING, f"device:{device.id}"),
        (SNMP, f"device:{switch.id}"),
        (SNMP, f"port:{port.id}"),
        (SNMP, "port:99999"),
        (SNMP, "device:99999"),
    ):
        with pytest.raises(errors.NotFound):
            begin(session, olena, target, koval.id, kind)
    assert begin(session, olena, f"port:{port.id}", other.id, SNMP).options["port_id"] == port.id
    assert begin(session, olena, f"device:{switch.id}", other.id, SNMP).device_id == switch.id


def test_without_a_customer_only_registered_devices_are_asked(session, olena, koval):
    testing.pop(session)
    device = testing.device(session, "sw1", address="127.0.9.5")
    with pytest.raises(errors.NotFound):
        begin(session, olena, "127.0.9.1", None)
    assert begin(session, olena, "127.0.9.5", None).device_id == device.id


@pytest.mark.parametrize("target", ["", "router", "127.0.0.1/8", "port:x", "device:"])
def test_what_is_no_address_is_refused(session, olena, koval, target):
    with pytest.raises(errors.Invalid):
        begin(session, olena, target, koval.id)


def test_a_kind_is_refused_where_it_makes_no_sense(session, olena, koval):
    bare = testing.device(session, "bare", customer_id=koval.id)
    for kind, target in ((PING, f"device:{bare.id}"), (SNMP, "127.0.9.1"), (LOCATE, "127.0.9.2")):
        with pytest.raises(errors.Invalid) as caught:
            begin(session, olena, target, koval.id, kind)
        assert "target" in caught.value.fields
    assert begin(session, olena, "127.0.9.1", koval.id, LOCATE).options["mac_on_file"] == "aa:bb:cc:00:00:01"


def test_the_same_person_kind_and_target_run_once(session, olena, koval):
    first = begin(session, olena, "127.0.9.1", koval.id)
    with pytest.raises(errors.Busy) as caught:
        begin(session, olena, "127.0.9.1", koval.id)
    assert f"run {first.id}" in caught.value.message
    begin(session, olena, "127.0.9.2", koval.id)
    begin(session, testing.person(session, "taras"), "127.0.9.1", koval.id)
    diagnostics.finish(session, first.id, DiagnosticStatus.DONE, result={"sent": 1})
    assert begin(session, olena, "127.0.9.1", koval.id).id != first.id


def test_a_person_and_everybody_together_are_bounded(session, olena):
    many = testing.customer(session, addresses=[f"127.0.9.{n}" for n in range(1, 9)])
    for n in range(1, 4):
        begin(session, olena, f"127.0.9.{n}", many.id)
    with pytest.raises(errors.Busy, match="already have 3"):
        begin(session, olena, "127.0.9.4", many.id)
    taras = testing.person(session, "taras")
    begin(session, taras, "127.0.9.4", many.id)
    with pytest.raises(errors.Busy, match="4 runs are going"):
        begin(session, taras, "127.0.9.5", many.id)


def test_two_people_cannot_both_take_the_last_place(fresh_database):
    with fresh_database.transaction() as session:
        many = testing.customer(session, addresses=[f"127.0.9.{n}" for n in range(1, 9)])
        people = [testing.person(session, f"person{n}") for n in range(8)]
    outcomes: list[str] = []

    def try_one(place: int) -> None:
        try:
            with fresh_database.transaction() as session:
                begin(session, people[place], f"127.0.9.{place + 1}", many.id)
            outcomes.append("begun")
        except errors.Busy:
            outcomes.append("busy")

    threads = [threading.Thread(target=try_one, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["begun"] * 4 + ["busy"] * 4


def test_the_worker_near_the_address_takes_the_job_if_it_lives(session, olena):
    testing.pop(session, "core")
    lviv = testing.pop(session, "lviv")
    near = testing.network(session, "127.5.0.0/16", pop_id=lviv.id)
    koval = testing.customer(session, addresses=["127.5.0.1", "127.5.0.2"], network_id=near.id)
    assert begin(session, olena, "127.5.0.1", koval.id).pop == "lviv"
    session.execute(
        update(Heartbeat)
        .where(Heartbeat.name == "probe.lviv")
        .values(at=clock.now() - diagnostics.WORKER_ALIVE - timedelta(seconds=1))
    )
    run = begin(session, olena, "127.5.0.2", koval.id)
    assert (run.pop, run.options["pop_wanted"]) == ("core", "lviv")
    upkeep.stop_beating(session, "probe.core")
    session.flush()
    with pytest.raises(errors.Unavailable, match="alive at lviv, core"):
        diagnostics.choose_pop(session, "lviv", "core")
    with pytest.raises(errors.Unavailable, match="No probe worker is alive at core"):
        diagnostics.choose_pop(session, None, "core")


def test_a_job_delivered_twice_is_claimed_once(session, olena, koval):
    run = begin(session, olena, "127.0.9.1", koval.id)
    assert diagnostics.start(session, run.id).status is DiagnosticStatus.RUNNING
    assert diagnostics.start(session, run.id) is None
    assert diagnostics.finish(session, run.id, DiagnosticStatus.DONE, result={"sent": 2})
    assert not diagnostics.finish(session, run.id, DiagnosticStatus.FAILED, error="late")
    (past,) = diagnostics.history(session, koval.id)
    assert (past.status, past.result, past.error) == (DiagnosticStatus.DONE, {"sent": 2}, "")
    assert diagnostics.open_runs(session, koval.id) == []


def test_a_stop_ends_a_queued_run_at_once_and_asks_a_running_one(session, olena, koval):
    queued = begin(session, olena, "127.0.9.1", koval.id)
    going = begin(session, olena, "127.0.9.2", koval.id)
    diagnostics.start(session, going.id)
    assert diagnostics.stop(session, olena, queued.id).status is DiagnosticStatus.STOPPED
    assert diagnostics.stop(session, olena, going.id).status is DiagnosticStatus.RUNNING
    assert diagnostics.stop(session, olena, queued.id).status is DiagnosticStatus.STOPPED
    stops = session.scalars(select(AuditEvent).where(AuditEvent.action == "diagnostics.stopped")).all()
    assert len(stops) == 2
    with pytest.raises(errors.NotFound):
        diagnostics.stop(session, olena, 999_999)


def test_runs_nobody_takes_or_ends_are_ended(session, olena, koval):
    waiting = begin(session, olena, "127.0.9.1", koval.id)
    going = begin(session, olena, "127.0.9.2", koval.id)
    diagnostics.start(session, going.id)
    assert diagnostics.expire_stale(session, LIMITS) == []
    session.execute(
        update(DiagnosticRun)
        .where(DiagnosticRun.id == waiting.id)
        .values(created_at=clock.now() - timedelta(seconds=60))
    )
    assert [run.id for run in diagnostics.expire_stale(session, LIMITS)] == [waiting.id]
    assert waiting.status is DiagnosticStatus.EXPIRED
    assert [run.id for run in diagnostics.expire_stale(session, LIMITS, lost=[going.id])] == [going.id]
    assert (going.status, going.error) == (DiagnosticStatus.FAILED, "The probe worker fell silent")


def test_the_mac_found_is_stored_once_asked_and_is_in_the_history(session, olena, koval):
    run = begin(session, olena, "127.0.9.1", koval.id, MAC)
    diagnostics.finish(
        session, run.id, DiagnosticStatus.DONE, result={"macs": [{"mac": "aa:bb:cc:00:00:02"}]}
    )
    with pytest.raises(errors.Invalid):
        diagnostics.store_mac(session, olena, run.id, "aa:bb:cc:00:00:09")
    diagnostics.store_mac(session, olena, run.id, "aa:bb:cc:00:00:02")
    diagnostics.store_mac(session, olena, run.id, "aa:bb:cc:00:00:02")
    row = session.scalars(select(IpAddress).where(IpAddress.address == "127.0.9.1")).one()
    assert row.mac == "aa:bb:cc:00:00:02"
    event = session.scalars(select(AuditEvent).where(AuditEvent.action == "address.mac_stored")).one()
    assert event.changes == {"mac": ["aa:bb:cc:00:00:01", "aa:bb:cc:00:00:02"]}
    session.delete(row)
    session.flush()
    with pytest.raises(errors.NotFound):
        diagnostics.store_mac(session, olena, run.id, "aa:bb:cc:00:00:02")


def test_a_job_is_no_person_and_opens_no_run(session, koval):
    with pytest.raises(errors.Forbidden):
        begin(session, audit.Actor(None, "night"), "127.0.9.1", koval.id)


def test_the_block_says_what_can_be_asked_and_what_is_missing(session, olena, koval):
    device = testing.device(session, "cpe", role=DeviceRole.CPE, address="127.0.9.7", customer_id=koval.id)
    switch = testing.device(session, "sw1", address="127.0.9.5")
    testing.connect(session, koval.id, switch.id, 3, name="ge3")
    begin(session, olena, "127.0.9.1", koval.id)
    block = diagnostic_block.load(session, koval.id, LIMITS)
    assert [one.target for one in block.addresses] == ["127.0.9.1", "127.0.9.2", f"device:{device.id}"]
    assert [port.name for port in block.ports] == ["ge3"]
    assert len(block.open_runs) == 1
    assert block.fault == ""
    advice = {"ping": {"is_allowed": False, "method": None, "advice": "Set net.ipv4.ping_group_range"}}
    upkeep.beat(session, "probe.core", advice)
    session.expire_all()
    assert diagnostic_block.load(session, koval.id, LIMITS).fault == "Set net.ipv4.ping_group_range"
    upkeep.stop_beating(session, "probe.core")
    session.flush()
    assert "No probe worker is alive" in diagnostic_block.load(session, koval.id, LIMITS).fault
    with pytest.raises(errors.NotFound):
        diagnostic_block.load(session, 999_999, LIMITS)


def test_all_runs_are_listed_and_narrowed(session, olena, koval):
    first = begin(session, olena, "127.0.9.1", koval.id)
    second = begin(session, testing.person(session, "taras"), "127.0.9.1", koval.id, MAC)
    diagnostics.finish(session, first.id, DiagnosticStatus.DONE)
    assert [run.id for run in diagnostic_block.listing(session)] == [second.id, first.id]
    assert [run.id for run in diagnostic_block.listing(session, kind=PING)] == [first.id]
    assert [run.id for run in diagnostic_block.listing(session, staff_id=olena.staff_id)] == [first.id]
    assert [run.id for run in diagnostic_block.listing(session, is_open=True)] == [second.id]
    assert [run.id for run in diagnostic_block.listing(session, before_id=second.id)] == [first.id]
    assert diagnostic_block.one(session, first.id).customer == koval.name
    assert not diagnostic_block.one(session, first.id).is_open


@pytest.mark.parametrize(
    ("result", "is_seen"),
    [
        ({"sent": 5, "received": 1}, True),
        ({"sent": 5, "received": 0}, False),
        ({"method": "arp", "macs": [{"mac": "aa:bb:cc:00:00:01"}]}, True),
        ({"method": "router", "macs": [{"mac": "aa:bb:cc:00:00:01"}]}, False),
    ],
)
def test_only_an_answer_of_the_address_itself_is_a_sighting(session, olena, koval, result, is_seen):
    run = begin(session, olena, "127.0.9.1", koval.id)
    diagnostics.start(session, run.id)
    diagnostics.finish(session, run.id, DiagnosticStatus.DONE, result=result)
    seen = dict(session.execute(select(IpAddress.address, IpAddress.last_seen_at)).all())
    assert (seen["127.0.9.1"] is not None) is is_seen
    assert seen["127.0.9.2"] is None
