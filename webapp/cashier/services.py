"""A customer's services: add, change and end them, and the terms he is treated by."""

from datetime import date
from typing import Any

from flask import Response, request
from flask_babel import gettext
from sqlalchemy.orm import Session

from billing import subscriptions
from billing.acts import Act
from billing.models import Documented, PeriodKind, Plan
from core import errors
from core.money import Money
from desk import leading
from registry import account_groups, agreements, bank, money, tills
from webapp import effect, identity, permissions, rendering, runtime
from webapp.cashier import day, forms, pages


@permissions.required("service.edit")
def add(customer_id: int) -> Response:
    """Give the customer a plan from a day on; what it does is shown before."""
    till, plans = _offer(customer_id)
    form = forms.service_form(till.currency, plans, is_new=True)(
        plan=str(plans[0].id) if plans else "", starts_on=day.today()
    )
    if form.accept(lambda: _add(customer_id, form)):
        rendering.say(gettext("The service is added."))
        return rendering.go("cashier.statement", customer_id=customer_id)
    shown = effect.of(customer_id, lambda session, act: _start(session, act, customer_id, form))
    return pages.form_page("add_service", gettext("Add a service"), till, form, effect=shown)


def _add(customer_id: int, form: Any) -> None:
    with runtime.current().database.transaction() as session:
        money.start_service(
            session,
            identity.actor(),
            customer_id,
            **form.agreed(),
            today=day.today(),
            terms=day.terms(),
            idempotency_key=form.once,
        )
        # A new line of a customer with a notice or a contract to sign is led like his others.
        leading.lead(session, [customer_id], by=identity.actor().name, today=day.today())
        day.wake_gates(session)


@permissions.required("service.edit")
def first_charge(customer_id: int) -> Response:
    """Show what a service would do, for the choices made so far."""
    till, plans = _offer(customer_id)
    form = forms.service_form(till.currency, plans, is_new=True)(request.args, meta={"csrf": False})
    form.validate()
    shown = effect.of(customer_id, lambda session, act: _start(session, act, customer_id, form))
    return effect.fragment(shown, till.currency, form)


def _start(session: Session, act: Act, customer_id: int, form: Any) -> None:
    if form.starts_on.data is None or not form.quantity.data:
        raise effect.Unready()
    money.start_service(
        session,
        identity.actor(),
        customer_id,
        **form.agreed(),
        today=act.today,
        terms=act.terms,
    )


@permissions.required("service.edit")
def change(subscription_id: int) -> Response:
    """Change plan, price, quantity or billing period from a day on; what it does is shown before."""
    customer_id, service = _service(subscription_id)
    till, plans = _offer(customer_id, service.plan_id)
    form = forms.service_form(till.currency, plans, is_new=False)(**_agreed(service))
    if form.accept(lambda: _change(subscription_id, form)):
        rendering.say(gettext("The change is written down."))
        return rendering.go("cashier.statement", customer_id=customer_id)
    shown = effect.of(customer_id, lambda session, act: _alter(session, act, subscription_id, form))
    return pages.form_page(
        "change_service", gettext("Change the service"), till, form, service=service, effect=shown
    )


def _agreed(service: tills.Service) -> dict[str, Any]:
    """Return what the form of a change begins with: the terms in force."""
    is_weekly = service.period is PeriodKind.WEEK
    return {
        "plan": str(service.plan_id),
        "price": service.own_price,
        "quantity": service.quantity,
        "starts_on": day.today(),
        "bill_day": "1" if is_weekly else str(service.bill_day),
        "weekday": str(service.bill_day) if is_weekly else "1",
        "bill_month": str(service.bill_month),
        "is_postpaid": {None: "", True: "yes", False: "no"}[service.is_postpaid],
    }


def _change(subscription_id: int, form: Any) -> None:
    with runtime.current().database.transaction() as session:
        money.change_service(
            session,
            identity.actor(),
            subscription_id,
            choice=form.choice(),
            on=form.starts_on.data,
            today=day.today(),
            terms=day.terms(),
        )


@permissions.required("service.edit")
def change_effect(subscription_id: int) -> Response:
    """Show what a change would do, for the choices made so far."""
    customer_id, service = _service(subscription_id)
    till, plans = _offer(customer_id, service.plan_id)
    form = forms.service_form(till.currency, plans, is_new=False)(request.args, meta={"csrf": False})
    form.validate()
    shown = effect.of(customer_id, lambda session, act: _alter(session, act, subscription_id, form))
    return effect.fragment(shown, till.currency, form)


def _alter(session: Session, act: Act, subscription_id: int, form: Any) -> None:
    if form.starts_on.data is None or not form.quantity.data:
        raise effect.Unready()
    subscriptions.change(session, subscription_id, act, choice=form.choice(), on=form.starts_on.data)


