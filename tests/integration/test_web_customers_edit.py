"""In-place forms of the card: saved panels, errors at fields with nothing lost, removals, and who may."""

import re
from datetime import date
from html import unescape

import pytest

from billing.models import Plan, Subscription
from registry import (
    addresses,
    audit,
    cables,
    connections,
    contacts,
    credentials,
    customers,
    device_types,
    equipment,
    labels,
    line_gates,
    lines,
    networks,
    pops,
)
from registry.models import AddressKind, CustomerStatus, Device, DeviceRole
from registry.models.cables import CableType

ROOT = audit.Actor(None, "setup")


@pytest.fixture
def town(database):
    """A customer, another one, and the network they may be put on."""
    with database.transaction() as session:
        first, second = (
            customers.create(session, ROOT, currency="EUR", last_name=name, status=CustomerStatus.CONNECTED)
            for name in ("Коваль", "Мельник")
        )
        pop = pops.create(session, ROOT, code="north", name="North")
        switch = device_types.create(session, ROOT, name="CRS", role=DeviceRole.SWITCH)
        router = device_types.create(session, ROOT, name="hAP", role=DeviceRole.CPE)
        gear = equipment.create(session, ROOT, name="sw-1", type_id=switch.id, pop_id=pop.id)
        port = equipment.ensure_port(session, gear.id, 2, name="ether2")
        equipment.ensure_port(session, gear.id, 1, name="uplink1", is_uplink=True)
        net = networks.create(session, ROOT, name="Home", cidr="10.0.0.0/29", pop_id=pop.id)
        return {
            "id": first.id,
            "account": first.account_id,
            "other": second.id,
            "pop": pop.id,
            "router": router.id,
            "switch": gear.id,
            "port": port.id,
            "network": net.id,
        }


def post(browser, town, path, **values):
    return browser.fragment(f"/customers/{town['id']}/{path}", method="POST", data=values)


def get(browser, town, path):
    return browser.fragment(f"/customers/{town['id']}/{path}")


def acts(database, town):
    with database.reading() as session:
        return [event.action for event in audit.of_customer(session, town["id"])]


def field(page, name):
    """Return the field's tag with what stands in it."""
    found = re.search(rf'<(?:input|select|textarea)[^>]*name="{name}"[^>]*>[^<]*', page.text)
    assert found, page.text
    return unescape(found.group())


def test_a_contact_is_added_changed_and_removed_in_its_panel(sign_in_as, database, town):
    noc = sign_in_as("noc")
    form = get(noc, town, "edit/contacts")
    assert form.status_code == 200
    assert 'id="panel-contacts"' in form.text
    saved = post(noc, town, "edit/contacts", name="Olha", phone="067 123 45 67", email="o@example.org")
    assert saved.status_code == 200
    assert 'id="panel-contacts"' in saved.text
    assert 'href="tel:+380671234567"' in saved.text
    assert "card-changed" in saved.headers["HX-Trigger"]
    with database.reading() as session:
        (contact,) = contacts.of_customer(session, town["id"])
    assert 'value="Olha"' in field(get(noc, town, f"edit/contacts/{contact.id}"), "name")
    post(noc, town, f"edit/contacts/{contact.id}", name="Olha K", phone="", email="o@example.org")
    assert post(noc, town, f"remove/contacts/{contact.id}").status_code == 200
    assert acts(database, town)[:3] == ["contact.removed", "contact.changed", "contact.added"]


def test_a_refused_form_keeps_what_was_typed_and_says_where(sign_in_as, database, town):
    noc = sign_in_as("noc")
    page = post(noc, town, "edit/contacts", name="Olha <b>", phone="12", email="nonsense")
    assert page.status_code == 422
    assert 'id="panel-contacts"' in page.text
    assert 'value="Olha <b>"' in field(page, "name")
    assert 'value="12"' in field(page, "phone")
    assert 'aria-invalid="true"' in field(page, "email")
    assert 'id="contacts-email-error"' in page.text
    assert "<b>" not in page.text
    assert acts(database, town) == ["customer.created"]


def test_floor_zero_and_no_floor_are_two_things(sign_in_as, database, town):
    noc = sign_in_as("noc")
    place = {"street": "Зелена", "building": "3", "city": "Львів"}
    assert post(noc, town, "edit/addresses", **place, floor="0").status_code == 200
    with database.reading() as session:
        address = addresses.get(session, town["id"], AddressKind.VISITING)
    assert address.floor == 0
    assert 'value="0"' in field(get(noc, town, f"edit/addresses/{address.id}"), "floor")
    post(noc, town, f"edit/addresses/{address.id}", **place, floor="")
    with database.reading() as session:
        assert addresses.get(session, town["id"], AddressKind.VISITING).floor is None
    wrong = post(noc, town, f"edit/addresses/{address.id}", **place, floor="ground")
    assert wrong.status_code == 422
    assert 'value="ground"' in field(wrong, "floor")


