"""The forms of documents."""

from collections.abc import Iterable
from typing import Any

from flask_babel import format_date, lazy_gettext
from wtforms import BooleanField, RadioField, SelectField
from wtforms.validators import InputRequired, Length, Optional

from billing.models import DocumentKind, DocumentLine, LedgerEntry
from core.money import Money
from webapp import rendering, texts
from webapp.forms import REQUIRED, CheckListField, Form, MoneyField, OnceForm, TextField, choices


class PayerForm(Form):
    """What only documents say of a customer."""

    tax_number = TextField(lazy_gettext("Tax number"), [Length(max=40)])
    language = SelectField(
        lazy_gettext("Language of documents and letters"),
        choices=lambda: [("", lazy_gettext("The company's")), *texts.languages().items()],
    )
    takes_documents = BooleanField(
        lazy_gettext("Takes documents by e-mail"),
        default=True,
        description=lazy_gettext(
            "If not, none goes out on its own or with many; one by one they can be sent."
        ),
    )


class IssueForm(OnceForm):
    """Which charges, and what document they make."""

    kind = RadioField(
        lazy_gettext("Document"),
        choices=choices(
            (DocumentKind.INVOICE, lazy_gettext("Invoice")),
            (DocumentKind.PROFORMA, lazy_gettext("Proforma invoice")),
        ),
    )
    # What was offered may be documented by the time it is sent: the act says so.
    entries = CheckListField(lazy_gettext("Charges"), choices=(), validate_choice=False)

    def offer(self, entries: Iterable[LedgerEntry]) -> None:
        """Let these charges be chosen among: those that stand on no document of the kind."""
        self.entries.choices = choices(*((str(entry.id), _words(entry)) for entry in entries))


def credit_form(lines: list[tuple[DocumentLine, Money]]) -> Any:
    """Return the form of a credit note: a sum beside each line that has something left."""

    class CreditForm(OnceForm):
        """What is given back, and why."""

        reason = TextField(lazy_gettext("Reason"), [InputRequired(REQUIRED), Length(max=300)])

    for line, left in lines:
        shown = rendering.format_money(left)
        field = MoneyField(
            texts.tell(line.description),
            [Optional()],
            currency=left.currency,
            description=lazy_gettext("At most %(sum)s, VAT inside.", sum=shown),
        )
        setattr(CreditForm, f"line_{line.position}", field)
    return CreditForm


def _words(entry: LedgerEntry) -> str:
    day = format_date(entry.dated_on, "medium")
    amount = rendering.format_money(Money(-entry.amount_minor, entry.currency))
    return f"{day} · {texts.tell(entry.description)} · {amount}"
