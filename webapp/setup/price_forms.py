"""The forms of what is offered: plans, VAT rates, discounts, articles."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext
from wtforms import BooleanField, DateField, IntegerField, RadioField, SelectField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from billing.models import ArticleUnit, PeriodKind, VatRate
from core import clock, errors
from core.words import N_
from webapp import runtime, vat_words
from webapp.forms import REQUIRED, Form, MoneyField, NumberField, TextField, choices
from webapp.price_words import NET, ONCE, RECURRING
from webapp.setup.pages import optional_id

_NAME = [InputRequired(REQUIRED), Length(max=120)]
_HUNDREDTHS = Decimal(100)

PERIODS = [*RECURRING, *ONCE]
UNITS = choices(
    (ArticleUnit.PIECE, lazy_gettext("pieces")),
    (ArticleUnit.HOUR, lazy_gettext("hours of work")),
)
PAID = choices(("no", lazy_gettext("in advance")), ("yes", lazy_gettext("afterwards")))


class PlanForm(Form):
    """What a plan has beside its prices; speeds in Mbit/s."""

    places: tuple[int, ...] = ()

    name = TextField(lazy_gettext("Name"), _NAME)
    period = SelectField(
        lazy_gettext("The price is for"), choices=PERIODS, coerce=PeriodKind, default=PeriodKind.MONTH
    )
    is_net = SelectField(lazy_gettext("The price has"), choices=NET, default="no")
    is_postpaid = RadioField(lazy_gettext("Paid"), choices=PAID, default="no")
    down = NumberField(lazy_gettext("Down, Mbit/s"), [Optional(), NumberRange(0.001, 1_000_000)])
    up = NumberField(lazy_gettext("Up, Mbit/s"), [Optional(), NumberRange(0.001, 1_000_000)])
    is_offered = BooleanField(lazy_gettext("Offered to customers"), default=True)
    is_never_cut = BooleanField(
        lazy_gettext("Debt does not cut it"),
        description=lazy_gettext(
            "Such as a telephone from which help is called: what else the customer has is cut."
        ),
    )

    def prices(self) -> Iterator[tuple[int, int]]:
        """Yield the prices by quantity: from how many, what one costs; raises Invalid at the field."""
        known: set[int] = set()
        for place in self.places:
            number, price = self[f"from_{place}"].data, self[f"price_{place}"].data
            if number is None and price is None:
                continue
            if number is None or price is None:
                empty = f"from_{place}" if number is None else f"price_{place}"
                raise errors.Invalid("Half a price", {empty: N_("A price by quantity has both")})
            if number in known:
                words = N_("This quantity has a price already")
                raise errors.Invalid("Twice", {f"from_{place}": words})
            known.add(number)
            yield number, price.minor


def plan_form(currency: str, rates: Iterable[VatRate] = (), *, variants: int = 3) -> Any:
    """Return the form of a plan priced in that currency, with room for so many prices by quantity."""
    numbers = tuple(range(1, variants + 1))
    offered = vat_words.offered(rates, clock.today(runtime.current().settings.isp.time_zone))

    class PricedForm(PlanForm):
        """A plan."""

        ROWS = (
            ("name", "period"),
            ("price", "is_net", "vat_rate_id"),
            ("is_postpaid",),
            ("down", "up"),
            *((f"from_{place}", f"price_{place}") for place in numbers),
            ("is_offered", "is_never_cut"),
        )
        places = numbers

        price = MoneyField(
            lazy_gettext("Price of one, %(currency)s", currency=currency),
            [InputRequired(REQUIRED)],
            currency=currency,
        )
        vat_rate_id = SelectField(
            lazy_gettext("VAT"), choices=offered, coerce=optional_id, default="", validate_choice=False
        )

    for place in numbers:
        _add_variant(PricedForm, place, currency)
    return PricedForm


def _add_variant(form: Any, place: int, currency: str) -> None:
    """Give the form one price by quantity."""
    hint = lazy_gettext("Each costs less when many are taken; empty: one price for all.")
    number = IntegerField(
        lazy_gettext("From how many"),
        [Optional(), NumberRange(2, 100_000)],
        description=hint if place == 1 else "",
    )
    price = MoneyField(lazy_gettext("Price of one then"), [Optional()], currency=currency)
    setattr(form, f"from_{place}", number)
    setattr(form, f"price_{place}", price)


class PercentForm(Form):
    """What a VAT rate amounts to from a day on."""

    ROWS: tuple[tuple[str, ...], ...] = (("percent", "valid_from"),)

    percent = NumberField(lazy_gettext("Percent"), [InputRequired(REQUIRED), NumberRange(0, 100)])
    valid_from = DateField(lazy_gettext("From"), [InputRequired(REQUIRED)])

    @property
    def hundredths(self) -> int:
        """The percent in hundredths; raises Invalid for more than two decimals."""
        value = self.percent.data * _HUNDREDTHS
        if value != value.to_integral_value():
            raise errors.Invalid("Too many decimals", {"percent": "A percent has two decimals at most"})
        return int(value)


class NewRateForm(PercentForm):
    """A VAT rate with its first percent."""

    ROWS = (("name",), ("percent", "valid_from"))

    name = TextField(
        lazy_gettext("Name"),
        [InputRequired(REQUIRED), Length(max=60)],
        description=lazy_gettext("Such as: standard, reduced."),
    )


class RateForm(Form):
    """The name of a VAT rate."""

    ROWS = (("name",),)

    name = TextField(lazy_gettext("Name"), [InputRequired(REQUIRED), Length(max=60)])


def discount_form(currency: str) -> Any:
    """Return the form of a discount letter, its sum in that currency."""

    class DiscountForm(Form):
        """What comes off each period's price: a percent or a sum."""

        ROWS = (("name",), ("percent", "amount"), ("note",), ("is_offered",))

        name = TextField(lazy_gettext("Name"), _NAME)
        percent = NumberField(lazy_gettext("Percent"), [Optional(), NumberRange(0.01, 100)])
        amount = MoneyField(
            lazy_gettext("Or a sum, %(currency)s", currency=currency),
            [Optional()],
            currency=currency,
            description=lazy_gettext("Comes off the price of each whole period."),
        )
        note = TextField(lazy_gettext("Note"), [Length(max=300)])
        is_offered = BooleanField(lazy_gettext("Offered to customers"), default=True)

    return DiscountForm


def article_form(currency: str, rates: Iterable[VatRate]) -> Any:
    """Return the form of an article priced in that currency."""
    offered = vat_words.offered(rates, clock.today(runtime.current().settings.isp.time_zone))

    class ArticleForm(Form):
        """What one piece or one hour of work costs."""

        ROWS = (("name", "unit"), ("price", "is_net", "vat_rate_id"), ("is_offered",))

        name = TextField(
            lazy_gettext("Name"), _NAME, description=lazy_gettext("The customer reads it on the invoice.")
        )
        unit = SelectField(lazy_gettext("Counted in"), choices=UNITS)
        price = MoneyField(
            lazy_gettext("Price of one, %(currency)s", currency=currency),
            [InputRequired(REQUIRED)],
            currency=currency,
        )
        is_net = SelectField(lazy_gettext("The price has"), choices=NET, default="no")
        vat_rate_id = SelectField(
            lazy_gettext("VAT"), choices=offered, coerce=optional_id, default="", validate_choice=False
        )
        is_offered = BooleanField(lazy_gettext("Offered to customers"), default=True)

    return ArticleForm
