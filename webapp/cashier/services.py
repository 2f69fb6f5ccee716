"""A customer's services: add, change, end, suspend and let in by hand, and the terms he is treated by."""

from datetime import date
from typing import Any

from flask import Response, render_template, request
from flask_babel import gettext

from billing import subscriptions
from billing.models import Plan
from core import errors
from core.money import Money
from registry import money, tills
from webapp import identity, permissions, rendering, runtime
from webapp.cashier import day, forms, pages


@permissions.required("service.edit")
def add(customer_id: int) -> Response:
    """Give the customer a plan from a day on; the first charge is shown before."""
    till, plans = _offer(customer_id)
    form = forms.service_form(till.currency, plans, is_new=True)(
        plan=str(plans[0].id) if plans else "", starts_on=day.today()
    )
    if form.accept(lambda: _add(customer_id, form)):
        rendering.say(gettext("The service is added."))
        return rendering.go("cashier.statement", customer_id=customer_id)
    shown = _charges(customer_id, form)
    return pages.form_page("add_service", gettext("Add a service"), till, form, charges=shown)


def _add(customer_id: int, form: Any) -> None:
    with runtime.current().database.transaction() as session:
        money.start_service(
            session,
            identity.actor(),
            customer_id,
            choice=_choice(form),
            starts_on=form.starts_on.data,
            today=day.today(),
            terms=day.terms(),
        )
        day.wake_gates(session)


@permissions.required("service.edit")
def first_charge(customer_id: int) -> Response:
    """Show what a service would be charged at once, for the choices made so far."""
    till, plans = _offer(customer_id)
    form = forms.service_form(till.currency, plans, is_new=True)(request.args, meta={"csrf": False})
    form.validate()
    return Response(render_template("cashier/_first_charge.html", charges=_charges(customer_id, form)))


def _charges(customer_id: int, form: Any) -> list[tuple[date, date, Money]]:
    """Return the periods charged at once, each with its sum; none while the choices are incomplete."""
    if not form.plan.data or form.starts_on.data is None or not form.quantity.data:
        return []
    with runtime.current().database.rehearsal() as session:
        account = tills.account(session, customer_id)
        try:
            shown = subscriptions.first_charge(
                session, account.id, _choice(form), starts_on=form.starts_on.data, today=day.today()
            )
        except errors.Invalid:
            return []
        return [(period.start, period.end, Money(minor, account.currency)) for period, minor in shown]


def _choice(form: Any) -> subscriptions.Choice:
    """Return what the form agrees."""
    paid = form.is_postpaid.data
    return subscriptions.Choice(
        plan_id=int(form.plan.data),
        price_minor=form.price.data.minor if form.price.data else None,
        quantity=form.quantity.data,
        bill_day=int(form.bill_day.data) if form.bill_day.data else None,
        is_postpaid=None if not paid else paid == "yes",
    )


@permissions.required("service.edit")
def change(subscription_id: int) -> Response:
    """Change plan, price, quantity or bill day from a day on."""
    customer_id, service = _service(subscription_id)
    till, plans = _offer(customer_id)
    form = forms.service_form(till.currency, plans, is_new=False)(
        plan=str(service.plan_id),
        price=service.own_price,
        quantity=service.quantity,
        starts_on=day.today(),
        bill_day=str(service.bill_day),
        is_postpaid={None: "", True: "yes", False: "no"}[service.is_postpaid],
    )
    if form.accept(lambda: _change(subscription_id, form)):
        rendering.say(gettext("The change is written down."))
        return rendering.go("cashier.statement", customer_id=customer_id)
    return pages.form_page("change_service", gettext("Change the service"), till, form, service=service)


def _change(subscription_id: int, form: Any) -> None:
    with runtime.current().database.transaction() as session:
        money.change_service(
            session,
            identity.actor(),
            subscription_id,
            choice=_choice(form),
            on=form.starts_on.data,
            today=day.today(),
            terms=day.terms(),
        )


@permissions.required("service.edit")
def end(subscription_id: int) -> Response:
    """Let a service end with a day; what was charged beyond it is given back."""
    customer_id, service = _service(subscription_id)
    form = forms.EndForm(ends_on=day.today())
    if form.accept(lambda: _end(subscription_id, form)):
        rendering.say(gettext("The service has its last day."))
        return rendering.go("cashier.statement", customer_id=customer_id)
    till = pages.till(customer_id)
    return pages.form_page("end_service", gettext("End the service"), till, form, service=service)


def _end(subscription_id: int, form: forms.EndForm) -> None:
    with runtime.current().database.transaction() as session:
        money.end_service(
            session,
            identity.actor(),
            subscription_id,
            ends_on=form.ends_on.data,
            today=day.today(),
            terms=day.terms(),
        )
        day.wake_gates(session)


@permissions.required("suspension.place")
def suspend(subscription_id: int) -> Response:
    """Suspend a service by hand, whatever is owed."""
    customer_id, service = _service(subscription_id)
    form = forms.SuspendForm()
    if form.accept(lambda: _suspend(subscription_id, form)):
        rendering.say(gettext("The service is suspended by hand; only a hand lets it in again."))
        return rendering.go("cashier.statement", customer_id=customer_id)
    till = pages.till(customer_id)
    return pages.form_page("suspend", gettext("Suspend by hand"), till, form, service=service)


def _suspend(subscription_id: int, form: forms.SuspendForm) -> None:
    with runtime.current().database.transaction() as session:
        money.suspend(
            session, identity.actor(), subscription_id, note=form.note.data or "", today=day.today()
        )
        day.wake_gates(session)


@permissions.required("suspension.place")
def let_in(subscription_id: int) -> Response:
    """Lift the suspension made by hand, and no other."""
    with runtime.current().database.transaction() as session:
        customer_id = money.let_in(session, identity.actor(), subscription_id, today=day.today())
        day.wake_gates(session)
    rendering.say(gettext("The suspension made by hand is lifted."))
    return rendering.go("cashier.statement", customer_id=customer_id)


@permissions.required("service.edit")
def terms(customer_id: int) -> Response:
    """Change days to pay and grace, and whether debt may cut the customer."""
    till = pages.till(customer_id)
    form = forms.TermsForm(obj=till.account)
    if form.accept(lambda: _set_terms(customer_id, form)):
        rendering.say(gettext("The terms are changed."))
        return rendering.go("cashier.statement", customer_id=customer_id)
    usual = {"payment_days": day.terms().payment_days, "grace_days": day.grace_days()}
    return pages.form_page("terms", gettext("Terms"), till, form, usual=usual)


def _set_terms(customer_id: int, form: forms.TermsForm) -> None:
    if form.is_never_cut.data and not form.never_cut_note.data:
        raise errors.Invalid("No reason", {"never_cut_note": gettext("Say why, for those who come after.")})
    with runtime.current().database.transaction() as session:
        money.set_terms(
            session,
            identity.actor(),
            customer_id,
            payment_days=form.payment_days.data,
            grace_days=form.grace_days.data,
            is_never_cut=form.is_never_cut.data,
            never_cut_note=form.never_cut_note.data or "",
        )


def _offer(customer_id: int) -> tuple[tills.Till, list[Plan]]:
    with runtime.current().database.reading() as session:
        till = tills.till(session, customer_id, today=day.today(), grace_days=day.grace_days())
        return till, tills.plans(session, till.currency)


def _service(subscription_id: int) -> tuple[int, tills.Service]:
    with runtime.current().database.reading() as session:
        return tills.service(session, subscription_id, today=day.today())
