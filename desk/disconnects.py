"""The disconnect queue: lines to be taken off on the spot; who, when, why, planned for when, done by whom.

Who is in it for debt leaves it by himself once he owes too little to be cut.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from billing import debt
from billing.models import Account, LedgerEntry
from billing.rules import Rules
from core import clock, errors
from core.columns import any_of, for_each
from core.money import Money
from core.words import N_
from desk import tickets
from desk.models import Disconnect, DisconnectResult, DisconnectWhy
from registry import audit, keyset, search
from registry.keyset import Key, Marks
from registry.models import Customer, StaffUser

PAGE = 50
NOTE_LIMIT = 500
NOBODY = 0
USUAL_SORT = "planned"
FAR = date(9999, 12, 31)
OPEN, ENDED = "open", "ended"
STATES = (OPEN, ENDED, *(result.value for result in DisconnectResult))
KEYS = {
    "planned": Key(func.coalesce(Disconnect.planned_on, FAR), date),
    "added": Key(Disconnect.id, int),
    "customer": Key(Customer.sort_name, str),
    "owed": Key(func.greatest(0, -Account.balance_minor), int),
}


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """What the queue is narrowed to; all given must hold. `state` is a word of STATES."""

    text: str = ""
    state: str = OPEN
    why: DisconnectWhy | None = None
    staff_id: int | None = None
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class QueueRow:
    """An entry with the customer it is about and who is to go there."""

    id: int
    customer_id: int
    number: str
    customer: str
    why: DisconnectWhy
    note: str
    added_by: str
    added_at: datetime
    planned_on: date | None
    staff: str
    tries: int
    tried_at: datetime | None
    result: DisconnectResult | None
    result_note: str
    ended_at: datetime | None
    ended_by: str
    balance: Money


def add(
    session: Session,
    actor: audit.Actor,
    customer_ids: Sequence[int],
    *,
    why: DisconnectWhy,
    note: str,
    planned_on: date | None = None,
    staff_id: int | None = None,
    run_id: int | None = None,
) -> list[int]:
    """Put customers into the queue; who is in it already stays as he is. Return the ids of new entries.

    Raises Invalid at `note` or `staff_id`.
    """
    note = _note(note, is_needed=True)
    if staff_id is not None:
        tickets.check_assignee(session, staff_id)
    ids = sorted(set(customer_ids))
    if not ids:
        return []
    columns = {
        "why": why,
        "note": note,
        "planned_on": planned_on,
        "staff_id": staff_id,
        "run_id": run_id,
        "added_by": actor.name,
    }
    added = session.execute(
        insert(Disconnect)
        .from_select(["customer_id", *columns], for_each(ids, Disconnect.__table__, columns))
        .on_conflict_do_nothing(index_elements=["customer_id"], index_where=Disconnect.result.is_(None))
        .returning(Disconnect.id, Disconnect.customer_id)
    ).all()
    for entry_id, customer_id in added:
        _record(session, actor, "disconnect.added", (entry_id, customer_id), note)
    return [entry_id for entry_id, _ in added]


def plan(
    session: Session,
    actor: audit.Actor,
    entry_ids: Sequence[int],
    *,
    planned_on: date | None = None,
    staff_id: int | None = None,
) -> int:
    """Say when open entries are due, or who goes there, or both; return how many.

    What is none stays as it is; NOBODY takes the technician off. Raises Invalid.
    """
    if planned_on is None and staff_id is None:
        raise errors.Invalid("Say when, or who goes there")
    if staff_id not in (None, NOBODY):
        tickets.check_assignee(session, staff_id)
    said = {"planned_on": planned_on, "staff_id": staff_id}
    values = {name: value or None for name, value in said.items() if value is not None}
    changed = session.execute(
        update(Disconnect)
        .where(Disconnect.id == any_of(entry_ids), Disconnect.result.is_(None))
        .values(**values)
        .returning(Disconnect.id, Disconnect.customer_id)
    ).all()
    day = planned_on.isoformat() if planned_on else ""
    for entry_id, customer_id in changed:
        _record(session, actor, "disconnect.planned", (entry_id, customer_id), day)
    return len(changed)


def end(
    session: Session,
    actor: audit.Actor,
    entry_ids: Sequence[int],
    result: DisconnectResult,
    *,
    note: str = "",
) -> int:
    """End open entries with a result; return how many. Withdrawing asks for a note. Raises Invalid at it."""
    note = _note(note, is_needed=result is DisconnectResult.WITHDRAWN)
    ended = session.execute(
        update(Disconnect)
        .where(Disconnect.id == any_of(entry_ids), Disconnect.result.is_(None))
        .values(result=result, result_note=note, ended_at=clock.now(), ended_by=actor.name)
        .returning(Disconnect.id, Disconnect.customer_id)
    ).all()
    for entry_id, customer_id in ended:
        _record(session, actor, f"disconnect.{result.value}", (entry_id, customer_id), note)
    return len(ended)


def done(session: Session, actor: audit.Actor, entry_id: int, *, note: str) -> None:
    """Note that the line was taken off, once. Raises NotFound, and Conflict when he has paid meanwhile."""
    if _found(session, entry_id).result is not DisconnectResult.DISCONNECTED:
        _open(session, entry_id)
        end(session, actor, [entry_id], DisconnectResult.DISCONNECTED, note=note)


def miss(session: Session, actor: audit.Actor, entry_id: int, *, note: str, next_on: date | None) -> None:
    """Note that nobody was at home; the entry stays, for another day. Raises NotFound, Conflict.

    Said again by the same person for the same day it is one visit.
    """
    entry = _open(session, entry_id)
    if entry.tries and (entry.tried_by, entry.planned_on) == (actor.name, next_on):
        return
    entry.tries += 1
    entry.tried_at, entry.tried_by, entry.planned_on = clock.now(), actor.name, next_on
    _record(session, actor, "disconnect.missed", (entry_id, entry.customer_id), _note(note))


def _found(session: Session, entry_id: int) -> Disconnect:
    """Return the entry, locked; raises NotFound."""
    found = session.get(Disconnect, entry_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise errors.NotFound("There is no such entry in the disconnect queue")
    return found


def _open(session: Session, entry_id: int) -> Disconnect:
    """Return the entry, locked; raises NotFound, and Conflict when it is ended."""
    found = _found(session, entry_id)
    if found.result is DisconnectResult.PAID:
        raise errors.Conflict("The customer has paid meanwhile: the line stays on")
    if found.result is not None:
        raise errors.Overtaken(N_("%(who)s ended this already", who=found.ended_by))
    return found


def let_go(session: Session, on: date, *, rules: Rules) -> int:
    """Take out of the queue who is in it for debt, has paid since and owes too little; return how many.

    Who owed too little when he was put in is there by somebody's word, and stays.
    """
    has_paid = (
        select(LedgerEntry.id)
        .where(
            LedgerEntry.account_id == Customer.account_id,
            LedgerEntry.amount_minor > 0,
            LedgerEntry.posted_at >= Disconnect.added_at,
        )
        .exists()
    )
    waiting = session.execute(
        select(Disconnect.id, debt.owed_minor(on, literal(0)))
        .join(Customer, Customer.id == Disconnect.customer_id)
        .join(Account, Account.id == Customer.account_id)
        .where(Disconnect.result.is_(None), Disconnect.why == DisconnectWhy.DEBT, has_paid)
    )
    ids = [entry_id for entry_id, past_due_minor in waiting if rules.lets_in(past_due_minor)]
    return end(session, audit.Actor(None, "disconnect queue"), ids, DisconnectResult.PAID) if ids else 0


def page(
    session: Session, filters: QueueFilter, *, sort: str, after: str | None, limit: int = PAGE
) -> tuple[list[QueueRow], Marks]:
    """Return a page of the queue in an order of KEYS, and the mark of the next."""
    found, mark = keyset.page(
        session,
        _narrowed(filters),
        sort=sort,
        keys=KEYS,
        id_column=Disconnect.id,
        after=after,
        limit=limit,
    )
    return [_row(row) for row in found], mark


def open_of(session: Session, customer_id: int) -> QueueRow | None:
    """Return the customer's entry that is still to be done, if there is one."""
    query = _rows().where(Disconnect.customer_id == customer_id, Disconnect.result.is_(None))
    row = session.execute(query).one_or_none()
    return _row(row) if row else None


