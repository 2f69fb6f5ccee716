"""The drift list: what it tells apart, its filters and files, and repairs that are shown to have worked."""

import csv
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select, update

import gates
from billing import answers, suspensions
from billing import testing as money
from billing.models import AccessState, LockReason, SubscriptionAccess
from core import clock
from gates.testing import FakeGate
from registry import audit, drift, gate_turns, line_gates, lines, testing
from registry.drift import DriftFilter
from registry.models import Customer, CustomerStatus, IpAddress
from tasks import access
from tasks.runtime import Runtime

ACTOR = audit.Actor(None, "test")
TODAY = date(2026, 11, 22)
CLOSED = AccessState.CLOSED


@pytest.fixture
def town(database, web_settings):
    """Three lines told by a gate that then did otherwise: one as wanted, one cut that passes, one paid and cut."""
    runtime, gear = Runtime(web_settings), FakeGate()
    runtime._database = database
    made = {}
    with database.transaction() as session:
        gate = line_gates.create(session, ACTOR, name="North", kind="nftables", options={}, is_default=True)
        network = testing.network(session, "10.60.0.0/24")
        for number, name in enumerate(("Right", "Passing", "Cut"), 1):
            sample = money.subscriber(session, starts_on=TODAY, today=TODAY)
            customer = Customer(number=f"D-{number}", sort_name=name.lower(), last_name=name,
                                account_id=sample.account_id, status=CustomerStatus.CONNECTED)  # fmt: skip
            session.add(customer)
            session.flush()
            line = lines.attach(session, sample.subscription_id, customer.id, actor=ACTOR, today=TODAY)
            home = {"network_id": network.id, "customer_id": customer.id}
            session.add(IpAddress(address=f"10.60.0.{number}", **home))
            made[name] = (sample.subscription_id, line.id)
        suspensions.place(session, [made["Passing"][0]], LockReason.DEBT, owner="night", today=TODAY)
        gate_id = gate.id

    def work(job=access.sweep):
        return job(runtime, lambda kind, settings: gear)

    assert work() == 3
    gear.state[made["Passing"][1]], gear.state[made["Cut"][1]] = "open", "closed"
    gear.list_of_addresses = {"10.60.0.3": "closed", "10.60.0.77": "closed"}
    assert work(access.observe) == sorted((made["Passing"][0], made["Cut"][0]))
    yield SimpleNamespace(
        work=work, gear=gear, gate_id=gate_id, keys={name: key for name, (key, _) in made.items()}
    )
    runtime.close()


def listed(database, **filters):
    with database.reading() as session:
        rows, _ = drift.page(session, DriftFilter(**filters), sort="kind")
        return rows


def test_each_kind_of_drift_is_listed_with_what_is_wanted_and_what_is_so(town, database):
    rows = listed(database)
    assert [(row.kind, row.name.strip(), row.address, row.wanted, row.observed) for row in rows] == [
        ("cut", "Cut", "10.60.0.3", "open", "closed"),
        ("passing", "Passing", "10.60.0.2", "closed", "open"),
        ("stranger", "", "10.60.0.77", None, "closed"),
    ]
    with database.reading() as session:
        assert drift.counts(session) == {"cut": 1, "passing": 1, "stranger": 1}
        for sort in drift.SORTS:
            first, mark = drift.page(session, DriftFilter(), sort=sort, limit=2)
            rest, _ = drift.page(session, DriftFilter(), sort=sort, after=mark.next)
            assert {row.id for row in [*first, *rest]} == {row.id for row in rows}, sort
    assert [row.kind for row in listed(database, kind="passing")] == ["passing"]
    assert [row.kind for row in listed(database, text="10.60.0.7")] == ["stranger"]
    assert [row.kind for row in listed(database, text="passing")] == ["passing"]
    assert listed(database, gate_id=town.gate_id + 1) == []
    assert listed(database, state="repaired") == []


def test_a_line_whose_gate_cannot_be_told_is_adrift_after_a_minute(town, database):
    town.work()
    town.work(access.observe)
    right = town.keys["Right"]
    with database.transaction() as session:
        suspensions.place(session, [right], LockReason.MANUAL, owner="noc", today=TODAY)
        gate_turns.note_failed(session, town.gate_id, "no answer", clock.now(), pause_s=60, limit_s=60)
    assert [row.kind for row in listed(database)] == ["stranger"]
    with database.transaction() as session:
        past = clock.now() - timedelta(seconds=90)
        session.execute(update(SubscriptionAccess).where(SubscriptionAccess.subscription_id == right)
                        .values(unsettled_since=past))  # fmt: skip
    late = listed(database)[0]
    assert (late.kind, late.is_told, late.gate_error) == ("passing", False, "no answer")


def test_one_press_repairs_and_the_list_shows_that_it_worked(town, database, sign_in_as):
    browser = sign_in_as("noc")
    page = browser.get("/drift").text
    assert "cut but still passing" in page
    assert "10.60.0.77" in page
    stranger = listed(database)[2].id
    for one in (town.keys["Passing"], stranger):
        answer = browser.post("/drift/repair?sort=kind", data={"one": str(one)}, follow_redirects=True)
        assert "being repaired" in answer.text
    assert "being told" in answer.text
    town.work()
    assert [row.kind for row in listed(database)] == ["cut"], "told again by the sweep, not read back yet"
    assert "10.60.0.77" not in town.gear.list_of_addresses
    done = {row.id: row for row in listed(database, state="repaired")}
    assert set(done) == {town.keys["Passing"], stranger}
    assert all(row.repair_by and row.repair_s is not None and not row.is_adrift for row in done.values())
    assert "worked: read back" in browser.get("/drift?state=repaired").text


