"""The lines of tickets as one form: on the card and on the technician's phone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from flask import request
from flask_babel import lazy_gettext
from wtforms import DateField, HiddenField, SelectField
from wtforms.validators import NumberRange, Optional
from wtforms.widgets import TextInput

from billing.articles import HUNDREDTHS
from billing.models import Article
from core import clock
from core.money import Money
from desk.order_lines import LineView
from desk.orders import Edit, Entered
from webapp import runtime
from webapp.forms import Form, NumberField, choices, hundredths


@dataclass(frozen=True, slots=True)
class Work:
    """The work on a ticket: its lines, and the form of those that are not billed."""

    ticket_id: int
    lines: tuple[LineView, ...]
    form: Any

    @property
    def to_bill(self) -> Money | None:
        """What is left to bill, gross; none when there is nothing."""
        sums = [one.sum for one in self.lines if one.is_to_bill]
        return sum(sums[1:], sums[0]) if sums else None


def of_ticket(
    ticket_id: int, lines: tuple[LineView, ...], articles: Iterable[Article], *, is_sent: bool = False
) -> Work:
    """Return the work on a ticket; `is_sent`: with what was typed, else as it stands."""
    made = _form(lines, articles)
    return Work(ticket_id, lines, made() if is_sent else made(formdata=None))


def _form(lines: Iterable[LineView], articles: Iterable[Article]) -> Any:
    offered = choices(("", lazy_gettext("Add an article")), *((str(one.id), one.name) for one in articles))

    class OrderForm(Form):
        """How much of each article, on which day; and one more."""

        article_id = SelectField(lazy_gettext("Add an article"), choices=offered, default="")

    for line in lines:
        if not line.is_billed:
            _add_line(OrderForm, line)
    return OrderForm


def _add_line(form: Any, line: LineView) -> None:
    """Give the form one line; `was_` is what was shown, so that only what was changed is sent on."""
    # 0 stands behind an empty field: a click before a typed 0 would make 20 of 2.
    number = Decimal(line.quantity_hundredths) / HUNDREDTHS if line.quantity_hundredths else None
    look = {"inputmode": "decimal", "autocomplete": "off", "placeholder": "0"}
    limits = [Optional(), NumberRange(0, 100_000)]
    setattr(
        form,
        f"quantity_{line.id}",
        NumberField(line.name, limits, default=number, render_kw=look, widget=TextInput()),
    )
    setattr(
        form,
        f"worked_on_{line.id}",
        DateField(lazy_gettext("Day of the work"), [Optional()], default=line.worked_on),
    )
    setattr(form, f"was_{line.id}", HiddenField(default=_was(line.quantity_hundredths, line.worked_on)))


def _was(quantity_hundredths: int, day: date | None) -> str:
    return f"{quantity_hundredths} {day or ''}"


def edit_of(work: Work) -> Edit:
    """Return what the sent form changes; raises Invalid at a quantity of more than two decimals."""
    form, entered = work.form, {}
    for line in work.lines:
        shown = request.form.get(f"was_{line.id}")
        if line.is_billed or shown is None:
            continue
        number, day = form[f"quantity_{line.id}"], form[f"worked_on_{line.id}"].data
        quantity = hundredths(number) if number.data is not None else 0
        was, _, was_on = shown.partition(" ")
        if (str(quantity), str(day or "")) != (was, was_on):
            is_moved = day is not None and day.isoformat() != was_on
            entered[line.id] = Entered(quantity, day if is_moved else None)
    added = form.article_id.data
    return Edit(entered, _removed(), int(added) if added else None)


def _removed() -> Sequence[int]:
    found = request.form.get("remove", type=int)
    return () if found is None else (found,)


def today() -> date:
    """Return the business day of the ISP."""
    return clock.today(runtime.current().settings.isp.time_zone)
