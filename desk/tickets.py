"""Tickets: faults, requests and tasks of a customer, from opening to closing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import clock, errors
from core.words import N_
from desk import order_lines
from desk.models import Ticket, TicketComment, TicketKind, TicketStatus
from registry import audit
from registry.models import Customer, StaffUser

PRIORITIES = (1, 2, 3, 4)
SUBJECT_LIMIT = 200
CONTENT_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class TicketView:
    """A ticket as lists and the card show it; `comments` counts what was written on it."""

    id: int
    customer_id: int
    kind: TicketKind
    subject: str
    content: str
    priority: int
    status: TicketStatus
    assignee_id: int | None
    assignee: str
    author: str
    created_at: datetime
    closed_at: datetime | None
    closed_by: str
    comments: int

    @property
    def is_open(self) -> bool:
        """Whether work remains."""
        return self.status is not TicketStatus.CLOSED


def open(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    *,
    subject: str,
    kind: TicketKind = TicketKind.FAULT,
    content: str = "",
    priority: int = 3,
    assignee_id: int | None = None,
) -> Ticket:
    """Open a ticket, with the articles that stand for its customer (desk.order_lines).

    Raises Invalid at the faulty field, NotFound without such a customer.
    """
    if session.get(Customer, customer_id) is None:
        raise errors.NotFound("There is no such customer")
    faults = {}
    if not 0 < len(subject.strip()) <= SUBJECT_LIMIT:
        faults["subject"] = N_("Write what it is about, in at most %(count)s characters", count=SUBJECT_LIMIT)
    if len(content.strip()) > CONTENT_LIMIT:
        faults["content"] = N_("At most %(count)s characters", count=CONTENT_LIMIT)
    if priority not in PRIORITIES:
        faults["priority"] = N_("A priority is between 1 (most urgent) and 4")
    if faults:
        raise errors.Invalid("The ticket is not complete", faults)
    check_assignee(session, assignee_id)
    ticket = Ticket(
        customer_id=customer_id,
        kind=kind,
        subject=subject.strip(),
        content=content.strip(),
        priority=priority,
        assignee_id=assignee_id,
        author_id=actor.staff_id,
        author=actor.name,
    )
    session.add(ticket)
    session.flush()
    order_lines.copy(session, actor, ticket)
    record(session, actor, "ticket.opened", ticket)
    return ticket


def comment(
    session: Session, actor: audit.Actor, ticket_id: int, content: str, *, customer_id: int | None = None
) -> TicketComment:
    """Write on a ticket, also on a closed one; raises Invalid when there is no text, NotFound."""
    ticket = get(session, ticket_id, customer_id=customer_id)
    written = _write(session, actor, ticket, content)
    record(session, actor, "ticket.commented", ticket)
    return written


def close(
    session: Session,
    actor: audit.Actor,
    ticket_id: int,
    *,
    customer_id: int | None = None,
    content: str = "",
) -> Ticket:
    """Close a ticket, with a last word if given; raises Conflict when it is closed already, NotFound."""
    ticket = get(session, ticket_id, customer_id=customer_id, is_locked=True)
    if ticket.status is TicketStatus.CLOSED:
        raise errors.Overtaken(N_("%(who)s closed this ticket already", who=ticket.closed_by))
    if content.strip():
        _write(session, actor, ticket, content)
    before = ticket.status
    ticket.status, ticket.closed_at, ticket.closed_by = TicketStatus.CLOSED, clock.now(), actor.name
    session.flush()
    record(session, actor, "ticket.closed", ticket, {"status": [before.value, ticket.status.value]})
    return ticket


def reopen(session: Session, actor: audit.Actor, ticket_id: int, *, customer_id: int | None = None) -> Ticket:
    """Open a closed ticket again; raises Conflict when it is open, NotFound."""
    ticket = get(session, ticket_id, customer_id=customer_id, is_locked=True)
    if ticket.status is not TicketStatus.CLOSED:
        raise errors.Conflict("This ticket is open")
    ticket.status, ticket.closed_at, ticket.closed_by = TicketStatus.OPEN, None, None
    session.flush()
    changes = audit.difference({"status": TicketStatus.CLOSED}, {"status": TicketStatus.OPEN})
    record(session, actor, "ticket.reopened", ticket, changes)
    return ticket


def assign(
    session: Session,
    actor: audit.Actor,
    ticket_id: int,
    assignee_id: int | None,
    *,
    customer_id: int | None = None,
) -> Ticket:
    """Give a ticket to a member of staff, or to nobody; raises Invalid at `assignee_id`, NotFound."""
    ticket = get(session, ticket_id, customer_id=customer_id, is_locked=True)
    check_assignee(session, assignee_id)
    names = _staff_names(session, (ticket.assignee_id, assignee_id))
    before, after = (names.get(staff_id, "") for staff_id in (ticket.assignee_id, assignee_id))
    ticket.assignee_id = assignee_id
    session.flush()
    changes = audit.difference({"assignee": before}, {"assignee": after})
    if changes:
        record(session, actor, "ticket.assigned", ticket, changes)
    return ticket


def get(
    session: Session, ticket_id: int, *, customer_id: int | None = None, is_locked: bool = False
) -> Ticket:
    """Return the ticket, of that customer when one is named; raises NotFound."""
    query = select(Ticket).where(Ticket.id == ticket_id)
    if is_locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    ticket = session.scalar(query)
    if ticket is None or customer_id not in (None, ticket.customer_id):
        raise errors.NotFound("There is no such ticket")
    return ticket


def of_customer(
    session: Session, customer_id: int, *, is_closed: bool | None = None, limit: int = 100
) -> list[TicketView]:
    """Return the customer's tickets: open ones first by urgency, then closed ones, the newest first."""
    query = _views().where(Ticket.customer_id == customer_id)
    if is_closed is not None:
        is_over = Ticket.status == TicketStatus.CLOSED
        query = query.where(is_over if is_closed else ~is_over)
    order = (
        (Ticket.status == TicketStatus.CLOSED),
        Ticket.closed_at.desc(),
        Ticket.priority,
        Ticket.id.desc(),
    )
    return [_view(row) for row in session.execute(query.order_by(*order).limit(limit))]


