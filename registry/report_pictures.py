"""Pictures of reports: bars of all rows asked for, a picture a currency; the page says them in words too."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session

from core.money import Money
from registry import report_reading
from registry.report_kinds import Ask, Report

# More bars than these are too thin to be seen: then weeks are drawn, then months.
_MOST_BARS = 62
_MOST_NAMED = 12


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar: which of the picture's kinds it is, and percents of the picture's height."""

    kind: int
    sum: Money
    from_percent: float
    percent: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: what it stands for (a day, or a name), its sum and its parts."""

    name: Any
    sum: Money
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """Bars of one currency: `kinds` are the parts' names with their sums; `step` what a bar of days spans."""

    bars: tuple[Bar, ...]
    kinds: tuple[tuple[str, Money], ...]
    most: Money
    step: str = ""


def of(session: Session, report: Report, ask: Ask) -> tuple[Picture, ...]:
    """Return the pictures of a report, one a currency; none where it has no bars, or nothing to draw."""
    draw = _DRAWN.get(report.picture)
    return draw(session, report, ask) if draw else ()


def _days(session: Session, report: Report, ask: Ask) -> tuple[Picture, ...]:
    """Draw what came in by day and method; days without money are drawn too, as empty places."""
    found = report_reading.summed(session, report, ask, ("dated_on", "method"), "in_minor")
    return tuple(_of_days(currency, rows) for currency, rows in _by_currency(found))


def _of_days(currency: str, rows: Sequence[tuple[Any, ...]]) -> Picture:
    days = [day for day, *_ in rows]
    step = _step(min(days), max(days))
    kinds = sorted({method for _, method, _ in rows})
    sums: dict[date, dict[str, int]] = {place: {} for place in _places(min(days), max(days), step)}
    for day, method, minor in rows:
        place = sums[_begin(day, step)]
        place[method] = place.get(method, 0) + minor
    return _picture(currency, list(sums.items()), kinds, step)


def _names(session: Session, report: Report, ask: Ask) -> tuple[Picture, ...]:
    """Draw net and VAT by plan, the largest first; what is small is drawn together, under no name."""
    net = report_reading.summed(session, report, ask, ("plan",), "net_minor")
    vat = report_reading.summed(session, report, ask, ("plan",), "vat_minor")
    taxed = {(currency, plan): minor for currency, plan, minor in vat}
    pictures = []
    for currency, rows in _by_currency(net):
        bars = [(plan, {"net": minor, "vat": taxed[currency, plan]}) for plan, minor in rows]
        bars = [(plan, sums) for plan, sums in bars if min(sums.values()) >= 0 and any(sums.values())]
        bars.sort(key=lambda bar: -sum(bar[1].values()))
        rest = bars[_MOST_NAMED:]
        bars = bars[:_MOST_NAMED]
        if rest:
            bars.append((None, {kind: sum(sums[kind] for _, sums in rest) for kind in ("net", "vat")}))
        if bars:
            pictures.append(_picture(currency, bars, ["net", "vat"]))
    return tuple(pictures)


def _picture(
    currency: str, bars: Sequence[tuple[Any, dict[str, int]]], kinds: Sequence[str], step: str = ""
) -> Picture:
    most = max(sum(sums.values()) for _, sums in bars) or 1
    drawn = []
    for name, sums in bars:
        parts, upto = [], 0
        for place, kind in enumerate(kinds):
            minor = sums.get(kind, 0)
            if minor:
                parts.append(Part(place, Money(minor, currency), upto / most * 100, minor / most * 100))
            upto += minor
        drawn.append(Bar(name, Money(upto, currency), tuple(parts)))
    totals = [(kind, Money(sum(sums.get(kind, 0) for _, sums in bars), currency)) for kind in kinds]
    return Picture(tuple(drawn), tuple(totals), Money(most, currency), step)


def _by_currency(rows: Sequence[tuple[Any, ...]]) -> list[tuple[str, list[tuple[Any, ...]]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    for currency, *rest in rows:
        found.setdefault(currency, []).append(tuple(rest))
    return sorted(found.items())


def _step(first: date, last: date) -> str:
    days = (last - first).days + 1
    return "day" if days <= _MOST_BARS else "week" if days <= _MOST_BARS * 7 else "month"


def _begin(day: date, step: str) -> date:
    if step == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if step == "week" else day


def _places(first: date, last: date, step: str) -> list[date]:
    places = [_begin(first, step)]
    while places[-1] < _begin(last, step):
        ahead = {"day": 1, "week": 7, "month": 31}[step]
        places.append(_begin(places[-1] + timedelta(days=ahead), step))
    return places


_DRAWN: dict[str, Callable[[Session, Report, Ask], tuple[Picture, ...]]] = {"days": _days, "names": _names}
