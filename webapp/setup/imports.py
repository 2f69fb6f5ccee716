"""Moving in: imports with their state, the columns of a file, what is wrong in it, totals, booking, undo."""

import csv
import io
from dataclasses import dataclass
from typing import Any

from flask import Response, request, url_for
from flask_babel import gettext, lazy_gettext
from flask_wtf.file import FileField
from wtforms import DateField, SelectField
from wtforms.validators import InputRequired, Length

from core import clock, db, errors
from core.money import Money
from registry.keyset import order
from registry.models import ImportBatch
from registry.moving import batches, fields, progress, sheets
from registry.moving import listing as listed
from registry.moving.listing import ImportFilter
from tasks import enqueue
from webapp import asked, identity, permissions, rendering, runtime, texts
from webapp.forms import REQUIRED, Form, TextField, choices
from webapp.setup import pages

SHOWN_FAULTS = 100
_STATUSES = {
    "connected": lazy_gettext("connected"),
    "waiting": lazy_gettext("waiting"),
    "prospect": lazy_gettext("prospect"),
    "former": lazy_gettext("former"),
}


@dataclass(frozen=True, slots=True)
class Total:
    """A line of the totals: the source's figure beside ours (none: not known on that side)."""

    words: str
    there: int | Money | None
    here: int | Money | None


class ImportForm(Form):
    """A file, and from when on its customers are billed here."""

    ROWS = (("file",), ("opening_on", "system"))

    file = FileField(
        lazy_gettext("File"),
        description=lazy_gettext("CSV in any encoding, or XLSX; a row for each customer and service."),
        render_kw={"accept": ".csv,.txt,.xlsx", "required": True},
    )
    opening_on = DateField(
        lazy_gettext("Opening day"),
        [InputRequired(REQUIRED)],
        description=lazy_gettext("Balances are as of this day, and billing begins here with it."),
    )
    system = TextField(
        lazy_gettext("Name of the other system"),
        [InputRequired(REQUIRED), Length(max=40)],
        default="file",
        description=lazy_gettext("Its ids are kept by this name; the same name again finds them."),
    )


@permissions.required("import.run")
def listing() -> Response:
    """List the imports, newest first."""
    filters, zone = _filters(), runtime.current().settings.isp.time_zone
    sort = order(request.args.get("sort", ""), listed.KEYS, listed.USUAL_SORT)
    with runtime.current().database.reading() as session:
        found, mark = listed.page(session, filters, zone=zone, sort=sort, after=request.args.get("after"))
    return rendering.page_or_fragment(
        "setup/imports.html",
        "setup/imports.html",
        rows=[(batch, _sum(batch)) for batch in found],
        next=mark,
        filters=filters,
        sort=sort,
        states=listed.STATES,
        is_filtered=filters != ImportFilter(),
    )


def _filters() -> ImportFilter:
    return ImportFilter(
        text=asked.text(),
        state=asked.word("state", listed.STATES),
        first_day=asked.day("from"),
        last_day=asked.day("to"),
    )


def _sum(batch: ImportBatch) -> Money | None:
    told = (batch.after or batch.before).get("money")
    return Money(told["minor"], batch.currency) if told else None


@permissions.required("import.run")
def add() -> Response:
    """Take a file in; its columns come next."""
    form = ImportForm(opening_on=clock.today(runtime.current().settings.isp.time_zone))
    if form.accept(lambda: _add(form)):
        return rendering.go("setup.import_columns", batch_id=form.result)
    frame = pages.Frame(
        gettext("Move customers in"),
        form.ROWS,
        url_for("setup.imports"),
        submit=gettext("Go on to the columns"),
    )
    return pages.show(frame, form, "setup/import_new.html")


def _add(form: ImportForm) -> int:
    found = runtime.current()
    sent = form.file.data
    content = sent.read(sheets.MOST_BYTES + 1) if sent else b""
    if not content:
        raise errors.Invalid("No file", {"file": gettext("Choose a file")})
    with found.database.transaction() as session:
        return batches.add(
            session,
            identity.actor(),
            name=sent.filename or "file",
            content=content,
            opening_on=form.opening_on.data,
            currency=found.settings.isp.currency,
            system=form.system.data or "",
        ).id


@permissions.required("import.run")
def columns(batch_id: int) -> Response:
    """Say which column tells what; then the file is checked, and nothing is written yet."""
    found = runtime.current()
    with found.database.reading() as session:
        batch, first = batches.get(session, batch_id), batches.sample(session, batch_id)
    told = {_field(name): str(place) for name, place in batch.mapping.items()}
    form = _column_form(batch, first)(opening_on=batch.opening_on, **told)
    if form.accept(lambda: _map(batch_id, form)):
        return rendering.go("setup.import_batch", batch_id=batch_id)
    note = gettext(
        "Each choice shows the heading and what the first row holds. Leave out what the file does not tell."
    )
    frame = pages.Frame(
        batch.name,
        form.ROWS,
        url_for("setup.import_batch", batch_id=batch_id),
        note,
        submit=gettext("Check the file"),
    )
    return pages.show(frame, form)


def _field(name: str) -> str:
    """Name the form's field apart from what every form has (a status)."""
    return f"column_{name}"


