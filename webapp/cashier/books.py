"""Closed books: through which day, who closed them and when; closing further, and opening again."""

from datetime import timedelta

from flask import Response, request
from flask_babel import format_date, gettext, lazy_gettext
from wtforms import DateField
from wtforms.validators import InputRequired, Length, Optional

from billing import books, closing
from registry import books as staff_books
from webapp import identity, permissions, rendering, runtime
from webapp.cashier import day
from webapp.forms import REQUIRED, Form, TextField

PAGE = 50


class CloseForm(Form):
    """Through which day, and what there is to say to it."""

    through = DateField(lazy_gettext("Close through"), [InputRequired(REQUIRED)])
    note = TextField(lazy_gettext("Note"), [Length(max=closing.REASON_LIMIT)])


class ReopenForm(Form):
    """Back to which day, and why."""

    through = DateField(
        lazy_gettext("Closed through"),
        [Optional()],
        description=lazy_gettext("Empty: every day is open again."),
    )
    reason = TextField(lazy_gettext("Why"), [InputRequired(REQUIRED), Length(max=closing.REASON_LIMIT)])


@permissions.required("report.read")
def show() -> Response:
    """Show through which day the books are closed, and every closing, newest first."""
    with runtime.current().database.reading() as session:
        closed = books.closed_through(session)
    month_end = day.today().replace(day=1) - timedelta(days=1)
    return _page(CloseForm(through=month_end if closed is None or closed < month_end else None))


@permissions.required("books.close")
def close() -> Response:
    """Close the books through a day that is over."""
    form = CloseForm()
    if form.accept(lambda: _close(form)):
        told = format_date(form.through.data, "medium")
        rendering.say(gettext("The books are closed through %(day)s.", day=told))
        return rendering.go("cashier.books")
    return _page(form)


def _close(form: CloseForm) -> None:
    with runtime.current().database.transaction() as session:
        staff_books.close(
            session, identity.actor(), form.through.data, today=day.today(), note=form.note.data or ""
        )


@permissions.required("books.open")
def reopen() -> Response:
    """Move the closing back to an earlier day, with a reason."""
    form = ReopenForm()
    if form.accept(lambda: _reopen(form)):
        rendering.say(gettext("The days are open again."))
        return rendering.go("cashier.books")
    with runtime.current().database.reading() as session:
        closed = books.closed_through(session)
    frame = {"form": form, "closed": closed}
    return rendering.page_or_fragment("cashier/reopen.html", "cashier/reopen.html", form.status, **frame)


def _reopen(form: ReopenForm) -> None:
    with runtime.current().database.transaction() as session:
        staff_books.reopen(session, identity.actor(), form.through.data, reason=form.reason.data or "")


def _page(form: CloseForm) -> Response:
    asked = request.args.get("after", "")
    before_id = int(asked) if asked.isdecimal() and len(asked) < 19 else None
    with runtime.current().database.reading() as session:
        closed = books.closed_through(session)
        found = closing.history(session, before_id=before_id, limit=PAGE + 1)
        through = form.through.data
        waiting = closing.waiting(session, through) if through else 0
    return rendering.page_or_fragment(
        "cashier/books.html",
        "cashier/books.html",
        form.status,
        form=form,
        closed=closed,
        closings=found[:PAGE],
        next=found[PAGE - 1].id if len(found) > PAGE else None,
        waiting=waiting,
        yesterday=day.today() - timedelta(days=1),
    )
