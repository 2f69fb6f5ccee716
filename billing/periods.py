"""Billing periods: which days a price is for, by kind of period and bill day. No database.

The charge run does the same in SQL (functions billing_ordinal, billing_begin and billing_step of the
database); a test holds the two against each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from billing.models import PeriodKind
from billing.rules import DAY, Period, Share
from core.words import N_

LAST_DAY = 0
MONTHS = {
    PeriodKind.MONTH: 1,
    PeriodKind.QUARTER: 3,
    PeriodKind.HALF_YEAR: 6,
    PeriodKind.YEAR: 12,
}


@dataclass(frozen=True, slots=True)
class Cycle:
    """How periods follow each other.

    `bill_day` is the day of the month on which they begin, 1 to 28 or LAST_DAY; of weeks the ISO weekday.
    Periods of several months begin in `bill_month` and every so many months before and after.
    """

    kind: PeriodKind = PeriodKind.MONTH
    bill_day: int = 1
    bill_month: int = 1

    def whole(self, day: date) -> Period:
        """Return the whole period that holds the day; once is the day itself."""
        if self.kind in {PeriodKind.ONCE, PeriodKind.DAY}:
            return Period(day, day)
        if self.kind is PeriodKind.WEEK:
            start = day - timedelta(days=(day.isoweekday() - self.bill_day) % 7)
            return Period(start, start + timedelta(days=6))
        months = MONTHS[self.kind]
        month = self._month(day)
        first = month - (month - (self.bill_month - 1)) % months
        return Period(self._begin(first), self._begin(first + months) - DAY)

    def _month(self, day: date) -> int:
        """Return the number of the month (12 a year) whose bill day is the last not after the day."""
        if self.bill_day == LAST_DAY:
            after = day + DAY
            return after.year * 12 + after.month - 2
        return day.year * 12 + day.month - 1 - (day.day < self.bill_day)

    def _begin(self, month: int) -> date:
        if self.bill_day == LAST_DAY:
            month += 1
            return date(month // 12, month % 12 + 1, 1) - DAY
        return date(month // 12, month % 12 + 1, self.bill_day)


def anniversary(kind: PeriodKind, starts_on: date) -> Cycle:
    """Return the cycle that begins with the first day; a 29th, 30th or 31st becomes the last day."""
    if kind is PeriodKind.WEEK:
        return Cycle(kind, starts_on.isoweekday(), 1)
    return Cycle(kind, starts_on.day if starts_on.day <= 28 else LAST_DAY, starts_on.month)


def cycle(kind: PeriodKind, starts_on: date, bill_day: int | None, bill_month: int) -> Cycle:
    """Return the cycle as agreed; no bill day: it begins with the first day."""
    return anniversary(kind, starts_on) if bill_day is None else Cycle(kind, bill_day, bill_month)


def faults(cycle: Cycle) -> dict[str, str]:
    """Return what is wrong with bill day and month, by field."""
    found = {}
    if cycle.kind is PeriodKind.WEEK:
        if not 1 <= cycle.bill_day <= 7:
            found["bill_day"] = N_("A week begins on a weekday, 1 to 7")
    elif not 0 <= cycle.bill_day <= 28:
        found["bill_day"] = N_("Bill days are 1 to 28, or the last day of the month")
    if not 1 <= cycle.bill_month <= 12:
        found["bill_month"] = N_("Months are 1 to 12")
    return found


def shares(
    cycle: Cycle, starts_on: date, *, until: date, ends_on: date | None = None, is_postpaid: bool = False
) -> Iterator[Share]:
    """Yield what is charged by `until`, in order: every period that has begun, or is over when postpaid.

    The first runs from the start to the eve of the next bill day, the last stops at `ends_on` (included).
    """
    whole = cycle.whole(starts_on)
    while True:
        start = max(whole.start, starts_on)
        if start > until or (ends_on is not None and start > ends_on):
            return
        end = whole.end if ends_on is None else min(whole.end, ends_on)
        if not is_postpaid or end < until:
            yield Share(Period(start, end), whole)
        if cycle.kind is PeriodKind.ONCE:
            return
        whole = cycle.whole(whole.end + DAY)
