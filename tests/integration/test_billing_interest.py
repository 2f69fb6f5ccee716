"""Interest on PostgreSQL: by the real allocation, once for each claim and month, waiting until it is worth asking."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from billing import accounts, documents, interest, ledger, night, testing, what_if
from billing.models import Account, EntryKind, LedgerEntry, Payer, Seller
from billing.rules import Rules

RULES = Rules(interest_rates=((date(2026, 1, 1), 7.3),), interest_minimum_minor=100, brake_minimum=50)
FEBRUARY, MARCH, APRIL = (date(2026, month, 1) for month in (2, 3, 4))


@pytest.fixture
def owing(session):
    """An account that owes 365.00 since 10 January: 0.073 a day."""
    account_id = accounts.open_account(session, currency="EUR").id
    testing.charge(session, account_id, 36500, due_on=date(2026, 1, 10))
    return account_id


def run(session, on, rules=RULES):
    return interest.run(session, testing.act(on), rules=rules)["entries"]


def charged(session, account_id):
    query = select(LedgerEntry).where(LedgerEntry.idempotency_key.startswith("interest "))
    return [
        (one.dated_on, -one.amount_minor, one.description)
        for one in session.scalars(query.where(LedgerEntry.account_id == account_id).order_by(LedgerEntry.id))
    ]


def pay(session, account_id, minor, on):
    return ledger.post(session, account_id, EntryKind.PAYMENT, minor, dated_on=on, author=testing.AUTHOR)


def test_each_month_is_charged_once_and_what_it_charged_bears_nothing(session, owing):
    assert [run(session, day) for day in (date(2026, 1, 31), FEBRUARY, FEBRUARY, MARCH, MARCH)] == [
        0,
        1,
        0,
        1,
        0,
    ]
    words = "Interest from 2026-01-11 to 2026-01-31 on what was due 2026-01-10"
    assert charged(session, owing) == [
        (FEBRUARY, 153, words),  # 21 days
        (MARCH, 204, "Interest from 2026-02-01 to 2026-02-28 on what was due 2026-01-10"),
    ]
    # Interest was due by mid-March itself, and bears none.
    assert run(session, date(2026, 5, 1)) == 2
    assert [minor for _, minor, _ in charged(session, owing)[2:]] == [226, 219]


def test_a_part_paid_and_a_claim_paid_within_the_month_bear_for_their_days(session, owing):
    pay(session, owing, 18250, date(2026, 1, 20))
    pay(session, owing, 18250, date(2026, 1, 30))
    assert run(session, MARCH) == 1
    assert charged(session, owing)[0][1] == 110  # ten days of the whole, ten of the half: 0.73 and 0.365
    assert run(session, APRIL) == 0


def test_less_than_the_minimum_waits_until_it_has_grown(session, owing):
    rules = replace(RULES, interest_minimum_minor=300)
    assert [run(session, day, rules) for day in (FEBRUARY, MARCH)] == [0, 2]
    assert [minor for _, minor, _ in charged(session, owing)] == [153, 204]


def test_without_rates_there_is_none_and_before_the_first_rate_neither(session, owing):
    assert run(session, MARCH, Rules()) == 0
    assert run(session, MARCH, replace(RULES, interest_rates=((date(2026, 2, 15), 7.3),))) == 1
    assert charged(session, owing)[0][1:] == (
        102,
        "Interest from 2026-02-15 to 2026-02-28 on what was due 2026-01-10",
    )


def test_interest_that_was_waived_stays_waived_and_a_bounced_payment_paid_nothing(session, owing):
    entry = pay(session, owing, 36500, date(2026, 1, 12))
    ledger.reverse(session, entry.id, author=testing.AUTHOR, reason="bounced", dated_on=date(2026, 1, 14))
    assert run(session, FEBRUARY) == 1
    query = select(LedgerEntry).where(LedgerEntry.idempotency_key.startswith("interest "))
    made = session.scalars(query).one()
    assert made.amount_minor == -153
    ledger.reverse(session, made.id, author=testing.AUTHOR, reason="kindness", dated_on=FEBRUARY)
    assert run(session, FEBRUARY) == 0


def test_it_stands_on_a_document_as_other_charges_do(session, owing):
    payer = Payer(name="Olha Koval")
    session.add_all([payer, Seller(name="Fibre Ltd", written_by="test")])
    session.flush()
    session.get_one(Account, owing).payer_id = payer.id
    session.flush()
    assert run(session, MARCH) == 2
    ids = session.scalars(
        select(LedgerEntry.id).where(LedgerEntry.idempotency_key.startswith("interest "))
    ).all()
    found = {documents.document_of(session, id_).id for id_ in ids}
    assert len(found) == 1
    assert documents.get(session, found.pop()).gross_minor == 357


def test_the_first_night_of_a_month_charges_and_what_if_tells_it_before(database):
    with database.transaction() as session:
        account_id = accounts.open_account(session, currency="EUR").id
        testing.charge(session, account_id, 36500, due_on=date(2026, 1, 10))
    found = what_if.outlook(database, account_id, testing.act(date(2026, 1, 20)), rules=RULES)
    assert found.interest_minor == 73
    for day in (FEBRUARY, date(2026, 2, 2)):
        night.close_day(database, testing.act(day), rules=RULES)
    with database.reading() as session:
        assert [minor for _, minor, _ in charged(session, account_id)] == [153]
    assert (
        what_if.outlook(database, account_id, testing.act(date(2026, 2, 2)), rules=RULES).interest_minor == 15
    )
