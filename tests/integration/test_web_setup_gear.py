"""The setup pages of network devices with their ports, and of gates."""

import re

import pytest
from sqlalchemy import select

from billing import testing as money_testing
from core import clock
from registry import audit, credentials, equipment, gate_turns, line_gates, lines, testing
from registry.models import AuditEvent, Device, DeviceRole, DeviceState, DeviceType, LineGate, Port
from webapp import runtime

OLENA = audit.Actor(None, "Olena")


@pytest.fixture
def kinds(database):
    with database.transaction() as session:
        rows = [DeviceType(name=role.value, role=role) for role in (DeviceRole.SWITCH, DeviceRole.ROUTER)]
        session.add_all(rows)
        session.flush()
        return {row.role.value: row.id for row in rows}


def fields(kinds, **changes):
    usual = {
        "name": "sw-1", "type_id": kinds["switch"], "pop_id": "", "parent_id": "", "address": "10.0.0.2",
        "mac": "", "serial": "S1", "software": "", "snmp_port": "161",
    }  # fmt: skip
    return {**usual, **changes}


def actions(database):
    with database.reading() as session:
        return session.scalars(
            select(AuditEvent.action).where(AuditEvent.action != "staff.signed_in").order_by(AuditEvent.id)
        ).all()


def test_the_noc_enters_a_switch_what_opens_it_and_its_ports(sign_in_as, database, kinds, web_app):
    browser = sign_in_as("noc")
    wrong = browser.post("/setup/devices/new", data=fields(kinds, address="10.0.0", type_id="", mac="zz"))
    assert wrong.status_code == 422
    for name in ("address", "mac"):
        assert (
            f'id="{name}-error"'
            in browser.post("/setup/devices/new", data=fields(kinds, address="10.0.0", mac="zz")).text
        )
    url = browser.post("/setup/devices/new", data=fields(kinds)).location
    assert re.fullmatch(r"/setup/devices/\d+", url)
    secret = {
        "snmp_version": "2c",
        "community": "hush-hush",
        "login_name": "root",
        "login_password": "s3cret",
    }
    assert browser.post(f"{url}/access", data={**secret, "community": ""}).status_code == 422
    assert browser.post(f"{url}/access", data=secret).location == url
    page, form = browser.get(url).text, browser.get(f"{url}/access").text
    assert "version 2c, port 161, credentials on file" in page
    for text in (page, form):
        assert "hush-hush" not in text
        assert "s3cret" not in text
    with database.reading() as session:
        device = session.scalars(select(Device)).one()
        ring = web_app.extensions[runtime.KEY].ring
        assert credentials.snmp_of(equipment.get(session, device.id), ring)["community"] == "hush-hush"
    assert browser.post(f"{url}/ports/new", data={"indexes": "1-x"}).status_code == 422
    assert browser.post(f"{url}/ports/new", data={"indexes": "1-24", "name": "ge-"}).location == url
    uplink = {"indexes": "49", "name": "xe-1", "is_uplink": "y"}
    assert "Ports added: 1." in browser.post(f"{url}/ports/new", data=uplink, follow_redirects=True).text
    page = browser.get(url).text
    assert "ge-24" in page
    assert "uplink" in page
    assert actions(database) == ["device.added", "device.credentials", "ports.added", "ports.added"]


def test_a_port_is_changed_and_goes_only_without_customers(sign_in_as, database):
    with database.transaction() as session:
        switch = testing.device(session, "sw-1")
        customer = testing.customer(session)
        taken = testing.connect(session, customer.id, switch.id, 1)
        free = Port(device_id=switch.id, if_index=2, name="2")
        session.add(free)
        session.flush()
    browser, url = sign_in_as("noc"), f"/setup/devices/{switch.id}"
    refused = browser.post(f"{url}/ports/{taken.id}", data={"name": "a", "is_uplink": "y"})
    assert refused.status_code == 422
    assert "Customers are on this port: 1" in refused.text
    assert "customers: 1" in browser.get(f"{url}/ports/{taken.id}").text
    assert "is in use" in browser.post(f"{url}/ports/{taken.id}/remove", follow_redirects=True).text
    assert browser.post(f"{url}/ports/{free.id}", data={"name": "up", "is_uplink": "y"}).location == url
    assert browser.post(f"{url}/ports/{free.id}/remove").location == url
    assert "is in use" in browser.post(f"{url}/remove", follow_redirects=True).text
    assert browser.get(f"{url}/ports/{free.id}").status_code == 404


