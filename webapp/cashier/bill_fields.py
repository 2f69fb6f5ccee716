"""When something is billed: the fields that each kind of period asks for, on whatever form they stand."""

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext
from wtforms import DateField, SelectField
from wtforms.validators import InputRequired

from billing.bill_days import Wanted
from billing.models import PeriodKind
from registry.tills import Service
from webapp.forms import REQUIRED, CheckListField, Form, choices

BILL_DAYS = choices(
    ("", lazy_gettext("The day it begins on")),
    *((str(day), str(day)) for day in range(1, 29)),
    ("0", lazy_gettext("The last day of the month")),
)
WEEKDAYS = choices(
    ("", lazy_gettext("The day it begins on")),
    ("1", lazy_gettext("Monday")),
    ("2", lazy_gettext("Tuesday")),
    ("3", lazy_gettext("Wednesday")),
    ("4", lazy_gettext("Thursday")),
    ("5", lazy_gettext("Friday")),
    ("6", lazy_gettext("Saturday")),
    ("7", lazy_gettext("Sunday")),
)
MONTHS = choices(
    ("1", lazy_gettext("January")),
    ("2", lazy_gettext("February")),
    ("3", lazy_gettext("March")),
    ("4", lazy_gettext("April")),
    ("5", lazy_gettext("May")),
    ("6", lazy_gettext("June")),
    ("7", lazy_gettext("July")),
    ("8", lazy_gettext("August")),
    ("9", lazy_gettext("September")),
    ("10", lazy_gettext("October")),
    ("11", lazy_gettext("November")),
    ("12", lazy_gettext("December")),
)
PAID = choices(
    ("", lazy_gettext("As the plan is")),
    ("no", lazy_gettext("In advance")),
    ("yes", lazy_gettext("Afterwards")),
)


class BillFields(Form):
    """Bill day, weekday and month; which of them count depends on `cycle_kind`."""

    bill_day = SelectField(lazy_gettext("Bill day"), choices=BILL_DAYS, default="1")
    weekday = SelectField(lazy_gettext("Billed on"), choices=WEEKDAYS, default="1")
    bill_month = SelectField(
        lazy_gettext("A period begins in"),
        choices=MONTHS,
        default="1",
        description=lazy_gettext("And every so many months before and after."),
    )
    is_postpaid = SelectField(lazy_gettext("Paid"), choices=PAID, default="")

    @property
    def cycle_kind(self) -> PeriodKind:
        """The kind of period that is billed."""
        return PeriodKind.MONTH

    @property
    def chosen_day(self) -> int | None:
        """The bill day as billing takes it; none is the day it begins on."""
        if self.cycle_kind in {PeriodKind.DAY, PeriodKind.ONCE}:
            return 1
        field = self.weekday if self.cycle_kind is PeriodKind.WEEK else self.bill_day
        return int(field.data) if field.data else None

    @property
    def chosen_month(self) -> int:
        """The month in which longer periods begin."""
        return int(self.bill_month.data or 1)

    @property
    def chosen_postpaid(self) -> bool | None:
        """Whether it is paid afterwards; none where the plan says."""
        return None if not self.is_postpaid.data else bool(self.is_postpaid.data == "yes")


def billing_form(services: Sequence[Service]) -> Any:
    """Return the form that lets some services of a customer be billed otherwise."""
    named = choices(*((str(one.id), one.plan) for one in services))
    kinds = frozenset(one.period for one in services)

    class BillingForm(BillFields):
        """Which services, from when, on which day, in advance or afterwards."""

        asks_weekday = PeriodKind.WEEK in kinds
        asks_day = bool(kinds - {PeriodKind.WEEK})
        asks_month = bool(kinds - {PeriodKind.WEEK, PeriodKind.MONTH})

        services = CheckListField(lazy_gettext("Services"), choices=named)
        starts_on = DateField(
            lazy_gettext("From"),
            [InputRequired(REQUIRED)],
            description=lazy_gettext("A day to come is planned, and its night does it."),
        )

        def wanted(self) -> Wanted:
            """Return what the form agrees."""
            return Wanted(
                subscription_ids=tuple(int(one) for one in self.services.data or ()),
                bill_day=int(self.bill_day.data) if self.bill_day.data else None,
                weekday=int(self.weekday.data) if self.weekday.data else None,
                bill_month=self.chosen_month,
                is_postpaid=self.chosen_postpaid,
            )

    return BillingForm
