"""The charge run by any terms: the database books what periods and prices say, VAT and discounts included."""

from collections import defaultdict
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from billing import accounts, charges, ledger, periods, prices, settling, subscriptions, suspensions, testing
from billing.models import (
    AccountDiscount,
    Discount,
    LedgerEntry,
    Liability,
    LockReason,
    PeriodKind,
    Plan,
    PlanPrice,
    VatPercent,
    VatRate,
)
from billing.rules import Period
from billing.subscriptions import Choice
from tests import properties

START = date(2027, 11, 1)
terms = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(list(PeriodKind)),
        "bill_day": st.integers(0, 28),
        "bill_month": st.integers(1, 12),
        "starts_on": st.dates(START, date(2028, 4, 30)),
        "ahead": st.integers(0, 420),
        "lasts": st.one_of(st.none(), st.integers(0, 420)),
        "is_postpaid": st.booleans(),
        "price": st.integers(1, 99_999),
        "quantity": st.integers(1, 4),
        "is_net": st.booleans(),
        "vat": st.sampled_from([None, 0, 500, 2300]),
        "rises_on": st.one_of(st.none(), st.dates(START, date(2028, 9, 1))),
        "percents": st.lists(st.integers(1, 6000), max_size=2),
        "amount": st.one_of(st.none(), st.integers(1, 5000)),
    }
)


def vat_rate(session, percent, rises_on=None):
    """A rate of that percent; of two more from the day it rises."""
    if percent is None:
        return None
    rate = VatRate(name=f"VAT {session.scalar(select(func.count()).select_from(VatRate))}")
    session.add(rate)
    session.flush()
    session.add(VatPercent(vat_rate_id=rate.id, valid_from=date(2000, 1, 1), percent_hundredths=percent))
    if rises_on is not None:
        session.add(VatPercent(vat_rate_id=rate.id, valid_from=rises_on, percent_hundredths=percent + 200))
    return rate.id


def whole_of(case, period, quantity=1, offs=()):
    """What a whole period costs: with the VAT of the day the supply is taxed on."""
    taxed_on = period.end if case["is_postpaid"] else period.start
    vat = case["vat"]
    if vat is not None and case["rises_on"] is not None and case["rises_on"] <= taxed_on:
        vat += 200
    return prices.whole_minor(case["price"], quantity, offs, vat_hundredths=vat, is_net=case["is_net"])


def discount(session, account_id, **off):
    letter = Discount(name=f"D{session.scalar(select(func.count()).select_from(Discount))}", **off)
    session.add(letter)
    session.flush()
    session.add(AccountDiscount(account_id=account_id, discount_id=letter.id, starts_on=START, author="test"))


def plan_of(session, case):
    plan = Plan(
        name=f"Any {session.scalar(select(func.count()).select_from(Plan))}",
        price_minor=case["price"],
        currency="EUR",
        period=case["kind"],
        is_net=case["is_net"],
        is_postpaid=case["is_postpaid"],
        vat_rate_id=vat_rate(session, case["vat"], case["rises_on"]),
    )
    session.add(plan)
    session.flush()
    return plan


def entries(session, subscription_id):
    session.expire_all()
    return session.scalars(
        select(LedgerEntry)
        .where(LedgerEntry.subscription_id == subscription_id)
        .order_by(LedgerEntry.period_start, LedgerEntry.id)
    ).all()


@properties.money(25)
@given(case=terms)
@properties.undone
def test_any_terms_are_charged_as_the_arithmetic_says(session, case):
    starts_on, until = case["starts_on"], case["starts_on"] + timedelta(days=case["ahead"])
    plan = plan_of(session, case)
    account = accounts.open_account(session, currency="EUR")
    for percent in case["percents"]:
        discount(session, account.id, percent_hundredths=percent)
    if case["amount"]:
        discount(session, account.id, amount_minor=case["amount"], currency="EUR")
    bill_day = 1 + case["bill_day"] % 7 if case["kind"] is PeriodKind.WEEK else case["bill_day"]
    choice = Choice(plan.id, quantity=case["quantity"], bill_day=bill_day, bill_month=case["bill_month"])
    made = subscriptions.start(
        session, account.id, testing.act(starts_on), choice=choice, starts_on=starts_on
    )
    ends_on = None if case["lasts"] is None else starts_on + timedelta(days=case["lasts"])
    if ends_on:
        subscriptions.end(session, made.id, testing.act(starts_on), ends_on=ends_on)
    for day in (starts_on + (until - starts_on) / 2, until):
        due = charges.due_accounts(session, day, account_id=account.id)
        assert set(due) <= set(charges.candidates(session, day))
        charges.run(session, testing.act(day), account_id=account.id)
    offs = [prices.Off(percent) for percent in case["percents"]] + [prices.Off(0, case["amount"] or 0)]
    cycle = periods.Cycle(case["kind"], bill_day, case["bill_month"])
    shares = periods.shares(
        cycle,
        starts_on,
        until=until,
        ends_on=ends_on,
        is_postpaid=case["is_postpaid"],
    )
    said = {}
    for share in shares:
        whole = whole_of(case, share.period, case["quantity"], offs)
        said[share.whole.start] = -prices.part_minor(whole, share.whole, share.period)
    if case["kind"] is PeriodKind.ONCE and said:
        said = {starts_on: -whole_of(case, Period(starts_on, starts_on), case["quantity"], offs)}
    booked: dict = defaultdict(int)
    for row in entries(session, made.id):
        booked[cycle.whole(row.period_start).start] += row.amount_minor
    assert {day: minor for day, minor in booked.items() if minor} == {
        day: minor for day, minor in said.items() if minor
    }
    assert charges.run(session, testing.act(until), account_id=account.id).entries == 0


