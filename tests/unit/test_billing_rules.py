"""The arithmetic of money: nothing is lost between the days of a month."""

import json
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import periods, rules
from billing.models import AccessState
from billing.rules import Period, Rules
from tests import properties

days = st.dates(date(2020, 1, 1), date(2032, 12, 31))
bill_days = st.integers(1, 28)
prices = st.integers(0, 10**9)


def month_of(day, bill_day):
    return periods.Cycle(bill_day=bill_day).whole(day)


@properties.money()
@given(days, bill_days)
def test_a_day_lies_in_exactly_one_billing_month(day, bill_day):
    month = month_of(day, bill_day)
    assert month.start <= day <= month.end
    assert month.start.day == bill_day
    assert 28 <= month.days <= 31
    after = month_of(month.end + timedelta(days=1), bill_day)
    assert after.start == month.end + timedelta(days=1)


@properties.money()
@given(days, bill_days, prices, st.lists(st.integers(1, 30), max_size=5, unique=True))
def test_parts_of_a_month_add_up_to_its_price(day, bill_day, price, cuts):
    whole = month_of(day, bill_day)
    edges = [0, *sorted(cut for cut in cuts if cut < whole.days), whole.days]
    parts = [
        Period(whole.start + timedelta(days=first), whole.start + timedelta(days=last - 1))
        for first, last in pairwise(edges)
    ]
    assert sum(rules.prorate(price, whole, part) for part in parts) == price
    assert rules.prorate(-price, whole, parts[0]) == -rules.prorate(price, whole, parts[0])


@pytest.mark.parametrize(
    ("start", "end", "minor"),
    [
        (date(2026, 11, 1), date(2026, 11, 30), 3000),
        (date(2026, 11, 16), date(2026, 11, 30), 1500),
        (date(2026, 11, 30), date(2026, 11, 30), 100),
        (date(2026, 11, 1), date(2026, 11, 1), 100),
    ],
)
def test_november_costs_a_thirtieth_a_day(start, end, minor):
    assert rules.prorate(3000, month_of(start, 1), Period(start, end)) == minor


@properties.money()
@given(days, bill_days, st.integers(0, 400), st.one_of(st.none(), st.integers(0, 400)))
def test_shares_follow_each_other_without_gap_from_the_first_day(starts_on, bill_day, ahead, lasts):
    until = starts_on + timedelta(days=ahead)
    ends_on = None if lasts is None else starts_on + timedelta(days=lasts)
    made = list(periods.shares(periods.Cycle(bill_day=bill_day), starts_on, until=until, ends_on=ends_on))
    assert made[0].period.start == starts_on
    assert all(share.period.start <= until for share in made)
    for before, after in pairwise(made):
        assert after.period.start == before.period.end + timedelta(days=1)
    for share in made:
        assert share.whole.start <= share.period.start <= share.period.end <= share.whole.end
        assert ends_on is None or share.period.end <= ends_on
    if ends_on is None:
        assert made[-1].period.end >= until


def test_a_subscription_that_begins_later_has_no_share_yet():
    assert list(periods.shares(periods.Cycle(), date(2026, 12, 1), until=date(2026, 11, 30))) == []


def test_the_first_month_is_charged_by_its_days_and_the_last_by_its_own():
    made = list(
        periods.shares(
            periods.Cycle(bill_day=15), date(2026, 1, 20), until=date(2026, 3, 1), ends_on=date(2026, 2, 20)
        )
    )
    assert [share.amount_minor(3100) for share in made] == [2600, 664]


@properties.money()
@given(days, st.integers(0, 60), st.integers(0, 60), days)
def test_grace_is_added_to_the_due_date(charged, payment_days, grace, today):
    due = rules.due_on(charged, payment_days)
    assert rules.is_overdue(due, grace, today) == ((today - charged).days > payment_days + grace)