def of_technician(session: Session, staff_id: int, on: date) -> list[QueueRow]:
    """Return what is due for a technician by that day: his entries, then nobody's."""
    query = _rows().where(
        Disconnect.result.is_(None),
        Disconnect.staff_id.is_(None) | (Disconnect.staff_id == staff_id),
        Disconnect.planned_on.is_(None) | (Disconnect.planned_on <= on),
    )
    order = (Disconnect.staff_id.is_(None), Disconnect.planned_on.nulls_last(), Disconnect.id)
    return [_row(row) for row in session.execute(query.order_by(*order).limit(100))]


def _narrowed(filters: QueueFilter) -> Select[Any]:
    query = _rows()
    if filters.state == OPEN:
        query = query.where(Disconnect.result.is_(None))
    elif filters.state == ENDED:
        query = query.where(Disconnect.result.is_not(None))
    elif filters.state:
        query = query.where(Disconnect.result == filters.state)
    if filters.text:
        query = query.where(Customer.id.in_(search.matching(filters.text)))
    if filters.why is not None:
        query = query.where(Disconnect.why == filters.why)
    if filters.staff_id is not None:
        query = query.where(Disconnect.staff_id == filters.staff_id)
    if filters.first_day is not None:
        query = query.where(Disconnect.planned_on >= filters.first_day)
    if filters.last_day is not None:
        query = query.where(Disconnect.planned_on <= filters.last_day)
    return query


