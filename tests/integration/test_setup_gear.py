"""The network's own gear and its gates as the setup pages enter them."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from billing import testing as money_testing
from billing.models import AccessState, SubscriptionAccess
from core import clock, errors
from registry import (
    audit,
    connections,
    equipment,
    gate_choice,
    gate_kinds,
    gate_moves,
    gate_turns,
    gear,
    line_gates,
    lines,
    networks,
    ports,
    testing,
)
from registry.gear import GearFilter
from registry.models import AuditEvent, Customer, DeviceRole, DeviceState, Line, LineGate

OLENA = audit.Actor(None, "Olena")
TODAY = date(2026, 11, 22)


def names(page):
    return [row.device.name for row in page.rows]


@pytest.fixture
def plant(session):
    """A router with two switches below, one asked just now, and a customer's device that is none of ours."""
    north, south = testing.pop(session, "north"), testing.pop(session, "south")
    router = testing.device(session, "Gw", role=DeviceRole.ROUTER, address="10.0.0.1", pop_id=north.id)
    made = {"gw": router}
    for name, pop in (("sw-a", north), ("sw_b", south)):
        made[name] = testing.device(session, name, address=f"10.0.1.{len(made)}", pop_id=pop.id)
        made[name].parent_id = router.id
    owner = testing.customer(session)
    made["cpe"] = testing.device(session, "cpe", role=DeviceRole.CPE, customer_id=owner.id)
    equipment.note_status(session, made["sw-a"].id, DeviceState.SILENT, None, clock.now())
    session.flush()
    return made


def test_the_list_is_ours_alone_and_narrows_by_role_pop_state_and_words(session, plant):
    everything = gear.page(session, GearFilter())
    assert (names(everything), everything.total, everything.next) == (["Gw", "sw-a", "sw_b"], 3, None)
    first = everything.rows[1]
    assert (first.pop, first.parent, first.ports) == ("North", "Gw", 0)
    assert first.state_at is not None
    for filters, expected in (
        (GearFilter(role=DeviceRole.ROUTER), ["Gw"]),
        (GearFilter(pop_id=plant["sw_b"].pop_id), ["sw_b"]),
        (GearFilter(state="silent"), ["sw-a"]),
        (GearFilter(state=gear.NEVER), ["Gw", "sw_b"]),
        (GearFilter(state="nonsense"), ["Gw", "sw-a", "sw_b"]),
        (GearFilter(text="SW_"), ["sw_b"]),
        (GearFilter(text="10.0.1."), ["sw-a", "sw_b"]),
    ):
        found = gear.page(session, filters)
        assert (names(found), found.total) == (expected, len(expected))


@pytest.mark.parametrize("sort", [sign + word for word in gear.SORTS for sign in ("", "-")])
def test_pages_of_every_order_join_without_a_gap(session, plant, sort):
    whole = names(gear.page(session, GearFilter(), sort=sort))
    met, after = [], None
    for _ in range(3):
        part = gear.page(session, GearFilter(), sort=sort, after=after, limit=1)
        met, after = met + names(part), part.next
    assert met == whole
    assert after is None
    assert names(gear.page(session, GearFilter(), sort=sort, after="nonsense")) == whole


def test_one_device_shows_what_hangs_on_it_and_goes_only_when_nothing_does(session, plant):
    router = plant["gw"]
    testing.network(session, "10.0.0.0/24", gateway_id=router.id)
    found = gear.one(session, router.id)
    assert [device.name for device in found.children] == ["sw-a", "sw_b"]
    assert [network.name for network in found.networks] == ["Net 10.0.0.0/24"]
    assert (found.pop, found.parent, found.users) == ("North", None, {"networks": 1, "devices": 2})
    assert gear.one(session, plant["sw-a"].id).parent == router
    with pytest.raises(errors.Conflict, match="networks: 1, devices: 2"):
        gear.remove(session, OLENA, router.id)
    ports.add(session, OLENA, plant["sw_b"].id, indexes="1-2")
    gear.remove(session, OLENA, plant["sw_b"].id)
    with pytest.raises(errors.NotFound, match="customer's"):
        gear.one(session, plant["cpe"].id)
    switch = plant["sw-a"]
    assert gear.choices(session, is_gateway=True) == [(router.id, "Gw")]
    assert gear.choices(session, is_gateway=True, keep_id=switch.id)[1:] == [(switch.id, "sw-a")]
    assert [name for _, name in gear.choices(session)] == ["Gw", "sw-a"]


