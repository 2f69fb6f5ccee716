"""Closed books: the day through which nothing is dated any more, as everything that dates something asks it.

Who writes holds the books until the transaction ends (many at once), and who closes them waits for all of
these: so a day is closed behind the last entry that is dated on it, and the next one sees that it is.
"""

from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing.models import BooksClosing
from billing.rules import DAY
from core import errors
from core.words import N_

# The name of the lock: books_closed_through() of the migrations takes it shared.
LOCK = "books"
# The last day that is closed, inside a query that shows something.
CLOSED = select(BooksClosing.closed_through).order_by(BooksClosing.id.desc()).limit(1).scalar_subquery()


def closed_through(session: Session) -> date | None:
    """Return the last day that is closed, for showing it; none where nothing is."""
    return session.scalar(select(CLOSED))


def hold(session: Session) -> date | None:
    """Return the last day that is closed, and keep it so until the transaction ends."""
    found: date | None = session.scalar(select(func.books_closed_through()))
    return found


def first_open(closed: date | None) -> date:
    """Return the first day on which anything may be dated."""
    return date.min if closed is None else closed + DAY


def refuse(session: Session, on: date) -> None:
    """Raise Invalid when that day is closed; else it stays open until the transaction ends."""
    closed = hold(session)
    if closed is not None and on <= closed:
        raise too_old(closed)


def too_old(closed: date) -> errors.Invalid:
    """Return the error of something dated on a closed day, at the field `dated_on`."""
    words = N_(
        "The books are closed through %(day)s: the first open day is %(first)s",
        day=closed,
        first=closed + DAY,
    )
    return errors.Invalid(words, {"dated_on": words})
