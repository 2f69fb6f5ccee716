"""Visits: the appointment of a ticket, from planning to its result, and a technician's day."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, errors
from core.words import N_
from desk import tickets
from desk.models import Ticket, TicketStatus, Visit, VisitResult
from registry import audit
from registry.models import Customer, StaffUser

MINUTES = (30, 60, 120, 240)
USUAL_MINUTES = 60
NOTE_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class VisitView:
    """A visit with what is to be done and for whom; `result` is None while it is still to be made."""

    id: int
    ticket_id: int
    customer_id: int
    number: str
    customer: str
    subject: str
    content: str
    priority: int
    staff_id: int
    staff: str
    starts_at: datetime
    ends_at: datetime
    result: VisitResult | None
    note: str
    ended_at: datetime | None

    @property
    def minutes(self) -> int:
        """How long it is planned to take."""
        return int((self.ends_at - self.starts_at).total_seconds() // 60)


def plan(
    session: Session,
    actor: audit.Actor,
    ticket_id: int,
    *,
    staff_id: int,
    starts_at: datetime,
    minutes: int = USUAL_MINUTES,
    customer_id: int | None = None,
) -> Visit:
    """Agree on a visit, or move the one that is open; the ticket is given to who goes.

    Raises Invalid at the faulty field, Conflict for a closed ticket, NotFound.
    """
    ticket = tickets.get(session, ticket_id, customer_id=customer_id, is_locked=True)
    if ticket.status is TicketStatus.CLOSED:
        raise errors.Conflict("This ticket is closed: open it again first")
    if minutes not in MINUTES:
        raise errors.Invalid("Not a length", {"minutes": "Choose how long it takes"})
    tickets.check_assignee(session, staff_id)
    after: dict[str, Any] = {
        "staff_id": staff_id,
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=minutes),
    }
    visit = _open_of(session, ticket_id)
    action = "visit.moved"
    if visit is None:
        visit, action = Visit(ticket_id=ticket_id, planned_by=actor.name, **after), "visit.planned"
        session.add(visit)
        changes = audit.difference({}, {"starts_at": starts_at.isoformat()})
    else:
        changes = audit.difference({key: str(getattr(visit, key)) for key in after}, _words(after))
        for key, value in after.items():
            setattr(visit, key, value)
    session.flush()
    if ticket.assignee_id != staff_id:
        tickets.assign(session, actor, ticket_id, staff_id)
    if changes:
        _record(session, actor, action, ticket, visit, changes=changes)
    return visit


def _words(values: dict[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in values.items()}


def cancel(
    session: Session, actor: audit.Actor, ticket_id: int, *, customer_id: int | None = None
) -> Visit | None:
    """Call the ticket's open visit off; None when there is none. Raises NotFound."""
    ticket = tickets.get(session, ticket_id, customer_id=customer_id, is_locked=True)
    visit = _open_of(session, ticket_id)
    if visit is not None:
        _end(session, actor, ticket, visit, result=VisitResult.CANCELLED, note="")
    return visit


def finish(session: Session, actor: audit.Actor, visit_id: int, result: VisitResult, note: str = "") -> Visit:
    """End one's own visit: done closes the ticket, not done leaves it open with the reason written on it.

    Sent again by the same person with the same result it changes nothing. Raises Invalid at `note`,
    Forbidden for somebody else's visit, Conflict when it ended otherwise, NotFound.
    """
    note = note.strip()
    if len(note) > NOTE_LIMIT:
        raise errors.Invalid("Too long", {"note": N_("At most %(count)s characters", count=NOTE_LIMIT)})
    if result is VisitResult.NOT_DONE and not note:
        raise errors.Invalid("No reason", {"note": "Write why it could not be done"})
    ticket_id = session.scalar(select(Visit.ticket_id).where(Visit.id == visit_id))
    if ticket_id is None:
        raise errors.NotFound("There is no such visit")
    # The ticket first, as planning does: two at once wait for each other and never crosswise.
    ticket = tickets.get(session, ticket_id, is_locked=True)
    visit = session.get_one(Visit, visit_id, with_for_update=True, populate_existing=True)
    if visit.staff_id != actor.staff_id:
        raise errors.Forbidden("This visit is given to somebody else")
    if visit.result is not None:
        if visit.result is result:
            return visit
        raise errors.Overtaken(N_("%(who)s ended this visit already", who=visit.ended_by))
    _end(session, actor, ticket, visit, result=result, note=note)
    if result is VisitResult.DONE and ticket.status is not TicketStatus.CLOSED:
        tickets.close(session, actor, ticket_id, content=note)
    elif note:
        tickets.comment(session, actor, ticket_id, note)
    return visit


def _end(
    session: Session, actor: audit.Actor, ticket: Ticket, visit: Visit, *, result: VisitResult, note: str
) -> None:
    visit.result, visit.note, visit.ended_at, visit.ended_by = result, note, clock.now(), actor.name
    session.flush()
    _record(session, actor, f"visit.{result.value}", ticket, visit)


def of_day(session: Session, staff_id: int, day: date, zone: str) -> list[VisitView]:
    """Return a technician's visits of a day in the ISP's zone by time, first what is left of earlier days."""
    begin = datetime.combine(day, time(), ZoneInfo(zone))
    end = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone))
    is_of_day = Visit.starts_at >= begin
    query = _views().where(
        Visit.staff_id == staff_id,
        Visit.starts_at < end,
        is_of_day | Visit.result.is_(None),
        Visit.result.is_distinct_from(VisitResult.CANCELLED),
    )
    return [_view(row) for row in session.execute(query.order_by(Visit.starts_at, Visit.id).limit(100))]


def open_of(session: Session, ticket_id: int) -> VisitView | None:
    """Return the visit that is still to be made for the ticket."""
    row = session.execute(_views().where(Visit.ticket_id == ticket_id, Visit.result.is_(None))).one_or_none()
    return _view(row) if row else None


def _open_of(session: Session, ticket_id: int) -> Visit | None:
    query = select(Visit).where(Visit.ticket_id == ticket_id, Visit.result.is_(None)).with_for_update()
    return session.scalar(query)


def _views() -> Any:
    return (
        select(Visit, Ticket, Customer, StaffUser.name)
        .join(Ticket, Ticket.id == Visit.ticket_id)
        .join(Customer, Customer.id == Ticket.customer_id)
        .join(StaffUser, StaffUser.id == Visit.staff_id)
    )


def _view(row: Any) -> VisitView:
    visit, ticket, customer, staff = row
    return VisitView(
        id=visit.id,
        ticket_id=ticket.id,
        customer_id=customer.id,
        number=customer.number,
        customer=customer.name,
        subject=ticket.subject,
        content=ticket.content,
        priority=ticket.priority,
        staff_id=visit.staff_id,
        staff=staff,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        result=visit.result,
        note=visit.note,
        ended_at=visit.ended_at,
    )


def _record(
    session: Session,
    actor: audit.Actor,
    action: str,
    ticket: Ticket,
    visit: Visit,
    *,
    changes: dict[str, list[Any]] | None = None,
) -> None:
    audit.record(
        session,
        actor,
        action,
        customer_id=ticket.customer_id,
        object_kind="visit",
        object_id=visit.id,
        changes=changes,
        note=ticket.subject,
    )
