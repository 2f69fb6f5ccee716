"""What the page of a cutoff plan is asked for: filters, order, and the rows that are ticked."""

from flask import request
from sqlalchemy.orm import Session

from billing.models import DecisionAction, Review
from registry import cutoff_lists
from registry.cutoff_lists import PlanFilter
from registry.keyset import order

MOST_TICKED = 1000


def filters() -> PlanFilter:
    """Read the filters; a value that is none of a filter's filters nothing."""
    asked = request.args
    action, review = asked.get("action", ""), asked.get("review", "")
    return PlanFilter(
        action=DecisionAction(action) if action in set(DecisionAction) else None,
        reason=asked.get("reason", "")[:40],
        q=asked.get("q", "").strip().replace("\0", "")[:80],
        review=Review(review) if review in set(Review) else None,
        outcome=asked.get("outcome", "")[:40],
        group_id=_id("group"),
        pop_id=_id("pop"),
        gate_id=_id("gate"),
        compared=cutoff_lists.NEW if asked.get("compared") == cutoff_lists.NEW else "",
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


def _id(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
