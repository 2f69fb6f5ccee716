"""The forms of the cashier. Those with an amount are made for a currency."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from flask_babel import get_locale, lazy_gettext
from wtforms import BooleanField, DateField, HiddenField, IntegerField, RadioField, SelectField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from billing import freezes
from billing.models import AccessState, Documented, LedgerEntry, LockReason, Method, PeriodKind, Plan
from billing.subscriptions import Choice
from core import errors, money
from core.money import Money
from core.words import N_
from webapp import rendering
from webapp.cashier.bill_fields import BillFields
from webapp.forms import REQUIRED, Form, MoneyField, OnceForm, ParagraphField, TextField, choices

METHODS = choices(
    (Method.CASH, lazy_gettext("Cash")),
    (Method.BANK, lazy_gettext("Bank transfer")),
    (Method.CARD, lazy_gettext("Card")),
    (Method.ONLINE, lazy_gettext("Online payment")),
)


class PaybackForm(OnceForm):
    """Set the debt that was seen to zero."""

    expected_minor = HiddenField(validators=[InputRequired()])
    kind = RadioField(
        lazy_gettext("What happens to the debt"),
        choices=choices(
            ("cash", lazy_gettext("It is paid now")), ("writeoff", lazy_gettext("It is written off"))
        ),
        default="cash",
    )
    method = SelectField(lazy_gettext("How it is paid"), choices=METHODS, default=Method.CASH)

    @property
    def expected(self) -> int:
        """The debt the person saw, in minor units; 0, which no debt is, when somebody tampered with it."""
        text = str(self.expected_minor.data or "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 17 else 0


class ReverseForm(Form):
    """Why an entry is undone."""

    reason = TextField(lazy_gettext("Reason"), [InputRequired(REQUIRED), Length(max=300)])


def promise_form(currency: str) -> Any:
    """Return the form of a promise to pay in that currency."""

    class PromiseForm(Form):
        """Until when the customer promised to pay, and how much."""

        until = DateField(lazy_gettext("Until the end of"), [InputRequired(REQUIRED)])
        amount = MoneyField(
            lazy_gettext("Promised sum"),
            [Optional()],
            currency=currency,
            description=lazy_gettext("Empty: all that is owed. The promise is kept when so much came."),
        )
        note = TextField(
            lazy_gettext("Note"), [Length(max=300)], description=lazy_gettext("Who called, what was agreed")
        )

    return PromiseForm()


class SuspendForm(Form):
    """Why a service is off, from when to when, and how its days are billed."""

    REASONS = (
        (LockReason.FREEZE, lazy_gettext("A freeze the customer asked for")),
        (LockReason.MANUAL, lazy_gettext("A suspension by hand")),
        (LockReason.ABUSE, lazy_gettext("Abuse: spam, attacks, a broken contract")),
        (LockReason.TECHNICAL, lazy_gettext("Technical: a loop, a storm, work on the line")),
    )

    reason = RadioField(lazy_gettext("What it is"), choices=choices(*REASONS), default=LockReason.MANUAL)
    effect = RadioField(
        lazy_gettext("The line is then"),
        choices=choices(
            (AccessState.CLOSED, lazy_gettext("closed")),
            (AccessState.WALLED, lazy_gettext("led to the walled garden")),
            (AccessState.SLOW, lazy_gettext("slowed down")),
            (AccessState.NOTICE, lazy_gettext("open, with a notice")),
        ),
        default=AccessState.CLOSED,
    )
    from_on = DateField(lazy_gettext("First day"), [Optional()])
    to_on = DateField(
        lazy_gettext("Last day"),
        [Optional()],
        description=lazy_gettext("The night after it lifts it by itself; empty: a person does."),
    )
    billing = RadioField(
        lazy_gettext("These days are billed"),
        choices=choices(
            ("full", lazy_gettext("in full")),
            ("part", lazy_gettext("in part")),
            ("none", lazy_gettext("not")),
        ),
        default="full",
    )
    percent = IntegerField(
        lazy_gettext("Percent billed"),
        [Optional(), NumberRange(0, 100)],
        description=lazy_gettext("For days billed in part."),
    )
    note = TextField(lazy_gettext("Reason"), [InputRequired(REQUIRED), Length(max=300)])

    def offer(self, reasons: Collection[LockReason], *, may_bill: bool) -> None:
        """Leave of the reasons these; who may not say how the days are billed has them billed in full."""
        self.reason.choices = choices(*(one for one in self.REASONS if one[0] in reasons))
        if not self.reason.raw_data and self.reason.data not in reasons:
            self.reason.data = next(one for one, _ in self.REASONS if one in reasons)
        if not may_bill:
            del self.billing, self.percent

    def agreed(self, today: date) -> freezes.Agreed:
        """Return what the form agrees; no first day is today. Raises Invalid where the percent is missing."""
        percent: int | None = 100
        if self.billing is not None:
            percents = {"full": 100, "none": 0, "part": self.percent.data}
            percent = percents.get(self.billing.data or "full")
        if percent is None:
            raise errors.Invalid("No percent", {"percent": N_("Say how much is billed")})
        return freezes.Agreed(
            LockReason(self.reason.data or LockReason.MANUAL),
            self.from_on.data or today,
            self.to_on.data,
            percent,
            self.note.data or "",
            AccessState(self.effect.data or AccessState.CLOSED),
        )


class EndForm(Form):
    """The last day of a service."""

    ends_on = DateField(
        lazy_gettext("Last day"),
        [InputRequired(REQUIRED)],
        description=lazy_gettext(
            "The service runs on this day too; what was charged beyond it is given back."
        ),
    )


def terms_form(currency: str, groups: Sequence[tuple[str, str]]) -> Any:
    """Return the form of how debt treats a customer, with the groups (id, name) to choose from."""

    class TermsForm(Form):
        """How this customer is treated otherwise than the others."""

        payment_days = IntegerField(lazy_gettext("Days to pay"), [Optional(), NumberRange(0, 365)])
        grace_days = IntegerField(lazy_gettext("Days of grace"), [Optional(), NumberRange(0, 365)])
        group = SelectField(
            lazy_gettext("Debt group"), choices=choices(("", lazy_gettext("none")), *groups), default=""
        )
        credit_limit = MoneyField(
            lazy_gettext("Credit limit"),
            [Optional()],
            currency=currency,
            description=lazy_gettext("So much may be overdue before debt cuts."),
        )
        credit_until = DateField(
            lazy_gettext("Credit until the end of"),
            [Optional()],
            description=lazy_gettext("Empty: for good."),
        )
        papers = SelectField(
            lazy_gettext("Charges make"),
            choices=choices(
                ("", lazy_gettext("as everybody's")),
                (Documented.INVOICE, lazy_gettext("invoice")),
                (Documented.PROFORMA, lazy_gettext("proforma")),
                (Documented.NONE, lazy_gettext("no document")),
            ),
            default="",
        )
        own_account = TextField(
            lazy_gettext("Bank account number of the customer's own"),
            [Length(max=40)],
            description=lazy_gettext("Whatever is paid to it is this customer's."),
        )
        is_never_cut = BooleanField(lazy_gettext("Debt never cuts this customer"))
        never_cut_note = ParagraphField(lazy_gettext("Why"), [Length(max=300)])

    return TermsForm


class PaymentForm(OnceForm):
    """Money that came; its amount is read when the account, and with it the currency, is at hand."""

    amount = TextField(
        lazy_gettext("Amount"),
        [InputRequired(REQUIRED)],
        render_kw={"inputmode": "decimal", "autocomplete": "off"},
    )
    method = SelectField(lazy_gettext("Method"), choices=METHODS, default=Method.CASH)
    dated_on = DateField(lazy_gettext("Date"), [InputRequired(REQUIRED)])
    reference = TextField(
        lazy_gettext("Reference"),
        [Length(max=200)],
        description=lazy_gettext("Receipt or transaction number"),
    )
    again = BooleanField(lazy_gettext("It came a second time: book it as well"))


def read(amount: str, currency: str) -> Money:
    """Read an amount as people of the request's locale write it; raises Invalid at the field `amount`."""
    return money.parse(amount, currency, str(get_locale()))


