"""Notes: what staff write on a customer or on one of his devices; urgent ones come first."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, errors
from core.words import N_
from registry import audit
from registry.models import Customer, Device, Note

LIMIT = 10_000


def of_customer(session: Session, customer_id: int, *, limit: int = 100) -> list[Note]:
    """Return the customer's notes: urgent ones first, then the newest."""
    query = select(Note).where(Note.customer_id == customer_id)
    return list(session.scalars(query.order_by(Note.is_urgent.desc(), Note.id.desc()).limit(limit)))


def get(session: Session, customer_id: int, note_id: int) -> Note:
    """Return the customer's note; raises NotFound, also when it is another customer's."""
    note = session.get(Note, note_id)
    if note is None or note.customer_id != customer_id:
        raise errors.NotFound("There is no such note")
    return note


def add(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    *,
    content: str,
    is_urgent: bool = False,
    device_id: int | None = None,
) -> Note:
    """Write a note; raises Invalid when it is empty, too long, or on a device not his."""
    if session.get(Customer, customer_id) is None:
        raise errors.NotFound("There is no such customer")
    _check_device(session, customer_id, device_id)
    note = Note(
        customer_id=customer_id,
        device_id=device_id,
        content=_checked(content),
        is_urgent=is_urgent,
        author_id=actor.staff_id,
        author=actor.name,
    )
    session.add(note)
    session.flush()
    _record(session, actor, "note.added", note, {"content": [None, note.content]})
    return note


def change(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    note_id: int,
    *,
    content: str,
    is_urgent: bool,
) -> Note:
    """Change a note's text or urgency; history keeps the old text."""
    note = get(session, customer_id, note_id)
    content = _checked(content)
    before = {"content": note.content, "is_urgent": note.is_urgent}
    changes = audit.difference(before, {"content": content, "is_urgent": is_urgent})
    if changes:
        note.content, note.is_urgent, note.changed_at = content, is_urgent, clock.now()
        _record(session, actor, "note.changed", note, changes)
    return note


def remove(session: Session, actor: audit.Actor, customer_id: int, note_id: int) -> None:
    """Remove a note; history keeps its text."""
    note = get(session, customer_id, note_id)
    _record(session, actor, "note.removed", note, {"content": [note.content, None]})
    session.delete(note)
    session.flush()


def _checked(content: str) -> str:
    content = content.strip()
    if not 0 < len(content) <= LIMIT:
        raise errors.Invalid(
            "Not a note", {"content": N_("Write a text of at most %(count)s characters", count=LIMIT)}
        )
    return content


def _check_device(session: Session, customer_id: int, device_id: int | None) -> None:
    device = session.get(Device, device_id) if device_id is not None else None
    if device_id is not None and (device is None or device.customer_id != customer_id):
        raise errors.Invalid("Not his device", {"device_id": "Choose one of the customer's devices"})


def _record(
    session: Session, actor: audit.Actor, action: str, note: Note, changes: dict[str, list[str | None]]
) -> None:
    audit.record(
        session,
        actor,
        action,
        customer_id=note.customer_id,
        object_kind="note",
        object_id=note.id,
        changes=changes,
    )
