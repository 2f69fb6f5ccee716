"""Notices to customers: kept without being on, given to one, many or all, seen, confirmed, withdrawn."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import clock, errors
from core.columns import any_of
from core.words import N_
from desk import leading
from desk.models import Notice, NoticeAssignment
from registry import audit
from registry.models import Customer, Line

_one = NoticeAssignment


@dataclass(frozen=True, slots=True)
class Shown:
    """A notice as the page shows it to a customer."""

    id: int
    title: str
    content: str
    is_confirmable: bool
    assigned_at: datetime


@dataclass(frozen=True, slots=True)
class Given:
    """What a bulk act did: to how many customers, and whose lines are wanted otherwise now."""

    count: int
    lines: tuple[int, ...]


def known(session: Session) -> Sequence[Notice]:
    """Return the notices to choose from: those that are on first, then the newest."""
    return session.scalars(select(Notice).order_by(Notice.is_on.desc(), Notice.id.desc())).all()


def get(session: Session, notice_id: int) -> Notice:
    """Return a notice; raises NotFound."""
    found = session.get(Notice, notice_id)
    if found is None:
        raise errors.NotFound("There is no such notice")
    return found


def save(
    session: Session,
    actor: audit.Actor,
    notice_id: int | None,
    *,
    title: str,
    content: str,
    is_confirmable: bool,
    texts: Mapping[str, Mapping[str, str]] | None = None,
) -> Notice:
    """Write a notice down, off at first, or change one; raises Invalid, NotFound.

    `texts` are title and content by language, beside the ISP's; a language without content has none, one
    without a title keeps the ISP's.
    """
    faults = {
        name: words
        for name, text, words in (
            ("title", title, N_("Write a title")),
            ("content", content, N_("Write what is to be read")),
        )
        if not text.strip()
    }
    if faults:
        raise errors.Invalid("The notice is not complete", faults)
    kept = {
        language: {part: text.get(part, "").strip() for part in ("title", "content")}
        for language, text in (texts or {}).items()
        if text.get("content", "").strip()
    }
    values = {
        "title": title.strip(), "content": content.strip(), "texts": kept, "is_confirmable": is_confirmable,
    }  # fmt: skip
    found = get(session, notice_id) if notice_id is not None else Notice(author=actor.name[:120])
    before = {name: getattr(found, name) for name in values} if notice_id is not None else {}
    for name, value in values.items():
        setattr(found, name, value)
    session.add(found)
    session.flush()
    changes = audit.difference(before, values)
    action = "notice.created" if notice_id is None else "notice.changed"
    audit.record(session, actor, action, object_kind="notice", object_id=found.id, changes=changes)
    return found


def switch(
    session: Session, actor: audit.Actor, notice_id: int, *, is_on: bool, today: date
) -> tuple[int, ...]:
    """Show the notice to whom it is given, or to nobody; return the lines wanted otherwise."""
    found = session.get(Notice, notice_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise errors.NotFound("There is no such notice")
    if found.is_on == is_on:
        return ()
    found.is_on = is_on
    session.flush()
    action = "notice.on" if is_on else "notice.off"
    audit.record(session, actor, action, object_kind="notice", object_id=notice_id, note=found.title)
    return leading.lead(session, _holders(session, notice_id), by=actor.name, today=today)


def assign(
    session: Session,
    actor: audit.Actor,
    notice_id: int,
    customer_ids: Sequence[int],
    *,
    line_id: int | None = None,
    today: date,
) -> Given:
    """Give the notice to these customers; who has it already keeps it. Raises NotFound, Invalid.

    `line_id` gives it at one line of one customer.
    """
    # Whoever switches it waits: he would else not see these customers, nor these the switch.
    found = session.get(Notice, notice_id, with_for_update={"read": True}, populate_existing=True)
    if found is None:
        raise errors.NotFound("There is no such notice")
    if line_id is not None:
        owner = session.scalar(select(Line.customer_id).where(Line.id == line_id))
        if list(customer_ids) != [owner]:
            raise errors.Invalid("No such line", {"line_id": "Choose from the list"})
    chosen = select(
        literal(notice_id), Customer.id, literal(line_id, _one.line_id.type), literal(actor.name[:120])
    ).where(Customer.id == any_of(customer_ids))
    given = session.scalars(
        insert(_one)
        .from_select(["notice_id", "customer_id", "line_id", "assigned_by"], chosen)
        .on_conflict_do_nothing()
        .returning(_one.customer_id)
    ).all()
    _tell(session, actor, "notice.given", given, found)
    return Given(len(given), leading.lead(session, given, by=actor.name, today=today))


def withdraw(
    session: Session,
    actor: audit.Actor,
    notice_id: int,
    customer_ids: Sequence[int] | None = None,
    *,
    today: date,
) -> Given:
    """Take the notice back from these customers, or from all who have it; raises NotFound."""
    found = get(session, notice_id)
    where = [_one.notice_id == notice_id, leading.open_notice()]
    if customer_ids is not None:
        where.append(_one.customer_id == any_of(customer_ids))
    taken = session.scalars(
        update(_one)
        .where(*where)
        .values(withdrawn_at=clock.now(), withdrawn_by=actor.name[:120])
        .returning(_one.customer_id),
        execution_options={"synchronize_session": False},
    ).all()
    _tell(session, actor, "notice.withdrawn", taken, found)
    return Given(len(set(taken)), leading.lead(session, taken, by=actor.name, today=today))


def shown(
    session: Session, customer_id: int, subscription_id: int | None, *, language: str = ""
) -> list[Shown]:
    """Return what the page shows at this line of the customer, the oldest first, in that language.

    A notice that has no text in it is shown in the ISP's.
    """
    query = (
        select(_one.id, _one.assigned_at, Notice)
        .join(Notice, Notice.id == _one.notice_id)
        .where(_one.customer_id == customer_id, Notice.is_on, leading.open_notice(), _at(subscription_id))
    )
    found = []
    for one_id, assigned_at, notice in session.execute(query.order_by(_one.id)):
        title, content = words(notice, language)
        found.append(Shown(one_id, title, content, notice.is_confirmable, assigned_at))
    return found


def words(notice: Notice, language: str) -> tuple[str, str]:
    """Return title and content in that language, else in the ISP's."""
    text = notice.texts.get(language, {})
    if not text:
        return notice.title, notice.content
    return text["title"] or notice.title, text["content"]


