"""Lines of the bank of days the books are closed for: said so, and booked on a day chosen once for all of them."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from billing import closing
from billing import testing as money_testing
from billing.banking import batches, words
from billing.banking.words import Statement
from billing.models import BankLine, LedgerEntry, LineStatus, Method
from core import clock, errors
from registry import bank, testing
from registry import money as customer_money
from tests.integration.test_billing_bank_pages import add_mapping, read_in, work

TODAY = clock.today("Europe/Kyiv")
CLOSED = TODAY - timedelta(days=12)
OPEN = CLOSED + timedelta(days=1)
OLD = CLOSED - timedelta(days=3)
CSV = "day;sum;payer;account;text\n" + "".join(
    f"{on:%d.%m.%Y};{minor},00;Olha;DE01;for {number}\n"
    for on, minor, number in ((OLD, 10, "20017"), (CLOSED, 20, "20018"), (OPEN, 30, "20017"), (OLD, 40, "?"))
)


@pytest.fixture
def statement(sign_in_as, database, web_settings):
    """A statement of four lines, matched, of which three are of closed days; and who reviews it."""
    with database.transaction() as session:
        for number in ("20017", "20018"):
            testing.customer(session, number)
        closing.close(session, CLOSED, author=money_testing.AUTHOR, today=TODAY)
    browser = sign_in_as("billing")
    where = read_in(browser, CSV, add_mapping(browser)).location
    work(database, web_settings)
    return browser, where


def entries(database):
    with database.reading() as session:
        return [
            (one.dated_on, one.amount_minor, one.description)
            for one in session.scalars(select(LedgerEntry).order_by(LedgerEntry.amount_minor))
        ]


def test_lines_of_closed_days_wait_and_one_act_has_them_booked_on_an_open_one(
    statement, database, web_settings
):
    browser, where = statement
    page = browser.get(where).text
    assert "3 lines are of days the books are closed for" in page
    assert "Book 1 sure" in page
    browser.post(f"{where}/book")
    work(database, web_settings)
    assert entries(database) == [(OPEN, 3000, "")]
    with database.reading() as session:
        stray = session.scalars(select(BankLine.id).where(BankLine.amount_minor == 1000)).one()
    refused = browser.fragment(f"/bank/lines/{stray}/book", method="POST", data={"to": "20017"})
    assert (refused.status_code, "the first open day is" in refused.text) == (422, True)
    for wrong in (CLOSED, TODAY + timedelta(days=1)):
        answer = browser.post(f"{where}/day", data={"on": wrong.isoformat()})
        assert (answer.status_code, "Choose a day from" in answer.text) == (422, True)
        assert f'value="{wrong.isoformat()}"' in answer.text
    assert browser.post(f"{where}/day", data={"on": OPEN.isoformat()}).status_code == 303
    page = browser.get(where).text
    assert "are of days the books are closed for" not in page
    assert "Book 2 sure" in page
    browser.post(f"{where}/book")
    work(database, web_settings)
    with database.reading() as session:
        waits = session.scalars(select(BankLine).where(BankLine.status == LineStatus.WAITING)).one()
        assert (waits.amount_minor, waits.book_on, waits.booked_on) == (4000, OPEN, OLD)
        paid = {one.amount_minor: one.description for one in session.scalars(select(LedgerEntry))}
    assert paid == {1000: f"Paid on {OLD}", 2000: f"Paid on {CLOSED}", 3000: ""}
    assert {on for on, _, _ in entries(database)} == {OPEN}
    assert browser.post(f"{where}/undo").status_code == 303
    work(database, web_settings)
    assert {on for on, _, text in entries(database) if "undone" in text} == {TODAY}


def test_a_line_booked_late_is_still_known_by_the_day_it_was_paid(session):
    actor, customer = testing.person(session), testing.customer(session, "20017")
    rules = money_testing.RULES
    by_hand = {"reference": "VS 1", "idempotency_key": "by hand", "today": TODAY, "rules": rules}
    account = customer_money.hold(session, customer.id)
    customer_money.receive(
        session, actor, customer.id, account, 1000, method=Method.BANK, dated_on=OLD, **by_hand
    )
    closing.close(session, CLOSED, author=money_testing.AUTHOR, today=TODAY)
    told = words.line(OLD, 1000, "EUR", message="for 20017", reference="VS 1")
    statement = Statement("csv", "EUR", (told,))
    batch = batches.keep(session, statement, file_name="late.csv", author=money_testing.AUTHOR)
    bank.match_some(session, batch.id)
    assert bank.choose_day(session, actor, batch.id, TODAY, today=TODAY) == 1
    (line,) = batches.sure(session, batch.id, limit=10)
    with pytest.raises(errors.Invalid, match="is booked already, on"):
        bank.book(session, actor, line, customer.account_id, today=TODAY, rules=rules, again=False)
