"""In place: the cable lines that end at the customer."""

from typing import Any

from flask import Response
from flask_babel import gettext

from core import errors
from registry import cables, customers, equipment, pops
from registry.cables import CableView, Place
from webapp import identity, permissions, runtime
from webapp.customers import answers
from webapp.customers.gear_forms import CableForm

PANEL = "cables"


@permissions.required("equipment.edit")
def cable(customer_id: int, item_id: int | None = None) -> Response:
    """Add a cable line to the customer, or change one."""
    with runtime.current().database.reading() as session:
        item = cables.of_customer_one(session, customer_id, item_id) if item_id else None
        places, switches = pops.list_all(session), equipment.switches(session)
    form = CableForm(obj=item)
    form.other.choices = {
        "": [("", gettext("Choose"))],
        gettext("POPs"): [(f"pop:{pop.id}", pop.name) for pop in places],
        gettext("Switches and OLTs"): [(f"device:{device.id}", device.name) for device in switches],
    }
    if item and not form.is_submitted():
        _fill(form, item)
    if form.accept(lambda: _save(customer_id, item, form)):
        return answers.saved(customer_id, PANEL, gettext("The cable line is saved."))
    title = gettext("Edit %(name)s", name=item.name) if item else gettext("Add a cable line")
    return answers.show(customer_id, PANEL, title, form, "cable")


def _fill(form: CableForm, item: CableView) -> None:
    if item.other_kind == "customer":
        form.other_customer.data = item.other_name.partition(" ")[0]
    elif item.other_kind:
        form.other.data = f"{item.other_kind}:{item.other_id}"


def _save(customer_id: int, item: CableView | None, form: CableForm) -> None:
    values: dict[str, Any] = {
        "name": form.name.data or "",
        "type": form.type.data,
        "fibres": form.fibres.data,
        "length_m": None if form.length_m.data is None else float(form.length_m.data),
    }
    with runtime.current().database.transaction() as session:
        ends = (Place("customer", customer_id), _other(session, form))
        if item is None:
            cables.create(session, identity.actor(), ends=ends, **values)
        else:
            cables.change_from(session, identity.actor(), customer_id, item.id, other=ends[1], **values)


def _other(session: Any, form: CableForm) -> Place:
    """Return where the other end is; raises Invalid at the field that does not say it."""
    number = form.other_customer.data or ""
    if number:
        found = customers.find_by_number(session, number)
        if found is None:
            words = gettext("No customer has this number")
            raise errors.Invalid(words, {"other_customer": words})
        return Place("customer", found.id)
    kind, _, row_id = (form.other.data or "").partition(":")
    if kind not in ("pop", "device") or not row_id.isdecimal():
        words = gettext("Choose where the other end is")
        raise errors.Invalid(words, {"other": words})
    return Place("pop" if kind == "pop" else "device", int(row_id))


@permissions.required("equipment.edit")
def remove_cable(customer_id: int, item_id: int) -> Response:
    """Remove a cable line, with both its ends."""
    with runtime.current().database.transaction() as session:
        cables.of_customer_one(session, customer_id, item_id)
        cables.remove(session, identity.actor(), item_id)
    return answers.saved(customer_id, PANEL, gettext("The cable line is removed."))
