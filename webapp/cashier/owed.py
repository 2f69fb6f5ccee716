"""What a customer owes beside plans: charges by hand, liabilities, and the discounts he has."""

from typing import Any

from flask import Response, render_template, request
from flask_babel import gettext
from sqlalchemy.orm import Session

from billing import discounts, liabilities, vat
from billing.acts import Act
from billing.effects import Effect
from billing.ledger import Posted
from billing.models import Discount, Liability
from core import errors
from core.money import Money
from registry import agreements, money, names, tills
from webapp import effect, identity, permissions, rendering, runtime
from webapp.cashier import day, forms, owed_forms, pages


@permissions.required("charge.add")
def charge(customer_id: int) -> Response:
    """Charge the customer by hand, with a reason: whom, the sum and what is owed then are confirmed."""
    till, form_of = pages.till(customer_id), owed_forms.charge_form
    form = form_of(till.currency, _rates())()
    if form.is_confirmed and form.accept(lambda: _charge(customer_id, form)):
        is_new = form.result.is_new
        rendering.say(gettext("Charged.") if is_new else gettext("This was charged already."))
        return rendering.go("cashier.statement", customer_id=customer_id)
    after = None
    if form.is_looked_at:
        after = Money(till.debt.balance_minor - form.amount.data.minor, till.currency)
    return pages.form_page("charge", gettext("Charge by hand"), till, form, after=after)


def _charge(customer_id: int, form: Any) -> Posted:
    with runtime.current().database.transaction() as session:
        return agreements.charge(
            session,
            identity.actor(),
            customer_id,
            amount_minor=form.amount.data.minor,
            vat_rate_id=int(form.vat_rate_id.data) if form.vat_rate_id.data else None,
            reason=form.reason.data or "",
            idempotency_key=form.once,
            today=day.today(),
            terms=day.terms(),
        )


@permissions.required("charge.add")
def add(customer_id: int) -> Response:
    """Let the customer owe something, once or by the period; what it does is shown before."""
    till = pages.till(customer_id)
    form = owed_forms.liability_form(till.currency, _rates())(starts_on=day.today(), **_usual_days())
    if form.accept(lambda: _add(customer_id, form)):
        rendering.say(gettext("The liability is added."))
        return rendering.go("cashier.statement", customer_id=customer_id)
    return pages.form_page("liability", gettext("Add a liability"), till, form, effect=None)


def _usual_days() -> dict[str, str]:
    """Return when a liability is billed while nobody says otherwise: on the day it begins on."""
    return {"bill_day": "", "weekday": "", "bill_month": str(day.today().month)}


def _add(customer_id: int, form: Any) -> None:
    with runtime.current().database.transaction() as session:
        agreements.add_liability(
            session,
            identity.actor(),
            customer_id,
            form.owed(),
            today=day.today(),
            terms=day.terms(),
            idempotency_key=form.once,
        )


@permissions.required("charge.add")
def add_effect(customer_id: int) -> Response:
    """Show what a liability would do, for what is filled in so far."""
    till = pages.till(customer_id)
    form = owed_forms.liability_form(till.currency, _rates())(
        request.args, meta={"csrf": False}, **_usual_days()
    )
    form.validate()
    shown = effect.of(customer_id, lambda session, act: _owe(session, act, customer_id, form))
    return effect.fragment(shown, till.currency, form)


def _owe(session: Session, act: Act, customer_id: int, form: Any) -> None:
    if form.starts_on.data is None:
        raise effect.Unready()
    liabilities.add(session, money.account_id(session, customer_id), act, form.owed())


@permissions.required("charge.add")
def end(liability_id: int) -> Response:
    """Let a liability end with a day; what was charged beyond it is given back."""
    customer_id, owed = _owed(liability_id)
    form = owed_forms.EndLiabilityForm(ends_on=day.today())
    if form.accept(lambda: _end(liability_id, form)):
        rendering.say(gettext("The liability has its last day."))
        return rendering.go("cashier.statement", customer_id=customer_id)
    till = pages.till(customer_id)
    return pages.form_page("end_liability", gettext("End the liability"), till, form, owed=owed)


