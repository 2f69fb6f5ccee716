"""Geocoding through real geopy against a Nominatim-compatible server on loopback."""

import itertools
import threading
import time
from typing import Any

import pytest
from sqlalchemy import select

from billing.models import Account
from core import errors
from registry import audit, geocoding, upkeep
from registry.models import Address, AddressKind, AuditEvent, Customer, GeocodeAnswer, GeoSource
from tasks import geocode
from tasks.runtime import Runtime
from tasks.testing import FakeNominatim

OLENA = audit.Actor(1, "Olena")


@pytest.fixture
def nominatim():
    with FakeNominatim() as fake:
        fake.add("7a Cable Street", 49.8401, 24.0301)
        fake.add("8 Cable Street", 49.8402, 24.0302)
        yield fake


@pytest.fixture
def make_runtime(make_settings: Any, fresh_url: str, redis_url: str, nominatim: FakeNominatim):
    made = []

    def make(**changes: Any) -> Runtime:
        wanted = {
            "url": nominatim.url,
            "contact": "noc@isp.example",
            "requests_per_second": 100.0,
            **changes,
        }
        runtime = Runtime(
            make_settings(data={"database_url": fresh_url, "queue_url": redis_url}, geocoding=wanted)
        )
        made.append(runtime)
        return runtime

    yield make
    for runtime in made:
        runtime.close()


def add_address(database: Any, number: str, **fields: Any) -> int:
    with database.transaction() as session:
        account = Account(currency="EUR")
        session.add(account)
        session.flush()
        customer = Customer(number=number, sort_name=number, last_name=number, account_id=account.id)
        session.add(customer)
        session.flush()
        wanted = {"street": "Cable Street", "building": "7a", "city": "Testville", "country": "UA", **fields}
        address = Address(customer_id=customer.id, **wanted)
        session.add(address)
        session.flush()
        return address.id


def read(database: Any, address_id: int) -> Address:
    with database.transaction() as session:
        return session.get_one(Address, address_id)


def test_an_address_gets_its_point_with_source_accuracy_and_date(fresh_database, make_runtime, nominatim):
    address_id = add_address(fresh_database, "1")
    progress = geocode.run(make_runtime())
    row = read(fresh_database, address_id)
    assert (row.latitude, row.longitude) == (49.8401, 24.0301)
    assert row.geo_source is GeoSource.GEOCODER
    assert row.geo_accuracy == "house"
    assert row.geo_at is not None
    assert (progress.placed, progress.failed, progress.is_running) == (1, 0, False)
    _, query, agent = nominatim.requests[0]
    assert query["street"] == "7a Cable Street"
    assert query["countrycodes"] == "UA"
    assert agent == "linecard (noc@isp.example)"
    with fresh_database.transaction() as session:
        assert upkeep.find_beat(session, "geocode").facts["placed"] == 1


def test_the_flats_of_one_house_are_asked_for_once(fresh_database, make_runtime, nominatim):
    ids = [add_address(fresh_database, str(unit), unit=str(unit), floor=unit) for unit in range(5)]
    geocode.run(make_runtime())
    assert len(nominatim.requests) == 1
    assert all(read(fresh_database, one).latitude == 49.8401 for one in ids)


def test_an_unknown_address_is_listed_with_the_reason_and_not_asked_again(
    fresh_database, make_runtime, nominatim
):
    add_address(fresh_database, "1", street="Nowhere Lane")
    runtime = make_runtime()
    geocode.run(runtime)
    geocode.run(runtime)
    assert len(nominatim.requests) == 1
    with fresh_database.transaction() as session:
        (failure,) = geocoding.failures(session)
        assert failure.reason == "The geocoder knows no such address"
        assert failure.address == "Nowhere Lane 7a, Testville"
        assert geocoding.counts(session, runtime.settings.geocoding) == geocoding.Counts(0, 0, 1)


def test_a_retry_asks_anew_and_is_in_the_history(fresh_database, make_runtime, nominatim):
    address_id = add_address(fresh_database, "1", street="Nowhere Lane")
    runtime = make_runtime()
    geocode.run(runtime)
    nominatim.add("7a Nowhere Lane", 49.9, 24.1)
    with fresh_database.transaction() as session:
        assert geocoding.try_again(session, OLENA, address_id) == 1
    geocode.run(runtime)
    assert read(fresh_database, address_id).latitude == 49.9
    with fresh_database.transaction() as session:
        assert "geocoding.retried" in session.scalars(select(AuditEvent.action)).all()


def test_a_town_in_place_of_a_house_is_a_failure_and_a_street_is_kept_as_one(
    fresh_database, make_runtime, nominatim
):
    nominatim.add("1 Town Road", 49.0, 24.0, rank=16)
    nominatim.add("2 Long Road", 49.5, 24.5, rank=26)
    town = add_address(fresh_database, "1", street="Town Road", building="1")
    road = add_address(fresh_database, "2", street="Long Road", building="2")
    geocode.run(make_runtime())
    assert read(fresh_database, town).latitude is None
    assert read(fresh_database, town).geo_failure.startswith("Only the town was found")
    assert read(fresh_database, road).geo_accuracy == "street"


