"""The nights: what the closing of each business day did, and whom it left out."""

from flask import Response, request

from core.money import Money
from registry import nights
from registry.keyset import order
from registry.nights import NightFilter
from webapp import asked, permissions, rendering, runtime


@permissions.required("charge.run")
def listing() -> Response:
    """The nights, newest first."""
    filters = NightFilter(
        state=asked.word("state", nights.STATES), first_day=asked.day("from"), last_day=asked.day("to")
    )
    sort = order(request.args.get("sort", ""), nights.KEYS, nights.USUAL_SORT)
    with runtime.current().database.reading() as session:
        found, mark = nights.page(session, filters, sort=sort, after=request.args.get("after"))
    return rendering.page_or_fragment(
        "cashier/nights.html",
        "cashier/_nights.html",
        nights=found,
        next=mark,
        filters=filters,
        sort=sort,
        states=nights.STATES,
        is_filtered=filters != NightFilter(),
        as_money=Money,
    )
