"""What an ISP enters before its first customer: POPs, networks, plans, labels; and how it goes again."""

import re
from datetime import date

import pytest
from sqlalchemy import select

from billing import plans, subscriptions, unit_prices
from billing import testing as money_testing
from billing.models import Account, Plan, Subscription
from core import errors
from registry import (
    audit,
    device_types,
    equipment,
    labels,
    network_plan,
    networks,
    pops,
    price_list,
    testing,
)
from registry.models import AuditEvent, DeviceRole

OLENA = audit.Actor(None, "Olena")
TODAY = date(2026, 11, 22)


def acts(session):
    return session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)).all()


def test_a_pop_goes_only_when_nothing_stands_in_it(session):
    pop = pops.create(session, OLENA, code="north", name="North")
    net = networks.create(session, OLENA, name="Home", cidr="10.0.0.0/24", pop_id=pop.id)
    gear = testing.device(session, "sw-1", pop_id=pop.id)
    with pytest.raises(errors.Conflict, match=r"North is in use .* \(networks: 1, devices: 1\)"):
        pops.remove(session, OLENA, pop.id)
    network_plan.remove(session, OLENA, net.id)
    gear.pop_id = None
    pops.remove(session, OLENA, pop.id)
    assert acts(session)[-2:] == ["network.removed", "pop.removed"]
    with pytest.raises(errors.NotFound):
        pops.remove(session, OLENA, pop.id)


def test_the_plan_counts_customers_and_gear_once(session):
    home = networks.create(session, OLENA, name="Home", cidr="10.0.0.0/29")
    networks.create(session, OLENA, name="Ático 10", cidr="10.9.0.0/31")
    networks.create(session, OLENA, name="Ático 9", cidr="2001:db8::/64")
    testing.device(session, "gw", address="10.0.0.1")
    customer = testing.customer(session)
    networks.give(session, OLENA, customer.id, address="10.0.0.2")
    testing.device(session, "cpe", address="10.0.0.2", customer_id=customer.id, role=DeviceRole.CPE)
    networks.give(session, OLENA, customer.id, address="2001:db8::/70")
    testing.device(session, "v6", address="2001:db8::9", customer_id=customer.id, role=DeviceRole.CPE)
    rows = network_plan.listing(session)
    assert [(row.network.name, row.used, row.free) for row in rows] == [
        ("Ático 9", 2**58, 2**64 - 2 - 2**58),
        ("Ático 10", 0, 2),
        ("Home", 2, 4),
    ]
    with pytest.raises(errors.Conflict, match="addresses: 1"):
        network_plan.remove(session, OLENA, home.id)


def test_a_network_never_shrinks_away_from_an_address_that_is_given(session):
    home = networks.create(session, OLENA, name="Home", cidr="10.0.0.0/24")
    networks.create(session, OLENA, name="Next", cidr="10.0.1.0/24")
    customer = testing.customer(session)
    for host in (126, 127):
        networks.give(session, OLENA, customer.id, address=f"10.0.0.{host}")
    for cidr, words in (
        ("10.0.0.0/25", "1 addresses .* such as 10.0.0.127"),
        ("10.0.0.0/26", "2 addresses"),
        ("10.0.0.0/23", "overlaps"),
        ("10.0.0.1/24", "no bits set"),
    ):
        with pytest.raises(errors.Invalid) as refused:
            network_plan.change(session, OLENA, home.id, name="Home", cidr=cidr)
        assert list(refused.value.fields) == ["cidr"]
        assert re.search(words, refused.value.fields["cidr"])
    with pytest.raises(errors.Invalid) as refused:
        network_plan.change(session, OLENA, home.id, name="", cidr="x", pop_id=9, gateway_id=9, vlan=0)
    assert set(refused.value.fields) == {"name", "cidr", "pop_id", "gateway_id", "vlan"}
    gate = testing.device(session, "gw", address="10.0.0.1", role=DeviceRole.ROUTER)
    changed = network_plan.change(
        session, OLENA, home.id, name="House", cidr="10.0.0.0/24", gateway_id=gate.id, vlan=7, colour="#00AA00"
    )  # fmt: skip
    assert (changed.name, changed.gateway_id, changed.vlan, changed.colour) == (
        "House",
        gate.id,
        7,
        "#00aa00",
    )
    event = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()
    assert (event.action, set(event.changes)) == ("network.changed", {"name", "gateway_id", "vlan", "colour"})
    assert network_plan.listing(session)[0].gateway == "gw"


