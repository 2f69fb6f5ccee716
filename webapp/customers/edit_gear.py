"""In place: equipment, its credentials, and the password that is shown for a reason."""

from typing import Any

from flask import Response
from flask_babel import gettext

from registry import device_types, equipment, pops
from registry.models import Device
from webapp import device_access, identity, permissions, rendering, runtime
from webapp.customers import answers
from webapp.customers.gear_forms import NONE, DeviceForm, RevealForm

PANEL = "equipment"


@permissions.required("equipment.edit")
def device(customer_id: int, item_id: int | None = None) -> Response:
    """Add or change a device of the customer."""
    with runtime.current().database.reading() as session:
        item = equipment.own(session, customer_id, item_id) if item_id else None
        kinds, places = device_types.list_all(session), pops.list_all(session)
    form = DeviceForm(obj=item)
    form.type_id.choices = [("", gettext("Choose")), *((kind.id, kind.name) for kind in kinds)]
    form.pop_id.choices = [("", NONE), *((pop.id, pop.name) for pop in places)]
    if form.accept(lambda: _save_device(customer_id, item, form)):
        return answers.saved(customer_id, PANEL, gettext("The device is saved."))
    title = gettext("Edit %(name)s", name=item.name) if item else gettext("Add a device")
    return answers.show(customer_id, PANEL, title, form, "device", item=item)


def _save_device(customer_id: int, item: Device | None, form: DeviceForm) -> None:
    values: dict[str, Any] = {
        "name": form.name.data or "",
        "type_id": form.type_id.data,
        "pop_id": form.pop_id.data,
        "address": form.address.data or "",
        "mac": form.mac.data or "",
        "serial": form.serial.data or "",
        "software": form.software.data or "",
        "snmp_port": form.snmp_port.data,
    }
    with runtime.current().database.transaction() as session:
        if item is None:
            found = equipment.create(session, identity.actor(), customer_id=customer_id, **values)
        else:
            kept = {"parent_id": item.parent_id, "is_gateway": item.is_gateway}
            found = equipment.change(session, identity.actor(), item.id, **values, **kept)
        equipment.set_unwatched(session, identity.actor(), found.id, **form.unwatched)


@permissions.required("equipment.edit")
def remove_device(customer_id: int, item_id: int) -> Response:
    """Take a device off the customer; its record stays."""
    with runtime.current().database.transaction() as session:
        equipment.own(session, customer_id, item_id)
        equipment.detach(session, identity.actor(), item_id)
    return answers.saved(customer_id, PANEL, gettext("The device is taken off the customer."))


@permissions.required("equipment.edit")
def access(customer_id: int, item_id: int) -> Response:
    """Change what opens a device: SNMP and its login."""
    with runtime.current().database.reading() as session:
        item = equipment.own(session, customer_id, item_id)
    form = device_access.form_of(item)
    if form.accept(lambda: device_access.save(item_id, form)):
        return answers.saved(customer_id, PANEL, gettext("The credentials are saved."))
    title = gettext("What opens %(name)s", name=item.name)
    return answers.show(customer_id, PANEL, title, form, "credentials", device=item)


@permissions.required("equipment.edit")
def reveal(customer_id: int, item_id: int) -> Response:
    """Show a device's login once, for a reason that history keeps."""
    form = RevealForm()
    with runtime.current().database.reading() as session:
        item = equipment.own(session, customer_id, item_id)
    title = gettext("Login of %(name)s", name=item.name)
    is_shown = form.accept(lambda: _reveal(item_id, form))
    login = form.result if is_shown else None
    answer = answers.show(customer_id, PANEL, title, form, "reveal", device=item, login=login)
    if is_shown:
        answer.status_code = 200
        answer = rendering.with_event(answer, answers.CHANGED, {"panel": PANEL})
    answer.cache_control.no_store = True
    return answer


def _reveal(item_id: int, form: RevealForm) -> dict[str, Any]:
    found = runtime.current()
    with found.database.transaction() as session:
        return equipment.reveal_login(session, identity.actor(), item_id, found.ring, form.reason.data or "")
