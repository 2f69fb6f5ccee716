"""Keys of what is done once: forms cannot write those of jobs, and jobs pass over those that are not theirs."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from billing import accounts, interest, late_fees, ledger
from billing import testing as money_testing
from billing.models import EntryKind, LedgerEntry
from billing.rules import Rules
from registry import testing

TODAY = date(2026, 6, 15)


def test_a_form_cannot_take_the_key_of_a_job(sign_in_as, database):
    with database.transaction() as session:
        customer = testing.customer(session, "1001")
    browser, path = sign_in_as("billing"), f"/customers/{customer.id}/money/payment"
    paid = {"amount": "5.00", "method": "cash", "dated_on": TODAY.isoformat()}
    fee = f"late fee {customer.account_id} {TODAY}"
    for key in (fee, "interest oops x", "bank:1234", "order line 5", "form:abcdef"):
        refused = browser.post(path, data={**paid, "key": key})
        assert (refused.status_code, "Load the page again" in refused.text) == (422, True), key
    for _ in range(2):
        assert browser.post(path, data={**paid, "key": "receipt-17"}).status_code == 303
    with database.reading() as session:
        assert session.scalars(select(LedgerEntry.idempotency_key)).all() == ["form:receipt-17"]


@pytest.mark.parametrize("words", ["oops", "{id} 2026-13-01", "{id} 2026-02-30", "0 2026-01-01", ""])
def test_an_entry_that_bears_the_key_of_no_fee_and_no_interest_stops_neither(session, words):
    account_id = accounts.open_account(session, currency="EUR").id
    money_testing.charge(session, account_id, 10000, due_on=TODAY - timedelta(days=70))
    taken = {"dated_on": TODAY, "due_on": TODAY, "author": money_testing.AUTHOR}
    for prefix in ("late fee ", "interest "):
        key = prefix + words.format(id=account_id)
        ledger.post(session, account_id, EntryKind.CHARGE, -5, idempotency_key=key, **taken)
    rules = Rules(late_fee_minor=200, interest_rates=((date(2020, 1, 1), 7.3),))
    assert late_fees.run(session, money_testing.act(TODAY), rules=rules) == 1
    assert interest.run(session, money_testing.act(TODAY), rules=rules)["entries"] > 0
