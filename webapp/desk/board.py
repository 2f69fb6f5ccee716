"""The board of tickets: all, mine, nobody's, the closed, those to bill; a ticket itself opens on its card."""

from dataclasses import dataclass

from flask import Response, request

from desk import board, tickets
from desk.board import BoardFilter, BoardPage
from desk.models import TicketKind
from registry.keyset import order
from webapp import asked, identity, permissions, rendering, runtime

PAGE = 50
SHOWN = ("all", "mine", "nobody", "closed", "bill")


@dataclass(frozen=True, slots=True)
class Board:
    """What the page shows."""

    page: BoardPage
    shown: str
    kind: str
    text: str
    sort: str
    counts: dict[str, int]


@permissions.required("customer.view")
def listing() -> Response:
    """The tickets of all customers; `show`, `kind`, `q`, `sort` and `after` stand in the URL."""
    shown, kind = request.args.get("show", ""), request.args.get("kind", "")
    may_bill = identity.may("order.bill")
    shown = shown if shown in SHOWN and (may_bill or shown != "bill") else SHOWN[0]
    kind = kind if kind in set(TicketKind) else ""
    me = identity.actor().staff_id or 0
    filters = BoardFilter(
        is_closed=shown in ("closed", "bill"),
        is_to_bill=shown == "bill",
        assignee_id=me if shown == "mine" else None,
        is_unassigned=shown == "nobody",
        kind=TicketKind(kind) if kind else None,
        text=asked.text(),
    )
    usual = board.USUAL_SORT_OF_CLOSED if filters.is_closed else board.USUAL_SORT
    sort = order(request.args.get("sort", ""), board.keys(is_closed=filters.is_closed), usual)
    with runtime.current().database.reading() as session:
        page = board.page(session, filters, sort=sort, after=request.args.get("after"), limit=PAGE)
        counts = board.open_counts(session, me)
        to_bill = {"bill": board.to_bill_count(session)} if may_bill else {}
    named = dict(zip(SHOWN, counts, strict=False)) | to_bill
    found = Board(page, shown, kind, filters.text, sort, named)
    return rendering.page_or_fragment(
        "desk/board.html", "desk/board.html", board=found, kinds=list(TicketKind)
    )


@permissions.required("customer.view")
def ticket(ticket_id: int) -> Response:
    """Lead to the ticket on its customer's card."""
    with runtime.current().database.reading() as session:
        found = tickets.get(session, ticket_id)
    return rendering.go("customers.ticket", customer_id=found.customer_id, item_id=ticket_id)
