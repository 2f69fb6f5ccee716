"""Equipment: devices and types, sealed credentials, last status, ports."""

from datetime import date

import pytest

from core import clock, errors, secrets
from registry import (
    audit,
    credentials,
    customers,
    device_types,
    equipment,
)
from registry.models import CustomerStatus, DeviceRole, DeviceState

OLENA = audit.Actor(None, "Olena")
TODAY = date(2026, 11, 22)


@pytest.fixture
def ring():
    return secrets.Ring([secrets.new_key()])


def person(session, last_name="Коваль", status=CustomerStatus.CONNECTED):
    return customers.create(session, OLENA, currency="EUR", last_name=last_name, status=status)


def kind(session, name="hAP", role=DeviceRole.CPE, **fields):
    return device_types.create(session, OLENA, name=name, role=role, **fields)


def last_act(session, customer):
    return audit.of_customer(session, customer.id)[0]


def test_a_device_is_kept_with_its_type_and_audited(session):
    olha, router = person(session), kind(session)
    device = equipment.create(
        session,
        OLENA,
        name="Home",
        type_id=router.id,
        customer_id=olha.id,
        address="10.0.0.7",
        mac="AABB.CCDD.EEFF",
    )
    (found,) = equipment.of_customer(session, olha.id)
    assert (found.mac, found.address, found.type.name) == ("aa:bb:cc:dd:ee:ff", "10.0.0.7", "hAP")
    equipment.change(session, OLENA, device.id, name="Home", type_id=router.id, serial="S1")
    assert last_act(session, olha).changes["serial"] == ["", "S1"]
    equipment.detach(session, OLENA, device.id)
    assert equipment.of_customer(session, olha.id) == []
    assert last_act(session, olha).action == "device.detached"
    with pytest.raises(errors.Conflict):
        equipment.detach(session, OLENA, device.id)


def test_faults_of_a_device_come_all_at_once(session):
    router = kind(session)
    with pytest.raises(errors.Invalid) as caught:
        equipment.create(
            session,
            OLENA,
            name="",
            type_id=router.id,
            address="10.0.0",
            mac="zz",
            snmp_port=0,
            serial="x" * 81,
        )
    assert sorted(caught.value.fields) == ["address", "mac", "name", "serial", "snmp_port"]
    with pytest.raises(errors.Invalid) as caught:
        equipment.create(session, OLENA, name="a", type_id=0)
    assert "type_id" in caught.value.fields


def test_devices_do_not_hang_in_a_loop(session):
    switch = kind(session, "CRS", DeviceRole.SWITCH)
    first = equipment.create(session, OLENA, name="a", type_id=switch.id)
    second = equipment.create(session, OLENA, name="b", type_id=switch.id, parent_id=first.id)
    with pytest.raises(errors.Invalid) as caught:
        equipment.change(session, OLENA, first.id, name="a", type_id=switch.id, parent_id=second.id)
    assert "parent_id" in caught.value.fields
    assert [device.name for device in equipment.switches(session)] == ["a", "b"]


@pytest.mark.parametrize(
    ("scheme", "port", "address", "url"),
    [
        ("https", None, "10.0.0.7", "https://10.0.0.7/"),
        ("https", 443, "10.0.0.7", "https://10.0.0.7/"),
        ("http", 8080, "10.0.0.7", "http://10.0.0.7:8080/"),
        ("https", None, "2001:db8::7", "https://[2001:db8::7]/"),
        ("", None, "10.0.0.7", None),
        ("https", None, "", None),
    ],
)
def test_the_type_says_where_the_devices_page_is(session, scheme, port, address, url):
    router = kind(session, web_scheme=scheme, web_port=port)
    device = equipment.create(session, OLENA, name="a", type_id=router.id, address=address)
    assert equipment.web_url(equipment.get(session, device.id)) == url


def test_types_are_checked_and_unique(session):
    router = kind(session)
    with pytest.raises(errors.Invalid) as caught:
        kind(session)
    assert "name" in caught.value.fields
    with pytest.raises(errors.Invalid) as caught:
        device_types.change(
            session,
            OLENA,
            router.id,
            name="",
            role=DeviceRole.ONU,
            web_scheme="ftp",
            web_port=0,
            vendor="x" * 81,
        )
    assert sorted(caught.value.fields) == ["name", "vendor", "web_port", "web_scheme"]
    device_types.change(session, OLENA, router.id, name="hAP ac", role=DeviceRole.CPE)
    assert [found.name for found in device_types.list_all(session)] == ["hAP ac"]


def with_community(session, ring, community="s3cret"):
    device = equipment.create(session, OLENA, name="sw", type_id=kind(session).id, address="127.0.0.9")
    equipment.set_credentials(session, OLENA, device.id, ring, snmp={"version": "2c", "community": community})
    return equipment.get(session, device.id)


def test_credentials_are_sealed_and_open_as_the_wire_wants_them(session, ring):
    device = with_community(session, ring)
    assert "s3cret" not in device.snmp_sealed
    assert equipment.snmp_of(device, ring) == {
        "host": "127.0.0.9",
        "port": 161,
        "version": "2c",
        "community": "s3cret",
    }