def test_an_invoice_address_stands_beside_and_is_removed(sign_in_as, database, town):
    noc = sign_in_as("noc")
    path = "edit/addresses?kind=invoice"
    assert "for invoices" in get(noc, town, path).text
    assert post(noc, town, path, street="Пошта", city="Львів").status_code == 200
    with database.reading() as session:
        (address,) = addresses.of_customer(session, town["id"])
    assert address.kind is AddressKind.INVOICE
    assert post(noc, town, f"remove/addresses/{address.id}").status_code == 200
    assert acts(database, town)[0] == "address.removed"


def test_the_names_change_and_the_second_to_save_is_told(sign_in_as, database, town):
    noc = sign_in_as("noc")
    page = get(noc, town, "edit/customer")
    version = re.search(r'name="version"[^>]*value="(\d+)"', page.text).group(1)
    values = {"version": version, "kind": "company", "company_name": "Їжак", "last_name": "Коваль"}
    done = post(noc, town, "edit/customer", **values)
    assert done.status_code == 204
    assert done.headers["HX-Redirect"].endswith(f"/customers/{town['id']}")
    late = post(noc, town, "edit/customer", **{**values, "company_name": "Інший"})
    assert (late.status_code, 'value="Інший"' in field(late, "company_name")) == (409, True)
    empty = post(noc, town, "edit/customer", **{**values, "version": "2", "company_name": ""})
    assert empty.status_code == 422
    with database.reading() as session:
        assert customers.get(session, town["id"]).name == "Їжак"


def test_only_an_administrator_changes_the_number(sign_in_as, database, town):
    assert get(sign_in_as("noc"), town, "edit/number").status_code == 403
    assert "edit/number" not in get(sign_in_as("noc"), town, "edit/customer").text
    admin = sign_in_as("administrator")
    assert "edit/number" in get(admin, town, "edit/customer").text
    with database.reading() as session:
        version, taken = (customers.get(session, town[key]) for key in ("id", "other"))
    refused = post(admin, town, "edit/number", number=taken.number, version=version.version)
    assert refused.status_code == 422
    assert "Another customer" in refused.text
    assert post(admin, town, "edit/number", number="7", version=version.version).status_code == 204


def test_groups_marks_and_the_banner_are_set(sign_in_as, database, town):
    noc = sign_in_as("noc")
    assert "There are no groups yet" in get(noc, town, "edit/labels").text
    with database.transaction() as session:
        group = labels.create_group(session, ROOT, name="vip").id
        mark = labels.create_mark(session, ROOT, name="VIP", colour_text="#aa0000").id
    assert post(noc, town, "edit/labels", groups=[group], marks=[mark]).status_code == 204
    assert get(noc, town, "edit/labels").text.count("checked") == 2
    assert post(noc, town, "edit/alert", alert="Dog in the yard").status_code == 204
    assert "Dog in the yard" in get(noc, town, "edit/alert").text
    assert acts(database, town)[:3] == ["customer.alert", "customer.marks", "customer.groups"]


def device(database, town, **values):
    with database.transaction() as session:
        row = equipment.create(
            session, ROOT, name="router", type_id=town["router"], customer_id=town["id"], **values
        )
        return row.id


def test_a_device_is_added_changed_and_taken_off(sign_in_as, database, town):
    noc = sign_in_as("noc")
    values = {"name": "router", "type_id": town["router"], "snmp_port": "161", "pop_id": ""}
    assert post(noc, town, "edit/equipment", **{**values, "type_id": ""}).status_code == 422
    refused = post(noc, town, "edit/equipment", **values, mac="zz")
    assert refused.status_code == 422
    assert 'value="zz"' in field(refused, "mac")
    saved = post(noc, town, "edit/equipment", **values, mac="AABBCCDDEEFF", address="10.0.0.3")
    assert "aa:bb:cc:dd:ee:ff" in saved.text
    with database.reading() as session:
        (found,) = equipment.of_customer(session, town["id"])
    post(noc, town, f"edit/equipment/{found.id}", **values, serial="S1", mac="AABBCCDDEEFF")
    assert post(noc, town, f"remove/equipment/{found.id}").status_code == 200
    assert acts(database, town)[:3] == ["device.detached", "device.changed", "device.added"]