def note_seen(session: Session, shown_ids: Iterable[int], address: str) -> None:
    """Write down that the page showed these, the first time it did."""
    session.execute(
        update(_one)
        .where(_one.id == any_of(shown_ids), _one.seen_at.is_(None))
        .values(seen_at=clock.now(), seen_from=address[:45]),
        execution_options={"synchronize_session": False},
    )


def confirm(
    session: Session,
    actor: audit.Actor,
    assignment_id: int,
    *,
    customer_id: int,
    address: str,
    today: date,
) -> tuple[int, ...]:
    """Take the customer's word that he has read it: it is gone. Returns the lines wanted otherwise.

    One that is gone already stays as it is. Raises NotFound for another's, Forbidden for one that only the
    office takes back.
    """
    found = session.get(_one, assignment_id, with_for_update=True)
    if found is None or found.customer_id != customer_id:
        raise errors.NotFound("There is no such notice")
    notice = get(session, found.notice_id)
    if not notice.is_confirmable:
        raise errors.Forbidden("This notice stays until we take it back")
    if found.confirmed_at is not None or found.withdrawn_at is not None:
        return ()
    found.confirmed_at, found.confirmed_from = clock.now(), address[:45]
    found.seen_at = found.seen_at or found.confirmed_at
    session.flush()
    audit.record(
        session, actor, "notice.confirmed", customer_id=customer_id, object_kind="notice",
        object_id=notice.id, note=f"{notice.title} ({address})",
    )  # fmt: skip
    return leading.lead(session, [customer_id], by=actor.name, today=today)


def _at(subscription_id: int | None) -> ColumnElement[bool]:
    here = select(Line.id).where(Line.subscription_id == subscription_id).scalar_subquery()
    return or_(_one.line_id.is_(None), _one.line_id == here)


def _holders(session: Session, notice_id: int) -> Sequence[int]:
    query = select(_one.customer_id).where(_one.notice_id == notice_id, leading.open_notice())
    return session.scalars(query.distinct()).all()


def _tell(
    session: Session, actor: audit.Actor, action: str, customer_ids: Sequence[int], notice: Notice
) -> None:
    """Write the line of history of everybody concerned."""
    whom: Select[int] = select(Customer.id.label("customer_id")).where(Customer.id == any_of(customer_ids))
    audit.record_for_many(
        session, actor, action, whom, object_kind="notice", object_id=notice.id, note=notice.title
    )
