"""Customers: numbers, names, status and its locks, contacts, addresses."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from billing import access
from billing.acts import Terms
from billing.models import AccessState, Account, LockReason, Plan, Subscription, SuspensionLock
from core import errors
from registry import addresses, audit, contacts, customers, names, statuses
from registry.models import AddressKind, CustomerKind, CustomerStatus, GeoSource

OLENA = audit.Actor(None, "Olena")
TODAY = date(2026, 11, 22)
TERMS = Terms(14)


def person(session, last_name="Коваль", **fields):
    return customers.create(session, OLENA, currency="EUR", last_name=last_name, **fields)


def subscribed(session, customer):
    plan = session.scalar(select(Plan)) or Plan(name="Home", price_minor=1000, currency="EUR")
    session.add(plan)
    session.flush()
    subscription = Subscription(
        account_id=customer.account_id, plan_id=plan.id, starts_on=date(2026, 1, 1), bill_day=1
    )
    session.add(subscription)
    session.flush()
    access.ensure(session, subscription.id, today=TODAY)
    return subscription


def actions(session, customer):
    return [event.action for event in audit.of_customer(session, customer.id)]


def test_a_customer_gets_the_next_number_an_account_and_a_line_of_history(session):
    first, second = person(session), person(session)
    assert (first.number, second.number) == ("10001", "10002")
    assert session.get(Account, first.account_id).currency == "EUR"
    (event,) = audit.of_customer(session, first.id)
    assert event.action == "customer.created"
    assert event.changes["last_name"] == [None, "Коваль"]


def test_the_next_number_follows_the_highest_one_of_digits(session):
    person(session, number="99999")
    person(session, number="A-7")
    assert person(session).number == "100000"


def test_a_number_is_taken_once_and_the_field_says_so(session):
    person(session, number="77")
    with pytest.raises(errors.Invalid) as caught:
        person(session, number="77")
    assert "number" in caught.value.fields
    assert person(session, number="78").number == "78"


@pytest.mark.parametrize("number", ["with space", "-1", "x" * 33])
def test_a_number_of_wrong_form_is_refused(session, number):
    with pytest.raises(errors.Invalid) as caught:
        person(session, number=number)
    assert "number" in caught.value.fields


def test_parallel_creates_give_different_numbers(fresh_database):
    def create(_):
        with fresh_database.transaction() as session:
            return person(session).number

    with ThreadPoolExecutor(6) as pool:
        numbers = list(pool.map(create, range(12)))
    assert sorted(map(int, numbers)) == list(range(10001, 10013))


def test_required_names_depend_on_the_kind(session):
    with pytest.raises(errors.Invalid) as caught:
        person(session, last_name=" ")
    assert list(caught.value.fields) == ["last_name"]
    with pytest.raises(errors.Invalid) as caught:
        person(session, kind=CustomerKind.COMPANY, company_name="", dba="x" * 201)
    assert sorted(caught.value.fields) == ["company_name", "dba"]


def test_a_company_is_shown_by_its_name_and_keeps_its_representative(session):
    company = person(
        session, "Коваль", kind=CustomerKind.COMPANY, company_name="Їжак Плюс", first_name="Ганна"
    )
    assert (company.name, company.representative) == ("Їжак Плюс", "Ганна Коваль")
    assert company.sort_name < person(session, "Йосипенко").sort_name


def test_a_change_is_audited_field_by_field(session):
    olha = person(session, "Коваль", first_name="Ольга")
    customers.change(
        session,
        OLENA,
        olha.id,
        version=olha.version,
        kind=CustomerKind.PERSON,
        last_name="Мельник",
        first_name="Ольга",
    )
    event = audit.of_customer(session, olha.id)[0]
    assert event.changes == {"last_name": ["Коваль", "Мельник"]}
    assert olha.sort_name == names.sort_key("Мельник", "Ольга")


def test_the_second_to_save_is_told_and_not_overwritten(session):
    olha = person(session)
    seen = olha.version
    customers.set_alert(session, OLENA, olha.id, "Dog in the yard")
    session.flush()
    with pytest.raises(errors.Conflict):
        customers.change(session, OLENA, olha.id, version=seen, kind=CustomerKind.PERSON, last_name="X")


def test_a_changed_number_stays_unique_and_leaves_old_and_new(session):
    taken, olha = person(session, number="1"), person(session, number="2")
    with pytest.raises(errors.Invalid):
        customers.change_number(session, OLENA, olha.id, taken.number, version=olha.version)
    customers.change_number(session, OLENA, olha.id, "3", version=olha.version)
    assert audit.of_customer(session, olha.id)[0].changes == {"number": ["2", "3"]}


def test_leaving_closes_the_lines_and_coming_back_opens_them(session):
    olha = person(session, status=CustomerStatus.CONNECTED)
    first, second = subscribed(session, olha), subscribed(session, olha)
    moved = statuses.change(session, OLENA, olha.id, CustomerStatus.FORMER, today=TODAY, terms=TERMS)
    assert set(moved.lines) == {first.id, second.id}
    locks = session.scalars(select(SuspensionLock)).all()
    assert {(lock.reason, lock.owner) for lock in locks} == {(LockReason.STATUS, "Olena")}
    assert access.ensure(session, first.id, today=TODAY).wanted is AccessState.CLOSED
    moved = statuses.change(session, OLENA, olha.id, CustomerStatus.CONNECTED, today=TODAY, terms=TERMS)
    assert set(moved.lines) == {first.id, second.id}
    assert actions(session, olha)[:2] == ["customer.status", "customer.status"]


def test_coming_back_lifts_no_other_lock(session):
    from billing import suspensions

    olha = person(session, status=CustomerStatus.CONNECTED)
    line = subscribed(session, olha)
    suspensions.place(session, [line.id], LockReason.MANUAL, owner="Olena", today=TODAY)
    statuses.change(session, OLENA, olha.id, CustomerStatus.FORMER, today=TODAY, terms=TERMS)
    moved = statuses.change(session, OLENA, olha.id, CustomerStatus.CONNECTED, today=TODAY, terms=TERMS)
    assert moved.lines == ()
    assert access.ensure(session, line.id, today=TODAY).wanted is AccessState.CLOSED


def test_an_unknown_customer_is_not_found(session):
    for call in (
        lambda: customers.get(session, 1),
        lambda: customers.set_alert(session, OLENA, 1, ""),
        lambda: contacts.add(session, OLENA, 1, name="A", region="UA", phone="0671234567"),
        lambda: addresses.save(session, OLENA, 1, AddressKind.MAIL, street="a", city="b"),
        lambda: addresses.remove(session, OLENA, 1, AddressKind.MAIL),
    ):
        with pytest.raises(errors.NotFound):
            call()


def test_a_phone_is_kept_in_e164_and_shown_readable(session):
    olha = person(session)
    contact = contacts.add(session, OLENA, olha.id, name="Ольга", region="UA", phone="067 123-45-67")
    assert contact.phone == "+380671234567"
    assert contacts.readable_phone(contact.phone) == "+380 67 123 4567"
    assert contacts.readable_phone("odd") == "odd"


@pytest.mark.parametrize("phone", ["abc", "12", "067 123 45 67 ext. 4", "+1"])
def test_what_is_no_phone_is_refused_with_an_example(session, phone):
    olha = person(session)
    with pytest.raises(errors.Invalid) as caught:
        contacts.add(session, OLENA, olha.id, name="Ольга", region="UA", phone=phone)
    assert "phone" in caught.value.fields


def test_faults_of_a_contact_come_all_at_once(session):
    olha = person(session)
    with pytest.raises(errors.Invalid) as caught:
        contacts.add(session, OLENA, olha.id, name="", region="UA", phone="abc", email="x@y", title="x" * 121)
    assert sorted(caught.value.fields) == ["email", "name", "phone", "title"]
    with pytest.raises(errors.Invalid) as caught:
        contacts.add(session, OLENA, olha.id, name="Ольга", region="UA")
    assert list(caught.value.fields) == ["phone"]


def test_one_contact_is_the_primary_one(session):
    olha = person(session)
    first = contacts.add(session, OLENA, olha.id, name="A", region="UA", email="a@x.ua", is_primary=True)
    second = contacts.add(session, OLENA, olha.id, name="B", region="UA", email="b@x.ua")
    contacts.change(
        session, OLENA, olha.id, second.id, name="B", region="UA", email="b@x.ua", is_primary=True
    )
    session.expire_all()
    assert [found.name for found in contacts.of_customer(session, olha.id)] == ["B", "A"]
    assert not first.is_primary
    contacts.remove(session, OLENA, olha.id, first.id)
    assert actions(session, olha)[:2] == ["contact.removed", "contact.changed"]
    with pytest.raises(errors.NotFound):
        contacts.get(session, person(session).id, second.id)


def home(session, customer, **fields):
    values = {"street": "Зелена", "building": "12", "city": "Львів", **fields}
    return addresses.save(session, OLENA, customer.id, AddressKind.VISITING, **values)


def test_floor_zero_is_a_floor_and_none_is_unknown(session):
    olha = person(session)
    assert home(session, olha).floor is None
    home(session, olha, floor=0)
    session.expire_all()
    assert addresses.get(session, olha.id, AddressKind.VISITING).floor == 0
    assert audit.of_customer(session, olha.id)[0].changes == {"floor": [None, 0]}
    with pytest.raises(errors.Invalid) as caught:
        home(session, olha, floor=900)
    assert list(caught.value.fields) == ["floor"]


def located(session, customer, source):
    address = home(session, customer)
    address.latitude, address.longitude, address.geo_source = 49.8, 24.0, source
    address.geo_at, address.geo_accuracy = datetime(2026, 11, 1, tzinfo=UTC), "house"
    session.flush()
    return address


def test_a_new_street_forgets_the_geocoders_point_but_not_one_set_by_hand(session):
    found, placed = person(session), person(session)
    located(session, found, GeoSource.GEOCODER)
    located(session, placed, GeoSource.HAND)
    home(session, found, floor=3, entrance="2", unit="5")
    assert addresses.get(session, found.id, AddressKind.VISITING).latitude == 49.8
    home(session, found, building="14")
    assert addresses.get(session, found.id, AddressKind.VISITING).latitude is None
    home(session, placed, building="14")
    assert addresses.get(session, placed.id, AddressKind.VISITING).latitude == 49.8


def test_faults_of_an_address_stand_at_their_fields(session):
    with pytest.raises(errors.Invalid) as caught:
        home(session, person(session), street="", city=" ", country="UKR", unit="x" * 17)
    assert sorted(caught.value.fields) == ["city", "country", "street", "unit"]


def test_kinds_of_address_stand_beside_each_other(session):
    olha = person(session)
    addresses.save(session, OLENA, olha.id, AddressKind.MAIL, street="Пошта", city="Львів", country="ua")
    visiting = home(session, olha, postcode="79000")
    kinds = [address.kind for address in addresses.of_customer(session, olha.id)]
    assert kinds == [AddressKind.VISITING, AddressKind.MAIL]
    assert addresses.one_line(visiting) == "Зелена 12, 79000 Львів"
    with pytest.raises(errors.Invalid):
        addresses.remove(session, OLENA, olha.id, AddressKind.VISITING)
    addresses.remove(session, OLENA, olha.id, AddressKind.MAIL)
    assert addresses.get(session, olha.id, AddressKind.MAIL) is None