def test_credentials_are_kept_and_shown_for_a_reason_only(sign_in_as, database, town, web_app):
    noc, item = sign_in_as("noc"), device(database, town)
    path = f"edit/equipment/{item}"
    refused = post(noc, town, f"{path}/credentials", snmp_version="2c", auth_protocol="", priv_protocol="")
    assert 'id="equipment-community-error"' in refused.text
    values = {"snmp_version": "2c", "community": "s3cret", "auth_protocol": "", "priv_protocol": ""}
    saved = post(noc, town, f"{path}/credentials", **values, login_name="admin", login_password="p4ssword")
    assert saved.status_code == 200
    form = get(noc, town, f"{path}/credentials")
    assert "s3cret" not in form.text
    assert "p4ssword" not in form.text
    assert "p4ssword" not in get(noc, town, f"{path}/login").text
    assert post(noc, town, f"{path}/login", reason="").status_code == 422
    shown = post(noc, town, f"{path}/login", reason="Router replaced")
    assert "p4ssword" in shown.text
    assert shown.headers["Cache-Control"] == "no-store"
    assert acts(database, town)[:2] == ["device.login_revealed", "device.credentials"]
    with database.reading() as session:
        ring = web_app.extensions["linecard"].ring
        assert credentials.open_login(session.get(Device, item), ring)["name"] == "admin"
    assert f"{path}/login" in get(noc, town, path).text


def test_a_stranger_device_is_not_his(sign_in_as, database, town):
    noc, item = sign_in_as("noc"), town["switch"]
    for path in (
        f"edit/equipment/{item}",
        f"edit/equipment/{item}/credentials",
        f"edit/equipment/{item}/login",
    ):
        assert get(noc, town, path).status_code == 404
    assert post(noc, town, f"remove/equipment/{item}").status_code == 404


def test_an_address_is_given_out_of_what_is_free(sign_in_as, database, town):
    noc = sign_in_as("noc")
    form = get(noc, town, "edit/ips")
    assert '<option value="10.0.0.1">' in form.text
    values = {"device_id": "", "line_id": ""}
    refused = post(noc, town, "edit/ips", **values, address="10.9.9.9", mac="aabb.ccdd.eeff")
    assert refused.status_code == 422
    assert "none of our networks" in refused.text
    assert 'value="aabb.ccdd.eeff"' in field(refused, "mac")
    saved = post(noc, town, "edit/ips", **values, address="10.0.0.1", has_colour="y", colour="#ff0000")
    assert "10.0.0.1" in saved.text
    with database.reading() as session:
        (row,) = networks.of_customer(session, town["id"])
        assert row.colour == "#ff0000"
    assert '<option value="10.0.0.2">' in get(noc, town, "edit/ips").text
    post(noc, town, f"edit/ips/{row.id}", **values, mac="00:11:22:33:44:55", colour="#ff0000")
    with database.reading() as session:
        (row,) = networks.of_customer(session, town["id"])
        assert (row.mac, row.colour) == ("00:11:22:33:44:55", None)
    assert post(noc, town, f"remove/ips/{row.id}").status_code == 200
    assert acts(database, town)[:3] == ["ip.taken", "ip.changed", "ip.given"]


def test_a_port_is_chosen_and_a_shared_one_is_told(sign_in_as, database, town):
    noc = sign_in_as("noc")
    with database.transaction() as session:
        connections.connect(session, ROOT, town["other"], town["port"])
        other = customers.get(session, town["other"]).number
    form = get(noc, town, "edit/ports")
    assert f"taken by {other}" in form.text
    assert "uplink1" not in form.text
    assert "No switch is called so" in get(noc, town, "edit/ports?q=nowhere").text
    assert post(noc, town, "edit/ports", port_id="", line_id="").status_code == 422
    assert post(noc, town, "edit/ports", port_id=town["port"], vlan="9999", line_id="").status_code == 422
    saved = post(noc, town, "edit/ports", port_id=town["port"], vlan="100", line_id="")
    assert saved.status_code == 200
    assert f"shared with {other}" in saved.headers["HX-Trigger"]
    with database.reading() as session:
        (row,) = connections.of_customer(session, town["id"])
    assert 'value="100"' in field(get(noc, town, f"edit/ports/{row.id}"), "vlan")
    assert post(noc, town, f"edit/ports/{row.id}", vlan="", line_id="").status_code == 200
    assert post(noc, town, f"remove/ports/{row.id}").status_code == 200
    assert acts(database, town)[:3] == ["port.disconnected", "port.changed", "port.connected"]