def view(session: Session, customer_id: int, ticket_id: int) -> TicketView:
    """Return one ticket of the customer; raises NotFound."""
    query = _views().where(Ticket.customer_id == customer_id, Ticket.id == ticket_id)
    row = session.execute(query).one_or_none()
    if row is None:
        raise errors.NotFound("There is no such ticket")
    return _view(row)


def comments(session: Session, ticket_id: int) -> list[TicketComment]:
    """Return what was written on the ticket, the oldest first."""
    query = select(TicketComment).where(TicketComment.ticket_id == ticket_id)
    return list(session.scalars(query.order_by(TicketComment.id)))


def most_urgent_open(session: Session, customer_id: int) -> TicketView | None:
    """Return the customer's unfinished ticket that matters most: by priority, then age. One SELECT."""
    query = (
        _views()
        .where(Ticket.customer_id == customer_id, Ticket.status != TicketStatus.CLOSED)
        .order_by(Ticket.priority, Ticket.created_at, Ticket.id)
        .limit(1)
    )
    row = session.execute(query).one_or_none()
    return _view(row) if row else None


def _views() -> Any:
    count = (
        select(func.count()).where(TicketComment.ticket_id == Ticket.id).correlate(Ticket).scalar_subquery()
    )
    assignee = func.coalesce(StaffUser.name, "")
    return select(Ticket, assignee, count).outerjoin(StaffUser, StaffUser.id == Ticket.assignee_id)


def _view(row: Any) -> TicketView:
    ticket, assignee, count = row
    fields = ("id", "customer_id", "kind", "subject", "content", "priority", "status", "assignee_id")
    values = {field: getattr(ticket, field) for field in fields}
    return TicketView(
        **values,
        assignee=assignee,
        author=ticket.author,
        created_at=ticket.created_at,
        closed_at=ticket.closed_at,
        closed_by=ticket.closed_by or "",
        comments=count,
    )


def _write(session: Session, actor: audit.Actor, ticket: Ticket, content: str) -> TicketComment:
    content = content.strip()
    if not 0 < len(content) <= CONTENT_LIMIT:
        raise errors.Invalid(
            "Not a comment",
            {"content": N_("Write a text of at most %(count)s characters", count=CONTENT_LIMIT)},
        )
    written = TicketComment(ticket_id=ticket.id, content=content, author_id=actor.staff_id, author=actor.name)
    session.add(written)
    session.flush()
    return written


def check_assignee(session: Session, assignee_id: int | None) -> None:
    """Raise Invalid at `assignee_id` unless it is nobody or somebody who works here."""
    staff = session.get(StaffUser, assignee_id) if assignee_id is not None else None
    if assignee_id is not None and (staff is None or not staff.is_active):
        raise errors.Invalid("Nobody", {"assignee_id": "Choose somebody who works here"})


def _staff_names(session: Session, ids: Sequence[int | None]) -> dict[int | None, str]:
    wanted = [staff_id for staff_id in ids if staff_id is not None]
    rows = session.execute(select(StaffUser.id, StaffUser.name).where(StaffUser.id.in_(wanted)))
    return dict(rows.all())


def record(
    session: Session,
    actor: audit.Actor,
    action: str,
    ticket: Ticket,
    changes: dict[str, list[Any]] | None = None,
) -> None:
    """Write a line of history of a ticket."""
    audit.record(
        session,
        actor,
        action,
        customer_id=ticket.customer_id,
        object_kind="ticket",
        object_id=ticket.id,
        changes=changes,
        note=ticket.subject,
    )
