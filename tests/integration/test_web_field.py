"""The technician's phone: what it finds and in what order."""

import pytest
from sqlalchemy import select

from core import errors
from desk import tickets
from registry import audit, customers, field
from registry.models import Address, AddressKind, Device, DeviceRole, DeviceType, StaffUser

ROOT = audit.Actor(None, "setup")


@pytest.fixture
def street(database):
    """Three customers on one meridian, north to south from 50.00; the last is 20 km away."""
    with database.transaction() as session:
        made = []
        for name, latitude in (("Far", 50.01), ("Close", 50.001), ("Away", 50.18)):
            one = customers.create(session, ROOT, currency="EUR", last_name=name)
            made.append(one.id)
            session.add(
                Address(
                    customer_id=one.id,
                    kind=AddressKind.VISITING,
                    street="Main",
                    city="Town",
                    latitude=latitude,
                    longitude=30.0,
                )
            )
        kind = DeviceType(name="Box for the field", role=next(iter(DeviceRole)))
        session.add(kind)
        session.flush()
        session.add(
            Device(name="roof", type_id=kind.id, customer_id=made[0], mac="00:11:22:aa:bb:cc", serial="SN-7x")
        )
    return made


def test_the_nearest_stands_first_and_the_far_is_left_out(database, street):
    with database.reading() as session:
        found = field.near(session, 50.0, 30.0)
        with pytest.raises(errors.Invalid):
            field.near(session, 91.0, 30.0)
    assert [one.place.name for one in found] == ["Close", "Far"]
    assert found[0].distance_m == pytest.approx(111, abs=1)


@pytest.mark.parametrize("text", ["00:11:22:AA:BB:CC", "0011.22aa.bbcc", "00-11-22-aa-bb-cc", "sn-7X"])
def test_a_device_is_found_in_every_spelling(database, street, text):
    with database.reading() as session:
        assert [one.customer_id for one in field.find(session, text)] == [street[0]]


def test_what_is_not_on_file_is_not_found(database, street):
    with database.reading() as session:
        assert field.find(session, "sn-7") == []
        with pytest.raises(errors.NotFound):
            field.line(session, 10**9)
        assert field.line(session, street[1]).place.point == (50.001, 30.0)


def test_my_day_holds_only_my_tickets_by_urgency(database, sign_in_as, street):
    browser = sign_in_as("noc", login="taras")
    with database.transaction() as session:
        me = session.scalars(select(StaffUser.id).where(StaffUser.login == "taras")).one()
        for subject, priority, whose in (
            ("later one", 3, me),
            ("first one", 1, me),
            ("foreign one", 1, None),
        ):
            tickets.open(session, ROOT, street[1], subject=subject, priority=priority, assignee_id=whose)
    page = browser.get("/field")
    assert page.status_code == 200
    assert page.text.index("first one") < page.text.index("later one")
    assert "foreign one" not in page.text
    assert f"/field/line/{street[1]}" in page.text
    assert "geo:50.001,30.0" in page.text


def test_the_pages_are_small_and_say_what_is_missing(sign_in_as, street):
    browser = sign_in_as("noc")
    for url, words in (
        (f"/field/line/{street[1]}", "no IP address on file"),
        (f"/field/line/{street[1]}", "no service with access"),
        ("/field/scan?q=0011.22aa.bbcc", f"/field/line/{street[0]}"),
        ("/field/scan?q=nobody", "Not on file: nobody"),
        ("/field/near?lat=50&lon=30", "111 m away"),
        ("/field/near?lat=10&lon=10", "No customer within 5 km"),
    ):
        page = browser.get(url)
        assert page.status_code == 200
        assert words in page.text
        assert len(page.data) < 30_000
    assert browser.get("/field/near?lat=91&lon=0").status_code == 422
    assert browser.get("/field/line/999999999").status_code == 404
