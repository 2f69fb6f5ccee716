"""Incidents: one for an element, everybody on it, no cutoff while it is open, and an end."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, update

from billing import cutoff, pauses
from billing import testing as money
from billing.models import Account, CutoffDecision, CutoffPause
from core import clock, errors
from registry import audit, incident_elements, incidents, neighbours, testing
from registry.models import Address, AuditEvent, Customer, CustomerStatus, Device, Incident, IpAddress

TODAY = date(2026, 11, 22)
NOC = audit.Actor(None, "noc")


@pytest.fixture
def street(session):
    """Two switches, one behind the other: two customers on the first, one on the second, one elsewhere."""
    first = testing.device(session, "sw-1", address="127.0.0.2")
    second = testing.device(session, "sw-2")
    second.parent_id = first.id
    people = {
        name: testing.customer(session, name, addresses=[f"127.0.1.{place}"])
        for place, name in enumerate(("a", "b", "c", "elsewhere"), 1)
    }
    port = testing.connect(session, people["a"].id, first.id, 1)
    testing.connect(session, people["b"].id, first.id, 2)
    testing.connect(session, people["c"].id, second.id, 1)
    return {"first": first, "second": second, "port": port, **people}


def hit(session, incident_id):
    return [one.number for one in incidents.affected(session, incident_id)]


def open_on(session, element, title="silent since noon", **more):
    return incidents.open_one(session, NOC, element, title, **more)


def heard(session, customer, *, ago):
    session.execute(
        update(IpAddress).where(IpAddress.customer_id == customer.id).values(last_seen_at=clock.now() - ago)
    )


def test_a_device_hits_everybody_on_it_and_on_what_stands_behind_it(session, street):
    number, is_new = open_on(session, incident_elements.device(session, street["first"].id))
    assert is_new
    assert hit(session, number) == ["a", "b", "c"]
    assert [one.title for one in incidents.of_customer(session, street["c"].id)] == ["silent since noon"]
    assert incidents.of_customer(session, street["elsewhere"].id) == ()


def test_a_port_hits_who_is_plugged_in_and_a_pop_everybody_there(session, street):
    number, _ = open_on(session, incident_elements.port(session, street["port"].id))
    assert hit(session, number) == ["a"]
    pop = testing.pop(session)
    number, _ = open_on(session, incident_elements.pop(session, pop.id))
    assert hit(session, number) == ["a", "b", "c", "elsewhere"]


def test_a_house_hits_who_lives_there_however_it_is_written(session, street):
    for name, words in (("a", "Main St"), ("b", "main st"), ("c", "Other St")):
        session.add(Address(customer_id=street[name].id, street=words, building="7A", city="Town"))
    session.flush()
    number, _ = open_on(session, incident_elements.building(session, street["b"].id))
    assert hit(session, number) == ["a", "b"]
    with pytest.raises(errors.NotFound):
        incident_elements.building(session, street["elsewhere"].id)


def test_a_former_customer_is_not_hit_and_nobody_at_all_is_refused(session, street):
    street["c"].status = CustomerStatus.FORMER
    session.flush()
    with pytest.raises(errors.Invalid):
        open_on(session, incident_elements.device(session, street["second"].id))
    number, _ = open_on(session, incident_elements.device(session, street["first"].id))
    assert hit(session, number) == ["a", "b"]


def test_an_element_has_one_open_incident_and_may_have_another_later(session, street):
    element = incident_elements.device(session, street["first"].id)
    first = open_on(session, element)
    assert open_on(session, element, "told twice") == (first[0], False)
    assert incidents.close(session, NOC, first[0], note="a fuse")
    assert not incidents.close(session, NOC, first[0]), "closed twice changes nothing"
    second = open_on(session, element)
    assert second[1]
    assert second[0] != first[0]


def test_two_who_open_at_once_open_one(fresh_database):
    with fresh_database.transaction() as session:
        device = testing.device(session, "sw-1")
        for number in "ab":
            testing.connect(session, testing.customer(session, number).id, device.id, 1)
        device_id = device.id

    def open_it(_):
        with fresh_database.transaction() as session:
            return open_on(session, incident_elements.device(session, device_id))

    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(open_it, range(6)))
    assert sum(is_new for _, is_new in made) == 1
    assert len({number for number, _ in made}) == 1
    with fresh_database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Incident)) == 1
        assert session.scalar(select(func.count()).select_from(CutoffPause)) == 2


def test_every_card_and_the_incident_itself_have_the_line_in_history(session, street):
    number, _ = open_on(session, incident_elements.device(session, street["first"].id))
    incidents.close(session, NOC, number, note="a fuse")
    lines = session.execute(
        select(AuditEvent.action, AuditEvent.customer_id).where(
            AuditEvent.object_kind == "incident", AuditEvent.object_id == number
        )
    ).all()
    people = {street[name].id for name in "abc"}
    for action in ("incident.opened", "incident.closed"):
        assert {row.customer_id for row in lines if row.action == action} == people | {None}


def test_who_is_hit_is_not_cut_for_debt_until_it_is_over(session, street):
    sample = money.subscriber(session, starts_on=date(2026, 9, 1))
    person = session.get_one(Customer, street["a"].id)
    person.account_id = sample.account_id
    session.flush()
    number, _ = open_on(session, incident_elements.port(session, street["port"].id))
    rules = cutoff.Rules(grace_days=3, minimum_debt_minor=100, brake_minimum=50)

    def decided():
        run = cutoff.plan(session, TODAY, rules=rules, planned_by="test")
        row = session.scalars(select(CutoffDecision).where(CutoffDecision.run_id == run.id)).one()
        return row.action.value, row.reason, row.explanation

    action, reason, words = decided()
    assert (action, reason) == ("spare", "incident")
    assert words.startswith(f"Incident {number}: silent since noon; ")
    incidents.close(session, NOC, number)
    assert decided()[:2] == ("cut", "debt")
    assert session.scalar(select(func.count()).select_from(Account)) == 5


def test_reminders_can_ask_when_an_account_was_paused(session, street):
    account_id = session.scalars(select(Account.id).order_by(Account.id).limit(1)).one()
    now = clock.now()
    hour, day = timedelta(hours=1), timedelta(days=1)
    session.add_all(
        [
            CutoffPause(account_id=account_id, owner="a", placed_at=now - 5 * day, lifted_at=now - 4 * day),
            CutoffPause(account_id=account_id, owner="b", placed_at=now - hour),
        ]
    )
    session.flush()
    asked = [account_id, account_id + 1000]
    assert pauses.stood(session, asked, now - 4 * day, now - day) == {}
    old = pauses.stood(session, asked, now - 5 * day + hour, now - day)
    assert old == {account_id: [(now - 5 * day, now - 4 * day)]}
    both = pauses.stood(session, asked, now - 10 * day, now + day)[account_id]
    assert [end for _, end in both] == [now - 4 * day, None]


def test_what_a_job_opened_is_closed_when_half_were_heard_again(session, street):
    element = incident_elements.device(session, street["first"].id)
    number, _ = open_on(session, element, is_automatic=True)
    by_hand, _ = open_on(session, incident_elements.device(session, street["second"].id))
    session.execute(
        update(Incident).values(opened_at=clock.now() - timedelta(minutes=30)),
        execution_options={"synchronize_session": False},
    )
    heard(session, street["a"], ago=timedelta(minutes=40))
    assert incidents.close_recovered(session) == [], "heard before it began"
    heard(session, street["b"], ago=timedelta(minutes=29, seconds=30))
    assert incidents.close_recovered(session) == [], "a sighting of the first moment is no recovery"
    heard(session, street["a"], ago=timedelta(minutes=5))
    assert incidents.close_recovered(session) == [], "one of three"
    heard(session, street["c"], ago=timedelta(minutes=5))
    assert incidents.close_recovered(session) == [number]
    assert incidents.get(session, number).closed_by == "diagnosis"
    assert incidents.get(session, by_hand).closed_at is None, "who opened it by hand closes it"


def test_pages_of_incidents_meet(session, street, monkeypatch):
    monkeypatch.setattr(incidents, "PAGE", 2)
    for name in ("first", "second"):
        open_on(session, incident_elements.device(session, street[name].id))
    open_on(session, incident_elements.port(session, street["port"].id))
    first = incidents.page(session, is_closed=False)
    rest = incidents.page(session, is_closed=False, after=first.next)
    assert [row.scope.value for row in (*first.rows, *rest.rows)] == ["port", "device", "device"]
    assert rest.next is None
    assert incidents.page(session, is_closed=True).rows == ()
    assert incidents.count_open(session) == 3


def test_neighbours_are_who_was_heard_lately_on_the_port_the_device_and_in_the_house(session, street):
    for name in "abc":
        session.add(Address(customer_id=street[name].id, street="Main St", building="7", city="Town"))
    session.flush()
    assert neighbours.of(session, street["a"].id) == (), "nobody was heard yet"
    heard(session, street["b"], ago=timedelta(hours=1))
    heard(session, street["c"], ago=timedelta(hours=2))
    groups = {one.scope: one.addresses for one in neighbours.of(session, street["a"].id)}
    assert groups == {"device": ("127.0.1.2",), "building": ("127.0.1.2", "127.0.1.3")}
    heard(session, street["c"], ago=timedelta(days=4))
    groups = {one.scope: one.addresses for one in neighbours.of(session, street["a"].id)}
    assert groups["building"] == ("127.0.1.2",)
    assert neighbours.of(session, street["elsewhere"].id) == ()


def test_the_pages_open_close_and_tell(sign_in_as, database):
    with database.transaction() as session:
        device = testing.device(session, "sw-1")
        person = testing.customer(session, "1001")
        testing.connect(session, person.id, device.id, 1)
        device_id, customer_id = device.id, person.id
    noc, clerk = sign_in_as("noc"), sign_in_as("billing")
    assert "No incidents here" in noc.get("/incidents").text
    refused = noc.post("/incidents/open", data={"element": "device:999999", "title": "x"})
    assert refused.status_code == 422
    assert noc.post("/incidents/open", data={"element": f"device:{device_id}"}).status_code == 422
    made = noc.post("/incidents/open", data={"element": f"device:{device_id}", "title": "No <light>"})
    assert made.status_code == 303
    url = made.headers["Location"]
    assert "No &lt;light&gt;" in clerk.get(url).text
    assert "No &lt;light&gt;" in noc.fragment(f"/customers/{customer_id}/incidents").text
    assert "sw-1" in noc.get("/incidents?scope=device").text
    assert "No incidents here" in noc.get("/incidents?scope=pop").text
    assert clerk.post(f"{url}/close").status_code == 403
    assert noc.post(f"{url}/close", data={"note": "fuse"}).status_code == 303
    assert noc.fragment(f"/customers/{customer_id}/incidents").text.strip() == ""
    assert "fuse" in noc.get(url).text
    assert "No &lt;light&gt;" in noc.get("/incidents?show=closed").text
    assert noc.get("/incidents/999999").status_code == 404


def test_a_device_taken_out_leaves_its_incident(session, street):
    number, _ = open_on(session, incident_elements.device(session, street["second"].id))
    session.delete(session.get_one(Device, street["second"].id))
    session.flush()
    session.expire_all()
    assert incidents.get(session, number).place == "sw-2"
