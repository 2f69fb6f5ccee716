"""Notices: what there is, who was given each, who saw and confirmed it and when; the card's panel of them."""

from collections.abc import Iterator, Sequence
from typing import Any

from flask import Response, abort, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from sqlalchemy.orm import Session
from wtforms import BooleanField
from wtforms.validators import DataRequired, Length

from core import errors
from desk import contracts, given, leading, notice_list, notices, warning
from desk.given import GivenFilter, GivenRow
from desk.notice_list import Summary, WrittenFilter
from registry import spreadsheets
from registry.keyset import Marks, order
from webapp import asked, downloads, identity, permissions, rendering, runtime, seals, texts, waking
from webapp.forms import REQUIRED, Form, ParagraphField, TextField

FILE_PAGE = 1000


def _form() -> Any:
    """Return the form of a notice: its text in the ISP's language, and in each other there is."""

    class NoticeForm(_NoticeForm):
        """What a notice says in every language."""

    for language in _others():
        title = TextField(lazy_gettext("Title"), [Length(max=120)])
        content = ParagraphField(lazy_gettext("Text"), [Length(max=4000)], render_kw={"rows": 6})
        setattr(NoticeForm, f"title_{language}", title)
        setattr(NoticeForm, f"content_{language}", content)
    return NoticeForm


def _others() -> dict[str, str]:
    """Return the languages beside the ISP's, by code, under their own names."""
    own = runtime.current().settings.isp.locale.partition("_")[0]
    return {code: name for code, name in texts.languages().items() if code != own}


class _NoticeForm(Form):
    """What a notice says, and how it goes away."""

    title = TextField(lazy_gettext("Title"), [DataRequired(REQUIRED), Length(max=120)])
    content = ParagraphField(
        lazy_gettext("Text"), [DataRequired(REQUIRED), Length(max=4000)], render_kw={"rows": 8}
    )
    is_confirmable = BooleanField(
        lazy_gettext("The customer may confirm it, and it is gone"),
        default=True,
        description=lazy_gettext("Without this it stays until it is taken back."),
    )


@permissions.required("customer.view")
def listing() -> Response:
    """List the notices: those that are on first."""
    filters, sort = _asked_of_list()
    with runtime.current().database.reading() as session:
        rows, mark = notice_list.page(session, filters, sort=sort, after=request.args.get("after"))
        warned, is_leading = warning.count(session), leading.is_warning_leading(session)
    page = render_template(
        "notices/list.html",
        rows=rows,
        next=mark,
        filters=filters,
        sort=sort,
        is_filtered=filters != WrittenFilter(),
        warned=warned,
        is_leading=is_leading,
    )
    return Response(page)


@permissions.required("customer.view")
def export_list(ending: str) -> Response:
    """The list as a file: every row the filters leave, in its order."""
    if ending not in downloads.ENDINGS:
        abort(404)
    heads = [
        gettext("Title"), gettext("State"), gettext("Have it"), gettext("Seen"), gettext("Confirmed"),
        gettext("Written"), gettext("By"),
    ]  # fmt: skip
    table = downloads.Table(f"notices-{runtime.today().isoformat()}", ending)
    table.write(gettext("Notices"), heads, (_list_cells(row) for row in _every_notice()))
    return table.answer()


def _list_cells(row: Summary) -> tuple[spreadsheets.Value, ...]:
    one = row.notice
    state = gettext("is on") if one.is_on else gettext("is off")
    written = downloads.moment(one.created_at)
    return (one.title, state, row.open, row.seen, row.confirmed, written, one.author)


def _every_notice() -> Iterator[Summary]:
    filters, sort = _asked_of_list()

    def page(after: str | None) -> tuple[Sequence[Summary], Marks]:
        with runtime.current().database.reading() as session:
            return notice_list.page(session, filters, sort=sort, after=after, limit=FILE_PAGE)

    return downloads.every(page)


def _asked_of_list() -> tuple[WrittenFilter, str]:
    filters = WrittenFilter(
        text=asked.text(),
        state=asked.word("state", notice_list.STATES),
    )
    return filters, order(request.args.get("sort", ""), notice_list.KEYS, notice_list.USUAL_SORT)


@permissions.required("notice.give")
def add() -> Response:
    """Write a notice; it is off at first."""
    return _edit(None, _form()(), gettext("New notice"))


@permissions.required("notice.give")
def edit(notice_id: int) -> Response:
    """Change what a notice says."""
    with runtime.current().database.reading() as session:
        notice = notices.get(session, notice_id)
    written = {
        f"{part}_{language}": words for language, text in notice.texts.items() for part, words in text.items()
    }
    return _edit(notice_id, _form()(obj=notice, **written), gettext("Change a notice"))


def _edit(notice_id: int | None, form: Any, title: str) -> Response:
    if form.accept(lambda: _save(notice_id, form)):
        rendering.say(gettext("Saved."))
        return rendering.go("notices.show", notice_id=form.result)
    back = url_for("notices.show", notice_id=notice_id) if notice_id else url_for("notices.listing")
    page = "notices/edit.html"
    return rendering.page_or_fragment(
        page, page, form.status, form=form, title=title, cancel_url=back, others=_others()
    )


