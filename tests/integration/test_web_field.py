"""The technician's phone: what it finds and in what order."""

import gzip
import re

import pytest
from sqlalchemy import func, select

from core import clock, errors
from desk import tickets, visits
from desk.models import TicketStatus
from registry import audit, customers, diagnostics, field, nearby
from registry import testing as records
from registry.models import (
    Address,
    AddressKind,
    Customer,
    CustomerStatus,
    Device,
    DeviceRole,
    DeviceType,
    DiagnosticRun,
    DiagnosticStatus,
    IpAddress,
    StaffUser,
)
from webapp import rendering

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
        found = nearby.customers(session, 50.0, 30.0)
        with pytest.raises(errors.Invalid):
            nearby.customers(session, 91.0, 30.0)
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


def test_devices_are_near_by_whom_they_serve_or_by_their_pop(database, street):
    with database.transaction() as session:
        pop = records.pop(session, "hill")
        pop.latitude, pop.longitude = 50.02, 30.0
        serving = records.device(session, "sw-street", pop_id=pop.id, address="192.0.2.1")
        records.connect(session, street[1], serving.id, 1)
        session.get_one(Customer, street[1]).status = CustomerStatus.CONNECTED
        records.device(session, "gw-hill", pop_id=pop.id, address="192.0.2.2")
        records.device(session, "a box without an address", pop_id=pop.id)
    with database.reading() as session:
        found = nearby.devices(session, 50.0, 30.0)
        assert nearby.devices(session, 10.0, 10.0) == []
    told = [(one.name, one.distance_m, one.is_by_customer) for one in found]
    assert told == [("sw-street", 111, True), ("gw-hill", 2224, False)]


@pytest.fixture
def taras(sign_in_as, database):
    browser = sign_in_as("technician", login="taras")
    with database.reading() as session:
        me = session.scalars(select(StaffUser).where(StaffUser.login == "taras")).one()
        return browser, audit.Actor(me.id, me.name)


@pytest.fixture
def visit(database, taras, street):
    """A visit of Taras to Close, just now, so that it is of his day whatever the hour."""
    _, actor = taras
    with database.transaction() as session:
        ticket = tickets.open(session, ROOT, street[1], subject="Swap the ONU", content="Above the door")
        made = visits.plan(session, ROOT, ticket.id, staff_id=actor.staff_id, starts_at=clock.now())
        return made.id, ticket.id


def test_my_day_holds_my_visits_then_my_tickets_by_urgency(database, taras, street, visit):
    browser, actor = taras
    with database.transaction() as session:
        for subject, priority, whose in (
            ("later one", 3, actor.staff_id),
            ("first one", 1, actor.staff_id),
            ("foreign one", 1, None),
        ):
            tickets.open(session, ROOT, street[1], subject=subject, priority=priority, assignee_id=whose)
    page = browser.get("/field")
    assert page.status_code == 200
    places = [
        page.text.index(words) for words in ("Swap the ONU", "Above the door", "first one", "later one")
    ]
    assert places == sorted(places)
    assert page.text.count("Swap the ONU") == 1
    assert "foreign one" not in page.text
    assert f"/field/line/{street[1]}" in page.text
    assert "geo:50.001,30.0" in page.text


def test_a_visit_is_ended_once_however_often_its_form_is_sent(database, taras, visit):
    browser, _ = taras
    visit_id, ticket_id = visit
    url = f"/field/visit/{visit_id}"
    refused = browser.post(url, data={"result": "not_done"})
    assert refused.status_code == 422
    assert "Write why" in refused.text
    for _ in range(2):
        answer = browser.fragment(url, method="POST", data={"result": "done", "note": "-21 dBm now"})
        assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/field")
    with database.reading() as session:
        assert tickets.get(session, ticket_id).status is TicketStatus.CLOSED
        assert [said.content for said in tickets.comments(session, ticket_id)] == ["-21 dBm now"]
    assert "-21 dBm now" in browser.get("/field").text


def test_nobody_ends_the_visit_of_another(sign_in_as, visit):
    other = sign_in_as("technician", login="ihor")
    assert other.post(f"/field/visit/{visit[0]}", data={"result": "done"}).status_code == 403
    assert "Swap the ONU" not in other.get("/field").text


def test_the_office_has_no_business_in_the_field(sign_in_as, street):
    browser = sign_in_as("billing")
    for url in ("/field", f"/field/line/{street[1]}", "/field/scan", "/field/near"):
        assert browser.get(url).status_code == 403


