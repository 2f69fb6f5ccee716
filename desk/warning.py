"""Warnings: a flag on customers or on one line, set and taken back. It opens and closes no line.

Only where the ISP switched that on is a warned line led to the customer's page, as a notice leads there (see
leading.lead): everything but plain web requests passes, and a line that is cut stays as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import and_, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import clock, errors
from core.columns import any_of
from core.words import N_
from desk import leading
from desk.models import WarningLeading
from registry import audit, warned
from registry.models import Customer, Line, WarningFlag

LONGEST = 1000
_one = WarningFlag


@dataclass(frozen=True, slots=True)
class Changed:
    """What an act did: to how many customers, and whose lines are wanted otherwise now."""

    count: int
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A warning as the customer's page shows it; no content: the usual words."""

    content: str
    set_at: datetime


def give(
    session: Session,
    actor: audit.Actor,
    customer_ids: Sequence[int],
    *,
    line_id: int | None = None,
    content: str = "",
    today: date,
) -> Changed:
    """Warn these customers on all their lines; `line_id` warns one line of one customer.

    Who is warned already keeps it, with the new words if there are some. Raises Invalid.
    """
    words = content.strip()
    if len(words) > LONGEST:
        said = N_("Write at most %(limit)s characters", limit=LONGEST)
        raise errors.Invalid(said, {"content": said})
    if line_id is not None:
        _check_line(session, customer_ids, line_id)
    chosen = select(
        Customer.id,
        literal(line_id, _one.line_id.type),
        literal(words, _one.content.type),
        literal(actor.name[:120]),
    ).where(Customer.id == any_of(customer_ids))
    written = session.scalars(
        insert(_one)
        .from_select(["customer_id", "line_id", "content", "set_by"], chosen)
        .on_conflict_do_update(
            index_elements=["customer_id", "line_id"],
            index_where=_one.withdrawn_at.is_(None),
            set_={"content": words},
            where=and_(_one.content != words, literal(bool(words))),
        )
        .returning(_one.customer_id)
    ).all()
    _tell(session, actor, "warning.set", written, line_id=line_id, note=words)
    return Changed(len(written), leading.lead(session, written, by=actor.name, today=today))


def withdraw(
    session: Session,
    actor: audit.Actor,
    customer_ids: Sequence[int],
    *,
    line_id: int | None = None,
    today: date,
) -> Changed:
    """Take every warning of these customers back, also those on single lines; or the one on `line_id`."""
    where = [_one.customer_id == any_of(customer_ids), warned.standing()]
    if line_id is not None:
        where.append(_one.line_id == line_id)
    taken = session.scalars(
        update(_one)
        .where(*where)
        .values(withdrawn_at=clock.now(), withdrawn_by=actor.name[:120])
        .returning(_one.customer_id),
        execution_options={"synchronize_session": False},
    ).all()
    concerned = sorted(set(taken))
    _tell(session, actor, "warning.withdrawn", concerned, line_id=line_id, note="")
    return Changed(len(concerned), leading.lead(session, concerned, by=actor.name, today=today))


def switch(session: Session, actor: audit.Actor, *, is_on: bool, today: date) -> tuple[int, ...]:
    """Lead warned customers to their page, or no more; return the lines wanted otherwise."""
    leading.hold_switch(session, WarningLeading, is_to_change=True)
    if leading.is_warning_leading(session) == is_on:
        return ()
    session.add(WarningLeading(is_on=is_on, author=actor.name[:120]))
    session.flush()
    audit.record(session, actor, "warning.leading_on" if is_on else "warning.leading_off")
    concerned = session.scalars(select(_one.customer_id).where(warned.standing()).distinct()).all()
    return leading.lead(session, concerned, by=actor.name, today=today)


def count(session: Session) -> int:
    """Return how many customers are warned."""
    query = select(func.count(_one.customer_id.distinct())).where(warned.standing())
    return session.scalar(query) or 0


def shown(session: Session, customer_id: int, subscription_id: int | None) -> list[Shown]:
    """Return what the page says at this line of the customer: nothing while nobody is led there by it."""
    if not leading.is_warning_leading(session):
        return []
    here = select(Line.id).where(Line.subscription_id == subscription_id).scalar_subquery()
    query = select(_one.content, _one.set_at).where(
        _one.customer_id == customer_id, warned.standing(), or_(_one.line_id.is_(None), _one.line_id == here)
    )
    return [Shown(*row) for row in session.execute(query.order_by(_one.id))]


def _check_line(session: Session, customer_ids: Sequence[int], line_id: int) -> None:
    owner = session.scalar(select(Line.customer_id).where(Line.id == line_id))
    if list(customer_ids) != [owner]:
        raise errors.Invalid("No such line", {"line_id": "Choose from the list"})


def _tell(
    session: Session,
    actor: audit.Actor,
    action: str,
    customer_ids: Sequence[int],
    *,
    line_id: int | None,
    note: str,
) -> None:
    """Write the line of history of everybody concerned."""
    whom = select(Customer.id.label("customer_id")).where(Customer.id == any_of(customer_ids))
    kind = "line" if line_id is not None else "customer"
    audit.record_for_many(session, actor, action, whom, object_kind=kind, object_id=line_id, note=note)