def test_a_row_of_ports_is_added_at_once(session, plant):
    switch = plant["sw-a"]
    made = ports.add(session, OLENA, switch.id, indexes=" 1-3, 49 ,2", name="ge-0/0/")
    assert [(port.if_index, port.name) for port in made] == [
        (1, "ge-0/0/1"), (2, "ge-0/0/2"), (3, "ge-0/0/3"), (49, "ge-0/0/49"),
    ]  # fmt: skip
    alone = ports.add(session, OLENA, switch.id, indexes="50", name="xe-1", is_uplink=True)[0]
    assert (alone.name, alone.is_uplink) == ("xe-1", True)
    assert ports.add(session, OLENA, switch.id, indexes="51")[0].name == "51"
    for indexes, words in (
        ("3-4", "already: 3"),
        ("", "Write interface indexes"),
        ("a", "Write interface indexes"),
        ("0", "Write interface indexes"),
        ("9-5", "Write interface indexes"),
        ("1-9999999999", "Write interface indexes"),
        ("100-800", "At most 512"),
        ("100-500, 600-800", "At most 512"),
    ):
        with pytest.raises(errors.Invalid) as refused:
            ports.add(session, OLENA, switch.id, indexes=indexes)
        assert words in refused.value.fields["indexes"]
    with pytest.raises(errors.Invalid, match="Too long"):
        ports.add(session, OLENA, switch.id, indexes="77", name="x" * 81)


def test_a_port_with_a_customer_is_no_uplink_and_does_not_go(session, plant):
    switch, other = plant["sw-a"], plant["sw_b"]
    customer = testing.customer(session, "1002")
    taken = testing.connect(session, customer.id, switch.id, 7)
    assert [row.customers for row in ports.of_device(session, switch.id)] == [1]
    with pytest.raises(errors.Invalid) as refused:
        ports.change(session, OLENA, switch.id, taken.id, name="x", is_uplink=True)
    assert "Customers are on this port: 1" in refused.value.fields["is_uplink"]
    with pytest.raises(errors.Conflict, match="customers: 1"):
        ports.remove(session, OLENA, switch.id, taken.id)
    with pytest.raises(errors.Conflict, match="customers: 1"):
        gear.remove(session, OLENA, switch.id)
    with pytest.raises(errors.NotFound):
        ports.find(session, other.id, taken.id)
    assert ports.change(session, OLENA, switch.id, taken.id, name="", is_uplink=False).name == "7"
    free = ports.add(session, OLENA, switch.id, indexes="8")[0]
    assert ports.change(session, OLENA, switch.id, free.id, name="up", is_uplink=True).is_uplink
    ports.remove(session, OLENA, switch.id, free.id)
    actions = session.scalars(select(AuditEvent.action).order_by(AuditEvent.id.desc()).limit(3)).all()
    assert actions == ["port.removed", "port.named", "ports.added"]


def _line(session, number, gate_id=None, *, is_closed=False):
    sample = money_testing.subscriber(session, starts_on=TODAY)
    customer = testing.customer(session, number)
    customer.account_id = sample.account_id
    session.flush()
    lines.attach(session, sample.subscription_id, customer.id, actor=OLENA, gate_id=gate_id, today=TODAY)
    if is_closed:
        session.get_one(SubscriptionAccess, sample.subscription_id).applied = AccessState.CLOSED


