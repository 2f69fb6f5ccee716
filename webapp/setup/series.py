"""Number series: how the numbers of documents look."""

from flask import Response, request, url_for
from flask_babel import gettext, lazy_gettext
from wtforms import BooleanField, SelectField
from wtforms.validators import InputRequired, Length

from billing import series as numbers
from billing.models import DocumentKind
from core import clock, errors
from registry import number_series
from webapp import identity, permissions, rendering, runtime, texts
from webapp.forms import REQUIRED, Form, TextField, choices
from webapp.setup import pages

KINDS = choices(
    (DocumentKind.INVOICE, lazy_gettext("Invoices")),
    (DocumentKind.CREDIT_NOTE, lazy_gettext("Credit notes")),
    (DocumentKind.RECEIPT, lazy_gettext("Receipts")),
    (DocumentKind.PROFORMA, lazy_gettext("Proforma invoices")),
)


class SeriesForm(Form):
    """A series' name and how its numbers look."""

    ROWS: tuple[tuple[str, ...], ...] = (("name",), ("pattern",))

    name = TextField(lazy_gettext("Name"), [InputRequired(REQUIRED), Length(max=60)])
    pattern = TextField(
        lazy_gettext("Pattern"),
        [InputRequired(REQUIRED)],
        description=lazy_gettext(
            "{number} or, with leading zeros, {number:6}; {year} and {month} begin to count anew."
        ),
        render_kw={"class": "mono", "autocomplete": "off", "spellcheck": "false"},
    )


class NewSeriesForm(SeriesForm):
    """A series with its kind."""

    ROWS = (("kind",), ("name",), ("pattern",), ("is_default",))

    kind = SelectField(lazy_gettext("Documents"), choices=KINDS)
    is_default = BooleanField(lazy_gettext("Take numbers from it from now on"))


@permissions.required("company.edit")
def listing() -> Response:
    """List the series with the number each gives next."""
    today = clock.today(runtime.current().settings.isp.time_zone)
    with runtime.current().database.reading() as session:
        rows = number_series.list_all(session, today)
    words = {choice.value: choice.label for choice in KINDS}
    return rendering.page_or_fragment("setup/series.html", "setup/series.html", rows=rows, kinds=words)


@permissions.required("company.edit")
def add() -> Response:
    """Add a series."""
    form = NewSeriesForm()
    if form.accept(lambda: _add(form)):
        rendering.say(gettext("The number series is added."))
        return rendering.go("setup.series")
    return _form_page(gettext("Add a number series"), form)


def _add(form: NewSeriesForm) -> None:
    with runtime.current().database.transaction() as session:
        number_series.create(
            session,
            identity.actor(),
            kind=DocumentKind(form.kind.data),
            name=form.name.data or "",
            pattern=form.pattern.data or "",
            is_default=form.is_default.data,
        )


@permissions.required("company.edit")
def edit(series_id: int) -> Response:
    """Change a series."""
    with runtime.current().database.reading() as session:
        found = number_series.get(session, series_id)
    form = SeriesForm(obj=found)
    if form.accept(lambda: _change(series_id, form)):
        rendering.say(gettext("Saved."))
        return rendering.go("setup.series")
    return _form_page(found.name, form)


def _form_page(title: str, form: SeriesForm) -> Response:
    frame = pages.Frame(title, form.ROWS, url_for("setup.series"))
    return pages.show(frame, form, "setup/series_form.html", preview=_preview(form.pattern.data or ""))


@permissions.required("company.edit")
def preview() -> Response:
    """Say how a number of the pattern would look, while it is typed."""
    shown = _preview(request.args.get("pattern", ""))
    return rendering.page_or_fragment(
        "setup/_series_preview.html", "setup/_series_preview.html", preview=shown
    )


def _preview(pattern: str) -> tuple[str, str]:
    """Return how the first number of today would look, or what is wrong with the pattern."""
    today = clock.today(runtime.current().settings.isp.time_zone)
    pattern = pattern.strip()
    if not pattern:
        return "", ""
    fault = numbers.pattern_fault(pattern)
    return ("", texts.tell(fault)) if fault else (number_series.preview(pattern, today), "")


def _change(series_id: int, form: SeriesForm) -> None:
    with runtime.current().database.transaction() as session:
        number_series.change(
            session,
            identity.actor(),
            series_id,
            name=form.name.data or "",
            pattern=form.pattern.data or "",
        )


@permissions.required("company.edit")
def make_default(series_id: int) -> Response:
    """Have documents of its kind take their numbers from it."""
    try:
        with runtime.current().database.transaction() as session:
            number_series.make_default(session, identity.actor(), series_id)
    except errors.Conflict:
        rendering.say(gettext("Somebody else chose a series at the same moment; look again."), "warn")
    return rendering.go("setup.series")
