"""The closing of the books as staff do it, each with its line of history."""

from datetime import date

from sqlalchemy.orm import Session

from billing import books, closing
from billing.models import BooksClosing
from registry import audit
from registry.money import author


def close(session: Session, actor: audit.Actor, through: date, *, today: date, note: str) -> BooksClosing:
    """Close the books through a day (see billing.closing.close)."""
    before = books.closed_through(session)
    made = closing.close(session, through, author=author(actor), today=today, note=note)
    return _recorded(session, actor, "books.closed", before, made)


def reopen(session: Session, actor: audit.Actor, through: date | None, *, reason: str) -> BooksClosing:
    """Move the closing back, or open all (see billing.closing.reopen)."""
    before = books.closed_through(session)
    made = closing.reopen(session, through, author=author(actor), reason=reason)
    return _recorded(session, actor, "books.opened", before, made)


def _recorded(
    session: Session, actor: audit.Actor, action: str, before: date | None, made: BooksClosing
) -> BooksClosing:
    audit.record(
        session,
        actor,
        action,
        object_kind="books_closing",
        object_id=made.id,
        changes=audit.difference({"closed_through": before}, {"closed_through": made.closed_through}),
        note=made.reason,
    )
    return made