@permissions.required("service.edit")
def forget_change(subscription_id: int, on: str) -> Response:
    """Take terms to come back."""
    try:
        starts_on = date.fromisoformat(on)
    except ValueError as error:
        raise errors.NotFound("There is no such planned change") from error
    with runtime.current().database.transaction() as session:
        customer_id = agreements.forget_change(
            session, identity.actor(), subscription_id, on=starts_on, today=day.today(), terms=day.terms()
        )
    rendering.say(gettext("The planned change is taken back."))
    return rendering.go("cashier.statement", customer_id=customer_id)


@permissions.required("service.edit")
def end(subscription_id: int) -> Response:
    """Let a service end with a day; what was charged beyond it is given back."""
    customer_id, service = _service(subscription_id)
    form = forms.EndForm(ends_on=service.ends_on or day.today())
    if form.accept(lambda: _end(subscription_id, form)):
        rendering.say(gettext("The service has its last day."))
        return rendering.go("cashier.statement", customer_id=customer_id)
    till = pages.till(customer_id)
    shown = effect.of(customer_id, lambda session, act: _finish(session, act, subscription_id, form))
    return pages.form_page(
        "end_service", gettext("End the service"), till, form, service=service, effect=shown
    )


@permissions.required("service.edit")
def go_on(subscription_id: int) -> Response:
    """Take the end of a service back that has not come yet."""
    customer_id, _ = _service(subscription_id)
    with runtime.current().database.transaction() as session:
        money.end_service(
            session, identity.actor(), subscription_id, ends_on=None, today=day.today(), terms=day.terms()
        )
        day.wake_gates(session)
    rendering.say(gettext("The service goes on."))
    return rendering.go("cashier.statement", customer_id=customer_id)


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
        day.let_in(session)


@permissions.required("service.edit")
def end_effect(subscription_id: int) -> Response:
    """Show what an end on that day would do."""
    customer_id, _ = _service(subscription_id)
    form = forms.EndForm(request.args, meta={"csrf": False})
    form.validate()
    shown = effect.of(customer_id, lambda session, act: _finish(session, act, subscription_id, form))
    return effect.fragment(shown, pages.till(customer_id).currency)


def _finish(session: Session, act: Act, subscription_id: int, form: forms.EndForm) -> None:
    if form.ends_on.data is None:
        raise effect.Unready()
    subscriptions.end(session, subscription_id, act, ends_on=form.ends_on.data)


@permissions.required("terms.set")
def terms(customer_id: int) -> Response:
    """Change days to pay, grace, group and credit, and whether debt may cut the customer."""
    with runtime.current().database.reading() as session:
        till = tills.till(session, customer_id, today=day.today(), grace_days=day.grace_days(session))
        groups = [(str(group.id), group.name) for group, _ in account_groups.list_all(session)]
        own_account = bank.own_account(session, till.account.id)
    account = till.account
    limit = Money(account.credit_limit_minor, till.currency) if account.credit_limit_minor else None
    form = forms.terms_form(till.currency, groups)(
        obj=account,
        group=str(account.group_id or ""),
        credit_limit=limit,
        own_account=own_account,
        papers=account.documented or "",
    )
    if form.accept(lambda: _set_terms(customer_id, form)):
        rendering.say(gettext("The terms are changed."))
        return rendering.go("cashier.statement", customer_id=customer_id)
    usual = {
        "payment_days": day.terms().payment_days,
        "grace_days": day.grace_days(),
        "documented": day.terms().documented,
    }
    return pages.form_page("terms", gettext("Terms"), till, form, usual=usual)


def _set_terms(customer_id: int, form: Any) -> None:
    if form.is_never_cut.data and not form.never_cut_note.data:
        raise errors.Invalid("No reason", {"never_cut_note": gettext("Say why, for those who come after.")})
    with runtime.current().database.transaction() as session:
        opened = money.set_terms(
            session,
            identity.actor(),
            customer_id,
            payment_days=form.payment_days.data,
            grace_days=form.grace_days.data,
            is_never_cut=form.is_never_cut.data,
            never_cut_note=form.never_cut_note.data or "",
            group_id=int(form.group.data) if form.group.data else None,
            credit_limit_minor=form.credit_limit.data.minor if form.credit_limit.data else 0,
            credit_until=form.credit_until.data,
            documented=Documented(form.papers.data) if form.papers.data else None,
            today=day.today(),
            rules=day.limits(session),
        )
        bank.set_own_account(session, identity.actor(), customer_id, form.own_account.data or "")
        if opened:
            day.wake_gates(session)
        day.let_in(session)


def _offer(customer_id: int, kept_id: int | None = None) -> tuple[tills.Till, list[Plan]]:
    with runtime.current().database.reading() as session:
        till = tills.till(session, customer_id, today=day.today(), grace_days=day.grace_days(session))
        return till, tills.plans(session, till.currency, kept_id=kept_id)


def _service(subscription_id: int) -> tuple[int, tills.Service]:
    with runtime.current().database.reading() as session:
        return tills.service(session, subscription_id, today=day.today())
