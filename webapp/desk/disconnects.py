"""The disconnect queue in the office: listed, planned, ended, as a file; and putting people into it."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from flask import Response, abort, render_template, request
from flask_babel import gettext, lazy_gettext, ngettext
from wtforms import DateField, SelectField, StringField
from wtforms.validators import InputRequired, Length, Optional

from core import clock, errors
from desk import disconnects
from desk.disconnects import QueueFilter, QueueRow
from desk.models import DisconnectResult, DisconnectWhy
from registry import addresses, customers, spreadsheets, staff
from registry.keyset import Marks, order
from webapp import asked, downloads, identity, permissions, rendering, runtime
from webapp.forms import REQUIRED, Form, TextField, choices

FILE_PAGE = 1000
# So many rows a browser still lays out on paper; more are taken as a file.
PRINTED = 2000
MOST_TICKED = 1000
AS_IT_IS = -1
WORDS = (
    (DisconnectWhy.DEBT, lazy_gettext("debt")),
    (DisconnectWhy.ENDED, lazy_gettext("contract ended")),
    (DisconnectWhy.ASKED, lazy_gettext("asked for it")),
    (DisconnectWhy.ABUSE, lazy_gettext("abuse")),
    (DisconnectWhy.OTHER, lazy_gettext("another reason")),
)


class AddForm(Form):
    """Why somebody is to be disconnected on the spot, and when."""

    why = SelectField(lazy_gettext("Reason"), choices=choices(*WORDS), default=DisconnectWhy.DEBT)
    note = TextField(lazy_gettext("Why"), [InputRequired(REQUIRED), Length(max=500)])
    planned_on = DateField(lazy_gettext("Planned for"), [Optional()])


class QueueForm(Form):
    """What is done to the ticked entries."""

    act = StringField()
    note = TextField(lazy_gettext("Note"), [Length(max=500)])
    planned_on = DateField(lazy_gettext("Planned for"), [Optional()])
    staff_id = SelectField(lazy_gettext("Given to"), coerce=int, default=AS_IT_IS, choices=[])


def today() -> date:
    """Return the business day of the ISP."""
    return clock.today(runtime.current().settings.isp.time_zone)


@permissions.required("disconnect.plan")
def listing() -> Response:
    """List the queue; what is planned for the earliest day stands first."""
    return _page(_form())


def _form() -> QueueForm:
    form = QueueForm()
    with runtime.current().database.reading() as session:
        people = [(one.id, one.name) for one in staff.list_all(session, is_active=True)]
    form.staff_id.choices = [(AS_IT_IS, "—"), (disconnects.NOBODY, gettext("nobody")), *people]
    return form


def _page(form: QueueForm, status: int = 200) -> Response:
    filters, sort = _filters(), _sort()
    with runtime.current().database.reading() as session:
        rows, mark = disconnects.page(session, filters, sort=sort, after=request.args.get("after"))
    return rendering.page_or_fragment(
        "desk/disconnects.html",
        "desk/disconnects.html",
        status,
        rows=rows,
        next=mark,
        filters=filters,
        sort=sort,
        form=form,
        words=WORDS,
        today=today(),
        is_filtered=filters != QueueFilter(),
    )


@permissions.required("disconnect.plan")
def act() -> Response:
    """Plan, end or withdraw the ticked entries."""
    form = _form()
    if form.accept(lambda: _act(form)):
        rendering.say(ngettext("%(num)s entry is changed.", "%(num)s entries are changed.", form.result))
        return rendering.go("desk.disconnects", **rendering.carried())
    return _page(form, form.status)


def _act(form: QueueForm) -> int:
    ticked = _ticked()
    ends = {"disconnected": DisconnectResult.DISCONNECTED, "withdraw": DisconnectResult.WITHDRAWN}
    wanted, note, actor = str(form.act.data or ""), form.note.data or "", identity.actor()
    with runtime.current().database.transaction() as session:
        if wanted == "plan":
            return disconnects.plan(
                session,
                actor,
                ticked,
                planned_on=form.planned_on.data,
                staff_id=None if form.staff_id.data == AS_IT_IS else form.staff_id.data,
            )
        if wanted not in ends:
            raise errors.Invalid("Choose what to do")
        return disconnects.end(session, actor, ticked, ends[wanted], note=note)


@permissions.required("disconnect.plan")
def add(customer_id: int) -> Response:
    """Put one customer into the queue, from his card."""
    form = AddForm()
    if form.accept(lambda: put([customer_id], form)):
        rendering.say(gettext("The customer is in the disconnect queue."))
        return rendering.go("customers.card", customer_id=customer_id)
    with runtime.current().database.reading() as session:
        customer = customers.get(session, customer_id)
    return rendering.page_or_fragment(
        "desk/add_disconnect.html", "desk/add_disconnect.html", form.status, form=form, customer=customer
    )


@permissions.required("disconnect.plan")
def add_many() -> Response:
    """Put the ticked customers into the queue, from a list."""
    form = AddForm()
    ticked = _ticked()
    if not form.accept(lambda: put(ticked, form)):
        raise form.conflict or errors.Invalid(gettext("Write why"))
    say_added(form.result)
    return rendering.go("desk.disconnects")


def _ticked() -> list[int]:
    """Return the ids that were ticked; raises Invalid when there are none."""
    words = request.form.getlist("row")[:MOST_TICKED]
    found = [int(text) for text in words if text.isascii() and text.isdecimal() and len(text) < 19]
    if not found:
        raise errors.Invalid("Tick the rows this is about")
    return found


def put(customer_ids: list[int], form: AddForm) -> int:
    """Put the customers into the queue as the form says; return how many were not in it."""
    with runtime.current().database.transaction() as session:
        added = disconnects.add(
            session,
            identity.actor(),
            customer_ids,
            why=DisconnectWhy(form.why.data),
            note=form.note.data or "",
            planned_on=form.planned_on.data,
        )
    return len(added)


def say_added(count: int) -> None:
    """Say how many were put into the queue."""
    rendering.say(
        ngettext(
            "%(num)s customer is put into the disconnect queue.",
            "%(num)s customers are put into the disconnect queue.",
            count,
        )
    )


@permissions.required("disconnect.plan")
def banner(customer_id: int) -> Response:
    """Say on the card that the customer is in the queue; nothing when he is not."""
    with runtime.current().database.reading() as session:
        found = disconnects.open_of(session, customer_id)
    return Response(render_template("desk/_disconnect_banner.html", one=found))


@permissions.required("disconnect.plan")
def paper() -> Response:
    """The queue for the printer: every row the filters leave, up to PRINTED, with where to go."""
    filters, sort = _filters(), _sort()
    with runtime.current().database.reading() as session:
        rows, mark = disconnects.page(session, filters, sort=sort, after=None, limit=PRINTED)
        places = addresses.visiting(session, {row.customer_id for row in rows})
    return rendering.page_or_fragment(
        "desk/disconnects_paper.html",
        "desk/disconnects_paper.html",
        rows=rows,
        places=places,
        is_cut=mark.next is not None,
        limit=PRINTED,
        filters=filters,
        words=dict(WORDS),
        today=today(),
    )


@permissions.required("disconnect.plan")
def file(ending: str) -> Response:
    """The queue as a file: every row the filters leave, in its order."""
    if ending not in downloads.ENDINGS:
        abort(404)
    table = downloads.Table(f"disconnects-{today().isoformat()}", ending)
    table.write(gettext("Disconnect queue"), _heads(), (_cells(row) for row in _every()))
    return table.answer()


def _heads() -> list[str]:
    """Return the columns; sums only for who may take them as a file."""
    balance = [gettext("Balance"), gettext("Currency")] if identity.may("report.read") else []
    return [
        gettext("Customer number"),
        gettext("Customer"),
        gettext("Reason"),
        gettext("Why"),
        gettext("Added by"),
        gettext("Added"),
        gettext("Planned for"),
        gettext("Given to"),
        gettext("Visits in vain"),
        *balance,
        gettext("Result"),
        gettext("Note"),
        gettext("Ended by"),
        gettext("Ended"),
    ]


def _cells(row: QueueRow) -> tuple[spreadsheets.Value, ...]:
    return (
        row.number,
        row.customer,
        str(dict(WORDS)[row.why]),
        row.note,
        row.added_by,
        _day_of(row.added_at),
        row.planned_on,
        row.staff,
        row.tries,
        *((row.balance, row.balance.currency) if identity.may("report.read") else ()),
        result_word(row.result),
        row.result_note,
        row.ended_by,
        _day_of(row.ended_at) if row.ended_at else None,
    )


def _day_of(moment: datetime) -> date:
    return clock.today(runtime.current().settings.isp.time_zone, at=moment)


def result_word(result: DisconnectResult | None) -> str:
    """Return the result in words; none yet: nothing."""
    if result is None:
        return ""
    return {
        DisconnectResult.DISCONNECTED: gettext("disconnected"),
        DisconnectResult.PAID: gettext("paid meanwhile"),
        DisconnectResult.WITHDRAWN: gettext("withdrawn"),
    }[result]


def _every() -> Iterator[QueueRow]:
    filters, sort = _filters(), _sort()

    def page(after: str | None) -> tuple[Sequence[QueueRow], Marks]:
        with runtime.current().database.reading() as session:
            return disconnects.page(session, filters, sort=sort, after=after, limit=FILE_PAGE)

    return downloads.every(page)


def _filters() -> QueueFilter:
    state = request.args.get("state", disconnects.OPEN)
    return QueueFilter(
        text=asked.text(),
        state=state if state in ("", *disconnects.STATES) else disconnects.OPEN,
        why=asked.choice("why", DisconnectWhy),
        staff_id=asked.number("staff"),
        first_day=asked.day("from"),
        last_day=asked.day("to"),
    )


def _sort() -> str:
    return order(request.args.get("sort", ""), disconnects.KEYS, disconnects.USUAL_SORT)
