"""The technician's phone: what it finds and in what order."""

import pytest

from core import errors
from registry import audit, customers, field
from registry.models import Address, AddressKind, Device, DeviceRole, DeviceType

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