def test_an_empty_secret_keeps_the_one_on_file(session, ring):
    device = with_community(session, ring)
    equipment.set_credentials(session, OLENA, device.id, ring, snmp={"version": "2c"})
    assert equipment.snmp_of(device, ring)["community"] == "s3cret"
    equipment.set_credentials(session, OLENA, device.id, ring, snmp={"version": ""})
    with pytest.raises(errors.Invalid):
        equipment.snmp_of(device, ring)


def test_version_3_keeps_what_it_needs_and_shows_no_key(session, ring):
    device = with_community(session, ring)
    v3 = {"user": "lc", "auth_protocol": "SHA", "auth_key": "longenough"}
    equipment.set_credentials(session, OLENA, device.id, ring, snmp={"version": "3", **v3})
    opened = equipment.snmp_of(device, ring)
    assert opened["priv_protocol"] is None
    assert {field: opened[field] for field in v3} == v3
    assert credentials.shown_snmp(device, ring) == {
        "user": "lc",
        "auth_protocol": "SHA",
        "priv_protocol": "",
    }


@pytest.mark.parametrize(
    ("snmp", "field"),
    [
        ({"version": "4"}, "snmp_version"),
        ({"version": "1"}, "community"),
        ({"version": "3"}, "snmp_user"),
        ({"version": "3", "user": "a", "auth_protocol": "ROT13"}, "auth_protocol"),
        ({"version": "3", "user": "a", "auth_protocol": "SHA", "auth_key": "short"}, "auth_key"),
        ({"version": "3", "user": "a", "priv_protocol": "AES"}, "priv_protocol"),
        ({"version": "3", "user": "a", "priv_protocol": "ROT13"}, "priv_protocol"),
        (
            {
                "version": "3",
                "user": "a",
                "auth_protocol": "SHA",
                "auth_key": "x" * 8,
                "priv_protocol": "AES",
            },
            "priv_key",
        ),
    ],
)
def test_what_no_agent_takes_is_refused_at_its_field(session, ring, snmp, field):
    device = equipment.create(session, OLENA, name="sw", type_id=kind(session).id)
    with pytest.raises(errors.Invalid) as caught:
        equipment.set_credentials(session, OLENA, device.id, ring, snmp=snmp)
    assert field in caught.value.fields


def test_a_secret_moved_to_another_row_does_not_open(session, ring):
    device = with_community(session, ring)
    other = equipment.create(session, OLENA, name="b", type_id=device.type_id, address="127.0.0.8")
    other.snmp_version, other.snmp_sealed = device.snmp_version, device.snmp_sealed
    with pytest.raises(errors.Unavailable, match="another record"):
        equipment.snmp_of(other, ring)


def test_a_password_is_shown_for_a_reason_that_history_keeps(session, ring):
    olha = person(session)
    device = equipment.create(session, OLENA, name="a", type_id=kind(session).id, customer_id=olha.id)
    with pytest.raises(errors.NotFound):
        equipment.reveal_login(session, OLENA, device.id, ring, "to look")
    equipment.set_credentials(session, OLENA, device.id, ring, login={"name": "admin", "password": "p4ss"})
    with pytest.raises(errors.Invalid):
        equipment.reveal_login(session, OLENA, device.id, ring, " ")
    login = equipment.reveal_login(session, OLENA, device.id, ring, "Router replaced")
    assert login == {"name": "admin", "password": "p4ss"}
    act = last_act(session, olha)
    assert (act.action, act.note) == ("device.login_revealed", "Router replaced")
    assert "p4ss" not in str([event.changes for event in audit.of_customer(session, olha.id)])
    equipment.set_credentials(session, OLENA, device.id, ring, login={"name": "", "password": ""})
    assert device.login_sealed == ""


def test_a_silent_reading_keeps_the_last_values_with_their_time(session):
    device = equipment.create(session, OLENA, name="a", type_id=kind(session).id)
    first = clock.now()
    equipment.note_status(session, device.id, DeviceState.ANSWERED, {"sys_name": "r1"}, first)
    later = clock.now()
    equipment.note_status(session, device.id, DeviceState.SILENT, None, later)
    session.expire_all()
    found = equipment.get(session, device.id)
    assert (found.state, found.state_at) == (DeviceState.SILENT, later)
    assert (found.last_status, found.last_status_at) == ({"sys_name": "r1"}, first)


def test_a_port_is_made_once_and_named_later(session):
    device = equipment.create(session, OLENA, name="a", type_id=kind(session).id)
    port = equipment.ensure_port(session, device.id, 7)
    assert port.name == "7"
    again = equipment.ensure_port(session, device.id, 7, name="ether7", is_uplink=True)
    assert again is port
    assert (port.name, port.is_uplink) == ("ether7", True)
    assert equipment.ports_of(session, device.id) == [port]
    with pytest.raises(errors.Invalid):
        equipment.ensure_port(session, device.id, 0)
