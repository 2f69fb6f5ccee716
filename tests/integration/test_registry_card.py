"""The customer card: one frozen object, at most eight SELECTs with the unfinished ticket."""

import dataclasses
from datetime import date, timedelta

import pytest
from sqlalchemy import event, insert, update

from billing import access, suspensions
from billing.models import (
    AccessState,
    Account,
    EntryKind,
    LedgerEntry,
    LockReason,
    Plan,
    Promise,
    Subscription,
    SubscriptionAccess,
)
from core import clock, errors
from desk import tickets
from registry import (
    addresses,
    audit,
    card,
    connections,
    contacts,
    customers,
    device_types,
    equipment,
    labels,
    line_gates,
    lines,
    networks,
    notes,
)
from registry.models import AddressKind, CustomerStatus, DeviceRole, DeviceState

OLENA = audit.Actor(None, "Olena")
TODAY = date(2026, 11, 22)


@pytest.fixture
def full(session):
    """A customer with several of everything."""
    olha, other = (
        customers.create(
            session, OLENA, currency="EUR", last_name=name, dba="Olha's", status=CustomerStatus.CONNECTED
        )
        for name in ("Коваль", "Мельник")
    )
    customers.set_alert(session, OLENA, olha.id, "Dog")
    labels.set_groups(session, OLENA, olha.id, [labels.create_group(session, OLENA, name="vip").id])
    mark = labels.create_mark(session, OLENA, name="VIP", colour_text="#aa0000")
    labels.set_marks(session, OLENA, olha.id, [mark.id])
    _lives(session, olha)
    _is_served(session, olha, other)
    session.flush()
    return olha


def _lives(session, olha):
    for name in ("Olha", "Petro"):
        contacts.add(session, OLENA, olha.id, name=name, region="UA", phone="0671234567")
    for kind in AddressKind:
        addresses.save(session, OLENA, olha.id, kind, street="Зелена", building="3", city="Львів", floor=0)
    for number in range(3):
        notes.add(session, OLENA, olha.id, content=f"note {number}", is_urgent=number != 1)
        tickets.open(session, OLENA, olha.id, subject=f"ticket {number}", priority=number + 1)


def _is_served(session, olha, other):
    switch = device_types.create(session, OLENA, name="CRS", role=DeviceRole.SWITCH)
    router = device_types.create(session, OLENA, name="hAP", role=DeviceRole.CPE, web_scheme="http")
    access_switch = equipment.create(session, OLENA, name="sw-1", type_id=switch.id)
    port = equipment.ensure_port(session, access_switch.id, 2, name="ether2")
    networks.create(session, OLENA, name="Home", cidr="10.0.0.0/24", colour="#00aa00")
    line_gates.create(session, OLENA, name="Gateway", kind="dry_run", options={}, is_default=True)
    for number in (2, 3):
        device = equipment.create(
            session,
            OLENA,
            name=f"r{number}",
            type_id=router.id,
            customer_id=olha.id,
            address=f"10.0.0.{number}",
        )
        networks.give(session, OLENA, olha.id, address=f"10.0.0.{number}", device_id=device.id)
        equipment.note_status(session, device.id, DeviceState.SILENT, None, clock.now())
        _subscribe(session, olha, f"Plan {number}")
    connections.connect(session, OLENA, olha.id, port.id, vlan=7)
    connections.connect(session, OLENA, other.id, port.id)


def _subscribe(session, olha, name):
    plan = Plan(name=name, price_minor=1000, currency="EUR", down_kbps=100_000, up_kbps=50_000)
    session.add(plan)
    session.flush()
    row = Subscription(account_id=olha.account_id, plan_id=plan.id, starts_on=date(2026, 1, 1), bill_day=1)
    session.add(row)
    session.flush()
    access.ensure(session, row.id, today=TODAY)
    lines.attach(session, row.id, olha.id, actor=OLENA)
    suspensions.place(session, [row.id], LockReason.MANUAL, owner="Olena", note="asked", today=TODAY)


def owe(session, olha, minor, due_on):
    session.execute(
        insert(LedgerEntry).values(
            account_id=olha.account_id,
            kind=EntryKind.CHARGE,
            amount_minor=-minor,
            currency="EUR",
            balance_after_minor=-minor,
            dated_on=TODAY,
            due_on=due_on,
            author="test",
        )
    )
    session.execute(update(Account).where(Account.id == olha.account_id).values(balance_minor=-minor))


