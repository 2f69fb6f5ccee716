"""What a list of documents is asked for: filters and order, as they stand in the URL."""

from datetime import date

from flask import request

from billing.models import DocumentKind
from core import clock
from registry import papers
from registry.keyset import order
from registry.papers import PaperFilter
from webapp import asked, runtime


def today() -> date:
    """Return the business day of the ISP."""
    return clock.today(runtime.current().settings.isp.time_zone)


def filters() -> PaperFilter:
    """Read the filters; a value that is none of a filter's filters nothing."""
    return PaperFilter(
        text=asked.text(),
        kind=asked.choice("kind", DocumentKind),
        customer_id=asked.number("customer"),
        first_day=asked.day("from"),
        last_day=asked.day("to"),
        state=asked.word("state", papers.STATES),
    )


def sort() -> str:
    """Return the order of the list, a word of papers.KEYS with or without a minus."""
    return order(request.args.get("sort", ""), papers.KEYS, papers.USUAL_SORT)