def _save(notice_id: int | None, form: Any) -> int:
    written = {
        language: {part: form[f"{part}_{language}"].data or "" for part in ("title", "content")}
        for language in _others()
    }
    with runtime.current().database.transaction() as session:
        saved = notices.save(
            session,
            identity.actor(),
            notice_id,
            title=form.title.data,
            content=form.content.data,
            is_confirmable=form.is_confirmable.data,
            texts=written,
        )
        return saved.id


@permissions.required("customer.view")
def show(notice_id: int) -> Response:
    """One notice and the customers it was given to."""
    filters, sort = _asked()
    with runtime.current().database.reading() as session:
        notice = notices.get(session, notice_id)
        rows, mark = given.page(session, notice_id, filters, sort=sort, after=request.args.get("after"))
    return Response(
        render_template(
            "notices/notice.html",
            notice=notice,
            languages=texts.languages(),
            rows=rows,
            next=mark,
            filters=filters,
            sort=sort,
            is_filtered=filters != GivenFilter(),
            states=given.STATES,
        )
    )


@permissions.required("customer.view")
def export(notice_id: int, ending: str) -> Response:
    """The customers of a notice as a file: every row the filters leave, in its order."""
    if ending not in downloads.ENDINGS:
        abort(404)
    heads = [
        gettext("Customer number"), gettext("Customer"), gettext("Given"), gettext("By"), gettext("Seen"),
        gettext("Confirmed"), gettext("Confirmed from"), gettext("Taken back"),
    ]  # fmt: skip
    table = downloads.Table(f"notice-{notice_id}", ending)
    table.write(gettext("Notice"), heads, (_cells(row) for row in _every(notice_id)))
    return table.answer()


def _every(notice_id: int) -> Iterator[GivenRow]:
    filters, sort = _asked()

    def page(after: str | None) -> tuple[Sequence[GivenRow], Marks]:
        with runtime.current().database.reading() as session:
            notices.get(session, notice_id)
            return given.page(session, notice_id, filters, sort=sort, after=after, limit=FILE_PAGE)

    return downloads.every(page)


def _cells(row: GivenRow) -> tuple[spreadsheets.Value, ...]:
    one, moment = row.given, downloads.moment
    times = (moment(one.seen_at), moment(one.confirmed_at), one.confirmed_from, moment(one.withdrawn_at))
    return (row.number, row.name, moment(one.assigned_at), one.assigned_by, *times)


def _asked() -> tuple[GivenFilter, str]:
    filters = GivenFilter(
        text=asked.text(),
        state=asked.word("state", given.STATES),
    )
    return filters, order(request.args.get("sort", ""), given.KEYS, given.USUAL_SORT)


@permissions.required("notice.give")
def switch(notice_id: int) -> Response:
    """Show the notice to whom it is given, or to nobody."""
    is_on = request.form.get("is_on") == "1"
    with runtime.current().database.transaction() as session:
        moved = notices.switch(session, identity.actor(), notice_id, is_on=is_on, today=runtime.today())
        _wake(session, moved)
    rendering.say(gettext("The notice is on.") if is_on else gettext("The notice is off."))
    return rendering.go("notices.show", notice_id=notice_id)


@permissions.required("notice.give")
def withdraw(notice_id: int) -> Response:
    """Take the notice back from one customer, or from all who have it."""
    customer = request.form.get("customer", "")
    whom = [int(customer)] if customer.isascii() and customer.isdigit() and len(customer) < 19 else None
    if customer and whom is None:
        raise errors.NotFound("There is no such customer")
    with runtime.current().database.transaction() as session:
        taken = notices.withdraw(session, identity.actor(), notice_id, whom, today=runtime.today())
        _wake(session, taken.lines)
    rendering.say(gettext("Taken back from %(count)s.", count=taken.count))
    return rendering.go("notices.show", notice_id=notice_id)


@permissions.required("customer.view")
def panel(customer_id: int) -> Response:
    """The card's panel: the customer's notices and contracts."""
    with runtime.current().database.reading() as session:
        rows = given.of_customer(session, customer_id)
        queue = contracts.of_customer(session, customer_id)
        is_leading = leading.is_contract_leading(session)
    return Response(
        render_template(
            "notices/_panel.html",
            customer_id=customer_id,
            rows=rows,
            contracts=queue,
            is_leading=is_leading,
        )
    )


@permissions.required("money.view")
def preview(customer_id: int) -> Response:
    """Lead to the page as the customer sees it; the link lives some minutes, and lets nothing be done."""
    settings = runtime.current().settings
    sealed = seals.seal(settings, "preview", customer_id)
    return Response(status=302, headers={"Location": f"{settings.garden.address}/?preview={sealed}"})


def _wake(session: Session, moved: tuple[int, ...]) -> None:
    if moved:
        waking.wake_gates(session)