def _rows() -> Select[Any]:
    columns: tuple[Any, ...] = (Disconnect, Customer, StaffUser.name, Account)
    return (
        select(*columns)
        .select_from(Disconnect)
        .join(Customer, Customer.id == Disconnect.customer_id)
        .join(Account, Account.id == Customer.account_id)
        .outerjoin(StaffUser, StaffUser.id == Disconnect.staff_id)
    )


def _row(row: Any) -> QueueRow:
    entry, customer, staff, account = row[:4]
    return QueueRow(
        id=entry.id,
        customer_id=customer.id,
        number=customer.number,
        customer=customer.name,
        why=entry.why,
        note=entry.note,
        added_by=entry.added_by,
        added_at=entry.added_at,
        planned_on=entry.planned_on,
        staff=staff or "",
        tries=entry.tries,
        tried_at=entry.tried_at,
        result=entry.result,
        result_note=entry.result_note,
        ended_at=entry.ended_at,
        ended_by=entry.ended_by or "",
        balance=Money(account.balance_minor, account.currency),
    )


def _note(note: str, *, is_needed: bool = False) -> str:
    note = note.strip()
    if is_needed and not note:
        raise errors.Invalid("No reason", {"note": N_("Write why")})
    if len(note) > NOTE_LIMIT:
        raise errors.Invalid("Too long", {"note": N_("At most %(count)s characters", count=NOTE_LIMIT)})
    return note


def _record(session: Session, actor: audit.Actor, action: str, subject: tuple[int, int], note: str) -> None:
    """Write the act on an entry, named with its customer, into his history."""
    entry_id, customer_id = subject
    audit.record(
        session,
        actor,
        action,
        customer_id=customer_id,
        object_kind="disconnect",
        object_id=entry_id,
        note=note,
    )
