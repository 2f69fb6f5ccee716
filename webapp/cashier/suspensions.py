"""Suspensions by hand and freezes: now or from a day to come, billed as chosen, taken back."""

from dataclasses import replace
from typing import Any

from flask import Response, request
from flask_babel import gettext, ngettext
from sqlalchemy.orm import Session

from billing import freezes
from billing.acts import Act
from billing.models import LockReason
from core import errors
from registry import agreements, tills
from webapp import effect, identity, permissions, rendering, runtime
from webapp.cashier import day, forms, lock_rights, pages


@permissions.required("suspension.place")
def suspend(subscription_id: int) -> Response:
    """Suspend a service by hand or freeze it, whatever is owed."""
    customer_id, service = _service(subscription_id)
    form = _form(from_on=day.today())
    if form.accept(lambda: _suspend(subscription_id, form)):
        rendering.say(gettext("The suspension is written down."))
        return rendering.go("cashier.statement", customer_id=customer_id)
    till = pages.till(customer_id)
    shown = effect.of(customer_id, lambda session, act: _agree(session, act, subscription_id, form))
    return pages.form_page("suspend", gettext("Suspend or freeze"), till, form, service=service, effect=shown)


def _form(*given: Any, **more: Any) -> forms.SuspendForm:
    """Return the form with the reasons the person may suspend for; raises Forbidden where there is none."""
    reasons = lock_rights.allowed()
    if not reasons:
        raise errors.Forbidden("No reason for a suspension is yours to give")
    form = forms.SuspendForm(*given, **more)
    form.offer(reasons, may_bill=identity.may("suspension.money"))
    return form


def _suspend(subscription_id: int, form: forms.SuspendForm) -> None:
    agreed = form.agreed(day.today())
    lock_rights.demand(agreed.reason)
    with runtime.current().database.transaction() as session:
        agreements.suspend(
            session,
            identity.actor(),
            subscription_id,
            agreed,
            today=day.today(),
            terms=day.terms(),
        )
        day.wake_gates(session)


@permissions.required("suspension.place")
def suspend_effect(subscription_id: int) -> Response:
    """Show what a suspension would change of the bills."""
    customer_id, _ = _service(subscription_id)
    form = _form(request.args, meta={"csrf": False})
    form.validate()
    shown = effect.of(customer_id, lambda session, act: _agree(session, act, subscription_id, form))
    return effect.fragment(shown, pages.till(customer_id).currency)


def _agree(session: Session, act: Act, subscription_id: int, form: forms.SuspendForm) -> None:
    agreed = form.agreed(act.today)
    if not agreed.note:  # not written yet while people still choose the days
        agreed = replace(agreed, note="-")
    freezes.agree(session, subscription_id, act, agreed)


@permissions.required("suspension.place")
def let_in(subscription_id: int) -> Response:
    """Lift the suspension a person made for this reason, and no other."""
    reason = request.form.get("reason", "")
    if reason not in freezes.AGREED:
        raise errors.Invalid("Only what people agreed on is lifted by hand")
    lock_rights.demand(LockReason(reason))
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


@permissions.required("suspension.money")
def cut_off_all(customer_id: int) -> Response:
    """Cut every running service of a customer off with one press, its days billed as the question asked."""
    percent = {"full": 100, "half": 50, "none": 0}.get(request.form.get("billing", "full"))
    if percent is None:
        raise errors.Invalid("Say how these days are billed")
    with runtime.current().database.transaction() as session:
        count = agreements.cut_off_all(
            session,
            identity.actor(),
            customer_id,
            note=gettext("cut off with one press"),
            today=day.today(),
            terms=day.terms(),
            billed_percent=percent,
        )
        day.wake_gates(session)
    rendering.say(ngettext("%(num)s service is cut off.", "%(num)s services are cut off.", count))
    return pages.back(customer_id, "customers.card")


@permissions.required("suspension.money")
def restore_all(customer_id: int) -> Response:
    """Lift what was suspended by hand on every service of a customer, and no other lock."""
    with runtime.current().database.transaction() as session:
        count, left = agreements.restore_all(
            session, identity.actor(), customer_id, today=day.today(), terms=day.terms()
        )
        day.wake_gates(session)
    rendering.say(ngettext("%(num)s service is restored.", "%(num)s services are restored.", count))
    if left:
        why = ", ".join(_lock_word(reason) for reason in left)
        rendering.say(gettext("Still off for another reason: %(why)s", why=why), "warn")
    return pages.back(customer_id, "customers.card")


def _lock_word(reason: LockReason) -> str:
    return {
        LockReason.DEBT: gettext("debt"),
        LockReason.MANUAL: gettext("by hand"),
        LockReason.FREEZE: gettext("frozen on request"),
        LockReason.ABUSE: gettext("abuse"),
        LockReason.TECHNICAL: gettext("technical"),
        LockReason.CONTRACT: gettext("contract"),
        LockReason.STATUS: gettext("customer status"),
        LockReason.NOTICE: gettext("a notice"),
    }[reason]


@permissions.required("suspension.place")
def forget(planned_id: int) -> Response:
    """Take a suspension to come back."""
    with runtime.current().database.transaction() as session:
        lock_rights.demand(freezes.find_planned(session, planned_id).reason)
        customer_id = agreements.forget_suspension(session, identity.actor(), planned_id)
    rendering.say(gettext("The planned suspension is taken back."))
    return rendering.go("cashier.statement", customer_id=customer_id)


def _service(subscription_id: int) -> tuple[int, tills.Service]:
    with runtime.current().database.reading() as session:
        return tills.service(session, subscription_id, today=day.today())