def written(owed: Money) -> str:
    """Return the sum as the field is filled in with it; nothing owed leaves it empty."""
    return money.as_typed(owed, str(get_locale())) if owed.minor else ""


class TwiceForm(OnceForm):
    """A form that is looked at once more, with names and sums, before it acts."""

    confirmed = HiddenField()

    @property
    def is_confirmed(self) -> bool:
        """Whether the second look was accepted."""
        return bool(self.confirmed.data == "yes")

    @property
    def is_looked_at(self) -> bool:
        """Whether it was sent and is right, and waits for the second look."""
        return not self.is_confirmed and self.validate_on_submit()

    @property
    def status(self) -> int:
        """The answer's status: the second look is no refusal."""
        return super().status if self.errors else 200


def refund_form(currency: str) -> Any:
    """Return the form of money given back in that currency."""

    class RefundForm(TwiceForm):
        """Money that goes back."""

        amount = MoneyField(lazy_gettext("Amount"), [InputRequired(REQUIRED)], currency=currency)
        method = SelectField(lazy_gettext("Method"), choices=METHODS, default=Method.CASH)
        dated_on = DateField(lazy_gettext("Date"), [InputRequired(REQUIRED)])
        reference = TextField(
            lazy_gettext("Reference"),
            [Length(max=200)],
            description=lazy_gettext("Receipt or transaction number"),
        )

    return RefundForm


