"""Interest on PostgreSQL: by the real allocation, once for each claim and month, waiting until it is worth asking."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from billing import accounts, document_acts, documents, interest, ledger, night, reports, testing, what_if
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


TWELVE = Rules(interest_rates=((date(2026, 1, 1), 12.0),), brake_minimum=50)


@pytest.fixture
def large(session):
    """An invoiced account that owes 10,000.00 since 10 January."""
    payer = Payer(name="Olha Koval")
    session.add_all([payer, Seller(name="Fibre Ltd", written_by="test")])
    session.flush()
    account = accounts.open_account(session, currency="EUR")
    account.payer_id = payer.id
    session.flush()
    testing.charge(session, account.id, 1_000_000, due_on=date(2026, 1, 10))
    return account.id


def interest_of(session, account_id):
    """What was booked as interest, in order: positive when it was asked."""
    query = select(LedgerEntry.amount_minor).where(
        LedgerEntry.account_id == account_id, LedgerEntry.idempotency_key.startswith("interest ")
    )
    return [-minor for minor in session.scalars(query.order_by(LedgerEntry.id))]


def test_a_payment_read_after_its_month_was_charged_gives_back_what_it_did_not_bear(session, large):
    assert run(session, FEBRUARY, TWELVE) == 1  # 21 days
    assert interest_of(session, large) == [6904]
    pay(session, large, 1_000_000, date(2026, 1, 12))  # told by the statement of 2 February
    assert [run(session, day, TWELVE) for day in (MARCH, MARCH, APRIL)] == [1, 0, 0]
    assert interest_of(session, large) == [6904, -6246]  # two days bore 6.58
    first, back = session.scalars(
        select(LedgerEntry)
        .where(LedgerEntry.idempotency_key.startswith("interest "))
        .order_by(LedgerEntry.id)
    ).all()
    assert back.kind is EntryKind.ADJUSTMENT
    assert f"entry {first.id} corrected" in back.description
    note = documents.document_of(session, back.id)
    assert (note.corrects_id, note.gross_minor) == (documents.document_of(session, first.id).id, -6246)
    session.refresh(session.get_one(Account, large))
    assert session.get_one(Account, large).balance_minor == -658


def test_a_payment_that_bounces_after_its_month_was_charged_bears_for_it_all_the_same(session, large):
    whole = pay(session, large, 400_000, date(2026, 1, 5))
    later = pay(session, large, 600_000, date(2026, 1, 20))
    assert run(session, FEBRUARY, TWELVE) == 1
    assert interest_of(session, large) == [1973]  # ten days on 6,000.00
    for entry in (whole, later):
        ledger.reverse(session, entry.id, author=testing.AUTHOR, reason="bounced", dated_on=date(2026, 2, 10))
    # The rest of January, and all of February.
    assert [run(session, day, TWELVE) for day in (MARCH, MARCH)] == [2, 0]
    assert interest_of(session, large) == [1973, 6904 - 1973, 9205]
    pay(session, large, 1_000_000, date(2026, 1, 10))
    assert [run(session, day, TWELVE) for day in (APRIL, APRIL)] == [3, 0]
    assert sum(interest_of(session, large)) == 0


def test_what_people_gave_back_waived_or_agreed_anew_is_not_settled_again(session, large):
    run(session, FEBRUARY, TWELVE)
    first = session.scalars(
        select(LedgerEntry).where(LedgerEntry.idempotency_key.startswith("interest "))
    ).one()
    invoice = documents.document_of(session, first.id)
    document_acts.credit(
        session,
        invoice.id,
        {1: 5000},
        on=date(2026, 2, 5),
        author=testing.AUTHOR,
        reason="kindness",
        idempotency_key=None,
    )
    # Other rates correct nothing.
    assert run(session, MARCH, replace(TWELVE, interest_rates=((date(2026, 3, 1), 9.0),))) == 0
    pay(session, large, 1_000_000, date(2026, 1, 12))
    assert run(session, MARCH, TWELVE) == 1
    # The credit of 5 February paid 50.00 of the debt, first come: 0.31 more than the two days bore. Of the 62.15
    # that were too much, 50.00 were given back by hand.
    assert interest_of(session, large) == [6904, -1215]


def test_interest_that_was_waived_is_not_given_back_when_a_payment_comes_to_light(session, large):
    run(session, FEBRUARY, TWELVE)
    (made,) = session.scalars(
        select(LedgerEntry).where(LedgerEntry.idempotency_key.startswith("interest "))
    ).all()
    ledger.reverse(session, made.id, author=testing.AUTHOR, reason="kindness", dated_on=FEBRUARY)
    pay(session, large, 1_000_000, date(2026, 1, 12))
    assert run(session, MARCH, TWELVE) == 0


def test_interest_on_a_charge_that_was_undone_is_given_back(session, owing):
    run(session, FEBRUARY)
    charge = session.scalars(select(LedgerEntry).where(LedgerEntry.account_id == owing)).first()
    ledger.reverse(session, charge.id, author=testing.AUTHOR, reason="wrong", dated_on=date(2026, 2, 3))
    assert [run(session, day) for day in (MARCH, APRIL)] == [1, 0]
    assert interest_of(session, owing) == [153, -153]


def test_the_night_charges_interest_in_batches_and_reports_all_of_it(database, monkeypatch):
    monkeypatch.setattr(interest, "BATCH", 2)
    with database.transaction() as session:
        ids = [accounts.open_account(session, currency="EUR").id for _ in range(3)]
        for account_id in ids:
            testing.charge(session, account_id, 36500, due_on=date(2026, 1, 10))
    interest.run_batches(database, testing.act(FEBRUARY), rules=RULES)  # a night that was killed
    done = night.close_day(database, testing.act(FEBRUARY), rules=RULES)
    assert done.report["interest"] == {"entries": 3, "total_minor": 459, "through": "2026-01-31"}
    with database.reading() as session:
        assert ledger.verify(session) == []


@pytest.mark.parametrize("since", [date(2026, 1, 1), date(2026, 2, 1)])
def test_rates_changed_since_keep_nothing_from_being_given_back(session, owing, since):
    run(session, FEBRUARY)
    pay(session, owing, 36500, date(2026, 1, 10))
    other = replace(RULES, interest_rates=((since, 3.0),))
    assert [run(session, day, other) for day in (MARCH, APRIL)] == [1, 0]
    assert interest_of(session, owing) == [153, -153]
    sold = session.execute(select(reports.revenue(date(2026, 1, 1), date(2026, 12, 31)))).all()
    assert sum(row.gross_minor for row in sold) == 36500


def test_a_month_is_corrected_at_the_rate_it_was_charged_at(session, owing):
    run(session, FEBRUARY)
    pay(session, owing, 36500, date(2026, 1, 20))  # 10 of its 21 days were late
    dearer = replace(RULES, interest_rates=((date(2026, 1, 1), 14.6),))
    assert [run(session, day, dearer) for day in (MARCH, APRIL)] == [1, 0]
    assert interest_of(session, owing) == [153, -80]
