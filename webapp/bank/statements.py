"""Statements: the list, reading one in, and the review of its lines; every change is a POST."""

from typing import Any

from flask import Response, render_template, request
from flask_babel import format_date, gettext, ngettext
from werkzeug.datastructures import FileStorage

from billing.models import BatchStatus
from billing.rules import DAY
from core import clock, db
from registry import bank, bank_list, bank_views
from registry import search as searching
from registry.bank_list import BatchFilter
from tasks import enqueue
from webapp import identity, permissions, rendering, runtime
from webapp.bank import asking, forms


@permissions.required("bank.import")
def listing() -> Response:
    """List the statements, newest first."""
    now = runtime.current()
    filters, sort = asking.of_statements()
    zone, after = now.settings.isp.time_zone, request.args.get("after")
    with now.database.reading() as session:
        rows, mark = bank_list.page(session, filters, zone=zone, sort=sort, after=after)
        waiting = bank_views.waiting(session)
    return rendering.page_or_fragment(
        "bank/list.html",
        "bank/list.html",
        rows=rows,
        next=mark,
        waiting=waiting,
        filters=filters,
        sort=sort,
        states=bank_list.STATES,
        is_filtered=filters != BatchFilter(),
    )


@permissions.required("bank.import")
def new() -> Response:
    """Read a statement in; its lines are matched by a worker."""
    with runtime.current().database.reading() as session:
        mappings = bank_views.mappings(session)
    form = forms.upload_form(mappings)()
    if form.accept(lambda: _read_in(form)):
        return rendering.go("bank.review", batch_id=form.result)
    return rendering.page_or_fragment("bank/new.html", "bank/new.html", form.status, form=form)


def _read_in(form: Any) -> int:
    now = runtime.current()
    upload: FileStorage = form.file.data
    content = upload.stream.read()
    with now.database.transaction() as session:
        batch = bank.read_in(
            session,
            identity.actor(),
            file_name=(upload.filename or "")[:200] or gettext("Statement"),
            content=content,
            mapping_id=int(form.mapping.data) if form.mapping.data else None,
            currency=now.settings.isp.currency,
        )
        db.after_commit(session, lambda: enqueue.settle_bank(now.queue))
        return batch.id


@permissions.required("bank.import")
def review(batch_id: int) -> Response:
    """Show a statement's lines with whose they are, by which rule, and how sure."""
    return _review(batch_id)


@permissions.required("bank.import")
def waiting() -> Response:
    """Show whatever waits for a person, of all statements and gateways."""
    return _review(None)


def _review(batch_id: int | None, day: forms.DayForm | None = None) -> Response:
    filters, sort = asking.of_lines(batch_id)
    with runtime.current().database.reading() as session:
        found = bank_views.review(session, batch_id, filters, sort=sort, after=request.args.get("after"))
    if day is None and found.closed is not None:
        day = forms.DayForm(formdata=None, on=found.closed + DAY)
    return rendering.page_or_fragment(
        "bank/review.html",
        "bank/_lines.html" if day is None or not day.is_submitted() else "bank/review.html",
        day.status if day is not None and day.errors else 200,
        found=found,
        day=day,
        today=runtime.today(),
        filters=filters,
        sort=sort,
        signs=bank_views.SIGNS,
        is_filtered=bool(filters.text or filters.sign),
    )


@permissions.required("bank.import")
def progress(batch_id: int) -> Response:
    """Show how far the worker is; when it is done, the page is loaded again."""
    with runtime.current().database.reading() as session:
        row = bank_views.batch_row(session, batch_id)
    answer = Response(render_template("bank/_progress.html", row=row))
    if not row.is_worked_on:
        answer.headers["HX-Refresh"] = "true"
    return answer


@permissions.required("bank.import")
def book_sure(batch_id: int) -> Response:
    """Have every sure line booked."""
    return _want(batch_id, BatchStatus.BOOKING)


