"""Incidents: opened once for an element, with everybody on it; while one is open, debt cuts none of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.orm import Session

from billing import pauses
from core import clock, errors
from core.words import N_
from registry import audit, incident_elements, paging
from registry.incident_elements import Element
from registry.models import Customer, Incident, IncidentCustomer, IncidentScope, IpAddress

PAGE = 50
# A sighting this soon after the opening may still be from before the fault.
RECOVERY_S = 90
JOB = audit.Actor(None, "diagnosis")


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident with how many customers it hits."""

    id: int
    scope: IncidentScope
    place: str
    title: str
    opened_at: datetime
    opened_by: str
    is_automatic: bool
    closed_at: datetime | None
    closed_by: str
    close_note: str
    customers: int
    run_id: int | None


@dataclass(frozen=True, slots=True)
class Affected:
    """A customer whom an incident hits."""

    customer_id: int
    number: str
    name: str


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """A page of incidents; `next` is a cursor, or None at the end."""

    rows: tuple[IncidentRow, ...]
    next: str | None


def open_one(
    session: Session,
    actor: audit.Actor,
    element: Element,
    title: str,
    *,
    run_id: int | None = None,
    is_automatic: bool = False,
) -> tuple[int, bool]:
    """Open an incident for the element; returns its id and whether it is new: one is open at a time.

    Everybody on the element gets a line of history, and the cutoff of their accounts is paused. Raises
    Invalid when nobody is on it.
    """
    customers = incident_elements.customers_on(session, element)
    if not customers:
        raise errors.Invalid("No customer is on file there: there is nobody to tell")
    made = session.scalar(
        pg_insert(Incident)
        .values(
            scope=element.scope,
            element=element.key,
            place=element.place[:240],
            title=title[:240],
            device_id=element.device_id,
            run_id=run_id,
            opened_by=actor.name[:120],
            is_automatic=is_automatic,
        )
        .on_conflict_do_nothing(index_elements=["element"], index_where=Incident.closed_at.is_(None))
        .returning(Incident.id)
    )
    if made is None:
        standing = session.scalar(
            select(Incident.id).where(Incident.element == element.key, Incident.closed_at.is_(None))
        )
        if standing is None:
            raise errors.Unavailable("The incident was closed this very moment; try again")
        return standing, False
    session.execute(
        insert(IncidentCustomer), [{"incident_id": made, "customer_id": one} for one in sorted(customers)]
    )
    note = N_("Incident %(number)s: %(title)s", number=made, title=title)
    pauses.place(session, set(customers.values()), owner=owner_of(made), note=note)
    _record(session, actor, "incident.opened", made, note)
    return made, True


def close(session: Session, actor: audit.Actor, incident_id: int, *, note: str = "") -> bool:
    """Close an incident and let the cutoff go on; False when it was closed already. Raises NotFound."""
    if session.get(Incident, incident_id) is None:
        raise errors.NotFound("There is no such incident")
    closed = session.scalar(
        update(Incident)
        .where(Incident.id == incident_id, Incident.closed_at.is_(None))
        .values(closed_at=clock.now(), closed_by=actor.name[:120], close_note=note.strip())
        .returning(Incident.id)
    )
    if closed is None:
        return False
    pauses.lift(session, owner=owner_of(incident_id))
    words = N_("Incident %(number)s: %(title)s", number=incident_id, title=note.strip() or "–")
    _record(session, actor, "incident.closed", incident_id, words)
    return True


def close_recovered(session: Session) -> list[int]:
    """Close what a job opened and is over: half of those it hits were heard again. Returns their ids."""
    heard = (
        select(IpAddress.customer_id)
        .where(
            IpAddress.customer_id == IncidentCustomer.customer_id,
            IpAddress.last_seen_at > Incident.opened_at + timedelta(seconds=RECOVERY_S),
        )
        .exists()
    )
    over = session.scalars(
        select(Incident.id)
        .join(IncidentCustomer, IncidentCustomer.incident_id == Incident.id)
        .where(Incident.closed_at.is_(None), Incident.is_automatic)
        .group_by(Incident.id)
        .having(func.count().filter(heard) * 2 >= func.count())
        .order_by(Incident.id)
    ).all()
    return [one for one in over if close(session, JOB, one, note=N_("Half of those it hit were heard again"))]


