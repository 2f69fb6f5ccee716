"""The coverage map, points set by a click, and the page of geocoding."""

from typing import Any

import pytest
from sqlalchemy import select, update

from billing import access
from billing import testing as money
from billing.models import AccessState, SubscriptionAccess
from core import clock, errors
from registry import coverage, geocoding, testing, upkeep
from registry.models import (
    Address,
    AuditEvent,
    CableEnd,
    CableLine,
    Customer,
    CustomerStatus,
    DeviceRole,
    DeviceState,
    GeoSource,
)
from registry.models.cables import CableSide, CableType
from tasks import celery_app

EVERYWHERE = "-180,-90,180,90"


@pytest.fixture
def noc(sign_in_as):
    return sign_in_as("noc")


def add(
    session: Any, number: str, at: tuple[float, float] | None = (49.84, 24.03), **fields: Any
) -> Customer:
    customer = testing.customer(session, number)
    place = {"latitude": at[0], "longitude": at[1], "geo_source": GeoSource.GEOCODER} if at else {}
    session.add(
        Address(customer_id=customer.id, street="Cable Street", building="7", city="Lviv", **place, **fields)
    )
    session.flush()
    return customer


def give_service(session: Any, customer: Customer, **state: Any) -> None:
    sample = money.subscriber(session, starts_on=clock.now().date())
    customer.account_id = sample.account_id
    session.flush()
    access.ensure(session, sample.subscription_id)
    row = update(SubscriptionAccess).where(SubscriptionAccess.subscription_id == sample.subscription_id)
    session.execute(row.values(**state))


def points(noc: Any, bbox: str = EVERYWHERE, query: str = "") -> dict[str, dict[str, Any]]:
    found = noc.get(f"/map/points?bbox={bbox}{query}").get_json()
    assert found["type"] == "FeatureCollection"
    return {feature["properties"]["number"]: feature for feature in found["features"]}


def test_every_state_has_its_reason_and_the_way_to_the_card(noc, database):
    with database.transaction() as session:
        add(session, "unknown")
        add(session, "off").status = CustomerStatus.FORMER
        silent = add(session, "silent")
        testing.device(session, "cpe", role=DeviceRole.CPE, customer_id=silent.id).state = DeviceState.SILENT
        answers = add(session, "answers")
        testing.device(
            session, "cpe", role=DeviceRole.CPE, customer_id=answers.id
        ).state = DeviceState.ANSWERED
        opened, closed = AccessState.OPEN, AccessState.CLOSED
        give_service(session, add(session, "open"), wanted=opened, applied=opened)
        give_service(session, add(session, "cut"), wanted=closed, applied=closed)
        give_service(session, add(session, "failing"), wanted=opened, applied=None, error="no answer")
        add(session, "nowhere", None)
    found = points(noc)
    shown = {
        number: (one["properties"]["status"], one["properties"]["note"]) for number, one in found.items()
    }
    assert shown == {
        "unknown": ("unknown", "nothing measured yet"),
        "off": ("off", "not connected"),
        "silent": ("bad", "a device is silent"),
        "answers": ("ok", "service on, the device answers"),
        "open": ("ok", "service on"),
        "cut": ("warn", "cut off"),
        "failing": ("warn", "the gate fails"),
    }
    assert found["cut"]["geometry"] == {"type": "Point", "coordinates": [24.03, 49.84]}
    assert found["cut"]["properties"]["url"] == f"/customers/{found['cut']['properties']['id']}"
    assert set(points(noc, query="&state=warn&state=off")) == {"cut", "failing", "off"}


def test_only_the_part_asked_for_is_answered(noc, database):
    with database.transaction() as session:
        add(session, "here", (49.84, 24.03))
        add(session, "there", (50.45, 30.52))
    assert set(points(noc, "24,49,25,50")) == {"here"}
    for bbox in ("", "1,2,3", "a,b,c,d", "25,49,24,50", "24,50,25,49", "nan,1,2,3"):
        assert noc.get(f"/map/points?bbox={bbox}", headers={"Accept": "application/json"}).status_code == 422


def test_where_they_are_many_the_server_makes_clusters(session):
    with pytest.raises(errors.Invalid):
        coverage.box_of("x")
    many = coverage.POINTS_LIMIT + 1
    for number in range(3):
        add(session, f"{number}", (49.0 + number / 2, 24.0))
    template = session.scalars(select(Address).limit(1)).one()
    accounts = [{"currency": "EUR"} for _ in range(many)]
    from billing.models import Account

    ids = session.scalars(Account.__table__.insert().returning(Account.id), accounts).all()
    people = [
        {"number": f"m{n}", "sort_name": "m", "account_id": account, "status": "connected", "version": 1}
        for n, account in enumerate(ids)
    ]
    made = session.scalars(Customer.__table__.insert().returning(Customer.id), people).all()
    session.execute(
        Address.__table__.insert(),
        [
            {"customer_id": one, "kind": "visiting", "street": "s", "city": "c", "latitude": 49.0 + n % 7 / 10,
             "longitude": 24.0 + n % 5 / 10}
            for n, one in enumerate(made)
        ],
    )  # fmt: skip
    assert template.latitude is not None
    found = coverage.points(session, coverage.box_of("23,48,26,51"))
    assert len(found) <= coverage.CELLS**2
    assert sum(one["properties"]["count"] for one in found) == many + 3
    assert coverage.extent(session).zoom >= 3


