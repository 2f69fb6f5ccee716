"""What the page of a cutoff plan is asked for: filters, order, and the rows that are ticked."""

from flask import request
from sqlalchemy.orm import Session

from billing.models import DecisionAction, Review
from registry import cutoff_lists
from registry.cutoff_lists import PlanFilter
from registry.keyset import order
from webapp import asked

MOST_TICKED = 1000


def filters() -> PlanFilter:
    """Read the filters; a value that is none of a filter's filters nothing."""
    return PlanFilter(
        action=asked.choice("action", DecisionAction),
        reason=asked.text("reason")[:40],
        q=asked.text(),
        review=asked.choice("review", Review),
        outcome=asked.text("outcome")[:40],
        group_id=asked.number("group"),
        pop_id=asked.number("pop"),
        gate_id=asked.number("gate"),
        compared=asked.word("compared", (cutoff_lists.NEW,)),
    )


def sort() -> str:
    """Return the order of the rows."""
    return order(request.args.get("sort", ""), cutoff_lists.KEYS, cutoff_lists.USUAL_SORT)


def chosen(session: Session, run_id: int, scope: str) -> list[int]:
    """Return the ids of the rows that are ticked, or, for "all", of all the filters leave."""
    if scope == "all":
        return cutoff_lists.ids(session, run_id, filters())
    ticked = request.form.getlist("row")[:MOST_TICKED]
    return [int(text) for text in ticked if text.isascii() and text.isdecimal() and len(text) < 19]