def test_a_point_set_by_hand_during_the_request_is_kept(fresh_database, make_runtime, nominatim):
    address_id = add_address(fresh_database, "1")
    with fresh_database.transaction() as session:
        (wanted,) = geocoding.waiting(session, make_runtime().settings.geocoding, limit=9)
        customer_id = session.get_one(Address, address_id).customer_id
    with fresh_database.transaction() as session:
        geocoding.set_by_hand(session, OLENA, customer_id, latitude=50.12345678, longitude=25.0)
    with fresh_database.transaction() as session:
        assert not geocoding.place(session, wanted, latitude=1, longitude=1, accuracy="house")
    geocode.run(make_runtime())
    row = read(fresh_database, address_id)
    assert (row.latitude, row.geo_source) == (50.123457, GeoSource.HAND)
    assert nominatim.requests == []
    with fresh_database.transaction() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "address.point_set")).one()
        assert event.changes["latitude"] == [None, 50.123457]


def test_a_point_off_the_globe_or_of_no_address_is_refused(fresh_database):
    add_address(fresh_database, "1", kind=AddressKind.MAIL)
    with fresh_database.transaction() as session, pytest.raises(errors.Invalid):
        geocoding.set_by_hand(session, OLENA, 1, latitude=91, longitude=0)
    with fresh_database.transaction() as session, pytest.raises(errors.NotFound):
        geocoding.set_by_hand(session, OLENA, 1, latitude=1, longitude=0)


def test_two_workers_share_one_request_a_second(fresh_database, make_runtime, redis_client, nominatim):
    for number in range(6):
        add_address(fresh_database, str(number), building=str(number))
    runtimes = [make_runtime(requests_per_second=10.0), make_runtime(requests_per_second=10.0)]
    threads = [threading.Thread(target=lambda runtime=runtime: [_ask_three(runtime)]) for runtime in runtimes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    moments = sorted(moment for moment, _, _ in nominatim.requests)
    gaps = [after - before for before, after in itertools.pairwise(moments)]
    assert len(moments) == 6
    assert min(gaps) > 0.08


def _ask_three(runtime: Runtime) -> None:
    for number in range(3):
        query = geocoding.Query(f"{number}{threading.get_ident()} Way", "Testville")
        geocode._answer(runtime, query, time.sleep)


def test_only_one_run_goes_at_a_time(fresh_database, make_runtime, redis_client, nominatim):
    add_address(fresh_database, "1")
    redis_client.set("geocoding:run", "1")
    assert geocode.run(make_runtime()).done == 0
    assert nominatim.requests == []


@pytest.mark.parametrize("status", [429, 503])
def test_a_refusal_ends_the_run_and_the_pauses_grow(
    fresh_database, make_runtime, redis_client, nominatim, status
):
    address_id = add_address(fresh_database, "1")
    add_address(fresh_database, "2", building="8")
    nominatim.refusals = [status, status]
    runtime = make_runtime()
    progress = geocode.run(runtime)
    assert ("too often" if status == 429 else "does not answer") in progress.error
    assert len(nominatim.requests) == 1
    assert read(fresh_database, address_id).geo_tried_at is None
    first = redis_client.ttl("geocoding:pause")
    assert first > (100 if status == 429 else 30)
    assert "Waiting" in geocode.run(runtime).error
    assert len(nominatim.requests) == 1
    redis_client.delete("geocoding:pause")
    geocode.run(runtime)
    assert redis_client.ttl("geocoding:pause") >= 119
    redis_client.delete("geocoding:pause")
    assert geocode.run(runtime).placed == 2
    assert not redis_client.exists("geocoding:trouble")


def test_no_more_are_asked_than_one_run_may(fresh_database, make_runtime, nominatim):
    for number in range(4):
        add_address(fresh_database, str(number), building=str(number))
    assert geocode.run(make_runtime(per_run=3)).total == 3
    assert len(nominatim.requests) == 3


def test_without_a_url_nothing_runs(fresh_database, make_runtime, nominatim):
    add_address(fresh_database, "1")
    assert geocode.run(make_runtime(url="")).total == 0


def test_an_address_changed_during_the_request_waits_for_the_next_run(fresh_database, make_runtime):
    address_id = add_address(fresh_database, "1")
    limits = make_runtime().settings.geocoding
    with fresh_database.transaction() as session:
        (wanted,) = geocoding.waiting(session, limits, limit=9)
        session.get_one(Address, address_id).building = "8"
    with fresh_database.transaction() as session:
        assert not geocoding.fail(session, wanted, "no")
        assert not geocoding.place(session, wanted, latitude=1, longitude=1, accuracy="house")
        assert session.scalars(select(GeocodeAnswer)).all() == []