@permissions.required("bank.import")
def undo(batch_id: int) -> Response:
    """Have every payment of the statement undone by a counter entry."""
    identity.demand("payment.reverse")
    return _want(batch_id, BatchStatus.UNDOING)


def _want(batch_id: int, status: BatchStatus) -> Response:
    now = runtime.current()
    with now.database.transaction() as session:
        bank.want(session, identity.actor(), batch_id, status)
        db.after_commit(session, lambda: enqueue.settle_bank(now.queue))
    return rendering.go("bank.review", batch_id=batch_id)


@permissions.required("bank.import")
def choose_day(batch_id: int) -> Response:
    """Choose the day on which the statement's lines of closed days are booked, all of them."""
    return _choose_day(batch_id)


@permissions.required("bank.import")
def choose_day_of_all() -> Response:
    """Choose the day on which whatever waits of closed days is booked."""
    return _choose_day(None)


def _choose_day(batch_id: int | None) -> Response:
    form = forms.DayForm()
    now = runtime.current()

    def act() -> int:
        with now.database.transaction() as session:
            return bank.choose_day(session, identity.actor(), batch_id, form.on.data, today=runtime.today())

    if not form.accept(act):
        return _review(batch_id, form)
    told = format_date(form.on.data, "medium")
    rendering.say(
        ngettext(
            "%(num)s line will be booked on %(day)s.",
            "%(num)s lines will be booked on %(day)s.",
            form.result,
            day=told,
        )
    )
    return (
        rendering.go("bank.waiting") if batch_id is None else rendering.go("bank.review", batch_id=batch_id)
    )


@permissions.required("bank.import")
def book(line_id: int) -> Response:
    """Book a line for the customer a person chose."""
    form = forms.ChooseForm()
    now = runtime.current()

    def act() -> None:
        with now.database.transaction() as session:
            bank.choose(
                session,
                identity.actor(),
                line_id,
                form.to.data,
                today=clock.today(now.settings.isp.time_zone),
                rules=now.policy.rules(session),
            )
            pop = now.settings.diagnostics.default_pop
            db.after_commit(session, lambda: enqueue.sweep_access(now.queue, pop=pop))

    return _line(line_id, form, act)


@permissions.required("bank.import")
def ignore(line_id: int) -> Response:
    """Put a line aside with a reason."""
    form = forms.IgnoreForm()

    def act() -> None:
        with runtime.current().database.transaction() as session:
            bank.ignore(session, identity.actor(), line_id, reason=form.reason.data or "")

    return _line(line_id, form, act)


@permissions.required("bank.import")
def take_up(line_id: int) -> Response:
    """Let a line wait again that was put aside."""
    form = forms.IgnoreForm()

    def act() -> None:
        with runtime.current().database.transaction() as session:
            bank.take_up(session, identity.actor(), line_id)

    return _line(line_id, form, act)


def _line(line_id: int, form: Any, act: Any) -> Response:
    """Do the act and show the line as it is then: alone for htmx, else its statement.

    Refused, the line comes back with what was typed and why; it has a page of its own without htmx.
    """
    is_done = form.accept(act)
    with runtime.current().database.reading() as session:
        row = bank_views.line_row(session, line_id)
    if not is_done:
        return rendering.page_or_fragment(
            "bank/line.html", "bank/_line.html", form.status, row=row, refused=form
        )
    if not rendering.is_htmx():
        if row.line.batch_id is None:
            return rendering.go("bank.waiting")
        return rendering.go("bank.review", batch_id=row.line.batch_id)
    return Response(render_template("bank/_line.html", row=row))


@permissions.required("bank.import")
def people(line_id: int) -> Response:
    """Offer customers for a line, by what is typed."""
    text = request.args.get("to", "")
    if len(text.strip()) < 2:
        return Response("")
    with runtime.current().database.reading() as session:
        row = bank_views.line_row(session, line_id)
        hits = searching.search(session, text, limit=6)
    return Response(render_template("bank/_people.html", row=row, hits=hits))
