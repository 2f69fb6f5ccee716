"""How LMS says periods, days, discounts and statuses, in our words. No database.

Meanings by LMS's lib/definitions.php and its billing run (bin/lms-payments.php): periods 0 once, 1 day,
2 week, 3 month, 4 quarter, 5 year, 7 half-year; `at` is a weekday, a day of the month, (month in the quarter
or half-year - 1) * 100 + day, or the day of a year of 365.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from billing import periods
from billing.models import PeriodKind
from billing.periods import Cycle
from billing.prices import Off, whole_minor
from registry.models import CustomerStatus

DAY = timedelta(days=1)
ONCE = 0
PERIODS = {
    1: PeriodKind.DAY,
    2: PeriodKind.WEEK,
    3: PeriodKind.MONTH,
    4: PeriodKind.QUARTER,
    5: PeriodKind.YEAR,
    7: PeriodKind.HALF_YEAR,
}
# How LMS turns the price of one period into that of another: by months of twelve, weeks of a quarter month.
_MONTHS = {3: Decimal(1), 4: Decimal(3), 7: Decimal(6), 5: Decimal(12)}
_PER_MONTH = {**_MONTHS, 2: 1 / Decimal(4), 1: 1 / Decimal(30)}
DEBT_COLLECTION = 5
_STATUSES = {
    1: CustomerStatus.PROSPECT,
    2: CustomerStatus.WAITING,
    3: CustomerStatus.CONNECTED,
    4: CustomerStatus.FORMER,
    DEBT_COLLECTION: CustomerStatus.CONNECTED,
}
_CENT, _MILL = Decimal("0.01"), Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Price:
    """What is asked for a period here: own price of one (none: the plan's), how many, and what comes off."""

    unit_minor: int | None
    quantity: int
    off_hundredths: int | None = None
    off_minor: int | None = None


def status_of(status: int, *, is_deleted: bool) -> CustomerStatus:
    """Return our status; a deleted customer is a former one, an unknown status waits."""
    return CustomerStatus.FORMER if is_deleted else _STATUSES.get(status, CustomerStatus.WAITING)


def day_of(seconds: int, zone: ZoneInfo) -> date | None:
    """Return the day of a moment (Unix time, 0: none) on the ISP's clock."""
    return datetime.fromtimestamp(seconds, zone).date() if seconds else None


def cycle_of(period: int, at: int) -> Cycle:
    """Return how the periods follow each other; a 29th, 30th or 31st becomes the last day of the month."""
    kind = PERIODS[period]
    if kind is PeriodKind.DAY:
        return Cycle(kind)
    if kind is PeriodKind.WEEK:
        return Cycle(kind, at if 1 <= at <= 7 else 1)
    if kind is PeriodKind.MONTH:
        month, day = 1, at
    elif kind is PeriodKind.YEAR:
        on = date(2001, 1, 1) + timedelta(days=min(max(at, 1), 365) - 1)
        month, day = on.month, on.day
    else:
        month, day = at // 100 + 1, at % 100
    return Cycle(kind, day if 1 <= day <= 28 else periods.LAST_DAY, month)


def billed_from(
    cycle: Cycle, starts_on: date, opening_on: date, *, is_postpaid: bool, is_settled: bool
) -> date:
    """Return the first day to bill here, when LMS billed everything up to the eve of the opening day.

    In advance LMS asks for whole periods on their first day, so ours begin with the first such day; what is
    paid afterwards is still to be asked for the period the opening day lies in. Settled (part of a first
    period is asked for) a service to come begins on its own first day.
    """
    day = max(starts_on, opening_on)
    whole = cycle.whole(day)
    if is_postpaid:
        return max(whole.start, starts_on)
    if whole.start == day or (is_settled and starts_on >= opening_on):
        return day
    return whole.end + DAY


def converted(value: Decimal, tariff_period: int | None, period: int) -> Decimal:
    """Return the price of one for a period of another length, to three decimals, as LMS does."""
    if tariff_period and period and tariff_period != period:
        value = value / _MONTHS.get(tariff_period, Decimal(1)) * _PER_MONTH[period]
    return value.quantize(_MILL, ROUND_HALF_UP)


def charge(
    value: Decimal,
    tariff_period: int | None,
    period: int,
    *,
    percent: Decimal,
    amount: Decimal,
    count: Decimal,
) -> Decimal:
    """Return what LMS asks for one whole period: the percent and the sum come off, then it is converted.

    Without the tax when the price is net: `gross` puts it on top.
    """
    lowered = ((100 - percent) * value / 100 - amount).quantize(_MILL, ROUND_HALF_UP)
    return (converted(lowered, tariff_period, period) * count).quantize(_CENT, ROUND_HALF_UP)


def gross(value: Decimal, tax: Decimal | None, *, is_net: bool) -> Decimal:
    """Return what is paid: of a net price with its tax (percent), to the cent."""
    if not is_net or not tax:
        return value
    return value + (value * tax / 100).quantize(_CENT, ROUND_HALF_UP)


def price_of(
    plan_minor: int,
    charge_minor: int,
    percent: Decimal,
    amount_minor: int,
    count: Decimal,
) -> Price:
    """Return the terms that ask for exactly this charge: discounts where they give it, else an own price.

    All of it net where the plan is: the tax is the same then.
    """
    quantity = int(count) if count == int(count) and 1 <= count <= 100_000 else 1
    hundredths = int(percent * 100)
    if 0 <= hundredths <= 10_000 and amount_minor >= 0 and count == quantity:
        off = [Off(hundredths), Off(0, amount_minor * quantity)]
        if whole_minor(plan_minor, quantity, off, vat_hundredths=None, is_net=False) == charge_minor:
            return Price(None, quantity, hundredths or None, amount_minor * quantity or None)
    if charge_minor % quantity == 0:
        return Price(charge_minor // quantity, quantity)
    return Price(charge_minor, 1)
