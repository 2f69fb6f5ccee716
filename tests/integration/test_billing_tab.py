"""The billing tab of a customer: its history filtered and as a file, what happened lately, the billing period."""

import csv
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from billing import testing as money_testing
from billing.acts import Terms
from billing.models import (
    Account,
    EntryKind,
    LedgerEntry,
    Method,
    Plan,
    PlannedChange,
    PlanPrice,
    Subscription,
)
from billing.subscriptions import Choice
from core import clock
from registry import money as customer_money
from registry import testing
from registry.models import AuditEvent

TODAY = clock.today("Europe/Kyiv")
BILL_DAY = min(TODAY.day, 28)


@pytest.fixture
def owing(database):
    """A customer with one service, charged for a month, and a month's price past due."""
    with database.transaction() as session:
        customer = testing.customer(session, "1001")
        plan = money_testing.plan(session, 3000)
        service = customer_money.start_service(
            session,
            testing.person(session, "setup"),
            customer.id,
            choice=Choice(plan.id, bill_day=BILL_DAY),
            starts_on=TODAY,
            today=TODAY,
            terms=Terms(14),
        )
        money_testing.charge(session, customer.account_id, 3000, due_on=TODAY - timedelta(days=10))
    return {"id": customer.id, "service": service.id, "account": customer.account_id}


def url(owing, more=""):
    return f"/customers/{owing['id']}/money{more}"


def actions(database):
    with database.reading() as session:
        return session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)).all()


def test_the_ledger_is_filtered_put_in_order_paged_back_and_taken_as_a_file(sign_in_as, database, owing):
    with database.transaction() as session:
        for number in range(60):
            money_testing.pay(session, owing["account"], 100 * (number * 7 % 60 + 1))
    browser = sign_in_as("billing")

    def amounts(query):
        shown = browser.fragment(url(owing, f"?{query}")).text
        marks = {word: re.search(rf"[?&;]{word}=([\w-]+)", shown) for word in ("after", "before")}
        return re.findall(r'data-head="Amount"[^>]*>\s*<span[^>]*>(-?)€([\d.]+)', shown), marks

    for sort in ("booked", "-booked", "date", "-due", "amount", "-amount"):
        first, marks = amounts(f"kind=payment&sort={sort}")
        assert len(first) == 50
        assert marks["before"] is None
        rest, marks = amounts(f"kind=payment&sort={sort}&after={marks['after'].group(1)}")
        assert len(rest) == 10
        assert marks["after"] is None
        back, _ = amounts(f"kind=payment&sort={sort}&before={marks['before'].group(1)}")
        assert back == first
        sums = [float(number) for _, number in first + rest]
        assert sorted(sums) == [float(number) for number in range(1, 61)]
        if sort.endswith("amount"):
            assert sums == sorted(sums, reverse=sort.startswith("-"))
    charges, _ = amounts("kind=charge")
    assert charges
    assert {sign for sign, _ in charges} == {"-"}
    assert amounts("kind=charge&method=cash")[0] == []
    assert amounts(f"from={(TODAY + timedelta(days=1)).isoformat()}&kind=payment")[0] == []
    assert browser.get(url(owing, "?q=%00%25&sort=odd&from=x&after=W10")).status_code == 200
    file = browser.get(url(owing, "/ledger.csv?kind=payment&sort=-amount"))
    lines = file.text.splitlines()
    assert len(lines) == 61
    assert ",60.00," in lines[1]
    assert browser.get(url(owing, "/ledger.xlsx")).status_code == 200
    assert browser.get(url(owing, "/ledger.pdf")).status_code == 404


def test_ledger_and_its_file_name_the_business_day_on_which_an_entry_was_booked(sign_in_as, database, owing):
    with database.transaction() as session:
        account = session.get_one(Account, owing["account"])
        account.balance_minor += 700
        session.add(
            LedgerEntry(
                account_id=account.id,
                kind=EntryKind.PAYMENT,
                amount_minor=700,
                currency=account.currency,
                balance_after_minor=account.balance_minor,
                dated_on=date(2026, 1, 15),
                method=Method.CASH,
                author="test",
                posted_at=datetime(2026, 1, 15, 22, 30, tzinfo=UTC),  # half past midnight in Kyiv
            )
        )
    browser = sign_in_as("billing")
    by = re.search(r'data-head="By">.*?</td>', browser.get(url(owing, "?kind=payment")).text).group()
    assert "1/16/26" in by, "posted on the 15th in UTC, as the payment is dated"
    file = browser.get(url(owing, "/ledger.csv?kind=payment"))
    head, line = csv.reader(file.text.lstrip("\ufeff").splitlines())
    assert (line[head.index("Date")], line[head.index("Booked")]) == ("2026-01-15", "2026-01-16")


def test_recent_activities_tell_who_did_what_and_when(sign_in_as, database, owing):
    browser = sign_in_as("billing")
    paid = {"key": "form-key-1", "amount": "5.00", "method": "cash", "dated_on": TODAY.isoformat()}
    assert browser.post(url(owing, "/payment"), data=paid).status_code == 303
    until = (TODAY + timedelta(days=2)).isoformat()
    assert browser.post(url(owing, "/promise"), data={"until": until, "note": ""}).status_code == 303
    listed = browser.get(url(owing)).text.partition('id="panel-activities"')[2].partition("</section>")[0]
    told = [re.sub(r"<[^>]+>|\s+", " ", one) for one in re.findall(r"<li>(.*?)</li>", listed, re.DOTALL)]
    # One transaction holds the whole test, so that all of it happened at the same moment.
    for words in (
        ("promised to pay until", "Billing Person"),
        ("payment", "€5.00", "Billing Person"),
        ("charge",),
    ):
        assert any(all(word in one for word in words) for one in told), told
    assert any("Service added" in one and "Setup" in one for one in told), told


