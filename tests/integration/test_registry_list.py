"""The customer list: one box, filters, an order by every column, keyset pages."""

from datetime import date

import pytest
from sqlalchemy import event, insert, select, update

from billing import access, suspensions
from billing.models import Account, EntryKind, LedgerEntry, LockReason, Plan, Subscription, SubscriptionAccess
from registry import addresses, audit, contacts, customers
from registry.models import (
    AddressKind,
    CustomerStatus,
    Device,
    DeviceRole,
    DeviceType,
    Group,
    IpAddress,
    Mark,
    Network,
    customer_groups,
    customer_marks,
)

OLENA = audit.Actor(None, "Olena")
TODAY = date(2026, 11, 22)


def person(session, last_name, **fields):
    fields.setdefault("status", CustomerStatus.CONNECTED)
    return customers.create(session, OLENA, currency="EUR", last_name=last_name, **fields)


def owe(session, customer, minor, due_on):
    session.execute(
        insert(LedgerEntry).values(
            account_id=customer.account_id,
            kind=EntryKind.CHARGE,
            amount_minor=-minor,
            currency="EUR",
            balance_after_minor=-minor,
            dated_on=TODAY,
            due_on=due_on,
            author="test",
        )
    )
    session.execute(update(Account).where(Account.id == customer.account_id).values(balance_minor=-minor))


def subscribe(session, customer, plan_name):
    plan = session.scalar(select(Plan).where(Plan.name == plan_name))
    plan = plan or Plan(name=plan_name, price_minor=1000, currency="EUR")
    session.add(plan)
    session.flush()
    row = Subscription(
        account_id=customer.account_id, plan_id=plan.id, starts_on=date(2026, 1, 1), bill_day=1
    )
    session.add(row)
    session.flush()
    access.ensure(session, row.id, today=TODAY)
    return row.id


@pytest.fixture
def town(session):
    """Six customers who differ in everything the list can show."""
    names = ["Їжак", "Ґалаґан", "Бойко", "Ящук", "Żuk", "Іваненко"]
    people = {name: person(session, name) for name in names}
    for place, (name, customer) in enumerate(people.items()):
        addresses.save(
            session,
            OLENA,
            customer.id,
            AddressKind.VISITING,
            street="Зелена",
            building=str(12 - place),
            city="Львів" if place % 2 else "Стрий",
        )
        contacts.add(session, OLENA, customer.id, name=name, region="UA", phone=f"067123450{place}")
    network = Network(name="Home", cidr="10.0.0.0/24")
    router = DeviceType(name="hAP", role=DeviceRole.CPE)
    session.add_all([network, router])
    session.flush()
    boiko = people["Бойко"]
    session.add(
        IpAddress(address="10.0.0.7", network_id=network.id, customer_id=boiko.id, mac="aa:bb:cc:00:00:07")
    )
    session.add(Device(name="home", type_id=router.id, customer_id=boiko.id, mac="aa:bb:cc:00:00:99"))
    owe(session, boiko, 500, date(2026, 11, 21))
    owe(session, people["Ящук"], 900, TODAY)
    people["Żuk"].status = CustomerStatus.FORMER
    session.flush()
    return people


def found(session, **filters):
    sort = filters.pop("sort", "name")
    page = customers.page(session, customers.CustomerFilter(**filters), sort=sort, today=TODAY)
    assert page.total == len(page.rows)
    return [row.name for row in page.rows]


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("їЖАк", ["Їжак"]),
        ("10003", ["Бойко"]),
        ("10.0.0.7", ["Бойко"]),
        ("10.0.0.0/28", ["Бойко"]),
        ("10.0.0", ["Бойко"]),
        ("AABB.CC00.0007", ["Бойко"]),
        ("aa-bb-cc-00-00-99", ["Бойко"]),
        ("00:07", ["Бойко"]),
        ("067 123 45 02", ["Бойко"]),
        ("+380671234502", ["Бойко"]),
        ("зелена 10 стрий", ["Бойко"]),
        ("бойко стрий", ["Бойко"]),
        ("бойко львів", []),
        ("10.9.9.9", []),
        ("%", []),
        ("львів", ["Ґалаґан", "Іваненко", "Ящук"]),
        ("", ["Żuk", "Бойко", "Ґалаґан", "Іваненко", "Їжак", "Ящук"]),
    ],
)
def test_one_box_finds_by_everything(session, town, q, names):
    assert found(session, q=q) == names


def test_each_filter_alone_and_all_together(session, town):
    boiko = town["Бойко"]
    group = Group(name="vip")
    session.add(group)
    session.flush()
    session.execute(insert(customer_groups).values(customer_id=boiko.id, group_id=group.id))
    network_id, type_id = session.scalar(select(Network.id)), session.scalar(select(DeviceType.id))
    each = {
        "status": CustomerStatus.CONNECTED,
        "group_id": group.id,
        "city": "Стрий",
        "network_id": network_id,
        "device_type_id": type_id,
        "is_debtor": True,
        "q": "бойко",
    }
    for name, value in each.items():
        assert "Бойко" in found(session, **{name: value})
        assert len(found(session, **{name: value})) < len(town)
    assert found(session, **each) == ["Бойко"]
    assert found(session, **{**each, "city": "Львів"}) == []


