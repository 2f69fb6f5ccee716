"""Networks, addresses, switch ports, lines with their gates, cables, POPs."""

from datetime import date

import pytest
from sqlalchemy import select

from billing import access
from billing.acts import Terms
from billing.models import AccessState, Plan, Subscription
from core import errors, secrets
from gates import addresses
from registry import (
    audit,
    cables,
    connections,
    customers,
    device_types,
    diagnosis_facts,
    equipment,
    ip_places,
    line_gates,
    lines,
    logins,
    networks,
    pops,
    search,
    statuses,
)
from registry.models import CustomerStatus, DeviceRole
from registry.models.cables import CableType

OLENA = audit.Actor(None, "Olena")
TODAY = date(2026, 11, 22)
TERMS = Terms(14)


@pytest.fixture
def ring():
    return secrets.Ring([secrets.new_key()])


def person(session, last_name="Коваль", status=CustomerStatus.CONNECTED):
    return customers.create(session, OLENA, currency="EUR", last_name=last_name, status=status)


def kind(session, name="hAP", role=DeviceRole.CPE, **fields):
    return device_types.create(session, OLENA, name=name, role=role, **fields)


def subscribe(session, customer, *, ends_on=None):
    plan = session.scalar(select(Plan)) or Plan(name="Home", price_minor=1000, currency="EUR")
    session.add(plan)
    session.flush()
    row = Subscription(
        account_id=customer.account_id,
        plan_id=plan.id,
        starts_on=date(2026, 1, 1),
        ends_on=ends_on,
        bill_day=1,
    )
    session.add(row)
    session.flush()
    access.ensure(session, row.id, today=TODAY)
    return row.id


def last_act(session, customer):
    return audit.of_customer(session, customer.id)[0]


def home_net(session, cidr="10.0.0.0/29", **fields):
    return networks.create(session, OLENA, name="Home", cidr=cidr, **fields)


def test_an_address_must_be_ours_a_host_and_free(session):
    olha, other = person(session), person(session, "Мельник")
    home_net(session)
    gear = kind(session, "CRS", DeviceRole.ROUTER)
    equipment.create(session, OLENA, name="gw", type_id=gear.id, address="10.0.0.1")
    row = networks.give(session, OLENA, olha.id, address="10.0.0.2", mac="aabbccddeeff")
    assert row.mac == "aa:bb:cc:dd:ee:ff"
    refused = {
        "10.0.0.2": olha.number,
        "10.9.0.2": "none of our networks",
        "10.0.0.0": "own or broadcast",
        "10.0.0.7": "own or broadcast",
        "10.0.0.1": "gw",
        "10.0.0": "IP address",
    }
    for address, words in refused.items():
        with pytest.raises(errors.Invalid) as caught:
            networks.give(session, OLENA, other.id, address=address)
        assert words in caught.value.fields["address"], address
    assert networks.next_free(session, row.network_id) == "10.0.0.3"
    networks.take(session, OLENA, olha.id, row.id)
    assert last_act(session, olha).changes["address"] == ["10.0.0.2", None]
    assert networks.give(session, OLENA, other.id, address="10.0.0.2").customer_id == other.id


def test_a_full_network_has_no_free_address(session):
    olha, net = person(session), home_net(session, "10.0.0.0/30")
    for number in (1, 2):
        networks.give(session, OLENA, olha.id, address=f"10.0.0.{number}")
    assert networks.next_free(session, net.id) is None


