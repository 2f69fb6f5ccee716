"""Interest: simple, by the day, on what is open; the parts of a span are the whole."""

from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from billing import accrual
from billing.accrual import Claim
from billing.rules import Period, Rules, rules_of_json

BEGIN = date(2024, 1, 1)
RATES = ((date(2024, 1, 1), 7.3), (date(2024, 7, 1), 14.6))
days = st.integers(0, 700).map(lambda number: BEGIN + timedelta(days=number))


@st.composite
def claims(draw):
    shares = draw(st.lists(st.tuples(days, st.integers(1, 10**6)), max_size=4))
    open_minor = draw(st.integers(0, 10**6))
    minor = sum(share for _, share in shares) + open_minor
    return Claim(minor, draw(days), tuple(shares))


def test_a_claim_bears_a_365th_a_day_from_the_day_after_it_was_due_with_the_day_of_payment():
    year = Period(date(2024, 1, 1), date(2024, 6, 30))
    # 36.50 at 7.3 % bears 0.73 hundredths a day: due on 10 January, paid on the 20th, ten days.
    claim = Claim(36500, date(2024, 1, 10), ((date(2024, 1, 20), 36500),))
    assert accrual.exact(claim, RATES, year) == Fraction(73, 1) * 10 / 10
    assert accrual.late_days(claim, year) == Period(date(2024, 1, 11), date(2024, 1, 20))
    assert accrual.interest_minor(claim, RATES, year) == 73
    # Half of it paid on the 15th: five days of the whole and five of the half.
    part = Claim(36500, date(2024, 1, 10), ((date(2024, 1, 15), 18250), (date(2024, 1, 20), 18250)))
    assert accrual.exact(part, RATES, year) == Fraction(73) * 5 / 10 + Fraction(73) * 5 / 20
    assert accrual.late_days(Claim(100, date(2024, 1, 10), ((date(2024, 1, 10), 100),)), year) is None


def test_two_lists_of_rates_differ_from_the_first_day_that_bears_otherwise():
    assert accrual.first_difference(RATES, RATES) is None
    assert accrual.first_difference((), ((date(2024, 3, 1), 0.0),)) is None
    assert accrual.first_difference(RATES, (*RATES, (date(2024, 9, 1), 0.0))) == date(2024, 9, 1)
    assert accrual.first_difference(RATES, RATES[1:]) == date(2024, 1, 1)


def test_a_rate_holds_from_its_day_on_and_before_the_first_there_is_none():
    assert accrual.rate_on(RATES, date(2023, 12, 31)) == 0
    assert accrual.rate_on(RATES, date(2024, 6, 30)) == Fraction(73, 1000)
    assert accrual.rate_on(RATES, date(2024, 7, 1)) == Fraction(146, 1000)
    both = Period(date(2024, 6, 30), date(2024, 7, 1))
    assert accrual.exact(Claim(36500, date(2024, 1, 1)), RATES, both) == Fraction(73, 10) * 3


@given(claims(), days, days, days)
def test_the_parts_of_a_span_bear_what_the_whole_does(claim, one, two, three):
    first, middle, last = sorted((one, two, three))
    whole = accrual.exact(claim, RATES, Period(first, last))
    parts = accrual.exact(claim, RATES, Period(first, middle))
    if middle < last:
        parts += accrual.exact(claim, RATES, Period(middle + timedelta(days=1), last))
    assert whole == parts
    assert accrual.interest_minor(claim, RATES, Period(first, last)) == int(whole + Fraction(1, 2))


@given(claims(), days, days)
def test_it_is_the_sum_of_its_days_and_more_paid_is_never_more_interest(claim, one, two):
    span = Period(min(one, two), max(one, two))
    by_day = Fraction(0)
    for number in range(span.days):
        day = span.start + timedelta(days=number)
        if day > claim.due_on:
            left = claim.minor - sum(minor for at, minor in claim.paid if at < day)
            by_day += left * accrual.rate_on(RATES, day) / 365
    assert accrual.exact(claim, RATES, span) == by_day
    if claim.paid:
        less = Claim(claim.minor, claim.due_on, claim.paid[1:])
        assert accrual.exact(less, RATES, span) >= by_day


def test_months_are_those_that_are_over():
    found = accrual.months(date(2024, 1, 31), date(2024, 3, 30))
    assert found == [Period(date(2024, 1, 1), date(2024, 1, 31)), Period(date(2024, 2, 1), date(2024, 2, 29))]
    assert accrual.months(date(2024, 4, 1), date(2024, 3, 31)) == []


def test_rules_with_rates_come_back_from_what_a_run_keeps():
    rules = Rules(interest_rates=RATES, skip_weekdays=(6, 7))
    assert rules_of_json(rules.as_json()) == rules
