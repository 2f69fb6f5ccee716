"""What an URL asks of a report: days with sensible defaults, words, choices. Nonsense asks for the usual."""

from datetime import date, timedelta

from flask import abort, request

from core import clock
from registry import reports
from registry.report_kinds import Ask, Days, Report, Start
from webapp import runtime


def found(name: str) -> Report:
    """Return the report an URL names, or answer that there is none."""
    report = reports.named(name)
    if report is None:
        abort(404)
    return report


def asked(report: Report) -> Ask:
    """Return what the URL asks."""
    first, last = usual_days(report.start, today())
    last = _day("on" if report.days is Days.ONE else "to", last)
    first = min(_day("from", min(first, last)), last)
    return Ask(
        first=first,
        last=last,
        q=request.args.get("q", "").strip()[:100],
        currency=request.args.get("currency", "").strip()[:3].upper(),
        chosen={
            choice.name: value
            for choice in report.choices
            if (value := request.args.get(choice.name, "")) in choice.words
        },
    )


def query(report: Report) -> dict[str, str]:
    """Return what the URL says of this report, for the links to its paper and files."""
    names = ("on", "from", "to", "q", "currency", "sort", *(choice.name for choice in report.choices))
    return {name: value for name in names if (value := request.args.get(name))}


def today() -> date:
    """Return the business day of the ISP."""
    return clock.today(runtime.current().settings.isp.time_zone)


def usual_days(start: Start, on: date) -> tuple[date, date]:
    """Return the days a report shows when none are asked for."""
    first = on.replace(day=1)
    if start is Start.LAST_MONTH:
        eve = first - timedelta(days=1)
        return eve.replace(day=1), eve
    return (on, on) if start is Start.TODAY else (first, on)


def _day(name: str, usual: date) -> date:
    try:
        day = date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return usual
    return day if 1970 <= day.year <= 2200 else usual
