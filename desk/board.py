"""The board of tickets of all customers: what is open by urgency, and what was closed lately."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select, tuple_
from sqlalchemy.orm import Session

from desk.models import Ticket, TicketKind, TicketStatus
from registry import paging
from registry.models import Customer, StaffUser


@dataclass(frozen=True, slots=True)
class BoardFilter:
    """What the board is narrowed to; everything given must hold."""

    is_closed: bool = False
    assignee_id: int | None = None
    is_unassigned: bool = False
    kind: TicketKind | None = None
    priority: int | None = None


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
    next: str | None


def page(session: Session, filters: BoardFilter, *, after: str | None = None, limit: int = 50) -> BoardPage:
    """Return a page of the board: open tickets by urgency and age, closed ones the last closed first."""
    query = _filtered(filters)
    query = _closed(query, after) if filters.is_closed else _open(query, after)
    found = session.execute(query.limit(limit + 1)).all()
    rows = tuple(_row(*row) for row in found[:limit])
    more = _cursor(rows[-1], filters.is_closed) if len(found) > limit else None
    return BoardPage(rows, more)


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
    if filters.priority is not None:
        query = query.where(Ticket.priority == filters.priority)
    return query


def _open(query: Any, after: str | None) -> Any:
    keys = (Ticket.priority, Ticket.id)
    query = query.where(Ticket.status != TicketStatus.CLOSED).order_by(*keys)
    cursor = paging.read(after, "open", (int, int))
    return query.where(tuple_(*keys) > tuple_(*cursor.values)) if cursor else query


def _closed(query: Any, after: str | None) -> Any:
    query = query.where(Ticket.status == TicketStatus.CLOSED)
    query = query.order_by(Ticket.closed_at.desc(), Ticket.id.desc())
    cursor = paging.read(after, "closed", (str, int))
    at = _moment(str(cursor.values[0])) if cursor else None
    if cursor is None or at is None:
        return query
    is_later = and_(Ticket.closed_at == at, Ticket.id < cursor.values[1])
    return query.where(or_(Ticket.closed_at < at, is_later))


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _cursor(row: BoardRow, is_closed: bool) -> str:
    if is_closed and row.closed_at is not None:
        return paging.write(
            paging.Cursor("closed", is_back=False, values=(row.closed_at.isoformat(), row.id))
        )
    return paging.write(paging.Cursor("open", is_back=False, values=(row.priority, row.id)))


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
