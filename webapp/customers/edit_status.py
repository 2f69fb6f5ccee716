"""In place: the status, which opens and closes the customer's lines and says what is billed of them."""

from datetime import date

from flask import Response, render_template, request
from flask_babel import gettext
from sqlalchemy.orm import Session

from billing import acts, idle
from billing.acts import Act
from core import clock, errors
from core.money import Money
from registry import statuses, tills
from registry.models import Customer, CustomerStatus
from webapp import effect, identity, permissions, runtime, waking
from webapp.customers import answers
from webapp.customers.edit_forms import StatusForm
from webapp.customers.edit_head import customer_of, version_of

PANEL = "customer"


@permissions.required("customer.edit")
def status(customer_id: int) -> Response:
    """The status; of who leaves, what becomes of his services, with its effect on his bills."""
    found = customer_of(customer_id)
    form = _form(found, new_status=found.status, version=found.version)
    if form.accept(lambda: _save(customer_id, form)):
        return answers.saved_head(customer_id, _words(len(form.result)))
    title = gettext("Change the status of %(name)s", name=found.name)
    return answers.show(customer_id, PANEL, title, form, "status", **_shown(found, form))


@permissions.required("customer.edit")
def status_effect(customer_id: int) -> Response:
    """What a status asks for and would do, for the choices made so far."""
    found = customer_of(customer_id)
    form = _form(found, request.args)
    form.stand_apart(PANEL)
    form.validate()
    for field in form:
        field.errors = ()
    shown = {"form": form, "customer_id": customer_id, **_shown(found, form)}
    return Response(render_template("customers/forms/_status_terms.html", **shown))


def _form(found: Customer, *given: object, **more: object) -> StatusForm:
    """Return the form; it asks about services where there are some."""
    with runtime.current().database.reading() as session:
        form = StatusForm(*given, **more, **({"meta": {"csrf": False}} if given else {}))
        form.is_billed = idle.running(session, found.account_id, _today())
        form.has_liabilities = bool(idle.periodic_liabilities(session, found.account_id))
    if "last_on" not in request.values:  # not asked yet: what is usual
        form.last_on.data, form.liabilities.data = _today(), True
    return form


def _shown(found: Customer, form: StatusForm) -> dict[str, object]:
    """Return what the form shows beside its fields: what the choice would do, where it would do something."""
    with runtime.current().database.reading() as session:
        currency = tills.account(session, found.id).currency
    is_asked = form.is_billed and (form.leaves or form.new_status.data is not found.status)
    return {
        "customer": found,
        "is_asked": is_asked,
        "effect": _effect(found, form) if is_asked else None,
        "currency": currency,
        "as_money": Money,
    }


def _effect(found: Customer, form: StatusForm) -> effect.Shown:
    def do(session: Session, act: Act) -> None:
        wanted = _chosen(form)
        statuses.change(
            session, identity.actor(), found.id, wanted, today=act.today, terms=act.terms, left=form.left()
        )

    return effect.of(found.id, do)


def _chosen(form: StatusForm) -> CustomerStatus:
    if not isinstance(form.new_status.data, CustomerStatus):
        raise errors.Invalid("No status")
    return form.new_status.data


def _save(customer_id: int, form: StatusForm) -> tuple[int, ...]:
    """Change the status; who may not change services may only let those go on that there are."""
    wanted = _chosen(form)
    if form.is_billed and wanted is not CustomerStatus.CONNECTED and not identity.may("service.edit"):
        raise errors.Forbidden("What becomes of the services is said by who may change services")
    found = runtime.current()
    with found.database.transaction() as session:
        moved = statuses.change(
            session,
            identity.actor(),
            customer_id,
            wanted,
            today=_today(),
            terms=acts.terms_of(found.settings),
            left=form.left(),
            note=form.note.data or "",
            version=version_of(form),
        )
        if moved.lines:
            waking.wake_gates(session)
        waking.let_in(session)
    return moved.lines


def _today() -> date:
    return clock.today(runtime.current().settings.isp.time_zone)


def _words(count: int) -> str:
    if not count:
        return gettext("The status is saved.")
    return gettext("The status is saved; the gate is told about %(count)s lines.", count=count)