def transfer_form(currency: str, payments: Sequence[LedgerEntry]) -> Any:
    """Return the form of money moved to another customer, with the payments that may be the other's."""
    offered = choices(("", lazy_gettext("none: out of the credit")), *map(_payment_choice, payments))

    class TransferForm(TwiceForm):
        """Whose money it becomes, and how much."""

        to = TextField(
            lazy_gettext("To the customer with the number"), [InputRequired(REQUIRED), Length(max=40)]
        )
        amount = MoneyField(lazy_gettext("Amount"), [InputRequired(REQUIRED)], currency=currency)
        payment = SelectField(
            lazy_gettext("A payment that was the other customer's"),
            [Optional()],
            choices=offered,
            default="",
            description=lazy_gettext("More than the credit can only be moved of a payment that is named."),
        )
        note = TextField(lazy_gettext("Note"), [Length(max=200)])

    return TransferForm


def _payment_choice(entry: LedgerEntry) -> tuple[str, str]:
    parts = (rendering.format_date(entry.dated_on, "medium"), _sum(entry), entry.reference)
    return str(entry.id), " · ".join(part for part in parts if part)


def _sum(entry: LedgerEntry) -> str:
    return rendering.format_money(Money(entry.amount_minor, entry.currency))


class ChoiceForm(BillFields, OnceForm):
    """How many, and when it is billed; which of the fields of billing count depends on the plan's period."""

    plans: tuple[Plan, ...] = ()

    quantity = IntegerField(
        lazy_gettext("Quantity"), [InputRequired(REQUIRED), NumberRange(1, 100_000)], default=1
    )

    @property
    def cycle_kind(self) -> PeriodKind:
        """The chosen plan's period."""
        return next((plan.period for plan in self.plans if str(plan.id) == self.plan.data), PeriodKind.MONTH)

    def choice(self) -> Choice:
        """Return what the form agrees; raises Invalid while no plan is chosen."""
        if not self.plan.data or not str(self.plan.data).isdecimal():
            raise errors.Invalid("No plan", {"plan": N_("Choose a plan")})
        return Choice(
            plan_id=int(self.plan.data),
            price_minor=self.price.data.minor if self.price.data else None,
            quantity=self.quantity.data,
            bill_day=self.chosen_day,
            bill_month=self.chosen_month,
            is_postpaid=self.chosen_postpaid,
        )


def service_form(currency: str, plans: Sequence[Plan], *, is_new: bool) -> Any:
    """Return the form of a new service, or of a change to one, with the plans to choose from."""
    offered = choices(*((str(plan.id), _plan_words(plan)) for plan in plans))
    own = lazy_gettext("Only when it differs from the plan's")
    known = tuple(plans)

    class ServiceForm(ChoiceForm):
        """Plan, price, how many, and when it is billed."""

        plans = known

        plan = SelectField(lazy_gettext("Plan"), [InputRequired(REQUIRED)], choices=offered)
        price = MoneyField(lazy_gettext("Own price"), [Optional()], currency=currency, description=own)
        starts_on = DateField(lazy_gettext("From"), [InputRequired(REQUIRED)])

    class NewForm(ServiceForm):
        """From which day to which, and how a first period is charged that is not whole."""

        starts_on = DateField(lazy_gettext("First day"), [InputRequired(REQUIRED)])
        ends_on = DateField(
            lazy_gettext("Last day"), [Optional()], description=lazy_gettext("Empty: until somebody ends it.")
        )
        first = RadioField(
            lazy_gettext("A first period that is not whole"),
            choices=choices(
                ("days", lazy_gettext("is charged by its days")), ("free", lazy_gettext("is not charged"))
            ),
            default="days",
        )

        def agreed(self) -> dict[str, Any]:
            """Return what is agreed, as registry.money.start_service takes it."""
            return {
                "choice": self.choice(),
                "starts_on": self.starts_on.data,
                "ends_on": self.ends_on.data,
                "is_first_free": self.first.data == "free",
            }

    return NewForm if is_new else ServiceForm


def _plan_words(plan: Plan) -> str:
    return f"{plan.name} · {rendering.format_money(Money(plan.price_minor, plan.currency))}"
