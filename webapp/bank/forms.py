"""The forms of the bank's pages."""

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, DateField, IntegerField, SelectField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from billing.banking.csv_lines import COLUMNS, ENCODINGS
from billing.models import BankMapping
from core import errors
from webapp.forms import REQUIRED, Form, TextField, choices

_COLUMN = [Optional(), NumberRange(1, 200)]

WORDS = {
    "date": lazy_gettext("Day"),
    "amount": lazy_gettext("Amount, signed"),
    "credit": lazy_gettext("Amount that came"),
    "debit": lazy_gettext("Amount that went"),
    "currency": lazy_gettext("Currency"),
    "payer_name": lazy_gettext("Payer's name"),
    "payer_account": lazy_gettext("Payer's account"),
    "own_account": lazy_gettext("Own account of the customer"),
    "message": lazy_gettext("Text"),
    "reference": lazy_gettext("Reference"),
}


def upload_form(mappings: Sequence[BankMapping]) -> Any:
    """Return the form of a statement to read in."""
    offered = choices(
        ("", lazy_gettext("none: the file is camt.053 or MT940")),
        *((str(one.id), one.name) for one in mappings),
    )

    class UploadForm(Form):
        """A bank's file, and for CSV how the bank writes it."""

        file = FileField(
            lazy_gettext("File"),
            [FileRequired(REQUIRED)],
            description=lazy_gettext("camt.053 (XML), MT940, or CSV of a bank whose columns are known."),
        )
        mapping = SelectField(lazy_gettext("Columns of a CSV"), choices=offered, default="")

    return UploadForm


class MappingForm(Form):
    """How a bank writes its CSV; columns are counted from 1."""

    name = TextField(lazy_gettext("Bank"), [InputRequired(REQUIRED), Length(max=80)])
    delimiter = SelectField(
        lazy_gettext("Between the columns"),
        choices=choices(
            (";", lazy_gettext("semicolon")),
            (",", lazy_gettext("comma")),
            ("\t", lazy_gettext("tab")),
            ("|", lazy_gettext("bar")),
        ),
    )
    encoding = SelectField(lazy_gettext("Encoding"), choices=choices(*((one, one) for one in ENCODINGS)))
    date_format = SelectField(
        lazy_gettext("A day is written"),
        choices=choices(
            ("%d.%m.%Y", "24.11.2026"),
            ("%Y-%m-%d", "2026-11-24"),
            ("%d/%m/%Y", "24/11/2026"),
            ("%m/%d/%Y", "11/24/2026"),
            ("%d.%m.%y", "24.11.26"),
            ("%Y%m%d", "20261124"),
            ("%d.%m.%Y %H:%M:%S", "24.11.2026 09:30:00"),
            ("%Y-%m-%d %H:%M:%S", "2026-11-24 09:30:00"),
        ),
    )
    decimal_mark = SelectField(
        lazy_gettext("Decimal mark"),
        choices=choices((",", lazy_gettext("comma")), (".", lazy_gettext("point"))),
    )
    skipped_rows = IntegerField(
        lazy_gettext("Rows above the first payment"),
        [InputRequired(REQUIRED), NumberRange(0, 100)],
        default=1,
    )
    date = IntegerField(WORDS["date"], [InputRequired(REQUIRED), NumberRange(1, 200)])
    amount = IntegerField(WORDS["amount"], _COLUMN)
    credit = IntegerField(WORDS["credit"], _COLUMN)
    debit = IntegerField(WORDS["debit"], _COLUMN)
    currency = IntegerField(WORDS["currency"], _COLUMN)
    payer_name = IntegerField(WORDS["payer_name"], _COLUMN)
    payer_account = IntegerField(WORDS["payer_account"], _COLUMN)
    own_account = IntegerField(WORDS["own_account"], _COLUMN)
    message = IntegerField(WORDS["message"], _COLUMN)
    reference = IntegerField(WORDS["reference"], _COLUMN)

    HEAD = (("name",), ("delimiter", "encoding"), ("date_format", "decimal_mark"), ("skipped_rows",))

    @property
    def columns(self) -> dict[str, int]:
        """The columns that were named; raises Invalid when there is no amount."""
        named = {name: int(self[name].data) for name in COLUMNS if self[name].data}
        if not {"amount", "credit"} & set(named):
            raise errors.Invalid("No amount", {"amount": "Name a column for the amount"})
        return named


class IgnoreForm(Form):
    """Why a line is no payment of a customer."""

    reason = TextField(lazy_gettext("Reason"), [Length(max=300)])


class ChooseForm(Form):
    """Whose a line is, by the customer's number."""

    to = TextField(lazy_gettext("Customer"), [InputRequired(REQUIRED), Length(max=40)])


class DayForm(Form):
    """On which day lines are booked whose own is closed."""

    on = DateField(lazy_gettext("Book them on"), [InputRequired(REQUIRED)])


class GatewayForm(Form):
    """A payment gateway; the secret is never shown again."""

    name = TextField(lazy_gettext("Name"), [InputRequired(REQUIRED), Length(max=80)])
    slug = TextField(
        lazy_gettext("Name in the URL"),
        [InputRequired(REQUIRED), Length(max=40)],
        description=lazy_gettext("Small letters, digits and hyphens"),
    )
    secret = TextField(
        lazy_gettext("Secret"),
        [Length(max=200)],
        description=lazy_gettext("At least 16 characters. Kept encrypted; empty keeps the one on file."),
    )
    tolerance_s = IntegerField(
        lazy_gettext("A message may be so many seconds old"),
        [InputRequired(REQUIRED), NumberRange(10, 86_400)],
        default=300,
    )
    is_active = BooleanField(lazy_gettext("Messages are taken"), default=True)
