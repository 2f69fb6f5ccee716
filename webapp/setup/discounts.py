"""Discount letters: what comes off a price; given to customers on their money page."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import Response, url_for
from flask_babel import gettext

from billing import discounts
from billing.models import Discount
from core import errors
from core.money import Money
from core.words import N_
from registry import names, price_list
from webapp import identity, permissions, rendering, runtime
from webapp.setup import pages
from webapp.setup.price_forms import discount_form

HUNDREDTHS = Decimal(100)


@dataclass(frozen=True, slots=True)
class Row:
    """A letter, its sum when it takes one off, and how often it was given."""

    letter: Discount
    amount: Money | None
    given: int


KEYS = {
    "name": lambda row: names.sort_key(row.letter.name),
    "percent": lambda row: row.letter.percent_hundredths,
    "given": lambda row: row.given,
}


@permissions.required("setup.view")
def listing() -> Response:
    """List the letters."""
    with runtime.current().database.reading() as session:
        counts = discounts.counts(session)
        made = [Row(one, _amount(one), counts.get(one.id, 0)) for one in discounts.list_all(session)]
    rows = pages.short_list(
        made,
        KEYS,
        "name",
        id_of=lambda row: row.letter.id,
        words_of=lambda row: (row.letter.name, row.letter.note),
    )
    return pages.show_list("setup/discounts.html", rows)


def _amount(letter: Discount) -> Money | None:
    return Money(letter.amount_minor, letter.currency) if letter.amount_minor and letter.currency else None


@permissions.required("price.edit")
def add() -> Response:
    """Add a letter; a sum is in the company's currency."""
    currency = runtime.current().settings.isp.currency
    form = discount_form(currency)()
    if form.accept(lambda: _add(form, currency)):
        rendering.say(gettext("The discount is added."))
        return rendering.go("setup.discounts")
    return pages.show(pages.Frame(gettext("Add a discount"), form.ROWS, url_for("setup.discounts")), form)


def _add(form: Any, currency: str) -> None:
    with runtime.current().database.transaction() as session:
        price_list.add_discount(session, identity.actor(), _letter(form, currency))


@permissions.required("price.edit")
def edit(discount_id: int) -> Response:
    """Change a letter; how much comes off stays once it was given."""
    with runtime.current().database.reading() as session:
        letter, given = discounts.get(session, discount_id), discounts.counts(session).get(discount_id, 0)
    currency = letter.currency or runtime.current().settings.isp.currency
    percent = letter.percent_hundredths
    form = discount_form(currency)(
        name=letter.name,
        percent=None if percent is None else Decimal(percent) / HUNDREDTHS,
        amount=_amount(letter),
        note=letter.note,
        is_offered=letter.is_offered,
    )
    if form.accept(lambda: _change(discount_id, form, currency)):
        rendering.say(gettext("Saved."))
        return rendering.go("setup.discounts")
    users = {"customers": given} if given else {}
    removal = pages.Removal(url_for("setup.remove_discount", discount_id=discount_id), letter.name, users)
    frame = pages.Frame(letter.name, form.ROWS, url_for("setup.discounts"), removal=removal)
    return pages.show(frame, form)


def _change(discount_id: int, form: Any, currency: str) -> None:
    with runtime.current().database.transaction() as session:
        price_list.change_discount(session, identity.actor(), discount_id, _letter(form, currency))


def _letter(form: Any, currency: str) -> discounts.Letter:
    percent = None if form.percent.data is None else form.percent.data * HUNDREDTHS
    if percent is not None and percent != percent.to_integral_value():
        raise errors.Invalid("Too many decimals", {"percent": N_("A percent has two decimals at most")})
    return discounts.Letter(
        name=form.name.data or "",
        percent_hundredths=None if percent is None else int(percent),
        amount_minor=form.amount.data.minor if form.amount.data else None,
        currency=currency,
        note=form.note.data or "",
        is_offered=form.is_offered.data,
    )


@permissions.required("price.edit")
def remove(discount_id: int) -> Response:
    """Remove a letter nobody was given."""
    return pages.remove(
        lambda session: price_list.remove_discount(session, identity.actor(), discount_id),
        stay_url=url_for("setup.edit_discount", discount_id=discount_id),
        endpoint="setup.discounts",
    )
