"""A line that moves, to another port or address: its gate is told at once, what it left is let go."""

from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from sqlalchemy import select

from core import clock, secrets
from gates.testing import FakeGate
from registry import (
    connections,
    credentials,
    drift,
    gate_moves,
    line_gates,
    lines,
    networks,
    ports,
    strangers,
    testing,
)
from registry.drift import DriftFilter
from registry.models import Device, GateStranger, IpAddress, Line, LineGate, PortReading
from tasks import access as tasks_access
from tasks.runtime import Runtime
from tests.integration.test_tasks_access import ACTOR, add_lines, lock, maker


@pytest.fixture
def runtime(make_settings, fresh_url, redis_url):
    data = {"database_url": fresh_url, "queue_url": redis_url}
    made = Runtime(make_settings(data=data, secrets={"keys": [secrets.new_key()]}))
    yield made
    made.close()


def test_a_port_gate_is_given_the_name_its_port_was_last_known_by(runtime):
    class Seen(FakeGate):
        ports: ClassVar[list[Any]] = []

        def apply(self, wanted):
            self.ports += [line.port for line in wanted]
            return super().apply(wanted)

    seen = Seen()
    (key,) = add_lines(runtime, 1, kind="snmp_port")
    assert tasks_access.sweep(runtime, lambda *_: seen) == 1
    with runtime.database.transaction() as session:
        switch = testing.device(session, "sw-1", address="127.0.0.1")
        credentials.set_snmp(session.get_one(Device, switch.id), runtime.ring, version="2c", community="x")
        customer_id = lines.targets(session, [key])[key].customer_id
        read, unread = ports.add(session, ACTOR, switch.id, indexes="3-4", name="port ")
        session.add(PortReading(port_id=read.id, at=clock.now(), reading={"name": "ether3"}))
        first = connections.connect(session, ACTOR, customer_id, read.id).connection
    assert tasks_access.sweep(runtime, lambda *_: seen) == 1, "a new port is told at once"
    with runtime.database.transaction() as session:
        connections.change(session, ACTOR, customer_id, first.id, vlan=7)
    assert tasks_access.sweep(runtime, lambda *_: seen) == 0, "another VLAN is the same port"
    with runtime.database.transaction() as session:
        connections.disconnect(session, ACTOR, customer_id, first.id)
        connections.connect(session, ACTOR, customer_id, unread.id)
    assert tasks_access.sweep(runtime, lambda *_: seen) == 1
    told = [(one.if_index, one.name, one.if_name) if one else None for one in seen.ports]
    assert told == [None, (3, "port3", "ether3"), (4, "port4", "")]


def test_a_line_with_another_address_is_told_at_once_and_the_one_it_left_is_taken_off(runtime):
    fake = FakeGate()
    debtor, other = add_lines(runtime, 2)
    lock(runtime, debtor)
    with runtime.database.transaction() as session:
        testing.network(session, "10.60.0.0/24")
        people = {key: one.customer_id for key, one in lines.targets(session, [debtor, other]).items()}
        old = networks.give(session, ACTOR, people[debtor], address="10.60.0.5")
    assert tasks_access.sweep(runtime, maker(fake)) == 2
    with runtime.database.transaction() as session:
        networks.change(session, ACTOR, people[debtor], old.id, description="the attic")
    assert tasks_access.sweep(runtime, maker(fake)) == 0, "what is written on it moves nothing"
    with runtime.database.transaction() as session:
        networks.take(session, ACTOR, people[debtor], old.id)
        networks.give(session, ACTOR, people[debtor], address="10.60.0.6")
    assert tasks_access.sweep(runtime, maker(fake)) == 1
    assert fake.list_of_addresses == {"10.60.0.6": "closed"}
    with runtime.database.transaction() as session:
        stranger = session.scalars(select(GateStranger)).one()
        assert (stranger.address, stranger.access, stranger.repair_by) == ("10.60.0.5", "closed", "test")
        assert stranger.repaired_at is not None
    fake.list_of_addresses["10.60.0.7"] = "closed"
    with runtime.database.transaction() as session:
        networks.give(session, ACTOR, people[other], address="10.60.0.7")
    assert tasks_access.sweep(runtime, maker(fake)) == 1
    assert fake.list_of_addresses == {"10.60.0.6": "closed"}, "its new owner owes nothing"
    with runtime.database.transaction() as session:
        testing.network(session, "2001:db8::/32")
        networks.give(session, ACTOR, people[debtor], address="2001:db8:5600::/56")
    assert tasks_access.sweep(runtime, maker(fake)) == 1
    assert fake.list_of_addresses == {"10.60.0.6": "closed", "2001:db8:5600::/56": "closed"}
    with runtime.database.transaction() as session:
        (held,) = session.scalars(select(IpAddress).where(IpAddress.is_prefix))
        assert strangers.among(session, session.scalar(select(LineGate.id)), fake.list_of_addresses) == []
        networks.take(session, ACTOR, people[debtor], held.id)
        networks.give(session, ACTOR, people[debtor], address="2001:db8:5600::/57")
    assert tasks_access.sweep(runtime, maker(fake)) == 1
    assert fake.list_of_addresses == {"10.60.0.6": "closed", "2001:db8:5600::/57": "closed"}