def _end(liability_id: int, form: owed_forms.EndLiabilityForm) -> None:
    with runtime.current().database.transaction() as session:
        agreements.end_liability(
            session,
            identity.actor(),
            liability_id,
            ends_on=form.ends_on.data,
            today=day.today(),
            terms=day.terms(),
        )


@permissions.required("charge.add")
def take_back(liability_id: int) -> Response:
    """Take a liability back as if it had never been, with a reason; what is given back is shown before.

    One that was charged is taken back by who may undo charges.
    """
    customer_id, owed = _owed(liability_id)
    if liabilities.is_taken_back(owed):
        raise errors.Conflict("This liability was taken back already")
    shown = effect.of(customer_id, lambda session, act: liabilities.take_back(session, liability_id, act))
    if isinstance(shown, Effect) and shown.entries:
        identity.demand("charge.reverse")
    form = forms.ReverseForm()
    if form.accept(lambda: _take_back(liability_id, form)):
        rendering.say(gettext("The liability is taken back; what was charged for it is given back."))
        return rendering.go("cashier.statement", customer_id=customer_id)
    till = pages.till(customer_id)
    title = gettext("Take the liability back")
    return pages.form_page("take_back", title, till, form, owed=owed, effect=shown)


def _take_back(liability_id: int, form: forms.ReverseForm) -> None:
    with runtime.current().database.transaction() as session:
        given_minor = agreements.take_back_liability(
            session,
            identity.actor(),
            liability_id,
            reason=form.reason.data or "",
            today=day.today(),
            terms=day.terms(),
        )
        if given_minor:
            identity.demand("charge.reverse")
        day.let_in(session)


@permissions.required("service.edit")
def give(customer_id: int) -> Response:
    """Give discounts to the customer or to one of his services."""
    till = pages.till(customer_id)
    with runtime.current().database.reading() as session:
        services = tills.services(session, till.account, day.today())
        letters = _letters(session, till.currency)
    form = owed_forms.discount_form(
        [(one.id, one.plan) for one in services if one.may_change], [(one.id, one.name) for one in letters]
    )(starts_on=day.today())
    if form.accept(lambda: _give(customer_id, form)):
        rendering.say(gettext("The discounts are given."))
        return rendering.go("cashier.statement", customer_id=customer_id)
    chosen = set(form.discounts.data or ())
    return pages.form_page(
        "give_discount", gettext("Give discounts"), till, form, letters=letters, chosen=chosen
    )


def _give(customer_id: int, form: Any) -> None:
    given = discounts.Given(
        tuple(int(one) for one in form.discounts.data or ()),
        form.starts_on.data,
        form.ends_on.data,
        int(form.service.data) if form.service.data else None,
    )
    with runtime.current().database.transaction() as session:
        agreements.give_discount(session, identity.actor(), customer_id, given)


@permissions.required("service.edit")
def choices(customer_id: int) -> Response:
    """List the letters that fit the words typed; all of them before anything is typed."""
    chosen = set(request.args.getlist("discounts"))
    words = names.sort_key(request.args.get("q", "").strip())
    with runtime.current().database.reading() as session:
        account = tills.account(session, customer_id)
        letters = [
            one
            for one in _letters(session, account.currency)
            if str(one.id) in chosen or words in names.sort_key(one.name)
        ]
    shown = render_template("cashier/_discount_choices.html", letters=letters, chosen=chosen, as_money=Money)
    return Response(shown)


@permissions.required("service.edit")
def end_discount(given_id: int) -> Response:
    """Let a given discount end with yesterday."""
    with runtime.current().database.transaction() as session:
        customer_id = agreements.end_discount(session, identity.actor(), given_id, today=day.today())
    rendering.say(gettext("The discount has ended."))
    return rendering.go("cashier.statement", customer_id=customer_id)


def _letters(session: Session, currency: str) -> list[Discount]:
    return [one for one in discounts.list_all(session, is_offered=True) if one.currency in (None, currency)]


def _rates() -> Any:
    with runtime.current().database.reading() as session:
        return vat.list_all(session)


def _owed(liability_id: int) -> tuple[int, Liability]:
    with runtime.current().database.reading() as session:
        owed = liabilities.get(session, liability_id)
        return money.customer_id_of(session, owed.account_id), owed
