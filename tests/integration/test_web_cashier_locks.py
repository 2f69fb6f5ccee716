"""Locks by hand for the reasons a person may, the list of what stands, and one lock's history."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from billing import subscriptions, suspensions, testing
from billing.models import AccessState, LockReason, PlannedSuspension, SubscriptionAccess, SuspensionLock
from billing.subscriptions import Choice
from core import clock
from registry import testing as records

TODAY = clock.today("Europe/Kyiv")


@pytest.fixture
def people(database):
    """Two customers with a service each, by name: the second is cut for debt."""
    made = {}
    with database.transaction() as session:
        for number in ("3001", "3002"):
            person = records.customer(session, number)
            choice = Choice(testing.plan(session, 0).id, bill_day=1)
            begin = TODAY - timedelta(days=60)
            act = testing.act(TODAY)
            service = subscriptions.start(session, person.account_id, act, choice=choice, starts_on=begin)
            made[number] = (person, service.id)
        suspensions.place(session, [made["3002"][1]], LockReason.DEBT, owner="cutoff", today=TODAY)
    return made


def wanted(database, subscription_id):
    with database.reading() as session:
        return session.get_one(SubscriptionAccess, subscription_id).wanted


def suspend(browser, service_id, reason, effect, **more):
    asked = {"reason": reason, "effect": effect, "billing": "full", "note": "as told by phone", **more}
    return browser.post(f"/services/{service_id}/suspend", data=asked)


def test_each_reason_has_a_lock_of_its_own_and_the_strictest_effect_counts(sign_in_as, database, people):
    browser, (person, service_id) = sign_in_as("administrator"), people["3001"]
    assert suspend(browser, service_id, "abuse", "walled").status_code == 303
    assert suspend(browser, service_id, "technical", "slow", billing="none").status_code == 303
    assert wanted(database, service_id) is AccessState.WALLED
    page = browser.get(f"/customers/{person.id}/money").text
    assert "Lift: abuse" in page
    assert "slow lane: " in page
    again = suspend(browser, service_id, "abuse", "closed")
    assert (again.status_code, "is suspended by hand already" in again.text) == (409, True)
    assert 'value="as told by phone"' in again.text
    asked = {"reason": "abuse", "effect": "closed", "billing": "full"}
    shown = browser.fragment(f"/services/{service_id}/suspend/effect", query_string=asked).text
    assert "is suspended by hand already" in shown
    browser.post(f"/services/{service_id}/let-in", data={"reason": "abuse"})
    assert wanted(database, service_id) is AccessState.SLOW
    assert browser.post(f"/services/{service_id}/let-in", data={"reason": "debt"}).status_code == 422
    browser.post(f"/services/{service_id}/let-in", data={"reason": "technical"})
    assert wanted(database, service_id) is AccessState.OPEN
    with database.reading() as session:
        locks = session.scalars(select(SuspensionLock).where(SuspensionLock.subscription_id == service_id))
        assert {(lock.reason, lock.billed_percent) for lock in locks} == {("abuse", 100), ("technical", 0)}


def test_the_noc_locks_for_abuse_and_technical_reasons_and_billing_for_money(sign_in_as, database, people):
    person, service_id = people["3001"]
    suspend, let_in = (f"/services/{service_id}/{act}" for act in ("suspend", "let-in"))
    noc, billing = sign_in_as("noc"), sign_in_as("billing")
    page = noc.get(suspend).text
    assert ("Technical: a loop" in page, "A suspension by hand" in page, "Percent" in page) == (1, 0, 0)
    later = (TODAY + timedelta(days=3)).isoformat()
    for theirs, mine, others in ((noc, "abuse", "freeze"), (billing, "freeze", "abuse")):
        refused = {"reason": others, "note": "-"}
        assert theirs.post(suspend, data=refused).status_code == 422
        agreed = {"reason": mine, "note": "agreed", "billing": "none"}
        assert theirs.post(suspend, data=agreed).status_code == 303
        assert theirs.post(let_in, data={"reason": others}).status_code == 403
        planned = {**agreed, "reason": "technical" if mine == "abuse" else "manual", "from_on": later}
        assert theirs.post(suspend, data=planned).status_code == 303
    with database.reading() as session:
        locks = session.execute(
            select(SuspensionLock.reason, SuspensionLock.billed_percent).order_by(SuspensionLock.id)
        ).all()
        assert {LockReason.ABUSE: 100, LockReason.FREEZE: 0}.items() <= dict(locks).items()
        plans = dict(session.execute(select(PlannedSuspension.reason, PlannedSuspension.id)).all())
    page = noc.get(f"/customers/{person.id}/money").text
    assert ("Lift: abuse" in page, "End the freeze" in page) == (True, False)
    for reason, status in ((LockReason.MANUAL, 403), (LockReason.TECHNICAL, 303)):
        assert noc.post(f"/suspensions/{plans[reason]}/forget").status_code == status
    assert noc.post(let_in, data={"reason": "abuse"}).status_code == 303
    assert noc.post(f"/customers/{person.id}/cut-off").status_code == 403


def test_the_list_of_locks_narrows_sorts_and_is_a_file(sign_in_as, people):
    browser, (_, service_id) = sign_in_as("noc"), people["3001"]
    suspend(browser, service_id, "technical", "slow")
    page = browser.get("/locks").text
    assert "as told by phone" in page
    assert len(re.findall(r'href="/locks/\d+"', page)) == 2
    for query, count in (
        ("reason=debt", 1),
        ("effect=slow", 1),
        ("owner=CUT", 1),
        ("age=1", 0),
        ("age=0", 2),
        ("q=3001", 1),
        ("reason=abuse", 0),
        ("sort=customer&age=x", 2),
    ):
        assert len(re.findall(r'href="/locks/\d+"', browser.get(f"/locks?{query}").text)) == count, query
    # What a URL says must not reach those who write URLs: the pager's, the heads', the files'.
    odd = browser.get("/locks?endpoint=x&ending=y&_external=1&_scheme=javascript&_anchor=z")
    assert odd.status_code == 200
    assert "javascript:" not in odd.text
    for sort in ("age", "-reason", "owner", "effect", "-until"):
        assert browser.get(f"/locks?sort={sort}").status_code == 200

    file = browser.get("/locks.csv?reason=technical").text
    assert "3001" in file
    assert "slow lane" in file  # as the page says it, in the person's language
    assert "3002" not in browser.get("/locks.csv?reason=technical").text


def test_a_lock_tells_how_it_came_changed_and_went(sign_in_as, database, people):
    _, service_id = people["3002"]
    with database.transaction() as session:
        suspensions.place(
            session, [service_id], LockReason.DEBT, owner="payment 9", today=TODAY, effect=AccessState.SLOW
        )
    with database.transaction() as session:
        suspensions.lift(session, [service_id], LockReason.DEBT, by="payment 10", today=TODAY)
        lock_id = session.scalar(select(SuspensionLock.id))
    browser = sign_in_as("noc")
    page = browser.get(f"/locks/{lock_id}").text
    places = [page.index(word) for word in ("<b>placed</b>", "<b>changed</b>", "payment 9", "payment 10")]
    assert places == sorted(places)
    assert browser.get(f"/locks/{lock_id + 999}").status_code == 404


def test_a_lock_is_lifted_from_its_own_page_by_who_may(sign_in_as, database, people):
    _, service_id = people["3001"]
    with database.transaction() as session:
        suspensions.place(session, [service_id], LockReason.TECHNICAL, owner="Nora", today=TODAY, note="loop")
        lock_id = session.scalar(
            select(SuspensionLock.id).where(SuspensionLock.subscription_id == service_id)
        )
    lift = f"/services/{service_id}/let-in"
    assert lift not in sign_in_as("billing").get(f"/locks/{lock_id}").text
    noc = sign_in_as("noc")
    assert lift in noc.get(f"/locks/{lock_id}").text
    noc.post(lift, data={"reason": "technical"})
    assert lift not in noc.get(f"/locks/{lock_id}").text


def test_restoring_with_one_press_passes_over_what_only_leads_to_a_page(sign_in_as, database, people):
    browser, (person, service_id) = sign_in_as("billing"), people["3001"]
    with database.transaction() as session:
        suspensions.place(
            session, [service_id], LockReason.NOTICE, owner="Olha", today=TODAY, effect=AccessState.NOTICE
        )
    browser.post(f"/customers/{person.id}/cut-off")
    listed, debtor = browser.get("/customers").text, people["3002"][0]
    assert (f'"/customers/{person.id}/restore"' in listed, f'"/customers/{debtor.id}/cut-off"' in listed) == (
        1,
        1,
    )
    assert f'"/customers/{debtor.id}/restore"' not in listed, "nothing was suspended by hand there"
    answer = browser.post(f"/customers/{person.id}/restore", follow_redirects=True)
    assert answer.status_code == 200
    assert "1 service is restored." in answer.text
    assert "Still off" not in answer.text
    assert wanted(database, service_id) is AccessState.NOTICE
