"""Charges by hand, liabilities and discounts on a customer's money page."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from billing import liabilities
from billing.liabilities import Owed
from billing.models import AccountDiscount, LedgerEntry, Liability, PeriodKind
from billing.testing import act
from core import clock
from registry import testing
from registry.models import AuditEvent, Customer

TODAY = clock.today("Europe/Kyiv")


@pytest.fixture
def customer_id(database):
    with database.transaction() as session:
        return testing.customer(session, "1001").id


def rows(database, column):
    with database.reading() as session:
        return session.scalars(select(column).order_by(column)).all()


def test_a_charge_by_hand_is_made_once_with_its_reason(sign_in_as, database, customer_id):
    browser, path = sign_in_as("billing"), f"/customers/{customer_id}/money/charge"
    key = re.search(r'name="key"[^>]*value="([^"]+)"', browser.get(path).text).group(1)
    fields = {"key": key, "amount": "12.50", "vat_rate_id": "", "reason": ""}
    assert browser.post(path, data=fields).status_code == 422
    fields["reason"] = "Cable"
    look = browser.post(path, data=fields)
    assert (look.status_code, "Charge €12.50 to" in look.text, "-€12.50" in look.text) == (200, True, True)
    assert rows(database, LedgerEntry.amount_minor) == []
    for _ in range(2):
        assert browser.post(path, data={**fields, "confirmed": "yes"}).status_code == 303
    assert rows(database, LedgerEntry.amount_minor) == [-1250]
    assert "charge.made" in rows(database, AuditEvent.action)


def test_a_liability_is_added_ended_and_taken_back(sign_in_as, database, customer_id):
    browser, path = sign_in_as("billing"), f"/customers/{customer_id}"
    fields = {
        "key": "a-form-key", "description": "Router", "price": "30", "quantity": "1", "period": "month",
        "is_net": "no", "vat_rate_id": "", "starts_on": TODAY.isoformat(), "bill_day": "", "is_postpaid": "no",
    }  # fmt: skip
    assert browser.get(f"{path}/liabilities/new").status_code == 200
    shown = browser.fragment(f"{path}/liabilities/effect", query_string=fields).text
    assert "€30.00" in shown
    refused = browser.fragment(f"{path}/liabilities/effect", query_string={**fields, "is_net": "yes"}).text
    assert ("VAT rate" in refused, "Nothing is charged" in refused, "Next bill" in refused) == (
        True,
        False,
        False,
    )
    assert rows(database, LedgerEntry.amount_minor) == []
    assert browser.post(f"{path}/liabilities/new", data={**fields, "is_net": "yes"}).status_code == 422
    for _ in range(2):
        assert browser.post(f"{path}/liabilities/new", data=fields).status_code == 303
    (owed,) = rows(database, Liability.id)
    assert rows(database, AuditEvent.action).count("liability.added") == 1
    back, accountant = f"/liabilities/{owed}/take-back", sign_in_as("accountant")
    assert back not in browser.get(f"{path}/money").text
    assert browser.get(back).status_code == browser.post(back, data={"reason": "mine"}).status_code == 403
    assert back in accountant.get(f"{path}/money").text
    assert browser.get(f"/liabilities/{owed}/end").status_code == 200
    last = (TODAY + timedelta(days=9)).isoformat()
    assert browser.post(f"/liabilities/{owed}/end", data={"ends_on": last}).status_code == 303
    assert "€30.00" in accountant.get(back).text
    assert accountant.post(back, data={"reason": ""}).status_code == 422
    charged = -sum(rows(database, LedgerEntry.amount_minor))
    assert accountant.post(back, data={"reason": "never delivered"}).status_code == 303
    with database.reading() as session:
        told = session.scalars(select(AuditEvent).where(AuditEvent.action == "liability.taken_back")).one()
    assert (told.note, told.changes["amount_minor"]) == ("never delivered", [None, charged])
    assert sum(rows(database, LedgerEntry.amount_minor)) == 0
    assert "taken back" in browser.get(f"{path}/money").text
    assert accountant.post(back, data={"reason": "again"}).status_code == 409


def test_the_desk_takes_a_liability_back_that_was_not_charged_yet(sign_in_as, database, customer_id):
    browser = sign_in_as("billing")
    with database.transaction() as session:
        account_id = session.get_one(Customer, customer_id).account_id
        owed = Owed("Rack", 3000, PeriodKind.MONTH, starts_on=TODAY + timedelta(days=40))
        back = f"/liabilities/{liabilities.add(session, account_id, act(TODAY), owed).liability.id}/take-back"
    assert back in browser.get(f"/customers/{customer_id}/money").text
    assert browser.post(back, data={"reason": "a slip"}).status_code == 303
    assert rows(database, Liability.id) == []


def test_a_liability_asks_for_what_its_period_wants_and_is_billed_so(sign_in_as, database, customer_id):
    browser, path = sign_in_as("billing"), f"/customers/{customer_id}/liabilities"
    fields = {
        "key": "a-form-key", "description": "Rack", "price": "30", "quantity": "1", "is_net": "no", "vat_rate_id": "",
        "starts_on": "2020-01-01", "is_postpaid": "yes", "shown_period": "once",
    }  # fmt: skip
    for period, wanted in (
        ("week", {"weekday"}),
        ("quarter", {"bill_day", "bill_month"}),
        ("month", {"bill_day"}),
        ("day", set()),
    ):
        shown = browser.fragment(f"{path}/effect", query_string={**fields, "period": period}).text
        asked = set(re.findall(r'name="(weekday|bill_day|bill_month)"', shown))
        assert asked == wanted, period
    start = TODAY.replace(day=1).isoformat()
    for kind in (
        {"key": "the-weekly-key", "period": "week", "weekday": "4", "starts_on": start},
        {"key": "quarter-key", "period": "quarter", "bill_day": "0", "bill_month": "2", "starts_on": start},
    ):
        assert browser.post(f"{path}/new", data={**fields, **kind}).status_code == 303
    with database.reading() as session:
        found = session.execute(select(Liability.bill_day, Liability.bill_month).order_by(Liability.id)).all()
    assert [found[0].bill_day, tuple(found[1])] == [4, (0, 2)]


def test_an_empty_focused_field_lists_all_discounts_and_several_are_given(sign_in_as, database, customer_id):
    office, browser = sign_in_as("administrator"), sign_in_as("billing")
    for name, percent, amount in (("Pensioner", "10", ""), ("Neighbours", "", "2.50")):
        letter = {"name": name, "percent": percent, "amount": amount, "is_offered": "y"}
        assert office.post("/setup/discounts/new", data=letter).status_code == 303
    both = {"name": "Both", "percent": "1", "amount": "1", "is_offered": "y"}
    assert office.post("/setup/discounts/new", data=both).status_code == 422
    for sort in ("name", "-percent", "given"):
        assert "Pensioner" in office.get(f"/setup/discounts?sort={sort}").text
    path = f"/customers/{customer_id}/discounts"
    assert "Neighbours" in browser.get(f"{path}/new").text
    every = browser.fragment(f"{path}/choices").text
    assert "Pensioner" in every
    ids = re.findall(r'value="(\d+)"', every)
    typed = browser.fragment(f"{path}/choices", query_string={"q": "pens"}).text
    assert "Pensioner" in typed
    assert "Neighbours" not in typed
    given = {"discounts": ids, "service": "", "starts_on": TODAY.isoformat(), "ends_on": ""}
    assert browser.post(f"{path}/new", data={**given, "discounts": []}).status_code == 422
    assert browser.post(f"{path}/new", data=given).status_code == 303
    assert "Pensioner" in browser.get(f"/customers/{customer_id}/money").text
    for one in rows(database, AccountDiscount.id):
        assert browser.post(f"/discounts/{one}/end").status_code == 303
    assert rows(database, AccountDiscount.id) == []
    url = f"/setup/discounts/{ids[0]}"
    assert office.post(url, data={"name": "Old", "percent": "5", "is_offered": ""}).status_code == 303
    assert office.post(f"{url}/remove").status_code == 303