def test_a_prefix_is_routed_to_one_line_and_is_around_nobody_else_s(session):
    olha, other = person(session), person(session, "Мельник")
    networks.create(session, OLENA, name="Servers", cidr="203.0.113.0/24")
    six = networks.create(session, OLENA, name="Six", cidr="2001:db8:5600::/40")
    gear = kind(session, "CRS", DeviceRole.ROUTER)
    equipment.create(session, OLENA, name="gw", type_id=gear.id, address="203.0.113.1")
    equipment.create(
        session, OLENA, name="cpe", type_id=gear.id, address="203.0.113.18", customer_id=other.id
    )
    subscription = subscribe(session, olha)
    lines.attach(session, subscription, olha.id, actor=OLENA)
    networks.give(session, OLENA, olha.id, address="203.0.113.40")
    networks.give(session, OLENA, other.id, address="203.0.113.50")
    pd = networks.give(session, OLENA, olha.id, address="2001:db8:5600::/56")
    assert pd.is_prefix
    refused = {
        "203.0.113.0/29": "gw has 203.0.113.1 in it",
        "203.0.113.16/29": "cpe has 203.0.113.18 in it",
        "203.0.113.48/29": f"{other.number}, {other.name}, has 203.0.113.50: the two overlap",
        "203.0.113.40/29": "This customer has 203.0.113.40 already",
        "203.0.113.41/29": "write 203.0.113.40/29",
        "203.0.112.0/23": "as a whole",
        "10.0.0.0/8": "widest prefix is a /20",
        "2001:db8:5600::/56": f"{olha.number}, {olha.name}, has this address",
    }
    for address, words in refused.items():
        with pytest.raises(errors.Invalid) as caught:
            networks.give(session, OLENA, olha.id, address=address)
        assert words in str(caught.value.fields["address"]), address
    for inside in ("2001:db8:5600:ff::1", "2001:db8:5600:80::/57"):
        with pytest.raises(errors.Invalid) as caught:
            networks.give(session, OLENA, other.id, address=inside)
        assert f"{olha.number}, {olha.name}, has 2001:db8:5600::/56" in str(caught.value.fields["address"])
    assert networks.next_free(session, six.id) == "2001:db8:5600:100::"
    found = lines.targets(session, [subscription], today=TODAY)[subscription]
    assert found.addresses == ("203.0.113.40", "2001:db8:5600::/56")
    for text in ("2001:db8:5600:7::9", "2001:db8:5600::/60"):
        assert session.scalars(search.matching(text)).all() == [olha.id]
    assert [one.address for one in diagnosis_facts.load(session, olha.id, today=TODAY).addresses] == [
        "203.0.113.40"
    ]
    networks.take(session, OLENA, olha.id, pd.id)
    assert last_act(session, olha).changes["address"] == ["2001:db8:5600::/56", None]


def test_no_line_gets_a_prefix_that_no_gate_would_close():
    assert ip_places.SHORTEST_PREFIX == addresses.SHORTEST_PREFIX


def test_networks_do_not_overlap_and_their_faults_stand_at_fields(session):
    home_net(session)
    with pytest.raises(errors.Invalid) as caught:
        home_net(session, "10.0.0.0/24")
    assert "cidr" in caught.value.fields
    with pytest.raises(errors.Invalid) as caught:
        networks.create(session, OLENA, name="", cidr="10.1.0.1/24", colour="red", vlan=5000)
    assert sorted(caught.value.fields) == ["cidr", "colour", "name", "vlan"]
    with pytest.raises(errors.Invalid) as caught:
        networks.create(session, OLENA, name="a", cidr="10.1.0.0/24", pop_id=99)
    assert "pop_id" in caught.value.fields
    assert [net.cidr for net in networks.list_all(session)] == ["10.0.0.0/29"]


def test_what_is_on_file_of_an_address_changes_but_not_for_strangers(session):
    olha, other = person(session), person(session, "Мельник")
    home_net(session)
    row = networks.give(session, OLENA, olha.id, address="10.0.0.2")
    networks.change(session, OLENA, olha.id, row.id, mac="00-11-22-33-44-55", colour="#FF0000")
    assert networks.of_customer(session, olha.id)[0].colour == "#ff0000"
    networks.set_mac(session, OLENA, olha.id, "10.0.0.2", "aa:bb:cc:dd:ee:ff")
    assert last_act(session, olha).changes == {"mac": ["00:11:22:33:44:55", "aa:bb:cc:dd:ee:ff"]}
    for call in (
        lambda: networks.take(session, OLENA, other.id, row.id),
        lambda: networks.set_mac(session, OLENA, other.id, "10.0.0.2", "aa:bb:cc:dd:ee:ff"),
    ):
        with pytest.raises(errors.NotFound):
            call()
    for field, values in {
        "mac": {"mac": "x"},
        "colour": {"colour": "blue"},
        "line_id": {"line_id": 9},
    }.items():
        with pytest.raises(errors.Invalid) as caught:
            networks.change(session, OLENA, olha.id, row.id, **values)
        assert field in caught.value.fields