def _of_gates(session):
    """The customers' numbers by the gate that serves them and by where it was chosen."""
    query = (
        select(LineGate.name, gate_choice.source(), Customer.number)
        .select_from(Line)
        .join(Customer, Customer.id == Line.customer_id)
        .outerjoin(LineGate, lines.gate_of_line())
        .order_by(Customer.number)
    )
    return {row.number: (row[0], row[1]) for row in session.execute(query)}


def test_a_gate_is_chosen_for_a_line_for_its_device_and_for_its_pop(session, plant):
    made = {}
    for name in ("All", "Roof", "Street", "North"):
        made[name] = line_gates.create(session, OLENA, name=name, kind="dry_run", options={}).id
    line_gates.make_default(session, OLENA, made["All"])
    north, router, switch = plant["gw"].pop_id, plant["gw"].id, plant["sw_b"].id
    networks.create(session, OLENA, name="a", cidr="10.1.0.0/24", pop_id=north, gateway_id=router)
    networks.create(session, OLENA, name="b", cidr="10.2.0.0/24", pop_id=north)
    for number, address in (("1", "10.1.0.5"), ("2", "10.2.0.5"), ("3", "10.2.0.6"), ("4", None)):
        _line(session, number, is_closed=True)
        if address:
            networks.give(session, OLENA, _customer(session, number).id, address=address)
    (port,) = ports.add(session, OLENA, switch, indexes="7")
    connections.connect(session, OLENA, _customer(session, "3").id, port.id)
    default = ("All", "default")
    assert set(_of_gates(session).values()) == {default}

    assert gate_moves.for_pop(session, OLENA, north, made["North"])
    assert not gate_moves.for_pop(session, OLENA, north, made["North"])
    behind = ("North", "pop")
    assert _of_gates(session) == {"1": behind, "2": behind, "3": behind, "4": default}
    assert gate_moves.for_device(session, OLENA, router, made["Roof"])
    assert gate_moves.for_device(session, OLENA, switch, made["Street"])
    expected = {"1": ("Roof", "device"), "2": behind, "3": ("Street", "device"), "4": default}
    assert _of_gates(session) == expected
    told = {key: row.applied for key, row in _accesses(session).items()}
    assert told == {"1": None, "2": None, "3": None, "4": AccessState.CLOSED}, "the others stay as told"

    line = session.scalars(select(Line).where(Line.customer_id == _customer(session, "4").id)).one()
    chosen = {"pop_id": north, "gate_id": None}
    assert gate_moves.for_line(session, OLENA, line.customer_id, line.id, **chosen)
    assert _of_gates(session)["4"] == behind
    chosen["gate_id"] = made["Street"]
    assert gate_moves.for_line(session, OLENA, line.customer_id, line.id, **chosen)
    assert _of_gates(session)["4"] == ("Street", "line")
    ids = [row.subscription_id for row in _accesses(session).values()]
    gates = {one.gate.id for one in lines.targets(session, ids).values()}
    assert gates == {made["Roof"], made["Street"], made["North"]}

    rows = {row.gate.name: row for row in line_gates.overview(session)}
    assert {name: row.lines for name, row in rows.items()} == {"All": 0, "Roof": 1, "Street": 2, "North": 1}
    assert [(one.kind, one.name) for one in rows["North"].named] == [("pop", "North")]
    assert line_gates.takeover(session).lines == 0
    with pytest.raises(errors.Conflict, match="devices: 1"):
        line_gates.remove(session, OLENA, made["Roof"])
    with pytest.raises(errors.Invalid):
        gate_moves.for_device(session, OLENA, router, 999)
    assert gate_moves.for_device(session, OLENA, router, None)
    assert _of_gates(session)["1"] == behind


def _customer(session, number):
    return session.scalars(select(Customer).where(Customer.number == number)).one()


def _accesses(session):
    session.expire_all()
    query = (
        select(Customer.number, SubscriptionAccess)
        .select_from(Customer)
        .join(Line, Line.customer_id == Customer.id)
        .join(SubscriptionAccess, SubscriptionAccess.subscription_id == Line.subscription_id)
    )
    return dict(session.execute(query).all())


