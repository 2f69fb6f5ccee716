"""What a customer's work orders hold from the start: given, changed and taken on his money page."""

from decimal import Decimal
from typing import Any

from flask import Response, url_for
from flask_babel import gettext, lazy_gettext
from wtforms import BooleanField, SelectField
from wtforms.validators import InputRequired, NumberRange

from billing import articles
from billing.articles import HUNDREDTHS, Standing
from billing.models import Article
from registry import money, standing_articles
from webapp import identity, permissions, rendering, runtime
from webapp.cashier import pages
from webapp.forms import REQUIRED, Form, NumberField, choices, hundredths


class StandingForm(Form):
    """How much, and on which tickets."""

    quantity = NumberField(
        lazy_gettext("Quantity, or hours"),
        [InputRequired(REQUIRED), NumberRange(0, 100_000)],
        default=Decimal(1),
        description=lazy_gettext("0 hours: the technician enters the real ones."),
    )
    is_on_orders = BooleanField(lazy_gettext("On every new work order"), default=True)
    is_on_service = BooleanField(lazy_gettext("On every new service call (a fault)"))

    def standing(self) -> Standing:
        """Return what the form says; raises Invalid at the field."""
        return Standing(
            hundredths(self.quantity), bool(self.is_on_orders.data), bool(self.is_on_service.data)
        )


def _form_of(offered: list[Article]) -> Any:
    words = choices(*((str(one.id), one.name) for one in offered))

    class GiveForm(StandingForm):
        """The same, and of which article."""

        article_id = SelectField(lazy_gettext("Article"), choices=words)

    return GiveForm


@permissions.required("service.edit")
def give(customer_id: int) -> Response:
    """Let every new work order of the customer hold an article."""
    till = pages.till(customer_id)
    with runtime.current().database.reading() as session:
        offered = articles.offered(session, till.currency)
    form = _form_of(offered)()
    if form.accept(lambda: _give(customer_id, form)):
        rendering.say(gettext("Every new work order holds it."))
        return rendering.go("cashier.statement", customer_id=customer_id)
    return pages.form_page(
        "standing_article", gettext("Article for every work order"), till, form, found=None
    )


def _give(customer_id: int, form: Any) -> None:
    with runtime.current().database.transaction() as session:
        standing_articles.give(
            session, identity.actor(), customer_id, int(form.article_id.data), form.standing()
        )


@permissions.required("service.edit")
def change(standing_id: int) -> Response:
    """Let new work orders hold another quantity, or take the article from them."""
    with runtime.current().database.reading() as session:
        found = articles.standing(session, standing_id)
        customer_id = money.customer_id_of(session, found.account_id)
    form = StandingForm(
        quantity=Decimal(found.quantity_hundredths) / HUNDREDTHS,
        is_on_orders=found.is_on_orders,
        is_on_service=found.is_on_service,
    )
    if form.accept(lambda: _change(standing_id, form)):
        rendering.say(gettext("Saved."))
        return rendering.go("cashier.statement", customer_id=customer_id)
    return pages.form_page("standing_article", found.article.name, pages.till(customer_id), form, found=found)


def _change(standing_id: int, form: StandingForm) -> None:
    with runtime.current().database.transaction() as session:
        standing_articles.change(session, identity.actor(), standing_id, form.standing())


@permissions.required("service.edit")
def take(standing_id: int) -> Response:
    """Let new work orders not hold the article any more; those there are keep their lines."""
    with runtime.current().database.transaction() as session:
        customer_id = standing_articles.take(session, identity.actor(), standing_id)
    rendering.say(gettext("New work orders do not hold it any more."))
    return rendering.go_to(url_for("cashier.statement", customer_id=customer_id))
