"""What the lists of statements and of their lines are asked for, as it stands in the URL."""

from flask import request

from registry import bank_list, bank_views
from registry.bank_list import BatchFilter
from registry.bank_views import LineFilter
from registry.keyset import order
from webapp import asked


def of_statements() -> tuple[BatchFilter, str]:
    """Return what the list of statements is narrowed to, and its order."""
    filters = BatchFilter(
        text=asked.text(),
        state=asked.word("state", bank_list.STATES),
        first_day=asked.day("from"),
        last_day=asked.day("to"),
    )
    return filters, order(request.args.get("sort", ""), bank_list.KEYS, bank_list.USUAL_SORT)


def of_lines(batch_id: int | None, *, usual: str = "") -> tuple[LineFilter, str]:
    """Return what the lines are narrowed to, and their order; without a statement, of all that wait."""
    filters = LineFilter(
        shown=asked.word("show", bank_views.SHOWN) or usual or usual_of(batch_id),
        text=asked.text(),
        sign=asked.word("sign", bank_views.SIGNS),
    )
    return filters, order(request.args.get("sort", ""), bank_views.KEYS, bank_views.USUAL_SORT)


def usual_of(batch_id: int | None) -> str:
    """Return what is shown unless asked otherwise: a statement whole, of all that wait what wants a look."""
    return "all" if batch_id is not None else "look"