def test_the_list_filters_by_role_pop_and_state_and_keeps_them_in_the_url(sign_in_as, database):
    with database.transaction() as session:
        pop = testing.pop(session, "north")
        switch = testing.device(session, "sw-1", address="10.0.0.2", pop_id=pop.id)
        testing.device(session, "gw-1", role=DeviceRole.ROUTER)
        mine = testing.customer(session)
        his = testing.device(session, "his-cpe", role=DeviceRole.CPE, customer_id=mine.id)
        equipment.note_status(session, switch.id, DeviceState.SILENT, None, clock.now())
    browser = sign_in_as("technician")
    whole = browser.get("/setup/devices").text
    assert "his-cpe" not in whole
    assert "gw-1" in whole
    for query in (f"pop={pop.id}", "role=switch", "state=silent", "q=10.0.0", "q=SW", "role=x&state=silent"):
        page = browser.get(f"/setup/devices?{query}&sort=-status").text
        assert "sw-1" in page, query
        assert "gw-1" not in page, query
    assert "No device fits" in browser.get("/setup/devices?q=%25").text
    assert browser.get("/setup/devices?pop=99999999999999999999&after=x&sort=x").status_code == 200
    assert browser.get(f"/setup/devices/{his.id}").status_code == 404
    assert "panel-removal" not in browser.get(f"/setup/devices/{switch.id}").text


def test_a_device_changes_its_place_and_goes_when_nothing_hangs_on_it(sign_in_as, database, kinds):
    with database.transaction() as session:
        router = testing.device(session, "gw", role=DeviceRole.ROUTER)
        below = testing.device(session, "sw-2")
        below.parent_id = router.id
        owner = testing.customer(session)
        his = testing.device(session, "his-cpe", role=DeviceRole.CPE, customer_id=owner.id)
        his.parent_id = router.id
        testing.network(session, "10.0.0.0/24", gateway_id=router.id)
    browser, url = sign_in_as("administrator"), f"/setup/devices/{router.id}"
    page = browser.get(url).text
    assert f'href="/customers/{owner.id}">his-cpe' in page
    assert f'href="/setup/devices/{below.id}">sw-2' in page
    assert "networks: 1, devices: 2" in re.sub(r"\s+", " ", page)
    loop = browser.post(f"{url}/edit", data=fields(kinds, parent_id=below.id))
    assert "hangs below the one you change" in loop.text
    assert browser.post(f"{url}/remove").location == url
    assert browser.post(f"/setup/devices/{below.id}/remove").location == "/setup/devices"
    answer = browser.post(
        f"{url}/edit", data=fields(kinds, name="core", type_id=kinds["router"], is_gateway="y")
    )
    assert answer.location == url
    assert "core" in browser.get(url).text


def _line(session, number, gate_id=None):
    sample = money_testing.subscriber(session, starts_on=clock.today("Europe/Kyiv"))
    customer = testing.customer(session, number)
    customer.account_id = sample.account_id
    session.flush()
    lines.attach(session, sample.subscription_id, customer.id, actor=OLENA, gate_id=gate_id)


