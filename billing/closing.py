"""Closing the books through a day, and opening them again: each a row that stays, with who and why."""

from datetime import date

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from billing import books
from billing.ledger import Author
from billing.models import BankLine, BooksClosing, Document, LedgerEntry, LineStatus, NightRun
from billing.rules import DAY
from core import errors
from core.words import N_

REASON_LIMIT = 300


def close(session: Session, through: date, *, author: Author, today: date, note: str = "") -> BooksClosing:
    """Close the books through a day that is over; nothing is dated on it or before any more.

    Waits for those who write. Raises Invalid at `through` for today and later, for a day closed already, and
    for one whose night has not charged it, at `note` for a long one.
    """
    before = _alone(session)
    if through >= today:
        raise errors.Invalid("Not over", {"through": N_("Only days that are over are closed")})
    if before is not None and through <= before:
        words = N_("The books are closed through %(day)s already", day=before)
        raise errors.Invalid("Closed already", {"through": words})
    last_night = session.scalar(select(func.max(NightRun.run_on)).where(NightRun.finished_at.is_not(None)))
    begun = session.scalar(select(func.min(NightRun.run_on)))
    if begun is not None and (last_night or begun - DAY) < through:
        words = N_("The night of %(day)s is not over: what it charges would be missing", day=through)
        raise errors.Invalid("Not charged", {"through": words})
    return _add(session, through, note, author)


def reopen(session: Session, through: date | None, *, author: Author, reason: str) -> BooksClosing:
    """Move the closing back to an earlier day, or open all (none), with a reason.

    Raises Conflict where nothing is closed, Invalid at `reason` or `through`.
    """
    before = _alone(session)
    if before is None:
        raise errors.Conflict("The books are not closed")
    if not reason.strip():
        raise errors.Invalid("A reason is needed", {"reason": N_("Say why closed days are opened")})
    if through is not None and through >= before:
        words = N_("Choose a day before %(day)s, or none", day=before)
        raise errors.Invalid("Not back", {"through": words})
    return _add(session, through, reason, author)


def history(session: Session, *, before_id: int | None = None, limit: int = 50) -> list[BooksClosing]:
    """Return the closings, newest first."""
    query = select(BooksClosing).order_by(BooksClosing.id.desc()).limit(limit)
    return list(session.scalars(query if before_id is None else query.where(BooksClosing.id < before_id)))


def waiting(session: Session, through: date) -> int:
    """Return how many lines of the bank of the days through that one nobody settled yet."""
    query = select(func.count()).where(BankLine.status == LineStatus.WAITING, BankLine.booked_on <= through)
    return session.scalar(query) or 0


def _alone(session: Session) -> date | None:
    """Wait until nobody writes and keep it so; return the last day that is closed."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": books.LOCK})
    return books.closed_through(session)


def _add(session: Session, through: date | None, reason: str, author: Author) -> BooksClosing:
    if len(reason.strip()) > REASON_LIMIT:
        words = N_("Write at most %(limit)s characters", limit=REASON_LIMIT)
        raise errors.Invalid("Too long", {"reason": words, "note": words})
    made = BooksClosing(
        closed_through=through,
        reason=reason.strip(),
        last_entry_id=session.scalar(select(func.max(LedgerEntry.id))) or 0,
        last_document_id=session.scalar(select(func.max(Document.id))) or 0,
        author_id=author.staff_id,
        author=author.name,
    )
    session.add(made)
    session.flush()
    return made