def test_chosen_rows_and_all_that_the_filters_leave_are_repaired_together(town, database, sign_in_as):
    browser = sign_in_as("noc")
    assert "Nothing was chosen" in browser.post("/drift/repair", follow_redirects=True).text
    assert (
        "Nothing was chosen" in browser.post("/drift/repair", data={"row": "x"}, follow_redirects=True).text
    )
    browser.post("/drift/repair?kind=cut", data={"all": "yes"})
    with database.reading() as session:
        asked = select(SubscriptionAccess.subscription_id).where(
            SubscriptionAccess.repair_asked_at.is_not(None)
        )
        assert session.scalars(asked).all() == [town.keys["Cut"]]
    browser.post("/drift/repair", data={"row": [str(row.id) for row in listed(database)]})
    town.work()
    assert listed(database) == []
    assert "Nothing is adrift" in browser.get("/drift").text
    text = browser.get("/drift.csv?state=repaired").text
    assert "10.60.0.77" in text
    assert len(text.splitlines()) == 4


def test_the_file_says_what_the_page_says_by_the_clock_of_the_isp(town, database, sign_in_as, web_settings):
    browser = sign_in_as("noc")
    browser.post("/drift/repair", data={"one": str(town.keys["Passing"])})
    table = csv.DictReader(browser.get("/drift.csv?sort=kind").data.decode("utf-8-sig").splitlines())
    cut, passing, stranger = table
    states = [(row["wanted"], row["applied"], row["observed"]) for row in (cut, passing, stranger)]
    assert states == [
        ("open", "not told", "closed"),
        ("closed", "not told", "open"),
        ("nothing", "", "closed"),
    ]
    assert (passing["What"], passing["Repair"]) == ("cut but still passing", "being told")
    assert (stranger["Customer"], stranger["Gate"]) == ("nobody's", "North")
    zone = ZoneInfo(web_settings.isp.time_zone)
    asked = datetime.fromisoformat(passing["Repair asked at"]).replace(tzinfo=zone)
    assert timedelta(0) <= clock.now() - asked < timedelta(minutes=5)
    assert asked.utcoffset(), "the zone of the tests is not UTC, so the two can be told apart"


def test_a_reconnect_leaves_on_the_card_how_long_it_took(town, database):
    town.work()
    key = town.keys["Passing"]
    with database.transaction() as session:
        suspensions.lift(session, [key], LockReason.DEBT, by="payment", today=TODAY)
        past = clock.now() - timedelta(seconds=41)
        row = session.get_one(SubscriptionAccess, key, populate_existing=True)
        assert row.reconnecting_since is not None
        row.reconnecting_since = past
    town.work()
    with database.reading() as session:
        row = session.get_one(SubscriptionAccess, key)
        assert row.reconnecting_since is None
        assert 41_000 <= row.reconnect_ms < 60_000


def test_a_gate_left_alone_is_tried_by_a_press(town, database, sign_in_as):
    with database.transaction() as session:
        gate_turns.note_failed(session, town.gate_id, "no answer", clock.now(), pause_s=60, limit_s=60)
    browser = sign_in_as("noc")
    page = browser.get("/setup/gates").text
    assert "1 failure in a row" in page
    assert "then tried once" in page
    town.gear.calls.clear()
    with database.transaction() as session:
        suspensions.lift(session, [town.keys["Passing"]], LockReason.DEBT, by="payment", today=TODAY)
    assert town.work() == 0
    browser.post(f"/drift/gates/{town.gate_id}/try")
    assert town.work() >= 1
    assert "no fault known" in browser.get("/setup/gates").text


def test_a_line_its_gate_has_nothing_to_hold_for_is_no_drift_and_is_told_as_information(
    town, database, web_settings, sign_in_as
):
    """A service without an address (TV) at a real gate of addresses: nothing is asked of gear, nothing fails."""
    key = town.keys["Right"]
    with database.transaction() as session:
        session.execute(delete(IpAddress).where(IpAddress.address == "10.60.0.1"))
        suspensions.place(session, [key], LockReason.DEBT, owner="night", today=TODAY)
    runtime = Runtime(web_settings)
    runtime._database = database
    only = SimpleNamespace(apply=gates.make("nftables", {}).apply, held=dict, epoch=lambda: None,
                           read=lambda asked: {line.line_id: None for line in asked})  # fmt: skip
    with database.transaction() as session:
        answers.repair(session, [key], by="noc")
    access.sweep(runtime, lambda kind, settings: only)
    runtime.close()
    with database.reading() as session:
        row = session.get_one(SubscriptionAccess, key)
        assert (row.applied, row.error, row.is_bare) == (CLOSED, None, True)
        assert row.repaired_at is not None, "nothing is left to be read back"
        ids = drift.every_id(session, DriftFilter(state="bare"))
    assert ids == []
    assert key not in [row.id for row in listed(database)]
    assert [row.id for row in listed(database, state="bare")] == [key]
    browser = sign_in_as("noc")
    assert "nothing at the gate to close" in browser.get("/drift?state=bare").text
    assert "nothing at the gate to close" in browser.get("/drift.csv?state=bare").text
    card = browser.get(f"/customers/{listed(database, state='bare')[0].customer_id}").text
    assert "Nothing at the gate to close" in card