def test_the_billing_period_is_changed_with_its_effect_shown_before(sign_in_as, database, owing):
    browser, path = sign_in_as("billing"), url(owing, "/billing")
    with database.reading() as session:
        before = session.get_one(Subscription, owing["service"])
        assert (before.bill_day, before.terms_no) == (BILL_DAY, 1)
    assert "Next bill" in browser.get(path).text
    first = (TODAY.replace(day=1) + timedelta(days=32)).replace(day=1)
    fields = {
        "services": [str(owing["service"])],
        "bill_day": "9",
        "is_postpaid": "",
        "starts_on": first.isoformat(),
    }
    shown = browser.fragment(f"{path}/effect", query_string=fields).text
    assert "now:" in shown
    early = browser.post(path, data={**fields, "starts_on": "2001-01-01"})
    assert (early.status_code, 'id="starts_on-error"' in early.text) == (422, True)
    assert browser.post(path, data={**fields, "services": []}).status_code == 422
    assert browser.post(path, data={**fields, "services": ["999999"]}).status_code == 422
    assert browser.post(path, data=fields).status_code == 303
    with database.reading() as session:
        planned = session.scalars(select(PlannedChange)).one()
        assert (planned.starts_on, planned.bill_day) == (first, 9)
        assert session.get_one(Subscription, owing["service"]).terms_no == 1
    assert "service.changed" in actions(database)
    assert (
        browser.post(
            path, data={**fields, "starts_on": TODAY.isoformat(), "bill_day": str(BILL_DAY)}
        ).status_code
        == 303
    )
    with database.reading() as session:
        assert session.get_one(Subscription, owing["service"]).terms_no == 1


def test_the_form_of_a_service_sent_twice_starts_one(sign_in_as, database, owing):
    browser, path = sign_in_as("billing"), f"/customers/{owing['id']}/services/new"
    with database.reading() as session:
        plan_id = session.get_one(Subscription, owing["service"]).plan_id
    fields = {
        "key": "a-service-key",
        "plan": str(plan_id),
        "quantity": "1",
        "starts_on": TODAY.isoformat(),
        "bill_day": "1",
    }
    for _ in range(2):
        assert browser.post(path, data=fields).status_code == 303
    with database.reading() as session:
        assert len(session.scalars(select(Subscription.id)).all()) == 2
    assert actions(database).count("service.started") == 2  # the fixture's and this one


def test_who_has_a_plan_that_is_offered_no_more_keeps_it_through_a_change(sign_in_as, database, owing):
    with database.transaction() as session:
        plan_id = session.get_one(Subscription, owing["service"]).plan_id
        session.get_one(Plan, plan_id).is_offered = False
    browser = sign_in_as("billing")
    path = f"/services/{owing['service']}/change"
    fields = {
        "plan": str(plan_id),
        "quantity": "2",
        "starts_on": TODAY.isoformat(),
        "bill_day": str(BILL_DAY),
    }
    assert f'value="{plan_id}"' in browser.get(path).text
    assert browser.post(path, data=fields).status_code == 303
    with database.reading() as session:
        assert session.get_one(Subscription, owing["service"]).quantity == 2
    again = {"key": "another-key", **fields}
    assert browser.post(f"/customers/{owing['id']}/services/new", data=again).status_code == 422


def test_the_price_for_several_is_shown_on_the_money_page_and_the_card(sign_in_as, database, owing):
    with database.transaction() as session:
        service = session.get_one(Subscription, owing["service"])
        service.quantity = 5
        session.add(PlanPrice(plan_id=service.plan_id, from_quantity=5, price_minor=2000))
    browser = sign_in_as("billing")
    for path in (url(owing), f"/customers/{owing['id']}", f"/services/{owing['service']}/end"):
        shown = re.sub(r"<[^>]+>|\s+", " ", browser.get(path).text)
        assert re.search(r"5 × +€20.00 +/ +a month", shown), path


def test_a_new_service_may_have_a_last_day_and_a_first_period_that_costs_nothing(sign_in_as, database, owing):
    browser, path = sign_in_as("billing"), f"/customers/{owing['id']}/services/new"
    with database.reading() as session:
        plan_id = session.get_one(Subscription, owing["service"]).plan_id
    fields = {
        "key": "a-service-with-an-end",
        "plan": str(plan_id),
        "quantity": "1",
        "starts_on": (TODAY - timedelta(days=3)).isoformat(),
        "bill_day": str(BILL_DAY),
        "first": "free",
        "ends_on": (TODAY - timedelta(days=4)).isoformat(),
    }
    refused = browser.post(path, data=fields)
    assert (refused.status_code, "not before the first" in refused.text) == (422, True)
    ends_on = TODAY + timedelta(days=100)
    assert browser.post(path, data={**fields, "ends_on": ends_on.isoformat()}).status_code == 303
    with database.reading() as session:
        made = session.scalars(select(Subscription).order_by(Subscription.id.desc())).first()
        charged = select(LedgerEntry.period_start).where(LedgerEntry.subscription_id == made.id)
        assert (made.ends_on, min(session.scalars(charged))) == (ends_on, TODAY.replace(day=BILL_DAY))


def test_which_document_a_customers_charges_make_is_set_with_his_terms(sign_in_as, owing):
    browser = sign_in_as("billing")
    assert re.search(r"Charges make</dt><dd>\s*invoice", browser.get(url(owing)).text)
    assert browser.post(url(owing, "/terms"), data={"papers": "proforma"}).status_code == 303
    assert re.search(r"Charges make</dt><dd>\s*proforma", browser.get(url(owing)).text)
    assert browser.post(url(owing, "/terms"), data={"papers": "letter"}).status_code == 422
