"""Prices: quantity, discount letters, VAT, and what part of a period costs. No database.

Sums in the ledger are gross. A net price becomes gross for the whole period first, then days are shared; a
document takes the VAT out of the gross again, which for whole periods gives the net price back to the unit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from billing.rules import DAY, Period
from core import money

FULL = 100


@dataclass(frozen=True, slots=True)
class Off:
    """A discount: hundredths of a percent, or a sum off the whole period's price; never both."""

    percent_hundredths: int = 0
    amount_minor: int = 0


@dataclass(frozen=True, slots=True)
class Reduced:
    """Days billed at less than the full price, both ends included; no `until`: it still stands."""

    start: date
    until: date | None
    percent: int


def whole_minor(
    unit_minor: int, quantity: int, offs: Iterable[Off] = (), *, vat_hundredths: int | None, is_net: bool
) -> int:
    """Return what a whole period costs, gross: percents add up (to 100 at most), then sums come off."""
    offs = list(offs)
    percent = min(10_000, sum(off.percent_hundredths for off in offs))
    price = round_ratio(unit_minor * quantity * (10_000 - percent), 10_000)
    price = max(0, price - sum(off.amount_minor for off in offs))
    return price + round_ratio(price * vat_hundredths, 10_000) if is_net and vat_hundredths else price


def vat_of(gross_minor: int, vat_hundredths: int | None) -> int:
    """Return the VAT inside a gross sum; 0 outside VAT."""
    if not vat_hundredths:
        return 0
    return gross_minor - round_ratio(gross_minor * 10_000, 10_000 + vat_hundredths)


def part_minor(whole_price_minor: int, whole: Period, part: Period, reduced: Sequence[Reduced] = ()) -> int:
    """Return what the days of `part` cost when `whole` costs so much, reduced days at their percent.

    It is what falls to the part's last day less what falls to the eve of its first, each rounded by itself:
    so parts that fill the whole add up to it exactly, and reduced days never cost more than full ones.
    """
    upto_end = _upto(whole_price_minor, whole, part.end, reduced)
    return upto_end - _upto(whole_price_minor, whole, part.start - DAY, reduced)


def _stretches(part: Period, reduced: Sequence[Reduced]) -> list[tuple[date, date, int]]:
    """Return the stretches of one percent: first day, last day, percent."""
    begins = {part.start}
    for found in reduced:
        begins.add(found.start)
        if found.until is not None:
            begins.add(found.until + DAY)
    starts = sorted(day for day in begins if part.start <= day <= part.end)
    ends = [*(day - DAY for day in starts[1:]), part.end]
    return [(start, end, percent_on(start, reduced)) for start, end in zip(starts, ends, strict=True)]


def percent_on(day: date, reduced: Iterable[Reduced]) -> int:
    """Return how much of the price is asked for a day: the least of what stands on it."""
    standing = (
        found.percent
        for found in reduced
        if found.start <= day and (found.until is None or day <= found.until)
    )
    return min(standing, default=FULL)


def _upto(price_minor: int, whole: Period, last: date, reduced: Sequence[Reduced]) -> int:
    """Return what falls to the days from the first of the whole period to this one."""
    if last < whole.start:
        return 0
    stretches = _stretches(Period(whole.start, last), reduced)
    weight = sum(percent * ((end - start).days + 1) for start, end, percent in stretches)
    return round_ratio(price_minor * weight, FULL * whole.days)


def round_ratio(numerator: int, denominator: int) -> int:
    """Return the quotient in whole minor units, half away from zero."""
    return money.round_minor(Decimal(numerator) / Decimal(denominator))
