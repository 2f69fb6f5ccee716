"""The business day: it begins at midnight where the ISP is, also in the nights that lose or gain an hour."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import periods, prices
from billing.models import PeriodKind
from billing.periods import LAST_DAY, Cycle
from core import clock
from tests import properties

ZONES = ("Europe/Kyiv", "Atlantic/Azores", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")


@pytest.mark.parametrize(
    ("zone", "instant", "day"),
    [
        # By hand: winter is two hours ahead of UTC in Kyiv, summer three; clocks move at 01:00 UTC.
        ("Europe/Kyiv", "2027-03-27T21:59:59", "2027-03-27"),
        ("Europe/Kyiv", "2027-03-27T22:00:00", "2027-03-28"),
        ("Europe/Kyiv", "2027-03-28T20:59:59", "2027-03-28"),
        ("Europe/Kyiv", "2027-03-28T21:00:00", "2027-03-29"),
        ("Europe/Kyiv", "2027-10-31T21:59:59", "2027-10-31"),
        ("Europe/Kyiv", "2027-10-31T22:00:00", "2027-11-01"),
        ("Europe/Kyiv", "2028-02-28T22:00:00", "2028-02-29"),
        ("Atlantic/Azores", "2028-03-01T00:59:59", "2028-02-29"),
        ("UTC", "2027-12-31T23:59:59", "2027-12-31"),
    ],
)
def test_the_business_day_begins_at_midnight_of_the_isp(zone, instant, day):
    at = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    assert clock.today(zone, at=at) == date.fromisoformat(day)


@properties.money()
@given(
    zone=st.sampled_from(ZONES),
    hours=st.integers(0, 15 * 366 * 24),
)
def test_no_business_day_is_passed_over_or_comes_back(zone, hours):
    at = datetime(2019, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    days = [clock.today(zone, at=at + timedelta(hours=after)) for after in range(50)]
    steps = {following - day for day, following in pairwise(days)}
    assert steps == {timedelta(0), timedelta(days=1)}


@properties.money()
@given(
    kind=st.sampled_from(list(periods.MONTHS)),
    bill_day=st.integers(LAST_DAY, 28),
    year=st.integers(2019, 2033),
    price=st.integers(0, 10**9),
)
def test_a_year_of_leap_days_and_month_ends_costs_its_periods_to_the_unit(kind, bill_day, year, price):
    cycle, day = Cycle(kind, bill_day, 1), date(year, 2, 27)
    for _ in range(4):
        whole = cycle.whole(day)
        days = [whole.start + timedelta(days=number) for number in range(whole.days)]
        singles = [prices.part_minor(price, whole, periods.Period(one, one)) for one in days]
        assert sum(singles) == price
        assert max(singles) - min(singles) <= 1
        day += timedelta(days=1)
    assert Cycle(PeriodKind.DAY).whole(day).days == 1