def test_a_debtor_owes_what_is_past_due_and_not_what_is_due_today(session, town):
    assert found(session, is_debtor=True) == ["Бойко"]
    rows = {row.name: row for row in customers.page(session, customers.CustomerFilter(), today=TODAY).rows}
    assert (rows["Бойко"].balance_minor, rows["Бойко"].past_due_minor) == (-500, 500)
    assert (rows["Ящук"].balance_minor, rows["Ящук"].past_due_minor) == (-900, 0)


def test_each_column_sorts_both_ways(session, town):
    subscribe(session, town["Ящук"], "Alpha")
    cut = subscribe(session, town["Бойко"], "Beta")
    suspensions.place(session, [cut], LockReason.MANUAL, owner="x", today=TODAY)
    first = {
        "number": "Їжак",
        "name": "Żuk",
        "status": "Бойко",
        "address": "Іваненко",
        "service": "Ящук",
        "balance": "Ящук",
        "access": "Бойко",
    }
    for sort, name in first.items():
        there, back = found(session, sort=sort), found(session, sort=f"-{sort}")
        assert there[0] == name, sort
        assert there == back[::-1]
    assert {sort.removeprefix("-") for sort in customers.SORTS} == set(first)


def test_a_row_says_what_the_lines_are(session, town):
    mixed, failing = town["Бойко"], town["Ящук"]
    subscribe(session, mixed, "Alpha")
    cut = subscribe(session, mixed, "Beta")
    suspensions.place(session, [cut], LockReason.MANUAL, owner="x", today=TODAY)
    broken = subscribe(session, failing, "Beta")
    session.execute(
        update(SubscriptionAccess).where(SubscriptionAccess.subscription_id == broken).values(error="timeout")
    )
    mark = Mark(name="VIP", colour="#aa0000")
    session.add(mark)
    session.flush()
    session.execute(insert(customer_marks).values(customer_id=mixed.id, mark_id=mark.id))
    rows = {row.name: row for row in customers.page(session, customers.CustomerFilter(), today=TODAY).rows}
    assert (rows["Бойко"].services, rows["Бойко"].access) == (("Alpha", "Beta"), "mixed")
    assert rows["Ящук"].access == "failing"
    assert rows["Їжак"].access == "none"
    assert rows["Бойко"].marks[0].name == "VIP"
    assert rows["Бойко"].address == "Стрий, Зелена 10"


@pytest.mark.parametrize("sort", customers.SORTS)
def test_pages_meet_without_gap_or_double_and_lead_back(session, town, sort):
    whole = [
        row.id for row in customers.page(session, customers.CustomerFilter(), sort=sort, today=TODAY).rows
    ]
    seen, cursor, pages = [], None, []
    while True:
        page = customers.page(
            session, customers.CustomerFilter(), sort=sort, after=cursor, limit=4, today=TODAY
        )
        seen += [row.id for row in page.rows]
        pages.append(page)
        cursor = page.next
        if cursor is None:
            break
    assert seen == whole
    assert [len(page.rows) for page in pages] == [4, 2]
    assert pages[0].previous is None
    back = customers.page(
        session, customers.CustomerFilter(), sort=sort, after=pages[1].previous, limit=4, today=TODAY
    )
    assert [row.id for row in back.rows] == whole[:4]
    assert back.previous is None
    assert back.next is not None


def test_a_broken_cursor_or_sort_gives_the_first_page(session, town):
    page = customers.page(session, customers.CustomerFilter(), sort="; drop", after="%%", today=TODAY)
    assert len(page.rows) == len(town)
    assert page.previous is None


def test_a_page_of_any_size_costs_five_selects(session, town):
    statements = []
    session.flush()
    listener = lambda *args: statements.append(args[2])  # noqa: E731
    event.listen(session.connection().engine, "before_cursor_execute", listener)
    customers.page(session, customers.CustomerFilter(q="зелена"), today=TODAY)
    event.remove(session.connection().engine, "before_cursor_execute", listener)
    assert len(statements) == 5


def test_the_quick_box_puts_the_exact_number_first(session, town):
    person(session, "Аа 10004")
    hits = customers.search(session, "10004")
    assert [hit.name for hit in hits] == ["Ящук", "Аа 10004"]
    assert hits[0].address == "Львів Зелена 9"
    assert customers.search(session, "  ") == []


def test_cities_stand_in_the_order_of_the_alphabet(session, town):
    assert customers.cities(session) == ["Львів", "Стрий"]
