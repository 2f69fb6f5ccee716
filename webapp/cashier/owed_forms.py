"""The forms of what is owed beside plans: liabilities, charges by hand, discounts given."""

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext
from wtforms import DateField, IntegerField, SelectField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from billing.liabilities import Owed
from billing.models import PeriodKind, VatRate
from webapp import vat_words
from webapp.cashier import day
from webapp.cashier.bill_fields import BillFields
from webapp.cashier.forms import EndForm, TwiceForm
from webapp.forms import REQUIRED, CheckListField, Form, MoneyField, OnceForm, TextField, choices
from webapp.price_words import NET, ONCE, RECURRING

PERIODS = [*ONCE, *RECURRING]
PAID = choices(("no", lazy_gettext("In advance")), ("yes", lazy_gettext("Afterwards")))


def charge_form(currency: str, rates: Sequence[VatRate]) -> Any:
    """Return the form of a charge made by hand."""

    known = vat_words.offered(rates, day.today())

    class ChargeForm(TwiceForm):
        """How much, with what VAT inside, and why."""

        amount = MoneyField(
            lazy_gettext("Amount, VAT included"), [InputRequired(REQUIRED)], currency=currency
        )
        vat_rate_id = SelectField(lazy_gettext("VAT"), choices=known, default="")
        reason = TextField(
            lazy_gettext("Reason"),
            [InputRequired(REQUIRED), Length(max=200)],
            description=lazy_gettext("The customer reads it on the invoice."),
        )

    return ChargeForm


class OwedForm(BillFields, OnceForm):
    """What is owed, how often, from when to when; `price` and `vat_rate_id` come with the currency."""

    description = TextField(
        lazy_gettext("What for"),
        [InputRequired(REQUIRED), Length(max=200)],
        description=lazy_gettext("The customer reads it on the invoice."),
    )
    quantity = IntegerField(
        lazy_gettext("Quantity"), [InputRequired(REQUIRED), NumberRange(1, 100_000)], default=1
    )
    period = SelectField(lazy_gettext("How often"), choices=PERIODS, default=PeriodKind.ONCE)
    is_net = SelectField(lazy_gettext("The price has"), choices=NET, default="no")
    starts_on = DateField(lazy_gettext("First day"), [InputRequired(REQUIRED)])
    ends_on = DateField(lazy_gettext("Last day"), [Optional()])
    is_postpaid = SelectField(lazy_gettext("Paid"), choices=PAID, default="no")

    @property
    def cycle_kind(self) -> PeriodKind:
        """The chosen period."""
        found = self.period.data
        return PeriodKind(found) if found in set(PeriodKind) else PeriodKind.ONCE

    def owed(self) -> Owed:
        """Return what the form agrees."""
        return Owed(
            description=self.description.data or "",
            price_minor=self.price.data.minor if self.price.data else 0,
            period=self.cycle_kind,
            starts_on=self.starts_on.data,
            ends_on=self.ends_on.data,
            quantity=self.quantity.data or 0,
            is_net=self.is_net.data == "yes",
            vat_rate_id=int(self.vat_rate_id.data) if self.vat_rate_id.data else None,
            bill_day=self.chosen_day,
            bill_month=self.chosen_month,
            is_postpaid=self.is_postpaid.data == "yes",
        )


def liability_form(currency: str, rates: Sequence[VatRate]) -> Any:
    """Return the form of a liability."""
    known = vat_words.offered(rates, day.today())

    class LiabilityForm(OwedForm):
        """What is owed, in that currency."""

        price = MoneyField(lazy_gettext("Price of one"), [InputRequired(REQUIRED)], currency=currency)
        vat_rate_id = SelectField(lazy_gettext("VAT"), choices=known, default="")

    return LiabilityForm


class EndLiabilityForm(EndForm):
    """The last day of a liability."""


def discount_form(services: Sequence[tuple[int, str]], letters: Sequence[tuple[int, str]]) -> Any:
    """Return the form that gives discounts to all services of a customer or to one."""
    scope = choices(("", lazy_gettext("All services")), *((str(key), words) for key, words in services))

    class DiscountForm(Form):
        """Which letters, for what, from when to when."""

        discounts = CheckListField(
            lazy_gettext("Discounts"), choices=choices(*((str(key), words) for key, words in letters))
        )
        service = SelectField(lazy_gettext("For"), choices=scope, default="")
        starts_on = DateField(
            lazy_gettext("From"),
            [InputRequired(REQUIRED)],
            description=lazy_gettext("Periods that begin on this day or later; what is charged stays."),
        )
        ends_on = DateField(lazy_gettext("Last day"), [Optional()])

    return DiscountForm