def test_a_run_is_opened_once_however_often_its_form_is_sent(database, taras, street):
    browser, _ = taras
    with database.transaction() as session:
        pop = records.pop(session, "core")
        net = records.network(session, "192.0.2.0/24", pop_id=pop.id)
        session.add(IpAddress(customer_id=street[1], network_id=net.id, address="192.0.2.9"))
    url = f"/field/line/{street[1]}/ask"
    sent = {"kind": "ping", "target": "192.0.2.9", "once": "the-form"}
    first = browser.fragment(url, method="POST", data=sent)
    assert first.status_code == 200, first.text
    number = re.search(r'id="run-(\d+)"', first.text)[1]
    assert "runs-begun" in first.headers["HX-Trigger"]
    with database.transaction() as session:
        diagnostics.finish(session, int(number), DiagnosticStatus.DONE, result={})
    for again in (sent, sent):
        assert f'id="run-{number}"' in browser.fragment(url, method="POST", data=again).text
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(DiagnosticRun)) == 1
    other = browser.fragment(url, method="POST", data={**sent, "once": "another form"})
    going = re.search(r'id="run-(\d+)"', other.text)[1]
    assert going != number
    pressed = browser.post(url, data={**sent, "once": "pressed while it goes on"})
    assert (pressed.status_code, pressed.location) == (303, f"/field/line/{street[1]}?run={going}")
    assert f'id="run-{going}"' in browser.get(pressed.location).text
    assert browser.post(url, data={**sent, "kind": "reboot"}).status_code == 422


def test_the_pages_say_what_is_missing(sign_in_as, street):
    browser = sign_in_as("noc")
    for url, words in (
        (f"/field/line/{street[1]}", "no IP address on file"),
        (f"/field/line/{street[1]}", "no service with access"),
        ("/field/scan?q=0011.22aa.bbcc", f"/field/line/{street[0]}"),
        ("/field/scan?q=nobody", "Not on file: nobody"),
        ("/field/near?lat=50&lon=30", "111 m"),
        ("/field/near?lat=10&lon=10", "No customer within 5 km"),
    ):
        page = browser.get(url)
        assert page.status_code == 200
        assert words in page.text
    assert browser.get("/field/near?lat=91&lon=0").status_code == 422
    assert browser.get("/field/line/999999999").status_code == 404
    assert browser.get("/field/device/999999999").status_code == 404


def test_the_first_page_costs_less_than_thirty_kilobytes_in_all(sign_in_as, street, visit):
    """Page, style, scripts and icons as they cross the air for a browser that takes gzip and has nothing yet."""
    browser = sign_in_as("technician", login="taras")
    for url in ("/field", f"/field/line/{street[1]}", "/field/scan", "/field/near?lat=50&lon=30"):
        page = browser.get(url, headers={"Accept-Encoding": "gzip"})
        assert page.headers["Content-Encoding"] == "gzip"
        words = gzip.decompress(page.data).decode()
        wanted = set(re.findall(r"/static/([\w.-]+)", words))
        bodies = {name: (rendering.DIST / name).read_text() for name in wanted if name.endswith(".js")}
        while bodies:  # a script brings the chunks it imports at once; import() waits to be asked
            chunks = {one for body in bodies.values() for one in re.findall(r'from"\./([\w.-]+)"', body)}
            bodies = {name: (rendering.DIST / name).read_text() for name in chunks - wanted}
            wanted |= chunks
        assert len([name for name in wanted if name.endswith(".js")]) >= 3
        bytes_in_all = len(page.data)
        for name in wanted:
            file = browser.get(f"/static/{name}", headers={"Accept-Encoding": "gzip"})
            assert file.headers["Content-Encoding"] == "gzip"
            assert "immutable" in file.headers["Cache-Control"]
            bytes_in_all += len(file.data)
            file.close()
        print(f"{url}: {len(page.data)} B of page, {bytes_in_all} B in all")
        assert bytes_in_all < 30_000, url
        sheet = next(name for name in wanted if name.startswith("field-icons"))
        drawn = set(re.findall(r'symbol id="([\w-]+)"', (rendering.DIST / sheet).read_text()))
        assert set(re.findall(r"\.svg#([\w-]+)", words)) <= drawn, url


def test_only_the_phone_may_ask_for_camera_and_place(sign_in_as):
    browser = sign_in_as("technician")
    allowed = browser.get("/field/scan").headers["Permissions-Policy"]
    assert "camera=(self)" in allowed
    assert "geolocation=(self)" in allowed
    assert "camera=(), geolocation=()" in browser.get("/customers").headers["Permissions-Policy"]
