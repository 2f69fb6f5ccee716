"""Instalments: the parts are the whole, and how they stand follows from what is open."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import parts
from billing.models import PeriodKind
from billing.parts import Part
from billing.rules import Rules

TODAY = date(2026, 1, 31)
RULES = Rules(minimum_debt_minor=100, instalments_limit=12)
sums = st.integers(12, 10**9)
counts = st.integers(2, 12)


@given(sums, counts, st.dates(date(2020, 1, 1), date(2040, 1, 1)), st.sampled_from(parts.STEPS))
def test_the_parts_add_up_to_the_sum_and_differ_by_one_minor_unit_at_most(total, count, first, every):
    found = parts.split(total, count, first, every)
    assert sum(part.amount_minor for part in found) == total
    assert max(one.amount_minor for one in found) - min(one.amount_minor for one in found) <= 1
    days = [part.due_on for part in found]
    assert days == sorted(set(days))
    assert days[0] == first
    assert parts.faults(found, total_minor=total, today=first, rules=RULES) == {}


def test_a_month_without_the_day_takes_its_last_and_the_next_has_it_again():
    days = [part.due_on for part in parts.split(400, 4, date(2027, 12, 31))]
    assert days == [date(2027, 12, 31), date(2028, 1, 31), date(2028, 2, 29), date(2028, 3, 31)]
    weeks = parts.split(100, 3, TODAY, PeriodKind.WEEK)
    assert [part.due_on for part in weeks] == [TODAY, date(2026, 2, 7), date(2026, 2, 14)]
    assert [part.amount_minor for part in weeks] == [34, 33, 33]


@pytest.mark.parametrize(
    ("agreed", "faults"),
    [
        ([Part(TODAY, 50), Part(TODAY + timedelta(days=9), 50)], set()),
        ([Part(TODAY, 50), Part(TODAY + timedelta(days=9), 49)], {"parts"}),
        ([Part(TODAY, 100)], {"count"}),
        ([Part(TODAY - timedelta(days=1), 50), Part(TODAY, 50)], {"day_1"}),
        ([Part(TODAY, 50), Part(TODAY, 50)], {"day_2"}),
        ([Part(TODAY, 101), Part(TODAY + timedelta(days=9), -1)], {"sum_2"}),
        ([Part(TODAY, 50), Part(TODAY + timedelta(days=2000), 50)], {"day_2"}),
        ([Part(TODAY + timedelta(days=one), 1) for one in range(100)], {"count"}),
    ],
)
def test_what_is_no_plan_is_refused_where_it_is_wrong(agreed, faults):
    assert set(parts.faults(agreed, total_minor=100, today=TODAY, rules=RULES)) == faults


@given(sums, counts, st.integers(-(10**6), 2 * 10**9), st.integers(-10, 500))
def test_a_plan_is_kept_exactly_while_no_more_is_open_than_is_still_to_come(total, count, open_minor, days):
    agreed = parts.split(total, count, TODAY)
    on = TODAY + timedelta(days=days)
    found = parts.standing(agreed, open_minor, on)
    to_come = sum(part.amount_minor for part in agreed if part.due_on >= on)
    assert found.missing_minor == max(0, open_minor - to_come)
    assert sum(one.open_minor for one in found.parts) == min(total, max(0, open_minor))
    assert all(0 <= one.paid_minor <= one.part.amount_minor for one in found.parts)
    # The parts are paid in their order: none is begun before the one before it is paid.
    halves = [one for one in found.parts if one.open_minor]
    assert all(one.paid_minor == 0 for one in halves[1:])
    assert found.is_kept(RULES) == (found.missing_minor < 100)
    if found.missed_on is not None:
        assert found.missing_minor > 0
