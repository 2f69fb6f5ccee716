"""VAT rates by date, and plans with every term: each validated at its field, what was charged never changed."""

from datetime import date

import pytest
from sqlalchemy import select

from billing import accounts, charges, plans, subscriptions, testing, vat
from billing.models import LedgerEntry, PeriodKind
from core import errors

OCTOBER, NOVEMBER, JANUARY = date(2026, 10, 1), date(2026, 11, 1), date(2027, 1, 1)


def refused(act):
    with pytest.raises(errors.Invalid) as caught:
        act()
    return set(caught.value.fields)


def charged_plan(session, rate_id, *, is_postpaid=False):
    offer = {"is_net": True, "vat_rate_id": rate_id, "is_postpaid": is_postpaid}
    plan = plans.create(session, name="Net", price_minor=10_000, currency="EUR", **offer)
    account = accounts.open_account(session, currency="EUR")
    subscriptions.start(
        session, account.id, testing.act(NOVEMBER), choice=subscriptions.Choice(plan.id), starts_on=NOVEMBER
    )
    return account


def test_a_percent_that_was_charged_by_stays_and_a_new_date_is_added(session):
    rate = vat.create(session, name="standard", valid_from=OCTOBER, percent_hundredths=2300)
    account = charged_plan(session, rate.id)
    assert vat.steps(session, rate.id) == [vat.Step(OCTOBER, 2300, NOVEMBER)]
    with pytest.raises(errors.Conflict):
        vat.remove_percent(session, rate.id, OCTOBER)
    for day in (OCTOBER, date(2026, 10, 20), NOVEMBER):
        late = {"valid_from": day, "percent_hundredths": 2500}
        assert refused(lambda late=late: vat.add_percent(session, rate.id, **late)) == {"valid_from"}
    vat.add_percent(session, rate.id, valid_from=JANUARY, percent_hundredths=2500)
    charges.run(session, testing.act(JANUARY), account_id=account.id)
    rows = session.execute(
        select(LedgerEntry.amount_minor, LedgerEntry.vat_hundredths).order_by(LedgerEntry.id)
    ).all()
    assert rows == [(-12_300, 2300), (-12_300, 2300), (-12_500, 2500)]
    fresh = vat.get(session, rate.id)
    assert [vat.percent_on(fresh, day) for day in (date(2026, 9, 30), OCTOBER, JANUARY)] == [None, 2300, 2500]


def test_a_percent_stays_for_a_charge_that_is_dated_when_the_next_one_holds(session):
    rate = vat.create(session, name="standard", valid_from=OCTOBER, percent_hundredths=2000)
    account = charged_plan(session, rate.id, is_postpaid=True)
    charges.run(session, testing.act(JANUARY), account_id=account.id)
    vat.add_percent(session, rate.id, valid_from=JANUARY, percent_hundredths=2300)
    assert [step.used_on for step in vat.steps(session, rate.id)] == [date(2026, 12, 31), None]
    with pytest.raises(errors.Conflict):
        vat.remove_percent(session, rate.id, OCTOBER)


def test_a_percent_nothing_was_charged_by_goes_and_a_rate_in_use_stays(session):
    rate = vat.create(session, name="reduced", valid_from=OCTOBER, percent_hundredths=500)
    with pytest.raises(errors.Conflict):
        vat.remove_percent(session, rate.id, OCTOBER)
    vat.add_percent(session, rate.id, valid_from=JANUARY, percent_hundredths=0)
    vat.remove_percent(session, rate.id, OCTOBER)
    assert [step.valid_from for step in vat.steps(session, rate.id)] == [JANUARY]
    plan = plans.create(session, name="P", price_minor=1, currency="EUR", vat_rate_id=rate.id, prices={2: 1})
    with pytest.raises(errors.Conflict):
        vat.remove(session, rate.id)
    plans.remove(session, plan.id)
    vat.remove(session, rate.id)
    assert vat.list_all(session) == []


def test_faults_of_rates_and_plans_are_told_at_their_fields(session):
    rate = vat.create(session, name="standard", valid_from=OCTOBER, percent_hundredths=2300)
    good = {"valid_from": OCTOBER, "percent_hundredths": 100}
    assert refused(lambda: vat.create(session, name=" ", **good)) == {"name"}
    assert refused(lambda: vat.create(session, name="standard", **good)) == {"name"}
    wrong = {"valid_from": JANUARY, "percent_hundredths": 10_001}
    assert refused(lambda: vat.add_percent(session, rate.id, **wrong)) == {"percent"}
    plan = {"name": "P", "price_minor": 100, "currency": "EUR"}
    assert refused(lambda: plans.create(session, **plan, is_net=True)) == {"vat_rate_id"}
    assert refused(lambda: plans.create(session, **plan, vat_rate_id=rate.id + 9)) == {"vat_rate_id"}
    for prices in ({1: 90}, {5: -1}, {100_001: 5}):
        assert refused(lambda prices=prices: plans.create(session, **plan, prices=prices)) == {"prices"}


def test_prices_by_quantity_replace_each_other_and_are_what_is_charged(session):
    offer = {"name": "Many", "price_minor": 1000}
    plan = plans.create(session, currency="EUR", **offer, prices={3: 900, 10: 700})
    plans.change(session, plan.id, **offer, prices={5: 800, 10: 600})
    found = plans.get(session, plan.id)
    assert [(row.from_quantity, row.price_minor) for row in found.prices] == [(5, 800), (10, 600)]
    account = accounts.open_account(session, currency="EUR")
    for quantity in (4, 5, 12):
        choice = subscriptions.Choice(plan.id, quantity=quantity)
        subscriptions.start(session, account.id, testing.act(NOVEMBER), choice=choice, starts_on=NOVEMBER)
    sums = session.scalars(select(LedgerEntry.amount_minor).order_by(LedgerEntry.id)).all()
    assert sums == [-4000, -4000, -7200]


def test_a_period_stays_once_somebody_has_the_plan(session):
    offer = {"name": "Home", "price_minor": 1000}
    plan = plans.create(session, currency="EUR", **offer, period=PeriodKind.WEEK, is_postpaid=True)
    plans.change(session, plan.id, **offer, period=PeriodKind.YEAR)
    account = accounts.open_account(session, currency="EUR")
    choice = subscriptions.Choice(plan.id)
    subscriptions.start(session, account.id, testing.act(NOVEMBER), choice=choice, starts_on=NOVEMBER)
    assert refused(lambda: plans.change(session, plan.id, **offer)) == {"period"}
    assert plans.change(session, plan.id, **offer, period=PeriodKind.YEAR).period is PeriodKind.YEAR