def owner_of(incident_id: int) -> str:
    """Return the name under which an incident pauses the cutoff."""
    return f"incident:{incident_id}"


def _record(session: Session, actor: audit.Actor, action: str, incident_id: int, note: str) -> None:
    """Write the act into the history of the incident itself and of every customer it hits."""
    audit.record(session, actor, action, object_kind="incident", object_id=incident_id, note=note)
    audit.record_for_many(
        session,
        actor,
        action,
        select(IncidentCustomer.customer_id).where(IncidentCustomer.incident_id == incident_id),
        object_kind="incident",
        object_id=incident_id,
        note=note,
    )


def of_customer(session: Session, customer_id: int) -> tuple[IncidentRow, ...]:
    """Return the open incidents that hit the customer, the oldest first."""
    query = (
        _rows()
        .join(IncidentCustomer, IncidentCustomer.incident_id == Incident.id)
        .where(IncidentCustomer.customer_id == customer_id, Incident.closed_at.is_(None))
        .order_by(Incident.id)
    )
    return tuple(_row(*row) for row in session.execute(query))


def get(session: Session, incident_id: int) -> IncidentRow:
    """Return one incident; raises NotFound."""
    row = session.execute(_rows().where(Incident.id == incident_id)).one_or_none()
    if row is None:
        raise errors.NotFound("There is no such incident")
    return _row(*row)


def affected(session: Session, incident_id: int, *, limit: int = 500) -> tuple[Affected, ...]:
    """Return whom an incident hits, by number."""
    rows = session.scalars(
        select(Customer)
        .join(IncidentCustomer, IncidentCustomer.customer_id == Customer.id)
        .where(IncidentCustomer.incident_id == incident_id)
        .order_by(Customer.number)
        .limit(limit)
    )
    return tuple(Affected(row.id, row.number, row.name) for row in rows)


def page(
    session: Session, *, is_closed: bool, scope: IncidentScope | None = None, after: str | None = None
) -> IncidentPage:
    """Return a page of open or closed incidents, the newest first."""
    query = _rows().where(Incident.closed_at.is_not(None) if is_closed else Incident.closed_at.is_(None))
    if scope is not None:
        query = query.where(Incident.scope == scope)
    cursor = paging.read(after, "incidents", (int,))
    if cursor is not None:
        query = query.where(Incident.id < cursor.values[0])
    found = session.execute(query.order_by(Incident.id.desc()).limit(PAGE + 1)).all()
    rows = tuple(_row(*row) for row in found[:PAGE])
    if len(found) <= PAGE:
        return IncidentPage(rows, None)
    return IncidentPage(rows, paging.write(paging.Cursor("incidents", is_back=False, values=(rows[-1].id,))))


def count_open(session: Session) -> int:
    """Return how many incidents are open."""
    query = select(func.count()).select_from(Incident).where(Incident.closed_at.is_(None))
    return session.scalar(query) or 0


def _rows() -> Any:
    other = IncidentCustomer.__table__.alias("hit")
    number = select(func.count()).select_from(other).where(other.c.incident_id == Incident.id)
    return select(Incident, number.correlate(Incident).scalar_subquery())


def _row(incident: Incident, customers: int) -> IncidentRow:
    return IncidentRow(
        id=incident.id,
        scope=incident.scope,
        place=incident.place,
        title=incident.title,
        opened_at=incident.opened_at,
        opened_by=incident.opened_by,
        is_automatic=incident.is_automatic,
        closed_at=incident.closed_at,
        closed_by=incident.closed_by or "",
        close_note=incident.close_note,
        customers=customers,
        run_id=incident.run_id,
    )