@pytest.fixture
def moved(runtime):
    """A debtor closed on his switch port; the function returned gives his line another gate, of addresses."""
    switch_gate, new_gate = FakeGate(), FakeGate()
    (key,) = add_lines(runtime, 1, kind="snmp_port")
    with runtime.database.transaction() as session:
        switch = testing.device(session, "sw-1", address="127.0.0.1")
        credentials.set_snmp(session.get_one(Device, switch.id), runtime.ring, version="2c", community="x")
        customer_id = lines.targets(session, [key])[key].customer_id
        (port,) = ports.add(session, ACTOR, switch.id, indexes="3", name="port ")
        connections.connect(session, ACTOR, customer_id, port.id)
        testing.network(session, "10.60.0.0/24")
        networks.give(session, ACTOR, customer_id, address="10.60.0.5")
        other = line_gates.create(session, ACTOR, name="North", kind="nftables", options={}).id
        line_id = session.scalars(select(Line.id).where(Line.subscription_id == key)).one()
    lock(runtime, key)

    def make(kind, settings):
        return switch_gate if kind == "snmp_port" else new_gate

    assert tasks_access.sweep(runtime, make) == 1
    assert switch_gate.state == {line_id: "closed"}

    def choose(gate_id=other):
        with runtime.database.transaction() as session:
            gate_moves.for_line(session, ACTOR, customer_id, line_id, pop_id=None, gate_id=gate_id)

    return SimpleNamespace(
        key=key, line_id=line_id, choose=choose, switch=switch_gate, new=new_gate, make=make
    )


def listed(runtime, **filters):
    with runtime.database.reading() as session:
        return drift.page(session, DriftFilter(**filters))[0]


def test_a_port_the_former_gate_closed_is_opened_there_when_the_line_goes_to_another_gate(runtime, moved):
    moved.choose()
    (asked,) = listed(runtime)
    assert (asked.kind, asked.is_port, asked.address, asked.observed) == (
        "stranger",
        True,
        "sw-1 port",
        "closed",
    )
    moved.switch.broken = {asked.id: "the switch is silent"}
    tasks_access.sweep(runtime, moved.make)
    assert moved.new.state == {moved.line_id: "closed"}
    (failed,) = listed(runtime)
    assert (failed.error, failed.is_in_repair) == ("the switch is silent", False)
    moved.switch.broken = {}
    with runtime.database.transaction() as session:
        assert drift.repair(session, ACTOR, [failed.id]) == 1
    tasks_access.sweep(runtime, moved.make)
    assert moved.switch.state[failed.id] == "open"
    assert listed(runtime) == []
    (done,) = listed(runtime, state="repaired")
    assert done.repair_s is not None


def test_a_port_is_left_closed_where_the_line_came_back_to_it_before_it_was_opened(runtime, moved):
    moved.choose()
    moved.choose(None)
    tasks_access.sweep(runtime, moved.make)
    assert moved.switch.state == {moved.line_id: "closed"}
    assert [row for row in listed(runtime) if row.is_port] == []


def test_what_a_former_gate_lists_is_taken_off_it_and_the_new_one_holds_it(runtime, moved):
    moved.choose()
    tasks_access.sweep(runtime, moved.make)
    assert moved.new.list_of_addresses == {"10.60.0.5": "closed"}
    moved.choose(None)
    tasks_access.sweep(runtime, moved.make)
    assert moved.new.list_of_addresses == {}
    assert moved.switch.state[moved.line_id] == "closed"
