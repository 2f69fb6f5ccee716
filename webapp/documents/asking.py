"""What a list of documents is asked for: filters and order, as they stand in the URL."""

from datetime import date

from flask import request

from billing.models import DocumentKind
from core import clock
from registry import papers
from registry.papers import PaperFilter
from webapp import runtime


def today() -> date:
    """Return the business day of the ISP."""
    return clock.today(runtime.current().settings.isp.time_zone)


def filters() -> PaperFilter:
    """Read the filters; a value that is none of a filter's filters nothing."""
    asked = request.args
    kind, state, customer = asked.get("kind", ""), asked.get("state", ""), asked.get("customer", "")
    return PaperFilter(
        text=asked.get("q", "").strip().replace("\0", "")[:80],
        kind=DocumentKind(kind) if kind in set(DocumentKind) else None,
        customer_id=int(customer)
        if customer.isascii() and customer.isdecimal() and len(customer) < 19
        else None,
        first_day=_day("from"),
        last_day=_day("to"),
        state=state if state in papers.STATES else "",
    )


def sort() -> str:
    """Return the order of the list, a word of papers.SORTS with or without a minus."""
    asked = request.args.get("sort", papers.USUAL_SORT)
    return asked if asked.removeprefix("-") in papers.SORTS else papers.USUAL_SORT


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None
