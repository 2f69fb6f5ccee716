"""The job of a diagnosis on real sockets: records, loopback, a real SNMP agent, the live stream, the row."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from billing import subscriptions, suspensions
from billing import testing as billing_testing
from billing.models import LockReason, Plan
from core import clock, errors, live, sentences
from netdiag import ping as wire_ping
from netdiag.snmp import message
from netdiag.testing import FakeSnmp
from registry import baselines, credentials, diagnosis_facts, diagnostics, lines, testing
from registry.models import (
    BaselineKind,
    Customer,
    DeviceRole,
    DiagnosticKind,
    DiagnosticRun,
    DiagnosticStatus,
    IpAddress,
    Port,
    RadiusSession,
)
from tasks import diagnose
from tasks.runtime import Runtime
from tests.integration.test_tasks_diagnose import FDB_PORT, MAC, MAC_OID, switch_values

IF = "1.3.6.1.2.1.2.2.1."
IFX = "1.3.6.1.2.1.31.1.1.1."
TODAY = date(2026, 11, 25)


@pytest.fixture
def runtime(make_settings: Any, fresh_url: str, redis_url: str, need: Any):
    if not wire_ping.access().is_allowed:
        need("root")
    made = Runtime(make_settings(data={"database_url": fresh_url, "queue_url": redis_url}))
    yield made
    made.close()


@pytest.fixture
def koval(runtime) -> Customer:
    """A customer with a running service, whose address answers."""
    with runtime.database.transaction() as session:
        customer = testing.customer(session, addresses=["127.0.0.1"], macs=[MAC])
        plan = Plan(name="Fibre", price_minor=1000, currency="EUR", down_kbps=1, up_kbps=1)
        session.add(plan)
        session.flush()
        subscription = subscriptions.start(
            session,
            customer.account_id,
            billing_testing.act(TODAY),
            choice=subscriptions.Choice(plan.id),
            starts_on=TODAY,
        )
        lines.attach(session, subscription.id, customer.id, actor=testing.person(session), today=TODAY)
        return customer


def run(runtime: Runtime, customer_id: int) -> DiagnosticRun:
    with runtime.database.transaction() as session:
        run_id = diagnostics.open_run(
            session,
            testing.person(session),
            kind=DiagnosticKind.DIAGNOSE,
            target=f"customer:{customer_id}",
            customer_id=customer_id,
            limits=runtime.settings.diagnostics,
        ).id
    diagnose.run(runtime, run_id)
    with runtime.database.reading() as session:
        row = diagnostics.get(session, run_id)
    assert row.status is DiagnosticStatus.DONE, row.error
    assert row.result is not None
    return row


def stage(row: DiagnosticRun, key: str) -> dict[str, Any]:
    assert row.result is not None
    return next(one for one in row.result["stages"] if one["key"] == key)


def put_on_switch(runtime: Runtime, customer_id: int, agent: FakeSnmp) -> None:
    with runtime.database.transaction() as session:
        device = testing.device(session, "sw1", address="127.0.0.1")
        device.snmp_port = agent.port
        credentials.set_snmp(device, runtime.ring, version="2c", community="very-secret-word")
        testing.connect(session, customer_id, device.id, 3, name="ge3")
        session.add(Port(device_id=device.id, if_index=4, name="ge4", is_uplink=True))


def test_every_stage_is_told_as_it_ends_and_the_row_keeps_them_all(runtime, koval):
    row = run(runtime, koval.id)
    events = live.replay(runtime.redis, row.id)
    kinds = [event.kind for event in events]
    assert kinds[0] == "started"
    assert kinds[-3:] == ["verdict", "summary", "end"]
    told = [event.values["stage"]["key"] for event in events if event.kind == "stage"]
    assert set(told) == {"account", "incident", "pop", "device", "port", "mac", "address", "quality"}
    assert told[0] == "account", "it waits for nothing"
    assert [one["key"] for one in row.result["stages"]] == [
        "account", "incident", "pop", "device", "port", "mac", "address", "quality",
    ]  # fmt: skip
    assert row.result["took_s"] < 4.5
    assert stage(row, "address")["state"] == "good"
    assert stage(row, "device")["why_not"]["template"] == "no access device is on file for this customer"
    with runtime.database.reading() as session:
        assert session.scalars(select(IpAddress.last_seen_at)).one() is not None


def test_a_debt_lock_is_the_verdict_whatever_the_wire_says(runtime, koval):
    with runtime.database.transaction() as session:
        numbers = list(session.scalars(select(subscriptions.Subscription.id)))
        suspensions.place(session, numbers, LockReason.DEBT, owner="night", note="n", today=TODAY)
    row = run(runtime, koval.id)
    verdict = row.result["verdict"]
    assert (verdict["stage"], verdict["cause"], verdict["who"]) == ("account", "debt_lock", "billing")
    assert stage(row, "address")["state"] == "good"


def test_the_port_and_its_macs_are_read_from_the_switch(runtime, koval):
    with FakeSnmp(switch_values(), community="very-secret-word") as agent:
        put_on_switch(runtime, koval.id, agent)
        row = run(runtime, koval.id)
    assert stage(row, "device")["state"] == "good"
    assert stage(row, "port")["state"] == "good"
    assert stage(row, "mac")["state"] == "good"
    assert "very-secret-word" not in json.dumps(row.result)


def test_a_port_that_is_shut_is_named_with_who_must_act(runtime, koval):
    # The address must be silent: one that answers makes the port on file doubtful.
    with runtime.database.transaction() as session:
        session.scalars(select(IpAddress)).one().address = "192.0.2.77"
    values = switch_values() | {f"{IF}7.3": 2, f"{IF}8.3": 2}
    del values[f"{FDB_PORT}{MAC_OID}"]
    with FakeSnmp(values, community="very-secret-word") as agent:
        put_on_switch(runtime, koval.id, agent)
        row = run(runtime, koval.id)
    verdict = row.result["verdict"]
    assert (verdict["stage"], verdict["cause"], verdict["who"]) == ("port", "port_shut", "noc")
    assert "sw1 ge3 is switched off by our side" in sentences.tell(verdict["headline"])


def test_a_silent_switch_costs_its_own_limit_and_no_more(runtime, koval):
    with FakeSnmp(switch_values(), community="another-word") as agent:
        put_on_switch(runtime, koval.id, agent)
        row = run(runtime, koval.id)
    assert row.result["took_s"] < 4.5
    assert stage(row, "device")["state"] == "warning"
    assert stage(row, "port")["state"] == "unknown"
    assert row.result["verdict"]["cause"] == "nothing_found"


def test_a_mac_on_the_port_that_is_somebody_elses_is_named(runtime, koval):
    other = "aa:bb:cc:00:00:09"
    with runtime.database.transaction() as session:
        testing.customer(session, "2002", addresses=["127.0.9.9"], macs=[other])
    values = switch_values()
    values[f"{FDB_PORT}170.187.204.0.0.9"] = values.pop(f"{FDB_PORT}{MAC_OID}")
    with FakeSnmp(values, community="very-secret-word") as agent:
        put_on_switch(runtime, koval.id, agent)
        row = run(runtime, koval.id)
    assert "customer 2002's" in sentences.tell(stage(row, "mac")["words"])


def test_a_diagnosis_is_of_a_customer_and_nothing_else(runtime, koval):
    for kind, target in (
        (DiagnosticKind.DIAGNOSE, "127.0.0.1"),
        (DiagnosticKind.PING, f"customer:{koval.id}"),
    ):
        with pytest.raises(errors.Invalid), runtime.database.transaction() as session:
            diagnostics.open_run(
                session,
                testing.person(session),
                kind=kind,
                target=target,
                customer_id=koval.id,
                limits=runtime.settings.diagnostics,
            )
    with pytest.raises(errors.NotFound), runtime.database.transaction() as session:
        diagnostics.open_run(
            session,
            testing.person(session),
            kind=DiagnosticKind.DIAGNOSE,
            target=f"customer:{koval.id + 1}",
            customer_id=koval.id,
            limits=runtime.settings.diagnostics,
        )


def test_the_facts_name_the_chain_above_a_customers_own_device(runtime, koval):
    with runtime.database.transaction() as session:
        top = testing.device(session, "agg", address="127.0.1.1")
        radio = testing.device(session, "base", role=DeviceRole.RADIO, address="127.0.1.2")
        radio.parent_id = top.id
        top.parent_id = radio.id  # a loop in the records ends the chain
        cpe = testing.device(session, "cpe", role=DeviceRole.CPE, customer_id=koval.id)
        cpe.parent_id = radio.id
    with runtime.database.reading() as session:
        facts = diagnosis_facts.load(session, koval.id, today=TODAY)
    assert facts.device is not None
    assert facts.device.name == "base"
    assert [one.name for one in facts.parents] == ["agg"]
    assert facts.port is None


def test_an_onu_without_power_is_found_by_its_serial_on_the_olt(runtime, koval):
    table = "1.3.6.1.4.1.37950.1.1.6.1.1."
    values = switch_values() | {"1.3.6.1.2.1.1.1.0": "V1600G1 OLT"}
    del values[f"{FDB_PORT}{MAC_OID}"]
    for number, (serial, state) in enumerate((("HWTC00000001", 3), ("HWTC1A2B3C4D", 4)), start=1):
        values[f"{table}1.1.5.1.{number}"] = state
        values[f"{table}2.1.5.1.{number}"] = serial
    with runtime.database.transaction() as session:
        session.scalars(select(IpAddress)).one().address = "192.0.2.77"
        unit = testing.device(session, "ONU", role=DeviceRole.ONU, customer_id=koval.id)
        unit.serial = "485754431A2B3C4D"
    with FakeSnmp(values, community="very-secret-word") as agent:
        with runtime.database.transaction() as session:
            olt = testing.device(session, "olt-2", role=DeviceRole.OLT, address="127.0.0.1")
            olt.snmp_port = agent.port
            credentials.set_snmp(olt, runtime.ring, version="2c", community="very-secret-word")
            testing.connect(session, koval.id, olt.id, 3, name="GPON0/1")
        row = run(runtime, koval.id)
    verdict = row.result["verdict"]
    assert (verdict["stage"], verdict["cause"], verdict["who"]) == ("port", "onu_power", "customer")
    assert "lost its power" in sentences.tell(verdict["headline"])


def test_a_line_is_compared_with_its_own_good_day_its_plan_and_its_last_hour(runtime, koval):
    """Installed at 1 Gbit/s; found at 100 Mbit/s, which its plan does not allow either; repaired; then it flaps."""
    values = switch_values() | {f"{IFX}15.3": 1000, f"{IF}9.3": 0, "1.3.6.1.2.1.1.3.0": 90_000_000}
    with runtime.database.transaction() as session:
        session.scalars(select(Plan)).one().down_kbps = 300_000
    with FakeSnmp(values, community="very-secret-word") as agent:
        put_on_switch(runtime, koval.id, agent)
        good = run(runtime, koval.id)
        take_baseline(runtime, good, BaselineKind.INSTALLATION)
        change(agent, f"{IFX}15.3", 100)
        slow = run(runtime, koval.id)
        change(agent, f"{IFX}15.3", 1000)
        take_baseline(runtime, run(runtime, koval.id), BaselineKind.REPAIR)
        for before_s in (1500, 900, 300):
            change(agent, f"{IF}9.3", 90_000_000 - before_s * 100)
            flapping = run(runtime, koval.id)
    assert good.result["verdict"]["cause"] == "nothing_found"
    verdict = slow.result["verdict"]
    assert (verdict["stage"], verdict["cause"], verdict["who"]) == ("port", "port_slow", "field")
    assert "100 Mbit/s instead of 1 Gbit/s" in sentences.tell(verdict["headline"])
    facts = {
        sentences.tell(one["name"]): sentences.tell(one["value"]) for one in stage(slow, "port")["facts"]
    }
    assert facts["Expected"] == "300 Mbit/s"
    with pytest.raises(errors.Invalid):
        take_baseline(runtime, slow, BaselineKind.REPAIR)
    verdict = flapping.result["verdict"]
    assert verdict["cause"] == "port_flaps"
    assert "3 times within the hour" in sentences.tell(verdict["headline"])
    with runtime.database.reading() as session:
        newest = baselines.newest(session, koval.id)
    assert (newest.kind, newest.speed_bps) == (BaselineKind.REPAIR, 10**9)


def change(agent: FakeSnmp, oid: str, value: int) -> None:
    agent.state.values[message.oid_tuple(oid)] = value


def take_baseline(runtime: Runtime, row: DiagnosticRun, kind: BaselineKind) -> None:
    with runtime.database.transaction() as session:
        baselines.take(session, testing.person(session), row.id, kind=kind)


def test_an_accounting_session_that_ended_explains_a_silent_address(runtime, koval):
    assert "no DHCP or RADIUS source is connected" in told_of_session(run(runtime, koval.id))
    now = clock.now()
    with runtime.database.transaction() as session:
        accounting = RadiusSession(
            session_id="s1",
            nas="n",
            customer_id=koval.id,
            at=now,
            in_octets=1,
            out_octets=1,
            session_time_s=60,
        )
        session.add(accounting)
    assert told_of_session(run(runtime, koval.id)) == "active"
    with runtime.database.transaction() as session:
        session.scalars(select(RadiusSession)).one().ended_at = now - timedelta(minutes=10)
        session.scalars(select(IpAddress)).one().address = "192.0.2.77"
    row = run(runtime, koval.id)
    verdict = row.result["verdict"]
    assert (verdict["stage"], verdict["cause"]) == ("address", "no_lease")
    assert "RADIUS session: the router has none since" in sentences.tell(verdict["headline"])


def told_of_session(row: DiagnosticRun) -> str:
    facts = stage(row, "address")["facts"]
    return next(sentences.tell(one["value"]) for one in facts if "ession" in sentences.tell(one["name"]))


def test_a_switch_and_its_port_are_diagnosed_without_a_customer(runtime, koval):
    with FakeSnmp(switch_values(), community="very-secret-word") as agent:
        put_on_switch(runtime, koval.id, agent)
        with runtime.database.reading() as session:
            port = session.scalars(select(Port).where(Port.if_index == 3)).one()
        device = run_target(runtime, f"device:{port.device_id}")
        on_port = run_target(runtime, f"port:{port.id}")
        change(agent, f"{IF}8.3", 2)
        broken = run_target(runtime, f"port:{port.id}")
    assert device.customer_id is None
    assert device.options["name"] == "sw1"
    assert device.result["verdict"]["cause"] == "nothing_found"
    assert stage(device, "account")["state"] == stage(device, "port")["state"] == "unknown"
    assert "no customer is named" in sentences.tell(stage(device, "account")["why_not"])
    assert "no port is named" in sentences.tell(stage(device, "port")["why_not"])
    assert stage(on_port, "port")["state"] == stage(on_port, "mac")["state"] == "good"
    verdict = broken.result["verdict"]
    assert (verdict["stage"], verdict["cause"], verdict["who"]) == ("port", "port_down", "field")


def run_target(runtime: Runtime, target: str) -> DiagnosticRun:
    with runtime.database.transaction() as session:
        run_id = diagnostics.open_run(
            session,
            testing.person(session),
            kind=DiagnosticKind.DIAGNOSE,
            target=target,
            customer_id=None,
            limits=runtime.settings.diagnostics,
        ).id
    diagnose.run(runtime, run_id)
    with runtime.database.reading() as session:
        row = diagnostics.get(session, run_id)
    assert row.status is DiagnosticStatus.DONE, row.error
    return row
