"""Suspensions by hand and freezes: now or from a day to come, billed as chosen, taken back."""

from flask import Response, request
from flask_babel import gettext
from sqlalchemy.orm import Session

from billing import freezes
from billing.acts import Act
from billing.models import LockReason
from core import errors
from registry import agreements, tills
from webapp import identity, permissions, rendering, runtime
from webapp.cashier import day, effect, forms, pages


@permissions.required("suspension.place")
def suspend(subscription_id: int) -> Response:
    """Suspend a service by hand or freeze it, whatever is owed."""
    customer_id, service = _service(subscription_id)
    form = forms.SuspendForm(from_on=day.today())
    if form.accept(lambda: _suspend(subscription_id, form)):
        rendering.say(gettext("The suspension is written down."))
        return rendering.go("cashier.statement", customer_id=customer_id)
    till = pages.till(customer_id)
    shown = effect.of(customer_id, lambda session, act: _agree(session, act, subscription_id, form))
    return pages.form_page("suspend", gettext("Suspend or freeze"), till, form, service=service, effect=shown)


def _suspend(subscription_id: int, form: forms.SuspendForm) -> None:
    with runtime.current().database.transaction() as session:
        agreements.suspend(
            session,
            identity.actor(),
            subscription_id,
            form.agreed(day.today()),
            today=day.today(),
            terms=day.terms(),
        )
        day.wake_gates(session)


@permissions.required("suspension.place")
def suspend_effect(subscription_id: int) -> Response:
    """Show what a suspension would change of the bills."""
    customer_id, _ = _service(subscription_id)
    form = forms.SuspendForm(request.args, meta={"csrf": False})
    form.validate()
    shown = effect.of(customer_id, lambda session, act: _agree(session, act, subscription_id, form))
    return effect.fragment(shown, pages.till(customer_id).currency)


def _agree(session: Session, act: Act, subscription_id: int, form: forms.SuspendForm) -> None:
    agreed = form.agreed(act.today)
    if not agreed.note:  # not written yet while people still choose the days
        agreed = freezes.Agreed(agreed.reason, agreed.from_on, agreed.to_on, agreed.billed_percent, "-")
    freezes.agree(session, subscription_id, act, agreed)


@permissions.required("suspension.place")
def let_in(subscription_id: int) -> Response:
    """Lift the suspension made by a person, and no other."""
    reason = request.form.get("reason", LockReason.MANUAL)
    if reason not in freezes.AGREED:
        raise errors.Invalid("Only what people agreed on is lifted by hand")
    with runtime.current().database.transaction() as session:
        customer_id = agreements.let_in(
            session,
            identity.actor(),
            subscription_id,
            today=day.today(),
            terms=day.terms(),
            reason=LockReason(reason),
        )
        day.wake_gates(session)
    rendering.say(gettext("The suspension is lifted."))
    return rendering.go("cashier.statement", customer_id=customer_id)


@permissions.required("suspension.place")
def forget(planned_id: int) -> Response:
    """Take a suspension to come back."""
    with runtime.current().database.transaction() as session:
        customer_id = agreements.forget_suspension(session, identity.actor(), planned_id)
    rendering.say(gettext("The planned suspension is taken back."))
    return rendering.go("cashier.statement", customer_id=customer_id)


def _service(subscription_id: int) -> tuple[int, tills.Service]:
    with runtime.current().database.reading() as session:
        return tills.service(session, subscription_id, today=day.today())