def test_a_gate_asks_for_the_options_of_its_kind(sign_in_as, database):
    browser = sign_in_as("administrator")
    assert "Linux gateway (nftables)" in browser.get("/setup/gates/new").text
    form = browser.get("/setup/gates/new?kind=nftables").text
    assert 'name="protected"' in form
    assert 'value="nft"' in form
    plain = {
        "name": "Gw", "pop_id": "", "namespace": "", "program": "nft", "priority": "-10", "protected": "",
        "timeout_s": "10",
    }  # fmt: skip
    wrong = browser.post(
        "/setup/gates/new?kind=nftables", data={**plain, "priority": "9999", "protected": "10.0.0.1/8"}
    )
    assert wrong.status_code == 422
    assert 'id="priority-error"' in wrong.text
    assert "10.0.0.1/8 is not a prefix" in wrong.text
    sent = {**plain, "namespace": "lc-gw", "protected": "10.0.0.0/8 fd00::/8"}
    assert browser.post("/setup/gates/new?kind=nftables", data=sent).location == "/setup/gates"
    page = browser.get("/setup/gates").text
    assert "10.0.0.0/8, fd00::/8" in page
    assert "No gate is the default" in page
    with database.reading() as session:
        gate = session.scalars(select(LineGate)).one()
        assert gate.options == {"namespace": "lc-gw", "protected": ["10.0.0.0/8", "fd00::/8"]}
    url = f"/setup/gates/{gate.id}"
    assert "10.0.0.0/8\nfd00::/8" in browser.get(url).text
    assert browser.post(url, data={**plain, "priority": "x"}).status_code == 422
    assert browser.post(url, data={**plain, "timeout_s": "2,5"}).status_code == 303
    with database.reading() as session:
        assert session.get_one(LineGate, gate.id, populate_existing=True).options == {"timeout_s": 2.5}
    assert actions(database) == ["gate.created", "gate.changed"]


def test_a_gates_secrets_are_sealed_and_never_shown_again(sign_in_as, database):
    browser = sign_in_as("administrator")
    plain = {
        "name": "RADIUS",
        "pop_id": "",
        "closed_by": "group",
        "live": "coa",
        "ghosts": "leave",
        "tls": "require",
    }
    wrong = browser.post("/setup/gates/new?kind=radius", data={**plain, "nas_secrets": "here"})
    assert wrong.status_code == 422
    assert 'id="nas_secrets-error"' in wrong.text
    sent = {**plain, "password": "pass-of-db", "nas_secrets": "10.0.0.1 of-nas 1700\r\nfd00::/8 others"}
    assert browser.post("/setup/gates/new?kind=radius", data=sent).location == "/setup/gates"
    with database.reading() as session:
        gate = session.scalars(select(LineGate)).one()
        assert gate.options == {"live": "coa", "tls": "require"}
        assert "of-nas" not in gate.secrets_sealed
    page = browser.get(f"/setup/gates/{gate.id}").text + browser.get("/setup/gates").text
    assert "of-nas" not in page
    assert "pass-of-db" not in page
    before = gate.secrets_sealed
    assert browser.post(f"/setup/gates/{gate.id}", data={**plain, "live": "leave"}).status_code == 303
    assert _sealed(database, gate.id) == before
    assert browser.post(f"/setup/gates/{gate.id}", data={**plain, "password": "new"}).status_code == 303
    assert _sealed(database, gate.id) != before


def _sealed(database, gate_id):
    with database.reading() as session:
        return session.get_one(LineGate, gate_id, populate_existing=True).secrets_sealed


def test_making_a_gate_the_default_says_what_it_takes_over(sign_in_as, database):
    with database.transaction() as session:
        old = line_gates.create(session, OLENA, name="Old", kind="dry_run", options={}, is_default=True)
        new = line_gates.create(session, OLENA, name="New", kind="dry_run", options={})
        _line(session, "1")
        _line(session, "2")
        _line(session, "3", new.id)
        gate_turns.note_failed(session, new.id, "no answer from 10.0.0.9", clock.now(), pause_s=5, limit_s=60)
    browser = sign_in_as("administrator")
    page = browser.get("/setup/gates").text
    assert "New will open and close every line no gate is chosen for: 2. Until now Old did." in page
    assert "no answer from 10.0.0.9" in page
    assert "make another one the default first" in browser.get(f"/setup/gates/{old.id}").text
    assert "the default gate" in browser.post(f"/setup/gates/{old.id}/remove", follow_redirects=True).text
    told = browser.post(f"/setup/gates/{new.id}/default", follow_redirects=True).text
    assert "being told its lines: 3." in told
    assert browser.post(f"/setup/gates/{new.id}/default").status_code == 409
    assert browser.post(f"/setup/gates/{old.id}/remove").location == "/setup/gates"
    with database.transaction() as session:
        session.get_one(LineGate, new.id).kind = "magic"
    assert browser.get("/setup/gates").status_code == 200
    assert browser.get(f"/setup/gates/{new.id}").status_code == 409
