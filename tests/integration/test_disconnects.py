"""The disconnect queue, in the office and on the phone; and cutting all of a customer off with one press."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from billing import suspensions
from billing import testing as money_testing
from billing.acts import Terms
from billing.models import AccessState, LockReason, Subscription, SuspensionLock
from billing.subscriptions import Choice
from core import clock
from desk import disconnects
from desk.disconnects import QueueFilter
from desk.models import Disconnect, DisconnectResult
from registry import money, testing
from registry.audit import Actor
from registry.models import AuditEvent, StaffUser
from webapp.desk import disconnects as pages

TODAY = clock.today("Europe/Kyiv")


def debtor(session, number, minor=3000, *, services=1):
    """A customer with running services who owes since three weeks."""
    customer = testing.customer(session, number)
    for _ in range(services):
        money.start_service(
            session,
            testing.person(session, "setup"),
            customer.id,
            choice=Choice(money_testing.plan(session, 0).id, bill_day=1),
            starts_on=TODAY - timedelta(days=60),
            today=TODAY,
            terms=Terms(14),
        )
    money_testing.charge(session, customer.account_id, minor, due_on=TODAY - timedelta(days=20))
    return customer


@pytest.fixture
def people(database):
    with database.transaction() as session:
        return [debtor(session, f"80{number}", 3000 + number) for number in range(3)]


def entries(database):
    with database.reading() as session:
        return {row.customer_id: row for row in session.scalars(select(Disconnect))}


def acts_of(database, customer):
    with database.reading() as session:
        return session.scalars(
            select(AuditEvent.action)
            .where(AuditEvent.customer_id == customer.id, AuditEvent.action.like("disconnect.%"))
            .order_by(AuditEvent.id)
        ).all()


def test_from_the_card_to_the_technicians_phone_and_done(sign_in_as, database, people):
    first, second, _ = people
    office = sign_in_as("billing")
    assert f'href="/customers/{first.id}/disconnect"' in office.get(f"/customers/{first.id}").text
    form = {"why": "debt", "note": "owes since spring", "planned_on": TODAY.isoformat()}
    assert office.post(f"/customers/{first.id}/disconnect", data={"why": "debt"}).status_code == 422
    for customer in (first, first, second):
        assert office.post(f"/customers/{customer.id}/disconnect", data=form).status_code == 303
    assert "owes since spring" in office.get(f"/customers/{first.id}/disconnect/banner").text
    phone = sign_in_as("technician")
    page = phone.get("/field/disconnects")
    assert page.text.count("owes since spring") == 2
    done, missed = (entries(database)[one.id].id for one in (first, second))
    assert phone.post(f"/field/disconnects/{done}", data={"result": "what"}).status_code == 422
    for _ in range(2):  # the phone sends again what it got no answer to
        told = {"result": "disconnected", "note": "cable taken"}
        assert phone.post(f"/field/disconnects/{done}", data=told).status_code == 303
        assert phone.post(f"/field/disconnects/{missed}", data={"result": "not_home"}).status_code == 303
    assert "owes since spring" not in phone.get("/field/disconnects").text
    found = entries(database)
    assert (found[first.id].result, found[first.id].ended_by) == (
        DisconnectResult.DISCONNECTED,
        "Technician Person",
    )
    assert (found[second.id].tries, found[second.id].planned_on) == (1, TODAY + timedelta(days=1))
    assert acts_of(database, first) == ["disconnect.added", "disconnect.disconnected"]
    assert acts_of(database, second) == ["disconnect.added", "disconnect.missed"]
    assert "cable taken" in office.get("/disconnects?state=ended").text
    assert "cable taken" not in office.get("/disconnects").text
    assert phone.get("/disconnects").status_code == 403


def test_from_a_plan_and_the_debtors_many_at_once_then_planned_sorted_and_as_a_file(
    sign_in_as, database, people, monkeypatch
):
    office = sign_in_as("billing")
    where = office.post("/cutoff/plan").location
    rows = re.findall(r'name="row" value="(\d+)"', office.get(f"{where}?action=cut&sort=customer").text)
    told = {"act": "disconnect", "row": rows[:2], "note": "cut, line to be taken"}
    assert office.post(f"{where}/review", data=told).status_code == 303
    page = office.get("/debtors")
    ticked = re.findall(r'name="row" value="(\d+)"', page.text)
    assert set(ticked) == {str(one.id) for one in people}
    assert office.post("/disconnects/add", data={"row": ticked, "why": "debt"}).status_code == 422
    more = {"row": ticked, "why": "debt", "note": "from the list"}
    assert office.post("/disconnects/add", data=more).status_code == 303
    found = entries(database)
    notes = [found[one.id].note for one in people]
    assert notes == ["cut, line to be taken", "cut, line to be taken", "from the list"]
    assert found[people[0].id].run_id == int(where.rsplit("/", 1)[1])
    table = office.get("/disconnects?sort=-owed").text.split("<tbody>")[1]
    assert re.findall(r"(80\d)</span>", table) == ["802", "801", "800"]
    act = {"act": "plan", "row": [found[people[1].id].id]}
    assert office.post("/disconnects/act", data=act).status_code == 422
    assert office.post("/disconnects/act", data={**act, "planned_on": TODAY.isoformat()}).status_code == 303
    with database.reading() as session:
        technician = session.scalar(select(StaffUser.id).order_by(StaffUser.id).limit(1))
    assert office.post("/disconnects/act", data={**act, "staff_id": technician}).status_code == 303
    planned = entries(database)[people[1].id]
    assert (planned.planned_on, planned.staff_id) == (TODAY, technician)  # each said alone, the other stays
    assert re.findall(r"(80\d)</span>", office.get("/disconnects").text.split("<tbody>")[1])[0] == "801"
    assert (
        office.post("/disconnects/act", data={"act": "withdraw", "row": [found[people[1].id].id]}).status_code
        == 422
    )
    lines = office.get("/disconnects.csv?q=801").text.splitlines()
    assert len(lines) == 2
    assert "from the list" not in lines[1]
    assert len(re.findall(r"<td><b>", office.get("/disconnects/paper?sort=-owed").text)) == 3
    assert len(re.findall(r"<td><b>", office.get("/disconnects/paper?q=801").text)) == 1
    monkeypatch.setattr(pages, "PRINTED", 1)
    assert "The first 1 rows" in office.get("/disconnects/paper").text
    with database.reading() as session:
        seen, after = [], None
        while True:
            page, marks = disconnects.page(session, QueueFilter(), sort="-added", after=after, limit=1)
            seen, after = [*seen, *(row.number for row in page)], marks.next
            if after is None:
                break
    assert sorted(seen) == ["800", "801", "802"]


def test_who_pays_leaves_the_queue_with_the_reason_and_who_is_in_it_otherwise_stays(
    sign_in_as, database, people
):
    actor = Actor(None, "test")
    with database.transaction() as session:
        disconnects.add(session, actor, [people[0].id, people[1].id], why="debt", note="owes")
        disconnects.add(session, actor, [people[2].id], why="asked", note="moves away")
        fair = testing.customer(session, "8090")
        disconnects.add(session, actor, [fair.id], why="debt", note="never paid anywhere")
        for one in (people[0], people[2]):
            money_testing.pay(session, one.account_id, 5000)
        rules = money_testing.RULES
        assert disconnects.let_go(session, TODAY, rules=rules) == 1
        assert disconnects.let_go(session, TODAY, rules=rules) == 0
    found = entries(database)
    assert found[people[0].id].result is DisconnectResult.PAID
    assert found[people[1].id].result is None
    assert found[people[2].id].result is None
    assert found[fair.id].result is None  # he owed nothing when he was put in, and has paid nothing since
    assert acts_of(database, people[0]) == ["disconnect.added", "disconnect.paid"]
    told = {"result": "disconnected"}  # by a technician who stands there and had not looked again
    answer = sign_in_as("technician").post(f"/field/disconnects/{found[people[0].id].id}", data=told)
    assert answer.status_code == 409
    assert "has paid meanwhile" in answer.text


def standing(database, customer):
    with database.reading() as session:
        return [lock.reason for lock in suspensions.standing(session, customer.account_id)]


def words(browser, customer, number):
    """The word for the line in the list and on the card."""
    known = "open|closed|mixed|notice shown|slow lane|walled garden|gate fails"
    row = re.search(rf"{number}</a>.*?</tr>", browser.get(f"/customers?q={number}").text, re.DOTALL)
    card = re.search(
        r'<span class="name">Line</span>.*?</div>', browser.get(f"/customers/{customer.id}").text, re.DOTALL
    )
    return tuple(re.search(rf">({known})<", part.group(0)).group(1) for part in (row, card))


def test_one_press_cuts_all_of_a_customer_off_and_one_restores_what_was_cut_by_hand(sign_in_as, database):
    with database.transaction() as session:
        customer = debtor(session, "8100", services=2)
        slowed = session.scalars(select(Subscription.id).order_by(Subscription.id.desc())).first()
        suspensions.place(
            session, [slowed], LockReason.MANUAL, owner="noc", today=TODAY, effect=AccessState.SLOW
        )
    browser = sign_in_as("billing")
    assert words(browser, customer, "8100") == ("mixed", "mixed")
    answer = browser.post(f"/customers/{customer.id}/cut-off", data={"back": "/customers?q=8100"})
    assert (answer.status_code, answer.location) == (303, "/customers?q=8100")
    assert standing(database, customer) == [LockReason.MANUAL] * 2
    assert words(browser, customer, "8100") == ("closed", "closed")
    browser.post(f"/customers/{customer.id}/cut-off")
    assert standing(database, customer) == [LockReason.MANUAL] * 2
    assert browser.post(f"/customers/{customer.id}/cut-off", data={"billing": "twice"}).status_code == 422
    browser.post(f"/customers/{customer.id}/restore")
    browser.post(f"/customers/{customer.id}/cut-off", data={"billing": "none"})
    with database.reading() as session:
        percents = select(SuspensionLock.billed_percent).where(SuspensionLock.lifted_at.is_(None))
        assert session.scalars(percents).all() == [0, 0]
    with database.transaction() as session:
        first = session.scalars(select(SuspensionLock.subscription_id).order_by(SuspensionLock.id)).first()
        suspensions.place(session, [first], LockReason.ABUSE, owner="noc", today=TODAY)
    answer = browser.post(f"/customers/{customer.id}/restore", data={"back": "https://elsewhere.example/"})
    assert answer.location == f"/customers/{customer.id}"
    assert standing(database, customer) == [LockReason.ABUSE]
    assert "Still off for another reason: abuse" in browser.get(answer.location).text
    assert words(browser, customer, "8100") == ("mixed", "mixed")
    with database.reading() as session:
        acts = session.scalars(
            select(AuditEvent.action).where(
                AuditEvent.customer_id == customer.id,
                AuditEvent.action.in_(["service.suspended", "service.let_in"]),
            )
        ).all()
        assert sorted(acts) == ["service.let_in"] * 5 + ["service.suspended"] * 4
    noc = sign_in_as("noc")
    assert noc.post(f"/customers/{customer.id}/cut-off").status_code == 403


@pytest.mark.parametrize("effect", ["notice", "slow", "walled", "closed"])
def test_the_list_and_the_card_say_the_same_of_a_line_whatever_its_access(sign_in_as, database, effect):
    with database.transaction() as session:
        customer = debtor(session, "8200", services=2)
        of_customer = Subscription.account_id == customer.account_id
        lines = session.scalars(select(Subscription.id).where(of_customer)).all()
        suspensions.place(session, lines, LockReason.DEBT, owner="cutoff", today=TODAY, effect=effect)
    in_list, on_card = words(sign_in_as("billing"), customer, "8200")
    assert in_list == on_card
    assert in_list != "open"