@pytest.mark.parametrize(
    ("until", "debt", "refusal"),
    [
        (date(2026, 11, 22), 100, None),
        (date(2026, 12, 6), 100, None),
        (date(2026, 12, 7), 100, "14 days ahead"),
        (date(2026, 11, 21), 100, "over already"),
        (date(2026, 11, 30), 0, "Nothing is owed"),
    ],
)
def test_a_promise_needs_a_debt_and_a_day_within_reach(until, debt, refusal):
    said = rules.promise_refusal(
        until, today=date(2026, 11, 22), rules=Rules(), owed_minor=debt, record=rules.Record()
    )
    assert said is None if refusal is None else refusal in said


@pytest.mark.parametrize(
    ("record", "limit", "days", "refusal"),
    [
        (rules.Record(), 0, 14, None),
        (rules.Record(), 5000, 14, None),
        (rules.Record(), 4999, 14, "More is owed"),
        (rules.Record(1), 0, 7, None),
        (rules.Record(1), 0, 8, "7 days ahead"),
        (rules.Record(2), 0, 4, None),
        (rules.Record(2), 0, 5, "4 days ahead"),
        (rules.Record(3), 0, 0, "3 in a row"),
        (rules.Record(1, has_paid_since=False), 0, 1, "only after a payment"),
    ],
)
def test_another_promise_depends_on_how_the_last_were_kept(record, limit, days, refusal):
    today = date(2026, 11, 22)
    said = rules.promise_refusal(
        today + timedelta(days=days),
        today=today,
        rules=Rules(promise_sum_limit_minor=limit),
        owed_minor=5000,
        record=record,
    )
    assert said is None if refusal is None else refusal in said


@pytest.mark.parametrize(
    ("cuts", "running", "stops"),
    [(0, 0, False), (4, 4, False), (5, 40, True), (5, 50, False), (6, 50, True), (5, 0, True)],
)
def test_the_brake_needs_a_large_share_and_a_large_number(cuts, running, stops):
    reasons = rules.brake_reasons(cuts, running, Rules())
    assert bool(reasons) is stops
    assert all(f"{cuts} of {running}" in reason for reason in reasons)


def test_only_a_sum_at_the_minimum_cuts():
    assert [Rules(minimum_debt_minor=100).is_cuttable(minor) for minor in (0, 99, 100)] == [
        False,
        False,
        True,
    ]
    assert [Rules(minimum_debt_minor=0).is_cuttable(minor) for minor in (0, 1)] == [False, True]


def test_rules_come_from_the_settings_and_survive_a_run(make_settings):
    made = rules.rules_of(make_settings(cutoff={"skip_weekdays": [7, 6], "grace_days": 9}))
    assert made.skip_weekdays == (6, 7)
    assert made.grace_days == 9
    assert rules.rules_of_json(made.as_json()) == made


def test_rules_kept_with_a_run_are_read_back_as_they_were():
    made = Rules(
        version=4,
        skip_weekdays=(6, 7),
        holidays=(date(2027, 3, 29),),
        yearly_holidays=((1, 1), (12, 25)),
        excluded_groups=(3,),
        notice_days=10,
        steps=(rules.Step(0, AccessState.OPEN), rules.Step(9, AccessState.CLOSED)),
        interest_rates=((date(2026, 1, 1), 12.5),),
    )
    assert rules.rules_of_json(json.loads(json.dumps(made.as_json()))) == made
    assert rules.rules_of_json({"grace_days": 9}) == Rules(grace_days=9)


def test_a_step_holds_from_its_day_until_the_next():
    stepped = Rules(steps=(rules.Step(2, AccessState.OPEN), rules.Step(5, AccessState.CLOSED)))
    assert [stepped.effect_after(days) for days in (1, 4, 5, 90)] == [AccessState.OPEN] * 2 + [
        AccessState.CLOSED
    ] * 2
    assert Rules().effect_after(0) is AccessState.CLOSED
    assert Rules().effect_after(-1) is AccessState.OPEN


def test_a_holiday_is_a_date_or_a_day_of_every_year():
    resting = Rules(holidays=(date(2027, 3, 29),), yearly_holidays=((12, 25),))
    assert resting.is_holiday(date(2027, 3, 29))
    assert resting.is_holiday(date(2031, 12, 25))
    assert not resting.is_holiday(date(2028, 3, 29))
