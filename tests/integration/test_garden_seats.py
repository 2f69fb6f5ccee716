"""Who sits at an address, and who is led to the page: by line, by notice, by a contract and the device's MAC."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import pytest
from sqlalchemy import select

from billing import suspensions
from billing import testing as money_testing
from billing.acts import Terms
from billing.models import AccessState, LockReason, SubscriptionAccess
from billing.subscriptions import Choice
from core import clock, errors
from desk import contracts, leading, notices, warning
from desk.models import NoticeAssignment
from registry import agreements, listing, money, seats, testing
from registry.models import AuditEvent, DiagnosticKind, DiagnosticRun, DiagnosticStatus, Line
from webapp.garden import app as garden_app

TODAY = clock.today("Europe/Kyiv")
HERE = "127.0.7.7"


def test_who_is_inside_a_prefix_on_file_is_its_customer(session) -> None:
    testing.customer(session, "1", addresses=["127.1.0.0/28"])
    home = testing.network(session, "2001:db8::/32").id
    testing.customer(session, "2", addresses=["2001:db8:5600::/56"], network_id=home)
    assert seats.at(session, "127.1.0.9", today=TODAY).number == "1"
    assert seats.at(session, "::ffff:127.1.0.9", today=TODAY).number == "1"
    assert seats.at(session, "2001:db8:5600:ff::9", today=TODAY).number == "2"
    assert seats.at(session, "2001:db8:5601::9", today=TODAY) is None
    assert seats.at(session, "127.3.0.1", today=TODAY) is None


def test_a_contract_is_not_shown_where_another_device_than_the_one_on_file_answers(session) -> None:
    actor = testing.person(session, "setup")
    customer = testing.customer(session, "1", addresses=[HERE], macs=["00:11:22:33:44:55"])
    for _ in range(2):  # pressed twice
        contracts.add(session, actor, customer.id, title="C", content="x", today=TODAY)
    contracts.switch(session, actor, is_on=True, today=TODAY)
    seat = seats.at(session, HERE, today=TODAY)
    assert [one.title for one in contracts.to_sign(session, seat).contracts] == ["C"]

    def seen(*macs: str) -> contracts.ToSign:
        session.add(
            DiagnosticRun(
                kind=DiagnosticKind.MAC_LOOKUP, status=DiagnosticStatus.DONE, customer_id=customer.id,
                target=HERE, pop="core", staff_id=actor.staff_id, staff_name="x", finished_at=clock.now(),
                result={"macs": [{"mac": mac} for mac in macs]},
            )
        )  # fmt: skip
        session.flush()
        return contracts.to_sign(session, seat)

    withheld = contracts.ToSign(is_withheld=True)
    assert seen("00:aa:bb:cc:dd:ee") == withheld
    assert len(seen("00:11:22:33:44:55").contracts) == 1
    assert seen("02:11:22:33:44:55") == withheld  # made up, as a phone's is
    assert seen("00:11:22:33:44:55", "00:aa:bb:cc:dd:ee") == withheld
    contracts.switch(session, actor, is_on=False, today=TODAY)
    assert contracts.to_sign(session, seat) == contracts.ToSign()


def test_a_line_that_begins_later_is_led_by_the_night(session) -> None:
    actor, customer = testing.person(session, "setup"), testing.customer(session, "1")
    contracts.add(session, actor, customer.id, title="C", content="x", today=TODAY)
    contracts.switch(session, actor, is_on=True, today=TODAY)
    later = start(session, actor, customer)
    assert leading.lead_all(session, by="night", today=TODAY) == (later.id,)
    assert leading.lead_all(session, by="night", today=TODAY) == ()


def start(session, actor, customer):
    return money.start_service(
        session, actor, customer.id, choice=Choice(money_testing.plan(session, 0).id, bill_day=1),
        starts_on=TODAY - timedelta(days=60), today=TODAY, terms=Terms(14),
    )  # fmt: skip


def test_a_notice_given_while_another_is_confirmed_leads_to_the_page_all_the_same(fresh_database) -> None:
    with fresh_database.transaction() as session:
        actor, customer = testing.person(session, "setup"), testing.customer(session, "1", addresses=[HERE])
        started = start(session, actor, customer)
        first, second = (
            notices.save(session, actor, None, title=title, content="x", is_confirmable=True).id
            for title in ("Works", "Prices")
        )
        for one in (first, second):
            notices.switch(session, actor, one, is_on=True, today=TODAY)
        notices.assign(session, actor, first, [customer.id], today=TODAY)
        shown_id = session.scalar(select(NoticeAssignment.id))

    def confirm() -> None:
        with fresh_database.transaction() as session:
            notices.confirm(session, actor, shown_id, customer_id=customer.id, address=HERE, today=TODAY)

    with ThreadPoolExecutor(1) as pool:
        with fresh_database.transaction() as session:
            notices.assign(session, actor, second, [customer.id], today=TODAY)
            confirmed = pool.submit(confirm)
            wait([confirmed], timeout=0.3)
        confirmed.result()
    with fresh_database.reading() as session:
        assert session.get_one(SubscriptionAccess, started.id).wanted is AccessState.NOTICE


def test_a_contract_queued_while_customers_begin_to_be_led_to_sign_leads_its_customer_too(
    fresh_database,
) -> None:
    with fresh_database.transaction() as session:
        actor, customer = testing.person(session, "setup"), testing.customer(session, "1", addresses=[HERE])
        started = start(session, actor, customer)
        for is_on in (True, False):
            contracts.switch(session, actor, is_on=is_on, today=TODAY)

    def add() -> None:
        with fresh_database.transaction() as session:
            contracts.add(session, actor, customer.id, title="C", content="x", today=TODAY)

    with ThreadPoolExecutor(1) as pool:
        with fresh_database.transaction() as session:
            contracts.switch(session, actor, is_on=True, today=TODAY)
            added = pool.submit(add)
            wait([added], timeout=0.3)
        added.result()
    with fresh_database.reading() as session:
        assert session.get_one(SubscriptionAccess, started.id).wanted is AccessState.NOTICE


def test_a_notice_at_one_line_leads_that_line_alone(session) -> None:
    actor, customer = testing.person(session, "setup"), testing.customer(session, "1", addresses=[HERE])
    first, second = start(session, actor, customer), start(session, actor, customer)
    line_id = session.scalar(select(Line.id).where(Line.subscription_id == second.id))
    notice = notices.save(session, actor, None, title="Works", content="x", is_confirmable=True)
    notices.switch(session, actor, notice.id, is_on=True, today=TODAY)
    given = notices.assign(session, actor, notice.id, [customer.id], line_id=line_id, today=TODAY)
    assert given.lines == (second.id,)
    assert notices.shown(session, customer.id, first.id) == []
    assert len(notices.shown(session, customer.id, second.id)) == 1


def test_the_limit_of_acts_holds_without_a_broker_too(make_settings, postgres_url, database) -> None:
    settings = make_settings(
        data={"database_url": postgres_url, "queue_url": "redis://127.0.0.1:1/0"},
        garden={"url": "http://localhost", "act_limit": "2 per minute"},
    )
    browser = garden_app.create_app(settings, database=database).test_client()
    found = [browser.post("/promise", data={"seal": "forged"}).status_code for _ in range(4)]
    assert found == [409, 409, 429, 429]


def test_a_notice_and_a_contract_have_a_lock_each_and_one_that_goes_leaves_the_other(session) -> None:
    actor = testing.person(session, "setup")
    customer = testing.customer(session, "1")
    start(session, actor, customer)

    def standing() -> list[LockReason]:
        return sorted(lock.reason for lock in suspensions.standing(session, customer.account_id))

    made, _ = contracts.add(session, actor, customer.id, title="C", content="x", today=TODAY)
    contracts.switch(session, actor, is_on=True, today=TODAY)
    assert standing() == [LockReason.CONTRACT]
    warning.switch(session, actor, is_on=True, today=TODAY)
    warning.give(session, actor, [customer.id], content="Call us", today=TODAY)
    assert standing() == [LockReason.CONTRACT, LockReason.NOTICE]
    contracts.withdraw(session, actor, made.id, today=TODAY)
    assert standing() == [LockReason.NOTICE]


def test_a_warning_is_apart_from_access_and_leads_to_the_page_only_where_that_is_on(session) -> None:
    actor = testing.person(session, "setup")
    whole, part = (testing.customer(session, number) for number in ("1", "2"))
    cut, other, first, second = (start(session, actor, one) for one in (whole, whole, part, part))
    suspensions.place(session, [cut.id], LockReason.DEBT, owner="cutoff", today=TODAY)
    line_id = session.scalar(select(Line.id).where(Line.subscription_id == second.id))
    given = warning.give(session, actor, [whole.id], content="Call us", today=TODAY)
    assert given == warning.Changed(1, ())
    assert warning.give(session, actor, [whole.id], today=TODAY) == warning.Changed(0, ())  # words are kept
    assert warning.give(session, actor, [part.id], line_id=line_id, today=TODAY) == warning.Changed(1, ())
    with pytest.raises(errors.Invalid):
        warning.give(session, actor, [whole.id], line_id=line_id, today=TODAY)
    assert warning.shown(session, whole.id, other.id) == []
    shown = listing.page(session, listing.CustomerFilter(is_warned=True), today=TODAY)
    assert {row.number: row.warning for row in shown.rows} == {"1": "on", "2": "mixed"}

    assert warning.switch(session, actor, is_on=True, today=TODAY) == (other.id, second.id)
    assert [one.content for one in warning.shown(session, whole.id, other.id)] == ["Call us"]
    assert warning.shown(session, part.id, first.id) == []
    wanted = {one: session.get(SubscriptionAccess, one.id).wanted for one in (cut, other, first, second)}
    assert list(wanted.values()) == [
        AccessState.CLOSED, AccessState.NOTICE, AccessState.OPEN, AccessState.NOTICE,
    ]  # fmt: skip
    assert warning.switch(session, actor, is_on=True, today=TODAY) == ()
    still_off = agreements.restore_all(session, actor, whole.id, today=TODAY, terms=Terms(14))
    assert still_off == (0, [LockReason.DEBT])
    assert warning.withdraw(session, actor, [whole.id, part.id], today=TODAY).lines == (other.id, second.id)
    assert session.get(SubscriptionAccess, cut.id, populate_existing=True).wanted is AccessState.CLOSED
    assert listing.ids(session, listing.CustomerFilter(is_warned=True), today=TODAY) == []
    lines = session.execute(
        select(AuditEvent.action, AuditEvent.customer_id, AuditEvent.note).where(
            AuditEvent.action.startswith("warning."), AuditEvent.customer_id.is_not(None)
        )
    ).all()
    assert ("warning.set", whole.id, "Call us") in lines
    assert sorted(line.action for line in lines) == ["warning.set"] * 2 + ["warning.withdrawn"] * 2