def _column_form(batch: ImportBatch, first: list[str]) -> Any:
    shown = [
        (
            str(place),
            f"{heading or place + 1} — {first[place][:30]}"
            if place < len(first) and first[place]
            else heading,
        )
        for place, heading in enumerate(batch.headings)
    ]
    drawn: dict[str, Any] = {"__doc__": "Which column tells what.", "opening_on": ImportForm.opening_on}
    for field in fields.FIELDS:
        drawn[_field(field.name)] = SelectField(
            texts.tell(field.words), choices=choices(("", "—"), *shown), default=""
        )
    names = [_field(field.name) for field in fields.FIELDS]
    rows = [tuple(names[place : place + 2]) for place in range(0, len(names), 2)]
    return type("ColumnForm", (Form,), {**drawn, "ROWS": (*rows, ("opening_on",))})


def _map(batch_id: int, form: Any) -> None:
    found = runtime.current()
    chosen = {field.name: form[_field(field.name)].data for field in fields.FIELDS}
    mapping = {name: int(place) for name, place in chosen.items() if place}
    with found.database.transaction() as session:
        batches.map_columns(
            session, identity.actor(), batch_id, mapping=mapping, opening_on=form.opening_on.data
        )
        db.after_commit(session, lambda: enqueue.move_in(found.queue))


@permissions.required("import.run")
def show(batch_id: int) -> Response:
    """Show how far an import is, what both sides say, and what is wrong with the file."""
    with runtime.current().database.reading() as session:
        batch = batches.get(session, batch_id)
        faults = batches.faults(session, batch_id, limit=SHOWN_FAULTS)
    return rendering.page_or_fragment(
        "setup/import.html",
        "setup/_import.html",
        batch=batch,
        faults=faults,
        totals=_totals(batch),
        going=batch.progress if progress.is_going_on(batch.progress) else None,
        phases={name: texts.tell(words) for name, words in progress.PHASES.items()},
        is_waiting=batch.state in batches.WAITING or progress.is_going_on(batch.progress),
    )


def _totals(batch: ImportBatch) -> list[Total]:
    """Return the totals line by line."""
    before, after = batch.before, batch.after
    lines = [
        Total(gettext("Customers, %(status)s", status=words), *_both(before, after, "customers", status))
        for status, words in _STATUSES.items()
        if status in {**before.get("customers", {}), **after.get("customers", {})}
    ]
    if "money" in before or "money" in after:
        lines.append(Total(gettext("Customers with a balance"), *_both(before, after, "money", "customers")))
        for name, words in (("minor", gettext("Sum of balances")), ("debt", gettext("Of it debts"))):
            lines.append(Total(words, *_both(before, after, "money", name, currency=batch.currency)))
    called = before.get("names", {})
    for ref in sorted({**before.get("plans", {}), **after.get("plans", {})}):
        name = called.get(ref, ref)
        lines.append(
            Total(gettext("%(plan)s, services", plan=name), *_both(before, after, "plans", ref, "services"))
        )
        sums = _both(before, after, "plans", ref, "minor", currency=batch.currency)
        lines.append(Total(gettext("%(plan)s, a whole period of all", plan=name), *sums))
        taxed = _both(before, after, "plans", ref, "vat", currency=batch.currency)
        if any(isinstance(one, Money) and one.minor for one in taxed):
            lines.append(Total(gettext("%(plan)s, of it VAT", plan=name), *taxed))
    return lines


def _both(
    before: Any, after: Any, *path: str, currency: str = ""
) -> tuple[int | Money | None, int | Money | None]:
    return _figure(before, path, currency), _figure(after, path, currency)


def _figure(tree: Any, path: tuple[str, ...], currency: str) -> int | Money | None:
    if not tree:
        return None
    for name in path:
        tree = tree.get(name, 0) if isinstance(tree, dict) else 0
    return Money(int(tree), currency) if currency else int(tree)


@permissions.required("import.run")
def book(batch_id: int) -> Response:
    """Have a checked import booked."""
    return _ask(batch_id, batches.ask_to_book)


@permissions.required("import.run")
def undo(batch_id: int) -> Response:
    """Have a booked import undone, as long as nothing happened since."""
    return _ask(batch_id, batches.ask_to_undo)


def _ask(batch_id: int, act: Any) -> Response:
    found = runtime.current()
    with found.database.transaction() as session:
        act(session, identity.actor(), batch_id)
        db.after_commit(session, lambda: enqueue.move_in(found.queue))
    return rendering.go("setup.import_batch", batch_id=batch_id)


@permissions.required("import.run")
def fault_file(batch_id: int) -> Response:
    """Hand out what is wrong with the file, a line for each cell."""
    with runtime.current().database.reading() as session:
        batches.get(session, batch_id)
        faults = batches.faults(session, batch_id)
    lines = [
        (str(one.row_no), _safe(one.column), _safe(one.value), texts.tell_all(one.words)) for one in faults
    ]
    head = (gettext("Row"), gettext("Column"), gettext("What stands there"), gettext("What to do"))
    return _csv(f"import-{batch_id}-faults.csv", [head, *lines])


@permissions.required("import.run")
def template() -> Response:
    """Hand out a file to fill in."""
    return _download("linecard-customers.csv", "\ufeff" + fields.template())


def _safe(text: str) -> str:
    """A cell of somebody else's file must not become a formula of ours."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def _csv(name: str, lines: list[tuple[str, ...]]) -> Response:
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    return _download(name, "\ufeff" + out.getvalue())


def _download(name: str, text: str) -> Response:
    answer = Response(text, content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