def test_a_gate_is_changed_takes_over_and_goes(session):
    old = line_gates.create(session, OLENA, name="Old", kind="dry_run", options={}, is_default=True)
    new = line_gates.create(session, OLENA, name="Gw", kind="nftables", options={"namespace": "gw"})
    _line(session, "1")
    _line(session, "2", is_closed=True)
    _line(session, "3", new.id)
    rows = {row.gate.name: row for row in line_gates.overview(session)}
    assert [(rows[name].own_lines, rows[name].lines) for name in ("Old", "Gw")] == [(0, 2), (1, 1)]
    assert line_gates.takeover(session) == line_gates.Takeover(lines=2, closed=1, former="Old")
    with pytest.raises(errors.Conflict, match="the default gate"):
        line_gates.remove(session, OLENA, old.id)
    assert line_gates.take_over(session, OLENA, new.id) == 3
    session.expire_all()
    told = session.scalars(select(SubscriptionAccess.applied)).all()
    assert told == [None, None, None], "the new gate is told every line anew"
    with pytest.raises(errors.Conflict, match="already"):
        line_gates.take_over(session, OLENA, new.id)
    with pytest.raises(errors.Conflict, match="the default gate"):
        line_gates.remove(session, OLENA, new.id)
    session.expire_all()
    line_gates.remove(session, OLENA, old.id)
    pop = testing.pop(session, "north")
    changed = line_gates.change(
        session, OLENA, new.id, name="Gateway", options={"priority": 5}, pop_id=pop.id
    )
    assert (changed.name, changed.options, changed.kind) == ("Gateway", {"priority": 5}, "nftables")
    assert line_gates.overview(session)[0].pop == "North"
    assert line_gates.find(session, " Gateway ").id == new.id
    with pytest.raises(errors.NotFound, match="there are: Gateway"):
        line_gates.find(session, "Old")
    with pytest.raises(errors.Invalid) as refused:
        line_gates.change(session, OLENA, new.id, name="", options={}, pop_id=999)
    assert set(refused.value.fields) == {"name", "pop_id"}
    line_gates.create(session, OLENA, name="Third", kind="dry_run", options={})
    with pytest.raises(errors.Invalid, match="taken"):
        line_gates.change(session, OLENA, new.id, name="Third", options={})


def test_a_gate_that_lines_name_does_not_go(session):
    own = line_gates.create(session, OLENA, name="Own", kind="dry_run", options={})
    _line(session, "1", own.id)
    with pytest.raises(errors.Conflict, match="lines: 1"):
        line_gates.remove(session, OLENA, own.id)


def test_options_come_back_with_their_faults_at_their_fields():
    written = {
        "namespace": "a b", "program": "", "priority": "500", "protected": "10.0.0.0/8, 10.0.0.1/8",
        "timeout_s": "ten",
    }  # fmt: skip
    with pytest.raises(errors.Invalid) as refused:
        gate_kinds.read_options("nftables", written)
    assert set(refused.value.fields) == {"namespace", "priority", "protected", "timeout_s"}
    fine = {"namespace": "", "program": "nft", "priority": "-10", "protected": "", "timeout_s": "2,5"}
    assert gate_kinds.read_options("nftables", fine) == {"timeout_s": 2.5}
    with pytest.raises(errors.Invalid):
        gate_kinds.read_options("magic", {})
    for program in ("sh -c 'curl x|sh'", "sudo -n sh", "ip netns exec gw nft"):
        with pytest.raises(errors.Invalid) as refused:
            gate_kinds.read_options("nftables", {**fine, "program": program})
        assert "/usr/sbin/nft" in refused.value.fields["program"]


def test_a_failing_gate_says_since_when(session):
    gate = line_gates.create(session, OLENA, name="Gw", kind="dry_run", options={})
    first = clock.now() - timedelta(hours=1)
    gate_turns.note_failed(session, gate.id, "no answer", first, pause_s=5, limit_s=60)
    session.expire_all()
    row = line_gates.overview(session)[0]
    assert (row.gate.error, row.gate.failing_since) == ("no answer", first)
