"""The setup pages as an empty ISP meets them: POPs, networks, plans, device types, labels."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from billing import plans
from billing.models import Plan, VatRate
from core import clock
from registry import audit, labels, network_plan, networks, pops, testing
from registry.models import AuditEvent, Customer, DeviceType, Heartbeat, Network, Pop

LISTS = ("pops", "networks", "plans", "device-types", "devices", "labels", "gates")
POP = {"code": "north", "name": "North", "latitude": "49,84", "longitude": "24.03"}


def latest(database):
    with database.reading() as session:
        return session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()


def row_id(database, model):
    with database.reading() as session:
        return session.scalars(select(model.id)).one()


@pytest.mark.parametrize("name", LISTS)
def test_an_empty_list_says_what_belongs_there_and_offers_it_to_who_may(sign_in_as, name):
    offered = sign_in_as("administrator").get(f"/setup/{name}")
    assert offered.status_code == 200
    assert "/new" in offered.text
    assert "No " in offered.text
    seen = sign_in_as("billing").get(f"/setup/{name}")
    assert seen.status_code == 200
    assert ("/new" in seen.text) is (name == "plans")  # prices are the office's


def test_an_administrator_enters_a_pop_and_finds_faults_at_their_fields(sign_in_as, database):
    browser = sign_in_as("administrator")
    wrong = browser.post("/setup/pops/new", data={**POP, "code": "North!", "longitude": "far"})
    assert wrong.status_code == 422
    assert 'id="longitude-error"' in wrong.text
    assert 'value="North!"' in wrong.text
    again = browser.post("/setup/pops/new", data={**POP, "code": "North!"})
    assert "small letters, digits and minus" in again.text
    assert browser.post("/setup/pops/new", data=POP).location == "/setup/pops"
    event = latest(database)
    assert (event.action, event.note) == ("pop.created", "north")
    assert event.staff_id is not None
    page = browser.get("/setup/pops").text
    assert "49.84000, 24.03000" in page
    assert "never seen" in page
    taken = browser.post("/setup/pops/new", data=POP)
    assert "Another POP has this code" in taken.text


def test_the_pops_say_which_workers_live_and_who_is_unknown(sign_in_as, database):
    with database.transaction() as session:
        for code in ("alive", "gone", "stray"):
            testing.pop(session, code)
        session.execute(
            update(Heartbeat)
            .where(Heartbeat.name == "probe.gone")
            .values(at=clock.now() - timedelta(hours=3))
        )
        session.delete(session.scalars(select(Pop).where(Pop.code == "stray")).one())
    browser = sign_in_as("administrator")
    page = browser.get("/setup/pops?sort=-seen").text
    assert page.index(">Alive<") < page.index(">Gone<")
    assert "last seen" in page
    assert "which is not entered here" in page
    assert 'value="stray"' in browser.get("/setup/pops/new?code=stray").text


def test_a_pop_in_use_stays_and_a_free_one_goes(sign_in_as, database):
    with database.transaction() as session:
        pop = testing.pop(session, "north")
        testing.network(session, "10.0.0.0/24", pop_id=pop.id)
    browser, url = sign_in_as("administrator"), f"/setup/pops/{pop.id}"
    page = browser.get(url).text
    assert "It cannot be removed while it is in use:" in page
    assert "networks: 1" in page
    assert f'action="{url}/remove"' not in page
    refused = browser.post(f"{url}/remove", follow_redirects=True)
    assert "North is in use and cannot be removed (networks: 1)" in refused.text
    with database.transaction() as session:
        session.delete(session.scalars(select(Network)).one())
    assert 'data-confirm="Remove North?' in browser.get(url).text
    assert browser.post(f"{url}/remove").location == "/setup/pops"
    assert latest(database).action == "pop.removed"
    changed = browser.post("/setup/pops/999999", data={"name": "x"})
    assert changed.status_code == 404


def test_the_noc_plans_networks_and_sees_what_is_left(sign_in_as, database):
    with database.transaction() as session:
        pop = testing.pop(session, "north")
        gateway = testing.device(session, "gw-1", address="10.0.0.1")
        gateway.is_gateway = True
    browser = sign_in_as("noc")
    form = browser.get("/setup/networks/new").text
    picker = re.search(r'<input[^>]*name="colour"[^>]*>', form)
    assert picker
    assert 'type="color"' in picker.group()
    assert 'value="#3b82c4"' in picker.group()
    assert "gw-1" in form
    fields = {
        "name": "Home", "cidr": "10.0.0.0/29", "pop_id": pop.id, "gateway_id": gateway.id, "vlan": "100",
        "colour": "#00aa00",
    }  # fmt: skip
    assert browser.post("/setup/networks/new", data=fields).status_code == 303
    overlap = browser.post("/setup/networks/new", data={**fields, "cidr": "10.0.0.0/24"})
    assert "overlaps a network there is" in overlap.text
    network_id = row_id(database, Network)
    with database.transaction() as session:
        customer = testing.customer(session)
        networks.give(session, audit.Actor(None, "t"), customer.id, address="10.0.0.2")
    for sort in ("name", "-cidr", "pop", "vlan", "-used", "free", "nonsense"):
        page = browser.get(f"/setup/networks?sort={sort}")
        assert page.status_code == 200
    assert re.search(r'data-head="Used">2</td>\s*<td class="num" data-head="Free">\s*4', page.text)
    url = f"/setup/networks/{network_id}"
    small = browser.post(url, data={**fields, "cidr": "10.0.0.4/30"})
    assert "1 addresses given to customers do not fit" in small.text
    assert browser.post(url, data={**fields, "vlan": "5000"}).status_code == 422
    assert browser.post(url, data={**fields, "name": "House", "vlan": ""}).status_code == 303
    assert set(latest(database).changes) == {"name", "vlan"}
    assert "addresses: 1" in browser.post(f"{url}/remove", follow_redirects=True).text
    with database.transaction() as session:
        row = networks.of_customer(session, session.scalars(select(Customer.id)).one())[0]
        networks.take(session, audit.Actor(None, "t"), row.customer_id, row.id)
    assert browser.post(f"{url}/remove").location == "/setup/networks"
    with database.reading() as session:
        assert network_plan.listing(session) == []


def test_a_plan_is_priced_as_people_write_and_a_new_price_is_for_the_future(sign_in_as, database, add_staff):
    browser = sign_in_as("administrator", login="olena")
    with database.transaction() as session:
        session.merge(add_staff("administrator", login="olena")).locale = "uk"
    fields = {"name": "Дім 100", "price": "250,50", "down": "100", "up": "0,5", "is_offered": "y"}
    assert browser.post("/setup/plans/new", data=fields).status_code == 303
    with database.reading() as session:
        plan = session.scalars(select(Plan)).one()
        assert (plan.price_minor, plan.down_kbps, plan.up_kbps) == (25050, 100_000, 500)
    english, url = sign_in_as("administrator", login="ann"), f"/setup/plans/{plan.id}"
    page = english.get(url).text
    assert "A new price affects future charges only" in page
    assert 'value="250.50"' in page
    dear = {**fields, "price": "300", "up": ""}
    answer = english.post(url, data=dear, follow_redirects=True)
    assert "The new price is asked from the next charge on" in answer.text
    assert "asked from the next" not in english.post(url, data=dear, follow_redirects=True).text
    for wrong in ({"price": "-1"}, {"price": "1.234"}, {"down": "0"}, {"up": "NaN"}, {"down": "1e999"}):
        assert english.post(url, data={**dear, **wrong}).status_code == 422
    assert english.post("/setup/plans/new", data=dear).status_code == 422
    for sort in ("price", "-down", "running"):
        assert "Дім 100" in english.get(f"/setup/plans?sort={sort}").text
    assert english.post(f"{url}/remove").location == "/setup/plans"
    with database.reading() as session:
        assert plans.list_all(session) == []


def test_a_device_type_is_added_changed_and_goes(sign_in_as, database):
    browser = sign_in_as("administrator")
    fields = {"name": "EX2300", "vendor": "Juniper", "role": "switch", "web_scheme": "https", "web_port": ""}
    assert browser.post("/setup/device-types/new", data=fields).status_code == 303
    assert browser.post("/setup/device-types/new", data=fields).status_code == 422
    url = f"/setup/device-types/{row_id(database, DeviceType)}"
    assert browser.post(url, data={**fields, "web_port": "70000"}).status_code == 422
    assert browser.post(url, data={**fields, "web_port": "8443", "role": "olt"}).status_code == 303
    for sort in ("name", "-vendor", "role", "devices"):
        assert "https:8443" in browser.get(f"/setup/device-types?sort={sort}").text
    assert browser.post(f"{url}/remove").status_code == 303
    assert latest(database).action == "device_type.removed"


def test_groups_and_marks_count_their_customers(sign_in_as, database):
    browser = sign_in_as("administrator")
    rule = browser.post("/setup/labels/groups/new", data={"name": "two words"})
    assert rule.status_code == 422
    assert "no spaces" in rule.text
    assert browser.post("/setup/labels/groups/new", data={"name": "vip"}).status_code == 303
    assert (
        browser.post("/setup/labels/marks/new", data={"name": "Gold", "colour": "#ffd700"}).status_code == 303
    )
    actor = audit.Actor(None, "t")
    with database.transaction() as session:
        group, mark = labels.groups(session)[0], labels.marks(session)[0]
        customer = testing.customer(session)
        labels.set_groups(session, actor, customer.id, [group.id])
        labels.set_marks(session, actor, customer.id, [mark.id])
    page = browser.get("/setup/labels").text
    assert f"/customers?group={group.id}" in page
    assert 'fill="#ffd700"' in page
    group_url, mark_url = f"/setup/labels/groups/{group.id}", f"/setup/labels/marks/{mark.id}"
    assert browser.post(group_url, data={"name": "best", "description": "ours"}).status_code == 303
    assert browser.post(mark_url, data={"name": "Golden", "colour": "nope"}).status_code == 422
    assert browser.post(mark_url, data={"name": "Golden", "colour": "#ffd701"}).status_code == 303
    for url in (group_url, mark_url):
        assert "customers: 1" in browser.get(url).text
        assert "is in use" in browser.post(f"{url}/remove", follow_redirects=True).text
    with database.transaction() as session:
        labels.set_groups(session, actor, customer.id, [])
        labels.set_marks(session, actor, customer.id, [])
    for url in (group_url, mark_url):
        assert browser.post(f"{url}/remove").location == "/setup/labels"
    with database.reading() as session:
        assert pops.list_all(session) == labels.groups(session) == labels.marks(session) == []


def test_the_rail_marks_the_one_page_it_stands_for(sign_in_as):
    page = sign_in_as("administrator").get("/setup/device-types/new").text
    assert re.findall(r'aria-current="page"[^>]*href="([^"]+)"|href="([^"]+)"[^>]*aria-current="page"', page) in (
        [("/setup/device-types", "")], [("", "/setup/device-types")],
    )  # fmt: skip


def test_a_plan_has_all_its_terms_and_vat_its_dates(sign_in_as, database):
    browser = sign_in_as("administrator")
    first = {"name": "standard", "percent": "23", "valid_from": "2026-01-01"}
    assert browser.post("/setup/vat/new", data={**first, "percent": "23.123"}).status_code == 422
    assert browser.post("/setup/vat/new", data=first).location == "/setup/vat"
    rate_id = row_id(database, VatRate)
    url = f"/setup/vat/{rate_id}"
    later = {"percent": "25,5", "valid_from": "2030-01-01"}
    assert browser.post(f"{url}/percents/new", data=later).location == url
    assert browser.post(f"{url}/percents/new", data=later).status_code == 422
    page = browser.get(url).text
    assert "25.5 %" in page
    assert "to come" in page
    fields = {
        "name": "Office", "period": "quarter", "price": "99", "is_net": "yes", "vat_rate_id": rate_id,
        "is_postpaid": "yes", "from_1": "5", "price_1": "80", "is_offered": "y",
    }  # fmt: skip
    for wrong in ({"vat_rate_id": ""}, {"price_1": ""}, {"from_2": "5", "price_2": "70"}, {"from_1": "1"}):
        assert browser.post("/setup/plans/new", data={**fields, **wrong}).status_code == 422
    assert browser.post("/setup/plans/new", data=fields).status_code == 303
    with database.reading() as session:
        plan = plans.list_all(session)[0]
        assert (plan.period, plan.is_net, plan.is_postpaid) == ("quarter", True, True)
        assert [(row.from_quantity, row.price_minor) for row in plan.prices] == [(5, 8000)]
    shown = browser.get(f"/setup/plans/{plan.id}").text
    assert 'value="80.00"' in shown
    assert "a quarter" in browser.get("/setup/plans?sort=vat").text
    assert "plans: 1" in browser.get("/setup/vat?sort=now").text
    assert "in use and cannot be removed" in browser.post(f"{url}/remove", follow_redirects=True).text
    assert browser.post(f"{url}/percents/2030-01-01/remove").location == url
    assert browser.post(f"{url}/percents/nonsense/remove").status_code == 404
    assert browser.post(url, data={"name": "normal"}).status_code == 303
    assert latest(database).action == "vat_rate.changed"
