"""Periods and prices: every day is billed once, by any cycle, and its parts add up to the whole."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from billing import periods, prices
from billing.models import PeriodKind
from billing.periods import LAST_DAY, Cycle
from billing.prices import Off, Reduced
from billing.rules import DAY, Period
from tests import properties

days = st.dates(date(2019, 1, 1), date(2033, 12, 31))
cycles = st.one_of(
    st.builds(
        Cycle,
        st.sampled_from(list(periods.MONTHS)),
        st.integers(LAST_DAY, 28),
        st.integers(1, 12),
    ),
    st.builds(Cycle, st.just(PeriodKind.WEEK), st.integers(1, 7)),
    st.builds(Cycle, st.just(PeriodKind.DAY)),
)


@properties.money()
@given(cycles, days)
def test_a_day_lies_in_one_period_and_the_next_begins_where_it_ends(cycle, day):
    whole = cycle.whole(day)
    assert whole.start <= day <= whole.end
    assert cycle.whole(whole.start) == cycle.whole(whole.end) == whole
    assert cycle.whole(whole.end + DAY).start == whole.end + DAY


@pytest.mark.parametrize(
    ("cycle", "day", "start", "end"),
    [
        (Cycle(bill_day=LAST_DAY), "2028-02-29", "2028-02-29", "2028-03-30"),
        (Cycle(bill_day=LAST_DAY), "2027-02-28", "2027-02-28", "2027-03-30"),
        (Cycle(bill_day=LAST_DAY), "2027-02-27", "2027-01-31", "2027-02-27"),
        (Cycle(bill_day=LAST_DAY), "2026-12-31", "2026-12-31", "2027-01-30"),
        (Cycle(PeriodKind.QUARTER, 15, 2), "2026-02-14", "2025-11-15", "2026-02-14"),
        (Cycle(PeriodKind.QUARTER, 15, 2), "2026-02-15", "2026-02-15", "2026-05-14"),
        (Cycle(PeriodKind.HALF_YEAR, 1, 7), "2026-06-30", "2026-01-01", "2026-06-30"),
        (Cycle(PeriodKind.YEAR, 28, 2), "2028-02-29", "2028-02-28", "2029-02-27"),
        (Cycle(PeriodKind.YEAR, LAST_DAY, 2), "2028-02-28", "2027-02-28", "2028-02-28"),
        (Cycle(PeriodKind.WEEK, 7), "2026-11-25", "2026-11-22", "2026-11-28"),
        (Cycle(PeriodKind.DAY), "2026-03-29", "2026-03-29", "2026-03-29"),
    ],
)
def test_periods_by_hand(cycle, day, start, end):
    wanted = Period(date.fromisoformat(start), date.fromisoformat(end))
    assert cycle.whole(date.fromisoformat(day)) == wanted


@properties.money()
@given(cycles, days, st.integers(0, 900), st.one_of(st.none(), st.integers(0, 900)), st.booleans())
def test_shares_follow_each_other_without_gap(cycle, starts_on, ahead, lasts, is_postpaid):
    until = starts_on + timedelta(days=ahead)
    ends_on = None if lasts is None else starts_on + timedelta(days=lasts)
    made = list(periods.shares(cycle, starts_on, until=until, ends_on=ends_on, is_postpaid=is_postpaid))
    if made:
        assert made[0].period.start == starts_on
    for one, following in pairwise(made):
        assert following.period.start == one.period.end + DAY
    for share in made:
        assert share.period.end < until if is_postpaid else share.period.start <= until
        assert ends_on is None or share.period.end <= ends_on


@properties.money()
@given(days, st.sampled_from([PeriodKind.WEEK, *periods.MONTHS]))
def test_an_anniversary_begins_with_the_first_day(day, kind):
    assert periods.anniversary(kind, day).whole(day).start == day or day.day > 28


@properties.money()
@given(
    st.integers(0, 10**9),
    days,
    st.lists(st.integers(1, 30), max_size=5, unique=True),
    st.one_of(st.none(), st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 99))),
)
@example(price=1, day=date(2026, 4, 1), cuts=[], reduction=(16, 14, 50))
def test_parts_of_a_reduced_month_add_up_to_it(price, day, cuts, reduction):
    whole = Cycle().whole(day)
    reduced = []
    if reduction:
        after, lasts, percent = reduction
        start = whole.start + timedelta(days=after)
        reduced = [Reduced(start, start + timedelta(days=lasts), percent)]
    starts = [whole.start, *(whole.start + timedelta(days=cut) for cut in sorted(cuts) if cut < whole.days)]
    ends = [start - DAY for start in starts[1:]] + [whole.end]
    parts = [Period(start, end) for start, end in zip(starts, ends, strict=True)]
    total = sum(prices.part_minor(price, whole, part, reduced) for part in parts)
    assert total == prices.part_minor(price, whole, whole, reduced)
    assert total <= prices.part_minor(price, whole, whole) == price


@pytest.mark.parametrize(
    ("unit", "offs", "vat", "is_net", "whole"),
    [
        ((1000, 1), [], None, False, 1000),
        ((1000, 1), [], 2300, True, 1230),
        ((1000, 1), [], 2300, False, 1000),
        ((999, 3), [Off(percent_hundredths=1000)], None, False, 2697),
        ((1000, 1), [Off(percent_hundredths=6000), Off(percent_hundredths=6000)], None, False, 0),
        ((1000, 2), [Off(percent_hundredths=1250), Off(amount_minor=250)], 2000, True, 1800),
        ((100, 1), [Off(amount_minor=500)], 2300, True, 0),
        ((333, 1), [], 500, True, 350),
    ],
)
def test_a_whole_price_by_hand(unit, offs, vat, is_net, whole):
    assert prices.whole_minor(*unit, offs, vat_hundredths=vat, is_net=is_net) == whole


@properties.money()
@given(st.integers(0, 10**10), st.integers(0, 10_000))
def test_the_net_price_comes_back_out_of_the_gross(net, vat):
    gross = prices.whole_minor(net, 1, vat_hundredths=vat, is_net=True)
    assert gross - prices.vat_of(gross, vat) == net