def test_the_first_screen_costs_at_most_eight_selects(session, full):
    owe(session, full, 500, TODAY - timedelta(days=5))
    session.flush()
    customer_id, statements = full.id, []
    session.expire_all()

    def note(_connection, _cursor, statement, *_rest):
        statements.append(statement)

    engine = session.connection().engine
    event.listen(engine, "before_cursor_execute", note)
    card.load(session, customer_id, today=TODAY)
    tickets.most_urgent_open(session, customer_id)
    event.remove(engine, "before_cursor_execute", note)
    assert len(statements) == 8
    assert all(statement.lstrip().startswith(("SELECT", "WITH")) for statement in statements)


def test_the_card_says_who_he_is(session, full):
    found = card.load(session, full.id, today=TODAY)
    assert (found.number, found.name, found.dba, found.alert) == ("10001", "Коваль", "Olha's", "Dog")
    assert [group.name for group in found.groups] == ["vip"]
    assert [(mark.name, mark.colour) for mark in found.marks] == [("VIP", "#aa0000")]
    assert [note.content for note in found.urgent_notes] == ["note 2", "note 0"]
    assert found.urgent_notes[0].created_at.tzinfo is not None
    assert [contact.phone_shown for contact in found.contacts] == ["+380 67 123 4567"] * 2
    assert [address.kind for address in found.addresses] == list(AddressKind)
    assert found.visiting.floor == 0
    assert (found.visiting.street_line, found.visiting.town_line) == ("Зелена 3", "Львів")
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.name = "x"


def test_the_card_says_what_he_has(session, full):
    found = card.load(session, full.id, today=TODAY)
    first = found.services[0]
    assert (first.plan, first.price.minor, first.gate, first.is_running) == ("Plan 2", 1000, "Gateway", True)
    assert (first.wanted, first.applied, first.is_settled) == (AccessState.CLOSED, None, False)
    assert [(lock.reason, lock.owner, lock.note) for lock in first.locks] == [
        (LockReason.MANUAL, "Olena", "asked")
    ]
    assert [(device.name, device.state) for device in found.devices] == [
        ("r2", DeviceState.SILENT),
        ("r3", DeviceState.SILENT),
    ]
    assert (found.ips[0].address, found.ips[0].colour) == ("10.0.0.2", "#00aa00")
    assert found.ips[0].web_url == found.devices[0].web_url == "http://10.0.0.2/"
    (port,) = found.ports
    assert (port.device, port.name, port.vlan, port.shared_with) == ("sw-1", "ether2", 7, ("10002",))


def test_applied_and_observed_are_set_against_what_is_wanted(session, full):
    line = card.load(session, full.id, today=TODAY).services[0]
    session.execute(
        update(SubscriptionAccess)
        .where(SubscriptionAccess.subscription_id == line.id)
        .values(applied=AccessState.CLOSED, observed=AccessState.OPEN, observed_at=clock.now(), error="busy")
    )
    found = card.load(session, full.id, today=TODAY).services[0]
    assert (found.is_settled, found.is_contradicted, found.error) == (True, True, "busy")


def test_the_balance_tells_due_overdue_and_promised_apart(session, full):
    balance = card.load(session, full.id, today=TODAY, grace_days=3).balance
    assert (balance.balance.minor, balance.is_debtor, balance.oldest_due_on) == (0, False, None)
    owe(session, full, 500, TODAY - timedelta(days=2))
    session.add(Promise(account_id=full.account_id, until=TODAY, amount_minor=1, author="Olena"))
    session.flush()
    balance = card.load(session, full.id, today=TODAY, grace_days=3).balance
    assert (balance.past_due.minor, balance.overdue.minor, balance.days_overdue) == (500, 0, 2)
    assert (balance.promise_until, balance.promised.minor) == (TODAY, 1)
    assert card.load(session, full.id, today=TODAY, grace_days=1).balance.overdue.minor == 500


def test_an_empty_customer_has_a_card_too(session):
    olha = customers.create(session, OLENA, currency="EUR", last_name="Коваль")
    found = card.load(session, olha.id, today=TODAY)
    assert (found.services, found.devices, found.ips, found.ports, found.contacts) == ((), (), (), (), ())
    assert found.visiting is None
    with pytest.raises(errors.NotFound):
        card.load(session, 0, today=TODAY)