def test_a_cable_is_drawn_to_a_pop_or_to_another_customer(sign_in_as, database, town):
    noc = sign_in_as("noc")
    values = {"type": "fibre", "length_m": "120.5", "fibres": "4"}
    refused = post(noc, town, "edit/cables", **values, other="")
    assert refused.status_code == 422
    assert 'value="120.5"' in field(refused, "length_m")
    assert "No customer has" in post(noc, town, "edit/cables", **values, other="", other_customer="0").text
    saved = post(noc, town, "edit/cables", **values, other=f"pop:{town['pop']}")
    assert "North" in saved.text
    with database.reading() as session:
        (cable,) = cables.of_customer(session, town["id"])
        number = customers.get(session, town["other"]).number
    assert f'selected value="pop:{town["pop"]}"' in get(noc, town, f"edit/cables/{cable.id}").text
    post(noc, town, f"edit/cables/{cable.id}", type="copper", other="", other_customer=number)
    assert f'value="{number}"' in field(get(noc, town, f"edit/cables/{cable.id}"), "other_customer")
    with database.reading() as session:
        assert cables.of_customer(session, town["other"])[0].type is CableType.COPPER
    assert post(noc, town, f"remove/cables/{cable.id}").status_code == 200


def test_without_htmx_the_form_is_a_page_and_leads_back_to_the_card(sign_in_as, town):
    noc = sign_in_as("noc")
    page = noc.get(f"/customers/{town['id']}/edit/contacts")
    assert page.status_code == 200
    assert "<html" in page.text
    done = noc.post(f"/customers/{town['id']}/edit/contacts", data={"name": "O", "email": "o@example.org"})
    assert done.status_code == 303
    assert done.headers["Location"].endswith(f"/customers/{town['id']}")
    wrong = noc.post(f"/customers/{town['id']}/edit/contacts", data={"name": "O"})
    assert wrong.status_code == 422
    assert "<html" in wrong.text


def test_what_is_not_his_is_not_found(sign_in_as, town):
    noc = sign_in_as("noc")
    for name in (
        "contacts",
        "addresses",
        "equipment",
        "ips",
        "ports",
        "services",
        "cables",
        "notes",
        "tickets",
    ):
        assert get(noc, town, f"edit/{name}/999999").status_code == 404, name
    for name in ("contacts", "addresses", "equipment", "ips", "ports", "cables", "notes", "files"):
        assert post(noc, town, f"remove/{name}/999999").status_code == 404, name


@pytest.fixture
def line(database, town):
    """The customer's line with its plan; gives its id."""
    with database.transaction() as session:
        plan = Plan(name="Home 100", price_minor=1, currency="EUR")
        session.add(plan)
        session.flush()
        row = Subscription(account_id=town["account"], plan_id=plan.id, starts_on=date(2026, 1, 1))
        session.add(row)
        session.flush()
        return lines.attach(session, row.id, town["id"], actor=ROOT).id


def test_a_line_gets_its_login_from_the_card(sign_in_as, database, town, line):
    noc = sign_in_as("noc")
    assert "No login on file." in get(noc, town, "panels/services").text
    assert "The line: Home 100" in get(noc, town, f"edit/services/{line}").text
    assert post(noc, town, f"edit/services/{line}", login="two words").status_code == 422
    assert post(noc, town, f"edit/services/{line}", login="olha@ppp").status_code == 200
    assert "olha@ppp" in get(noc, town, "panels/services").text
    with database.reading() as session:
        assert lines.find(session, town["id"], line).login == "olha@ppp"


def test_a_line_gets_a_gate_of_its_own_from_who_may_change_gear(sign_in_as, database, town, line):
    with database.transaction() as session:
        for name, is_default in (("Everybody", True), ("Roof", False)):
            line_gates.create(session, ROOT, name=name, kind="dry_run", options={}, is_default=is_default)
        roof = line_gates.find(session, "Roof").id
    noc = sign_in_as("noc")
    chosen = {"login": "", "pop_id": "", "gate_id": roof}
    assert 'name="gate_id"' not in get(sign_in_as("technician"), town, f"edit/services/{line}").text
    post(sign_in_as("technician"), town, f"edit/services/{line}", **chosen)
    assert "the default one" in get(noc, town, "panels/services").text
    assert post(noc, town, f"edit/services/{line}", **chosen).status_code == 200
    page = get(noc, town, "panels/services").text
    assert "<b>Roof</b>" in page
    assert "chosen for this line" in page


def test_a_line_may_be_chosen_for_an_address(sign_in_as, database, town, line):
    noc = sign_in_as("noc")
    assert "Home 100" in get(noc, town, "edit/ips").text
    post(noc, town, "edit/ips", address="10.0.0.1", device_id="", line_id=line)
    with database.reading() as session:
        assert networks.of_customer(session, town["id"])[0].line_id == line
