"""Liabilities: once and by the period, ended, taken back; charges made by hand."""

from datetime import date

import pytest
from sqlalchemy import select

from billing import accounts, charges, effects, ledger, liabilities, testing, vat
from billing.liabilities import Owed
from billing.models import Account, LedgerEntry, Liability, PeriodKind
from core import errors

NOVEMBER = date(2026, 11, 1)
RENT = Owed("Rent of a router", 300, PeriodKind.MONTH, NOVEMBER, bill_day=1)
WORK = Owed("Installation", 5000, PeriodKind.ONCE, date(2026, 11, 20))


@pytest.fixture
def account_id(session):
    return accounts.open_account(session, currency="EUR").id


def sums(session, account_id):
    query = select(LedgerEntry.amount_minor).where(LedgerEntry.account_id == account_id)
    return session.scalars(query.order_by(LedgerEntry.id)).all()


def add(session, account_id, owed, on=NOVEMBER):
    return liabilities.add(session, account_id, testing.act(on), owed).liability


def test_both_kinds_are_charged_on_the_right_day_and_once(session, account_id):
    add(session, account_id, RENT)
    add(session, account_id, WORK)
    assert sums(session, account_id) == [-300]
    for on in (date(2026, 11, 19), date(2026, 11, 20), date(2026, 11, 20), date(2026, 12, 1)):
        charges.run(session, testing.act(on), account_id=account_id)
    assert sums(session, account_id) == [-300, -5000, -300]
    assert session.get_one(Account, account_id, populate_existing=True).balance_minor == -5600


def test_the_same_form_twice_adds_one_liability_and_another_account_cannot_use_it(session, account_id):
    added = [
        liabilities.add(session, account_id, testing.act(NOVEMBER), RENT, idempotency_key="form-7")
        for _ in range(2)
    ]
    assert [one.is_new for one in added] == [True, False]
    assert added[0].liability.id == added[1].liability.id
    assert sums(session, account_id) == [-300]
    other = accounts.open_account(session, currency="EUR").id
    with pytest.raises(errors.Conflict):
        liabilities.add(session, other, testing.act(NOVEMBER), RENT, idempotency_key="form-7")


def test_an_end_gives_back_the_days_beyond_it_by_the_rule_of_subscriptions(session, account_id):
    made = add(session, account_id, RENT)
    given = liabilities.end(session, made.id, testing.act(date(2026, 11, 20)), ends_on=date(2026, 11, 20))
    assert [entry.amount_minor for entry in given] == [100]
    assert given[0].liability_id == made.id
    charges.run(session, testing.act(date(2027, 2, 1)), account_id=account_id)
    assert sums(session, account_id) == [-300, 100]
    with pytest.raises(errors.Conflict):
        liabilities.end(session, made.id, testing.act(date(2026, 11, 21)), ends_on=date(2026, 11, 25))


@pytest.mark.parametrize("owed", [RENT, WORK])
def test_what_is_taken_back_is_given_back_whole_and_never_charged_again(session, account_id, owed):
    made = add(session, account_id, owed, on=date(2026, 12, 5))
    before = sums(session, account_id)
    act = testing.act(date(2026, 12, 6))
    liabilities.take_back(session, made.id, act)
    assert sum(sums(session, account_id)) == 0
    assert len(sums(session, account_id)) == 2 * len(before)
    charges.run(session, testing.act(date(2027, 2, 1)), account_id=account_id)
    assert sum(sums(session, account_id)) == 0
    with pytest.raises(errors.Conflict):
        liabilities.take_back(session, made.id, act)


def test_what_was_never_charged_is_simply_gone(session, account_id):
    made = add(session, account_id, WORK)
    liabilities.take_back(session, made.id, testing.act(NOVEMBER))
    assert session.scalars(select(Liability)).all() == []


def test_the_next_bill_knows_liabilities_to_come(session, account_id):
    add(session, account_id, WORK)
    bill = effects.next_bill(session, account_id, testing.act(NOVEMBER))
    assert (bill.on, bill.total_minor) == (date(2026, 11, 20), 5000)
    assert sums(session, account_id) == []


def test_a_charge_by_hand_has_its_vat_reason_and_author_and_is_made_once(session, account_id):
    rate = vat.create(session, name="standard", valid_from=date(2020, 1, 1), percent_hundredths=2300)
    act = testing.act(NOVEMBER, author=ledger.Author("Olena", 7))
    words = {"reason": "Cable 20 m", "idempotency_key": "form-1"}
    for is_new in (True, False):
        posted = liabilities.charge(session, account_id, act, amount_minor=1230, vat_rate_id=rate.id, **words)
        assert posted.is_new is is_new
    entry = posted.entry
    assert (entry.amount_minor, entry.vat_hundredths, entry.author_id) == (-1230, 2300, 7)
    assert (entry.description, entry.due_on) == ("Cable 20 m", date(2026, 11, 15))
    assert sums(session, account_id) == [-1230]
    for wrong, field in (({"amount_minor": 0}, "amount"), ({"reason": " "}, "reason")):
        fields = {"amount_minor": 1, "vat_rate_id": None, **words, **wrong}
        with pytest.raises(errors.Invalid) as caught:
            liabilities.charge(session, account_id, act, **fields)
        assert set(caught.value.fields) == {field}


def test_faults_are_told_at_their_fields(session, account_id):
    good = {"description": "Rent", "price_minor": 1, "period": PeriodKind.MONTH, "starts_on": NOVEMBER}
    for wrong, field in (
        ({"description": " "}, "description"),
        ({"price_minor": 0}, "price"),
        ({"quantity": 0}, "quantity"),
        ({"ends_on": date(2026, 10, 31)}, "ends_on"),
        ({"period": PeriodKind.WEEK, "bill_day": 8}, "bill_day"),
        ({"bill_day": 29}, "bill_day"),
        ({"bill_day": 1, "bill_month": 13}, "bill_month"),
        ({"is_net": True}, "vat_rate_id"),
    ):
        with pytest.raises(errors.Invalid) as caught:
            add(session, account_id, Owed(**{**good, **wrong}))
        assert set(caught.value.fields) == {field}
    once = add(session, account_id, WORK)
    with pytest.raises(errors.Invalid):
        liabilities.end(session, once.id, testing.act(NOVEMBER), ends_on=NOVEMBER)