@pytest.fixture
def street(session):
    """Two POPs with a switch each, and a network in the first."""
    here = pops.create(session, OLENA, code="north", name="North")
    there = pops.create(session, OLENA, code="south", name="South")
    switch = kind(session, "CRS", DeviceRole.SWITCH)
    near = equipment.create(session, OLENA, name="sw-north", type_id=switch.id, pop_id=here.id)
    far = equipment.create(session, OLENA, name="sw-south", type_id=switch.id, pop_id=there.id)
    for device in (near, far):
        equipment.ensure_port(session, device.id, 1, name="uplink", is_uplink=True)
        equipment.ensure_port(session, device.id, 2, name="ether2")
    home_net(session, pop_id=here.id)
    return near, far


def test_switches_of_the_customers_pop_are_offered_first(session, street):
    near, far = street
    olha = person(session)
    assert {switch.id for switch in connections.choices(session, olha.id)} == {near.id, far.id}
    networks.give(session, OLENA, olha.id, address="10.0.0.2")
    (only,) = connections.choices(session, olha.id)
    assert (only.id, only.is_near, only.pop) == (near.id, True, "North")
    (found,) = connections.choices(session, olha.id, q="SOUTH")
    assert (found.id, found.is_near) == (far.id, False)
    assert [switch.id for switch in connections.choices(session, olha.id, q="sw-")] == [near.id, far.id]


def test_a_taken_port_is_marked_and_may_be_shared(session, street):
    olha, other = person(session), person(session, "Мельник")
    uplink, port = equipment.ports_of(session, street[0].id)
    first = connections.connect(session, OLENA, olha.id, port.id, vlan=100)
    assert first.shared_with == ()
    choice = connections.choices(session, other.id, q="north")[0].ports[1]
    assert choice.taken_by == (olha.number,)
    assert connections.connect(session, OLENA, other.id, port.id).shared_with == (olha.number,)
    for port_id, words in ((uplink.id, "uplink"), (port.id, "already"), (0, "Choose")):
        with pytest.raises(errors.Invalid) as caught:
            connections.connect(session, OLENA, olha.id, port_id)
        assert words in caught.value.fields["port_id"]
    connections.change(session, OLENA, olha.id, first.connection.id, vlan=200)
    assert last_act(session, olha).changes == {"vlan": [100, 200]}
    with pytest.raises(errors.Invalid):
        connections.change(session, OLENA, olha.id, first.connection.id, vlan=0)
    with pytest.raises(errors.NotFound):
        connections.disconnect(session, OLENA, other.id, first.connection.id)
    connections.disconnect(session, OLENA, olha.id, first.connection.id)
    assert connections.of_customer(session, olha.id) == []


