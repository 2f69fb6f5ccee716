"""The board of tickets of all customers: open by urgency, closed the last first, or in an order asked for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from desk.models import OrderLine, Ticket, TicketKind, TicketStatus
from registry import keyset, search
from registry.keyset import Key, Marks
from registry.models import Customer, StaffUser

USUAL_SORT = "urgency"
USUAL_SORT_OF_CLOSED = "-closed"
KEYS = {
    "urgency": Key(Ticket.priority, int),
    "subject": Key(func.lower(Ticket.subject), str),
    "customer": Key(Customer.sort_name, str),
    "assignee": Key(func.coalesce(StaffUser.name, ""), str),
    "opened": Key(Ticket.id, int),
    "closed": Key(Ticket.closed_at, datetime),
}


@dataclass(frozen=True, slots=True)
class BoardFilter:
    """What the board is narrowed to; everything given must hold."""

    is_closed: bool = False
    assignee_id: int | None = None
    is_unassigned: bool = False
    kind: TicketKind | None = None
    priority: int | None = None
    text: str = ""
    is_to_bill: bool = False


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A ticket with whose it is and who works on it."""

    id: int
    customer_id: int
    number: str
    customer: str
    kind: TicketKind
    subject: str
    priority: int
    assignee: str
    author: str
    created_at: datetime
    closed_at: datetime | None
    closed_by: str


@dataclass(frozen=True, slots=True)
class BoardPage:
    """A page of the board; `next` is a cursor, or None at the end."""

    rows: tuple[BoardRow, ...]
    next: Marks


def keys(*, is_closed: bool) -> dict[str, Key]:
    """Return the orders there are: only what is closed stands by when it was."""
    return {name: key for name, key in KEYS.items() if is_closed or name != "closed"}


def page(
    session: Session, filters: BoardFilter, *, sort: str = "", after: str | None = None, limit: int = 50
) -> BoardPage:
    """Return a page in an order of KEYS; without one the open by urgency, the closed the last first."""
    usual = USUAL_SORT_OF_CLOSED if filters.is_closed else USUAL_SORT
    found, mark = keyset.page(
        session,
        _filtered(filters),
        sort=sort or usual,
        keys=KEYS,
        id_column=Ticket.id,
        after=after,
        limit=limit,
    )
    return BoardPage(tuple(_row(*row) for row in found), mark)


def open_counts(session: Session, staff_id: int) -> tuple[int, int, int]:
    """Return how many tickets are open: all, the person's, and nobody's."""
    row = session.execute(
        select(
            func.count(),
            func.count().filter(Ticket.assignee_id == staff_id),
            func.count().filter(Ticket.assignee_id.is_(None)),
        ).where(Ticket.status != TicketStatus.CLOSED)
    ).one()
    return row[0], row[1], row[2]


def to_bill_count(session: Session) -> int:
    """Return how many closed tickets hold work that is not billed yet."""
    query = select(func.count()).where(Ticket.status == TicketStatus.CLOSED, _is_to_bill())
    return session.scalar(query) or 0


def _is_to_bill() -> Any:
    # In the words of its partial index (ix_order_lines_to_bill): what is billed is not looked at.
    left = text("order_lines.entry_id IS NULL AND order_lines.quantity_hundredths > 0")
    return Ticket.id.in_(select(OrderLine.ticket_id).where(left))


def _filtered(filters: BoardFilter) -> Any:
    query: Any = (
        select(Ticket, Customer, func.coalesce(StaffUser.name, ""))
        .join(Customer, Customer.id == Ticket.customer_id)
        .outerjoin(StaffUser, StaffUser.id == Ticket.assignee_id)
    )
    if filters.assignee_id is not None:
        query = query.where(Ticket.assignee_id == filters.assignee_id)
    if filters.is_unassigned:
        query = query.where(Ticket.assignee_id.is_(None))
    if filters.kind is not None:
        query = query.where(Ticket.kind == filters.kind)
    if filters.is_to_bill:
        query = query.where(_is_to_bill())
    if filters.priority is not None:
        query = query.where(Ticket.priority == filters.priority)
    if filters.text:
        is_meant = Ticket.customer_id.in_(search.matching(filters.text))
        query = query.where(or_(is_meant, Ticket.subject.icontains(filters.text, autoescape=True)))
    is_over = Ticket.status == TicketStatus.CLOSED
    return query.where(is_over if filters.is_closed else ~is_over)


def _row(ticket: Ticket, customer: Customer, assignee: str) -> BoardRow:
    return BoardRow(
        id=ticket.id,
        customer_id=customer.id,
        number=customer.number,
        customer=customer.name,
        kind=ticket.kind,
        subject=ticket.subject,
        priority=ticket.priority,
        assignee=assignee,
        author=ticket.author,
        created_at=ticket.created_at,
        closed_at=ticket.closed_at,
        closed_by=ticket.closed_by or "",
    )