def test_a_new_price_is_asked_from_the_next_charge_on(session):
    plan = price_list.create(session, OLENA, name="Home 100", price_minor=3000, currency="EUR")
    sold = testing.customer(session)
    choice = subscriptions.Choice(plan.id)
    first = date(2026, 11, 1)
    subscriptions.start(session, sold.account_id, money_testing.act(TODAY), choice=choice, starts_on=first)
    fields = {"name": "Home 100", "down_kbps": 100_000, "up_kbps": 50_000}
    assert price_list.change(session, OLENA, plan.id, price_minor=4000, **fields)
    assert not price_list.change(session, OLENA, plan.id, price_minor=4000, **fields, is_offered=False)
    charged = session.get_one(Account, sold.account_id, populate_existing=True)
    assert charged.balance_minor == -3000
    assert session.scalar(select(unit_prices.column()).select_from(Subscription).join(Plan)) == 4000
    assert plans.running_counts(session, TODAY) == {plan.id: 1}
    with pytest.raises(errors.Conflict, match=r"subscriptions: 1\); stop offering it"):
        price_list.remove(session, OLENA, plan.id)
    assert acts(session)[:1] == ["plan.created"]
    assert acts(session).count("plan.changed") == 2


def test_a_plan_nobody_had_goes_and_a_wrong_one_names_its_faults(session):
    price_list.create(session, OLENA, name="Old", price_minor=0, currency="EUR", is_offered=False)
    plan = price_list.create(session, OLENA, name="Trial", price_minor=1, currency="EUR")
    with pytest.raises(errors.Invalid) as refused:
        plans.create(session, name=" ", price_minor=-1, currency="EUR", down_kbps=0, up_kbps=2**31)
    assert set(refused.value.fields) == {"name", "price", "down_kbps", "up_kbps"}
    for act in (
        lambda: plans.create(session, name="Trial", price_minor=1, currency="EUR"),
        lambda: plans.change(session, plan.id, name="Old", price_minor=1),
    ):
        with pytest.raises(errors.Invalid, match="taken"):
            act()
    session.refresh(plan)
    assert [one.name for one in plans.list_all(session)] == ["Trial", "Old"]
    price_list.remove(session, OLENA, plan.id)
    assert acts(session)[-1] == "plan.removed"
    with pytest.raises(errors.NotFound):
        plans.get(session, plan.id)


def test_labels_are_changed_and_go_when_nobody_has_them(session):
    vip = labels.create_group(session, OLENA, name="vip")
    labels.create_group(session, OLENA, name="staff")
    gold = labels.create_mark(session, OLENA, name="Gold", colour_text="#ffd700")
    customer = testing.customer(session)
    labels.set_groups(session, OLENA, customer.id, [vip.id])
    labels.set_marks(session, OLENA, customer.id, [gold.id])
    assert labels.mark_counts(session) == {gold.id: 1}
    labels.change_group(session, OLENA, vip.id, name="vip_2", description=" the best ")
    labels.change_mark(session, OLENA, gold.id, name="Golden", colour_text="#FFD701")
    assert (vip.name, vip.description, gold.name, gold.colour) == ("vip_2", "the best", "Golden", "#ffd701")
    for act, field in (
        (lambda: labels.change_group(session, OLENA, vip.id, name="two words"), "name"),
        (lambda: labels.change_group(session, OLENA, vip.id, name="staff"), "name"),
        (lambda: labels.change_group(session, OLENA, vip.id, name="a", description="x" * 501), "description"),
        (lambda: labels.change_mark(session, OLENA, gold.id, name="", colour_text="#000000"), "name"),
        (lambda: labels.change_mark(session, OLENA, gold.id, name="a", colour_text="red"), "colour"),
    ):
        with pytest.raises(errors.Invalid) as refused:
            act()
        assert list(refused.value.fields) == [field]
    session.refresh(vip)
    for act in (labels.remove_group, labels.remove_mark):
        with pytest.raises(errors.Conflict, match="customers: 1"):
            act(session, OLENA, vip.id if act is labels.remove_group else gold.id)
    labels.set_groups(session, OLENA, customer.id, [])
    labels.set_marks(session, OLENA, customer.id, [])
    labels.remove_group(session, OLENA, vip.id)
    labels.remove_mark(session, OLENA, gold.id)
    assert acts(session)[-2:] == ["group.removed", "mark.removed"]
    with pytest.raises(errors.NotFound):
        labels.get_group(session, vip.id)
    with pytest.raises(errors.NotFound):
        labels.get_mark(session, gold.id)


def test_a_device_type_goes_only_when_no_device_is_of_it(session):
    kind = device_types.create(session, OLENA, name="EX2300", role=DeviceRole.SWITCH)
    gear = equipment.create(session, OLENA, name="sw-1", type_id=kind.id)
    assert device_types.device_counts(session) == {kind.id: 1}
    with pytest.raises(errors.Conflict, match="devices: 1"):
        device_types.remove(session, OLENA, kind.id)
    session.delete(gear)
    session.flush()
    device_types.remove(session, OLENA, kind.id)
    assert acts(session)[-1] == "device_type.removed"