def test_a_gate_gets_addresses_port_and_the_default_gate(session, street):
    olha, other = person(session), person(session, "Мельник")
    subscription = subscribe(session, olha)
    pop_id = street[0].pop_id
    line = lines.attach(session, subscription, olha.id, actor=OLENA, pop_id=pop_id)
    networks.give(session, OLENA, olha.id, address="10.0.0.2")
    port = equipment.ports_of(session, street[0].id)[1]
    connections.connect(session, OLENA, olha.id, port.id)
    connections.connect(session, OLENA, other.id, port.id)
    bare = lines.targets(session, [subscription])[subscription]
    assert bare.gate is None
    line_gates.create(session, OLENA, name="Old", kind="dry_run", options={}, is_default=True)
    gate = line_gates.create(session, OLENA, name="nft", kind="nftables", options={"a": 1}, is_default=True)
    target = lines.targets(session, [subscription, 0])[subscription]
    assert (target.line_id, target.addresses, target.pop) == (line.id, ("10.0.0.2",), "north")
    assert (target.port.device_id, target.port.if_index, target.port.shared_with) == (street[0].id, 2, 1)
    assert (target.gate.id, target.gate.kind, target.gate.options) == (gate.id, "nftables", {"a": 1})
    assert [found.is_default for found in line_gates.list_all(session)] == [True, False]
    assert lines.choices(session, olha.id)[0].id == line.id


def test_the_lines_own_gate_beats_the_default_one_and_opens_its_secrets(session, ring):
    olha = person(session)
    line_gates.create(session, OLENA, name="a", kind="dry_run", options={}, is_default=True)
    own = line_gates.create(
        session, OLENA, name="b", kind="nftables", options={}, secrets={"password": "p"}, ring=ring
    )
    subscription = subscribe(session, olha)
    lines.attach(session, subscription, olha.id, actor=OLENA, gate_id=own.id)
    gate = lines.targets(session, [subscription])[subscription].gate
    assert gate.id == own.id
    assert line_gates.open_secrets(ring, gate.id, gate.secrets_sealed) == {"password": "p"}
    with pytest.raises(errors.Unavailable):
        line_gates.open_secrets(ring, gate.id + 1, gate.secrets_sealed)
    assert line_gates.open_secrets(ring, 1, "") == {}


def test_what_is_on_file_without_a_line_follows_the_running_one(session):
    olha = person(session)
    home_net(session)
    ended, running = subscribe(session, olha, ends_on=date(2026, 10, 1)), subscribe(session, olha)
    second = subscribe(session, olha)
    for subscription in (ended, running, second):
        lines.attach(session, subscription, olha.id, actor=OLENA)
    own_line = lines.targets(session, [second])[second].line_id
    networks.give(session, OLENA, olha.id, address="10.0.0.2")
    networks.give(session, OLENA, olha.id, address="10.0.0.3", line_id=own_line)
    found = lines.targets(session, [ended, running, second], today=TODAY)
    assert found[ended].addresses == ()
    assert found[running].addresses == ("10.0.0.2",)
    assert found[second].addresses == ("10.0.0.3",)
    before = lines.targets(session, [ended, running], today=date(2025, 1, 1))
    assert before[running].addresses == ("10.0.0.2",)


def test_the_line_of_a_customer_who_is_not_connected_is_wanted_closed(session):
    waiting = person(session, status=CustomerStatus.WAITING)
    subscription = subscribe(session, waiting)
    lines.attach(session, subscription, waiting.id, actor=OLENA, today=TODAY)
    assert access.ensure(session, subscription, today=TODAY).wanted is AccessState.CLOSED
    statuses.change(session, OLENA, waiting.id, CustomerStatus.CONNECTED, today=TODAY, terms=TERMS)
    assert access.ensure(session, subscription, today=TODAY).wanted is AccessState.OPEN


def test_a_line_is_attached_to_its_own_customer_only(session):
    olha, other = person(session), person(session, "Мельник")
    subscription = subscribe(session, olha)
    with pytest.raises(errors.NotFound):
        lines.attach(session, subscription, other.id, actor=OLENA)
    for values in ({"pop_id": 9}, {"gate_id": 9}):
        with pytest.raises(errors.Invalid):
            lines.attach(session, subscription, olha.id, actor=OLENA, **values)