@properties.money(25)
@given(
    case=terms,
    percent=st.integers(0, 99),
    days=st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60)),
)
@properties.undone
def test_a_suspension_bills_its_days_less_whenever_it_begins_and_ends(session, case, percent, days):
    off, on_again, later = days
    case |= {"kind": PeriodKind.MONTH if case["kind"] is PeriodKind.ONCE else case["kind"]}
    starts_on = case["starts_on"]
    first_off = starts_on + timedelta(days=off)
    first_on = first_off + timedelta(days=on_again)
    until = first_on + timedelta(days=later)
    plan = plan_of(session, case)
    account = accounts.open_account(session, currency="EUR")
    bill_day = 1 + case["bill_day"] % 7
    choice = Choice(plan.id, bill_day=bill_day, bill_month=case["bill_month"])
    made = subscriptions.start(
        session, account.id, testing.act(starts_on), choice=choice, starts_on=starts_on
    )
    charges.run(session, testing.act(first_off), account_id=account.id)
    suspensions.place(
        session, [made.id], LockReason.FREEZE, owner="test", today=first_off, billed_percent=percent
    )
    settling.settle_pending(session, testing.act(first_off))
    charges.run(session, testing.act(first_on), account_id=account.id)
    suspensions.lift(session, [made.id], LockReason.FREEZE, by="test", today=first_on)
    settling.settle_pending(session, testing.act(first_on))
    charges.run(session, testing.act(until), account_id=account.id)
    assert settling.settle_pending(session, testing.act(until)) == 0
    reduced = []
    if first_on > first_off:
        reduced = [prices.Reduced(first_off, first_on - timedelta(days=1), percent)]
    cycle = periods.Cycle(case["kind"], bill_day, case["bill_month"])
    shares = periods.shares(cycle, starts_on, until=until, is_postpaid=case["is_postpaid"])
    wanted = sum(
        prices.part_minor(whole_of(case, share.period), share.whole, share.period, reduced)
        for share in shares
    )
    assert -sum(row.amount_minor for row in entries(session, made.id)) == wanted
    assert ledger.verify(session) == []


def test_many_of_one_plan_cost_what_the_price_list_says_for_so_many(session):
    plan = testing.plan(session, 1000)
    session.add_all(
        [PlanPrice(plan_id=plan.id, from_quantity=n, price_minor=p) for n, p in ((5, 800), (10, 700))]
    )
    session.flush()
    sums = []
    for quantity in (1, 4, 5, 9, 10):
        account = accounts.open_account(session, currency="EUR")
        choice = Choice(plan.id, quantity=quantity)
        subscriptions.start(session, account.id, testing.act(START), choice=choice, starts_on=START)
        sums.append(-account.balance_minor)
    assert sums == [1000, 4000, 4000, 7200, 7000]


@pytest.mark.parametrize(
    ("kind", "lasts", "sums"),
    [
        (PeriodKind.ONCE, None, [2500]),
        (PeriodKind.QUARTER, None, [1658, 2500]),
        (PeriodKind.QUARTER, 100, [1658, 1099]),
    ],
)
def test_a_liability_that_is_no_plan_is_charged_on_its_days(session, kind, lasts, sums):
    account = accounts.open_account(session, currency="EUR")
    session.add(
        Liability(
            account_id=account.id,
            description="Rented router",
            price_minor=2500,
            period=kind,
            starts_on=START,
            ends_on=None if lasts is None else START + timedelta(days=lasts),
            author="test",
        )
    )
    session.flush()
    for _ in range(2):
        charges.run(session, testing.act(date(2028, 1, 2)), account_id=account.id)
    rows = session.scalars(
        select(LedgerEntry).where(LedgerEntry.account_id == account.id).order_by(LedgerEntry.id)
    ).all()
    assert [-row.amount_minor for row in rows] == sums
    assert {row.description for row in rows} == {"Rented router"}


@pytest.mark.parametrize(
    ("is_postpaid", "booked"),
    [
        (False, [(START, -1200, 2000), (date(2027, 12, 1), -1250, 2500), (date(2028, 1, 1), -1250, 2500)]),
        (True, [(date(2027, 12, 1), -1200, 2000), (date(2028, 1, 1), -1250, 2500)]),
    ],
)
def test_vat_is_that_of_the_day_a_period_begins_or_of_its_last_when_paid_afterwards(
    session, is_postpaid, booked
):
    rate = vat_rate(session, 2000)
    session.add(VatPercent(vat_rate_id=rate, valid_from=date(2027, 12, 1), percent_hundredths=2500))
    plan = Plan(
        name="Net", price_minor=1000, currency="EUR", is_net=True, vat_rate_id=rate, is_postpaid=is_postpaid
    )
    session.add(plan)
    account = accounts.open_account(session, currency="EUR")
    session.flush()
    made = subscriptions.start(
        session, account.id, testing.act(START), choice=Choice(plan.id), starts_on=START
    )
    charges.run(session, testing.act(date(2028, 1, 1)), account_id=account.id)
    rows = entries(session, made.id)
    assert [(row.dated_on, row.amount_minor, row.vat_hundredths) for row in rows] == booked
