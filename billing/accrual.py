"""The arithmetic of interest: simple, by the day, on what was open of a claim. Pure.

Each day after the due date up to the day of payment bears a 365th of the yearly rate that holds on it, leap
years too (actual/365 fixed). A claim's month is rounded once, half away from zero.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from billing.rules import DAY, Period

YEAR_DAYS = 365
Rates = Sequence[tuple[date, float]]


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim with what paid it: day and sum of each share."""

    minor: int
    due_on: date
    paid: tuple[tuple[date, int], ...] = ()


def rate_on(rates: Rates, day: date) -> Fraction:
    """Return the yearly rate that holds that day, as a part of one: the last whose day has come, else 0."""
    held = [(from_on, percent) for from_on, percent in rates if from_on <= day]
    return Fraction(Decimal(str(max(held)[1]))) / 100 if held else Fraction(0)


def first_difference(one: Rates, other: Rates) -> date | None:
    """Return the first day on which two lists of rates bear otherwise; none: never."""
    days = sorted({from_on for from_on, _ in (*one, *other)})
    return next((day for day in days if rate_on(one, day) != rate_on(other, day)), None)


def late_days(claim: Claim, within: Period) -> Period | None:
    """Return the days of the period on which something of the claim was late; none when none were."""
    first = max(within.start, claim.due_on + DAY)
    left = claim.minor - sum(minor for _, minor in claim.paid)
    last = within.end if left > 0 else min(within.end, max((day for day, _ in claim.paid), default=first))
    return Period(first, last) if first <= last and claim.minor > 0 else None


def interest_minor(claim: Claim, rates: Rates, within: Period) -> int:
    """Return the interest on the claim for the days of the period, in minor units.

    Money that came on a day still leaves that day's interest to pay, as days between dates are counted.
    """
    return _rounded(exact(claim, rates, within))


def exact(claim: Claim, rates: Rates, within: Period) -> Fraction:
    """Return the same without rounding."""
    days = late_days(claim, within)
    if days is None:
        return Fraction(0)
    turns = {days.start, *(day + DAY for day, _ in claim.paid), *(from_on for from_on, _ in rates)}
    begins = sorted(day for day in turns if days.start <= day <= days.end)
    total = Fraction(0)
    for begin, after in zip(begins, [*begins[1:], days.end + DAY], strict=True):
        left = claim.minor - sum(minor for day, minor in claim.paid if day < begin)
        total += max(0, left) * (after - begin).days * rate_on(rates, begin) / YEAR_DAYS
    return total


def as_charged(minor: int, claim: Claim, rates: Rates, within: Period) -> Callable[[Claim], int]:
    """Return what says what any state of the claim bears at the rate at which this one was charged `minor`.

    That is the rates', unless they were changed since; then what was charged for each day and unit.
    """
    if interest_minor(claim, rates, within) == minor:
        return lambda one: interest_minor(one, rates, within)
    for by in (rates, ((date.min, 100.0),)):
        if weight := exact(claim, by, within):
            return lambda one: _rounded(minor * exact(one, by, within) / weight)
    return lambda one: interest_minor(one, rates, within)


def _rounded(sum_: Fraction) -> int:
    return int(sum_ + Fraction(1, 2))


def months(first: date, last: date) -> list[Period]:
    """Return the calendar months that end by `last`, from the one that holds `first` on."""
    found: list[Period] = []
    start = first.replace(day=1)
    while True:
        following = (start.replace(day=28) + 4 * DAY).replace(day=1)
        if following - DAY > last:
            return found
        found.append(Period(start, following - DAY))
        start = following