def test_a_login_is_one_lines_and_its_gate_is_told_anew(session):
    olha, other = person(session), person(session, "Мельник")
    first, second = subscribe(session, olha), subscribe(session, other)
    mine = lines.attach(session, first, olha.id, actor=OLENA)
    theirs = lines.attach(session, second, other.id, actor=OLENA)
    version = access.ensure(session, first).version
    assert logins.set_login(session, OLENA, olha.id, mine.id, " Olha@ppp ")
    assert not logins.set_login(session, OLENA, olha.id, mine.id, "Olha@ppp")
    assert lines.targets(session, [first, second])[first].login == "Olha@ppp"
    assert access.ensure(session, first).version == version + 1
    with pytest.raises(errors.Invalid) as caught:
        logins.set_login(session, OLENA, other.id, theirs.id, "Olha@ppp")
    assert caught.value.fields == {"login": "Another line dials in with it"}
    logins.set_login(session, OLENA, other.id, theirs.id, "olha@ppp")
    with pytest.raises(errors.Invalid):
        logins.set_login(session, OLENA, other.id, theirs.id, "two words")
    with pytest.raises(errors.NotFound):
        logins.set_login(session, OLENA, other.id, mine.id, "x")
    logins.set_login(session, OLENA, olha.id, mine.id, "")
    assert lines.targets(session, [first])[first].login == ""


def test_a_cable_shows_its_other_end_from_both_sides(session, street):
    olha, other = person(session), person(session, "Мельник")
    here = cables.Place("customer", olha.id)
    pop = cables.Place("pop", street[0].pop_id)
    to_pop = cables.create(session, OLENA, type=CableType.FIBRE, ends=(here, pop), fibres=4, length_m=120.5)
    cables.create(
        session, OLENA, type=CableType.COPPER, ends=(cables.Place("customer", other.id), here), fibres=9
    )
    copper, fibre = cables.of_customer(session, olha.id)
    assert (fibre.other_kind, fibre.other_name, fibre.length_m) == ("pop", "North", 120.5)
    assert (copper.other_name, copper.fibres) == (f"{other.number} Мельник", None)
    assert cables.of_customer(session, other.id)[0].other_id == olha.id
    device = cables.Place("device", street[1].id)
    cables.change(session, OLENA, to_pop.id, name="", type=CableType.FIBRE, length_m=1, ends=(here, device))
    assert cables.of_customer_one(session, olha.id, to_pop.id).other_name == "sw-south"
    assert "ends" in last_act(session, olha).changes
    cables.remove(session, OLENA, to_pop.id)
    assert len(cables.of_customer(session, olha.id)) == 1
    with pytest.raises(errors.NotFound):
        cables.of_customer_one(session, olha.id, to_pop.id)
    with pytest.raises(errors.NotFound):
        cables.remove(session, OLENA, to_pop.id)


def test_faults_of_a_cable_stand_at_their_fields(session, street):
    here = cables.Place("customer", person(session).id)
    for ends in ((here, here), (here, cables.Place("pop", 0))):
        with pytest.raises(errors.Invalid) as caught:
            cables.create(session, OLENA, type=CableType.FIBRE, ends=ends)
        assert "other" in caught.value.fields
    with pytest.raises(errors.Invalid) as caught:
        cables.create(
            session, OLENA, type=CableType.FIBRE, ends=(here, here), fibres=0, length_m=-1, name="x" * 121
        )
    assert sorted(caught.value.fields) == ["fibres", "length_m", "name"]


def test_pops_are_checked_and_named_once(session):
    north = pops.create(session, OLENA, code="north", name="North", latitude=49.8, longitude=24.0)
    for fields in ({"code": "North"}, {"code": "north"}):
        with pytest.raises(errors.Invalid) as caught:
            pops.create(session, OLENA, name="x", **fields)
        assert "code" in caught.value.fields
    for point in ((91, 0), (0, 181), (1, None)):
        with pytest.raises(errors.Invalid):
            pops.change(session, OLENA, north.id, name="N", latitude=point[0], longitude=point[1])
    pops.change(session, OLENA, north.id, name="Hill")
    assert [pop.name for pop in pops.list_all(session)] == ["Hill"]
    with pytest.raises(errors.NotFound):
        pops.get(session, 0)
