"""How banks write their CSV: saved once, chosen at every import."""

from flask import Response, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session

from billing.models import BankMapping
from core import errors
from registry import bank_mappings, bank_views
from webapp import identity, permissions, rendering, runtime
from webapp.bank import forms


@permissions.required("bank.import")
def listing() -> Response:
    """List the mappings."""
    with runtime.current().database.reading() as session:
        rows = bank_views.mappings(session)
    return rendering.page_or_fragment("bank/mappings.html", "bank/mappings.html", rows=rows)


@permissions.required("bank.import")
def add() -> Response:
    """Add a mapping."""
    return _edit(None, forms.MappingForm(), gettext("Add a bank"))


@permissions.required("bank.import")
def edit(mapping_id: int) -> Response:
    """Change a mapping."""
    with runtime.current().database.reading() as session:
        row = bank_mappings.get(session, mapping_id)
    return _edit(row, forms.MappingForm(obj=row, **row.columns), row.name)


def _edit(row: BankMapping | None, form: forms.MappingForm, title: str) -> Response:
    def save(session: Session) -> None:
        bank_mappings.save(
            session,
            identity.actor(),
            None if row is None else row.id,
            name=form.name.data,
            delimiter=form.delimiter.data,
            encoding=form.encoding.data,
            date_format=form.date_format.data,
            decimal_mark=form.decimal_mark.data,
            skipped_rows=form.skipped_rows.data,
            columns=form.columns,
        )

    def act() -> None:
        try:
            with runtime.current().database.transaction() as session:
                save(session)
        except errors.Conflict as error:
            raise errors.Invalid("Taken", {"name": "This name is in use"}) from error

    if form.accept(act):
        rendering.say(gettext("Saved."))
        return rendering.go("bank.mappings")
    back = url_for("bank.mappings")
    return rendering.page_or_fragment(
        "bank/mapping.html", "bank/mapping.html", form.status, form=form, title=title, back=back, row=row
    )


@permissions.required("bank.import")
def remove(mapping_id: int) -> Response:
    """Remove a mapping; statements read by it stay."""
    with runtime.current().database.transaction() as session:
        bank_mappings.remove(session, identity.actor(), mapping_id)
    rendering.say(gettext("Removed."))
    return rendering.go("bank.mappings")
