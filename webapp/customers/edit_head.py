"""In place: who the customer is, his number, groups and marks, the banner."""

from flask import Response
from flask_babel import gettext

from registry import customers, labels
from registry.models import Customer, CustomerKind
from webapp import identity, permissions, rendering, runtime
from webapp.customers import answers
from webapp.customers.edit_forms import AlertForm, CustomerForm, LabelsForm, NumberForm
from webapp.forms import Form

PANEL = "customer"


def customer_of(customer_id: int) -> Customer:
    """Return the customer; raises NotFound."""
    with runtime.current().database.reading() as session:
        return customers.get(session, customer_id)


def version_of(form: Form) -> int:
    """Return the version the person saw; nonsense counts as an old one."""
    text = str(form.version.data or "")  # type: ignore[attr-defined]
    return int(text) if text.isdecimal() else 0


@permissions.required("customer.edit")
def customer(customer_id: int) -> Response:
    """The names and the kind: private person or company."""
    found = customer_of(customer_id)
    form = CustomerForm(obj=found)
    if form.accept(lambda: _save_customer(customer_id, form)):
        return answers.saved_head(customer_id, gettext("Saved."))
    return answers.show(customer_id, PANEL, gettext("Edit %(name)s", name=found.name), form, "customer")


def _save_customer(customer_id: int, form: CustomerForm) -> None:
    with runtime.current().database.transaction() as session:
        customers.change(
            session,
            identity.actor(),
            customer_id,
            version=version_of(form),
            kind=form.kind.data or CustomerKind.PERSON,
            first_name=form.first_name.data or "",
            last_name=form.last_name.data or "",
            company_name=form.company_name.data or "",
            dba=form.dba.data or "",
        )


@permissions.required("customer.number")
def number(customer_id: int) -> Response:
    """The number: accounting uses it too, so few people may change it."""
    found = customer_of(customer_id)
    form = NumberForm(obj=found)
    if form.accept(lambda: _save_number(customer_id, form)):
        return answers.saved_head(
            customer_id, gettext("The customer has the number %(number)s now.", number=form.number.data)
        )
    title = gettext("Change the number of %(name)s", name=found.name)
    return answers.show(customer_id, PANEL, title, form, "number")


def _save_number(customer_id: int, form: NumberForm) -> None:
    with runtime.current().database.transaction() as session:
        customers.change_number(
            session, identity.actor(), customer_id, form.number.data or "", version=version_of(form)
        )


@permissions.required("customer.edit")
def groups_and_marks(customer_id: int) -> Response:
    """Groups, which jobs use, and marks, which people see."""
    with runtime.current().database.reading() as session:
        found = customers.get(session, customer_id)
        groups, marks = labels.groups(session), labels.marks(session)
        chosen = labels.of_customer(session, customer_id)
    form = LabelsForm(groups=sorted(chosen.group_ids), marks=sorted(chosen.mark_ids))
    form.groups.choices = [(group.id, group.name) for group in groups]
    form.marks.choices = [(mark.id, mark.name) for mark in marks]
    if form.accept(lambda: _save_labels(customer_id, form)):
        return answers.saved_head(customer_id, gettext("Groups and marks are saved."))
    title = gettext("Groups and marks of %(name)s", name=found.name)
    return answers.show(customer_id, PANEL, title, form, "labels")


def _save_labels(customer_id: int, form: LabelsForm) -> None:
    with runtime.current().database.transaction() as session:
        labels.set_groups(session, identity.actor(), customer_id, form.groups.data or [])
        labels.set_marks(session, identity.actor(), customer_id, form.marks.data or [])


@permissions.required("customer.edit")
def alert(customer_id: int) -> Response:
    """The banner that everybody who opens the card sees first."""
    found = customer_of(customer_id)
    form = AlertForm(obj=found)
    if form.accept(lambda: _save_alert(customer_id, form)):
        rendering.say(gettext("Saved."))
        return rendering.go("customers.card", customer_id=customer_id)
    title = gettext("Banner on the card of %(name)s", name=found.name)
    return answers.show(customer_id, PANEL, title, form, "alert")


def _save_alert(customer_id: int, form: AlertForm) -> None:
    with runtime.current().database.transaction() as session:
        customers.set_alert(session, identity.actor(), customer_id, form.alert.data or "")