def test_the_background_is_our_own_drawing(noc, database):
    with database.transaction() as session:
        here = testing.pop(session)
        customer = add(session, "1", (49.85, 24.04))
        switch = testing.device(session, "sw", pop_id=here.id)
        for name, path, ends in (
            ("drawn", [49.84, 24.03, 49.85, 24.04], {}),
            ("straight", [], {"a": {"pop_id": here.id}, "b": {"customer_id": customer.id}}),
            ("from the switch", [], {"a": {"device_id": switch.id}, "b": {"customer_id": customer.id}}),
            ("half known", [], {"a": {"pop_id": here.id}}),
        ):
            line = CableLine(name=name, type=CableType.FIBRE, path=path)
            session.add(line)
            session.flush()
            for side, end in ends.items():
                session.add(CableEnd(line_id=line.id, side=CableSide(side), **end))
    features = noc.get("/map/ground").get_json()["features"]
    shown = {one["properties"]["name"]: one["geometry"] for one in features}
    assert shown["Core"] == {"type": "Point", "coordinates": [24.03, 49.84]}
    for name in ("drawn", "straight", "from the switch"):
        assert shown[name] == {"type": "LineString", "coordinates": [[24.03, 49.84], [24.04, 49.85]]}
    assert "half known" not in shown


def test_the_map_begins_where_the_customers_are_or_at_the_one_asked_for(noc, database, web_settings):
    page = noc.get("/map").text
    assert f'data-lat="{web_settings.map.latitude}"' in page
    assert "data-tiles" not in page
    with database.transaction() as session:
        far = add(session, "77", (10.5, 20.5))
        bare = testing.customer(session, "78")
        lost = add(session, "79", None, geo_failure="The geocoder knows no such address")
    assert 'data-lat="10.5"' in noc.get("/map").text
    page = noc.get(f"/map?customer={far.id}").text
    assert 'data-zoom="17"' in page
    assert "Set the point" in page
    assert "No visiting address is on file" in noc.get(f"/map?customer={bare.id}").text
    assert "knows no such address" in noc.get(f"/map?customer={lost.id}").text
    assert noc.get("/map?customer=999999").status_code == 404
    assert 'data-point="[10.5, 20.5]"' in noc.fragment(f"/customers/{far.id}/map").text
    assert "The geocoder found no point" in noc.fragment(f"/customers/{lost.id}/map").text


def test_a_point_set_by_a_click_is_kept_as_set_by_hand_and_audited(noc, database):
    with database.transaction() as session:
        customer = add(session, "1", None)
    page = noc.get(f"/customers/{customer.id}/point").text
    assert 'data-pick="#set-point"' in page
    assert "data-accept disabled" in page
    form = {"latitude": "49.8412345", "longitude": "24.0312"}
    answer = noc.post(f"/customers/{customer.id}/point", data=form)
    assert (answer.status_code, answer.location) == (303, f"/map?customer={customer.id}")
    with database.transaction() as session:
        row = session.scalars(select(Address)).one()
        assert (row.latitude, row.geo_source) == (49.841234, GeoSource.HAND)
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "address.point_set")).one()
        assert event.staff_name == "Noc Person"
    for wrong in ({"latitude": "91", "longitude": "0"}, {"latitude": "", "longitude": ""}, {"latitude": "x"}):
        assert noc.post(f"/customers/{customer.id}/point", data=wrong).status_code == 422
    with database.transaction() as session:
        bare = testing.customer(session, "2")
    assert noc.post(f"/customers/{bare.id}/point", data=form).status_code == 404
    assert "No visiting address" in noc.get(f"/customers/{bare.id}/point").text


def test_the_failures_of_geocoding_are_listed_and_asked_anew(noc, database, sign_in_as):
    with database.transaction() as session:
        add(session, "1", None, geo_failure="The geocoder knows no such address", geo_tried_at=clock.now())
        add(session, "2", None, geo_failure="Only the town was found", geo_tried_at=clock.now())
        add(session, "3")
        upkeep.beat(
            session,
            "geocode",
            {"is_running": False, "done": 2, "total": 2, "placed": 0, "failed": 2, "error": "too often"},
        )
    page = noc.get("/geocoding").text
    assert "knows no such address" in page
    assert "No geocoder is configured" in page
    assert "too often" in page
    with database.transaction() as session:
        (failure, _) = geocoding.failures(session)
    assert noc.post("/geocoding/retry", data={"address_id": failure.address_id}).status_code == 303
    with database.transaction() as session:
        assert len(geocoding.failures(session)) == 1
    assert noc.post("/geocoding/retry").status_code == 303
    with database.transaction() as session:
        assert geocoding.failures(session) == []
    assert "has a point" in noc.get("/geocoding").text
    assert noc.post("/geocoding/run").status_code == 422
    assert sign_in_as("technician").get("/geocoding").status_code == 403


@pytest.fixture
def web_settings(make_settings, postgres_url, redis_url, request):
    """The settings of the shell's tests, with a geocoder where the test is about one."""
    geocoder = {"url": "http://127.0.0.1:9"} if "run_now" in request.node.name else {}
    return make_settings(data={"database_url": postgres_url, "queue_url": redis_url}, geocoding=geocoder)


def test_run_now_sends_the_job_and_shows_how_far_it_is(noc, database, redis_url):
    app = celery_app.make(redis_url)
    with app.connection_for_write() as connection:
        queue = connection.SimpleQueue("work")
        queue.clear()
        answer = noc.fragment("/geocoding/run", method="POST")
        assert queue.get(timeout=5).headers["task"] == "geocode"
        queue.clear()
        queue.close()
    app.close()
    assert 'hx-trigger="every 1s"' in answer.text
    with database.transaction() as session:
        upkeep.beat(
            session,
            "geocode",
            {"is_running": True, "done": 3, "total": 10, "placed": 2, "failed": 1, "error": ""},
        )
    shown = noc.fragment("/geocoding/progress").text
    assert 'value="30"' in shown
    assert "3 of 10 asked, 2 found" in shown
    assert noc.post("/geocoding/run").status_code == 303
    assert noc.post("/geocoding/retry").status_code == 303
