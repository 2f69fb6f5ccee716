"""The page of closed books, and what forms say of a closed day."""

import re
from datetime import timedelta

from sqlalchemy import select

from billing import closing
from billing import testing as money_testing
from core import clock
from registry import testing
from registry.models import AuditEvent

TODAY = clock.today("Europe/Kyiv")
CLOSED = TODAY - timedelta(days=3)


def test_the_accountant_closes_the_books_and_only_the_administrator_opens_them(sign_in_as, database):
    desk, accountant, root = sign_in_as("billing"), sign_in_as("accountant"), sign_in_as("administrator")
    assert "The books were never closed" in desk.get("/books").text
    assert "/books/close" not in desk.get("/books").text
    assert desk.post("/books/close", data={"through": CLOSED.isoformat()}).status_code == 403
    refused = accountant.post("/books/close", data={"through": TODAY.isoformat(), "note": "as told"})
    assert (refused.status_code, "Only days that are over" in refused.text) == (422, True)
    assert "as told" in refused.text
    assert accountant.post("/books/close", data={"through": CLOSED.isoformat()}).status_code == 303
    assert "Accountant Person" in accountant.get("/books").text
    assert "/books/open" not in accountant.get("/books").text
    back = {"through": (CLOSED - timedelta(days=1)).isoformat(), "reason": ""}
    assert accountant.post("/books/open", data=back).status_code == 403
    assert root.get("/books/open").status_code == 200
    assert root.post("/books/open", data=back).status_code == 422
    assert root.post("/books/open", data={**back, "reason": "a lost statement"}).status_code == 303
    assert "a lost statement" in desk.get("/books").text
    with database.reading() as session:
        events = session.scalars(
            select(AuditEvent).where(AuditEvent.action.like("books.%")).order_by(AuditEvent.id)
        ).all()
    assert [(one.action, one.changes["closed_through"]) for one in events] == [
        ("books.closed", [None, CLOSED.isoformat()]),
        ("books.opened", [CLOSED.isoformat(), back["through"]]),
    ]
    assert (events[1].note, events[1].staff_name) == ("a lost statement", "Administrator Person")


def test_a_payment_of_a_closed_day_comes_back_with_the_day_at_its_field_and_what_was_typed(
    sign_in_as, database
):
    with database.transaction() as session:
        customer_id = testing.customer(session, "1001").id
        closing.close(session, CLOSED, author=money_testing.AUTHOR, today=TODAY)
    browser, path = sign_in_as("billing"), f"/customers/{customer_id}/money/payment"
    page = browser.get(path)
    assert "The books are closed through" in page.text
    key = re.search(r'name="key"[^>]*value="([^"]*)"', page.text).group(1)
    fields = {"key": key, "amount": "12.34", "method": "bank", "reference": "VS 77"}
    refused = browser.post(path, data={**fields, "dated_on": CLOSED.isoformat()})
    assert refused.status_code == 422
    fault = re.search(r'id="dated_on-error">.*?<span>(.*?)</span>', refused.text, re.DOTALL).group(1)
    assert "the first open day is" in fault
    assert {"12.34", "VS 77", CLOSED.isoformat(), key} <= set(re.findall(r'value="([^"]*)"', refused.text))
    opened = (CLOSED + timedelta(days=1)).isoformat()
    assert browser.post(path, data={**fields, "dated_on": opened}).status_code == 303
    refund = f"/customers/{customer_id}/money/refund"
    key = re.search(r'name="key"[^>]*value="([^"]*)"', browser.get(refund).text).group(1)
    fields = {"key": key, "amount": "1", "method": "cash", "dated_on": CLOSED.isoformat()}
    refused = browser.post(refund, data=fields)
    assert (refused.status_code, "the first open day is" in refused.text) == (422, True)
