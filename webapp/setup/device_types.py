"""Device types: what a device is and how its web page is reached."""

from dataclasses import dataclass
from typing import Any

from flask import Response, url_for
from flask_babel import gettext

from registry import device_types, in_use, names
from registry.models import DeviceType
from webapp import identity, permissions, rendering, runtime
from webapp.setup import pages
from webapp.setup.forms import DeviceTypeForm


@dataclass(frozen=True, slots=True)
class Row:
    """A type with how many devices are of it."""

    kind: DeviceType
    devices: int


KEYS = {
    "name": lambda row: names.sort_key(row.kind.name),
    "vendor": lambda row: names.sort_key(row.kind.vendor) or None,
    "role": lambda row: row.kind.role.value,
    "devices": lambda row: row.devices,
}


@permissions.required("setup.view")
def listing() -> Response:
    """List the device types."""
    with runtime.current().database.reading() as session:
        kinds, counts = device_types.list_all(session), device_types.device_counts(session)
    rows = pages.short_list(
        (Row(kind, counts.get(kind.id, 0)) for kind in kinds),
        KEYS,
        "name",
        id_of=lambda row: row.kind.id,
        words_of=lambda row: (row.kind.name, row.kind.vendor),
    )
    return pages.show_list("setup/device_types.html", rows)


@permissions.required("setup.change")
def add() -> Response:
    """Add a device type."""
    form = DeviceTypeForm()
    if form.accept(lambda: _save(None, form)):
        rendering.say(gettext("The device type is added."))
        return rendering.go("setup.device_types")
    frame = pages.Frame(gettext("Add a device type"), form.ROWS, url_for("setup.device_types"))
    return pages.show(frame, form)


@permissions.required("setup.change")
def edit(type_id: int) -> Response:
    """Change a device type."""
    with runtime.current().database.reading() as session:
        kind, users = device_types.get(session, type_id), in_use.count(session, "device_type", type_id)
    form = DeviceTypeForm(obj=kind)
    if form.accept(lambda: _save(type_id, form)):
        rendering.say(gettext("Saved."))
        return rendering.go("setup.device_types")
    removal = pages.Removal(url_for("setup.remove_device_type", type_id=type_id), kind.name, users)
    return pages.show(pages.Frame(kind.name, form.ROWS, url_for("setup.device_types"), removal=removal), form)


def _save(type_id: int | None, form: DeviceTypeForm) -> None:
    values: dict[str, Any] = {
        "name": form.name.data or "",
        "vendor": form.vendor.data or "",
        "role": form.role.data,
        "web_scheme": form.web_scheme.data or "",
        "web_port": form.web_port.data,
    }
    with runtime.current().database.transaction() as session:
        if type_id is None:
            device_types.create(session, identity.actor(), **values)
        else:
            device_types.change(session, identity.actor(), type_id, **values)


@permissions.required("setup.change")
def remove(type_id: int) -> Response:
    """Remove a device type no device has."""
    return pages.remove(
        lambda session: device_types.remove(session, identity.actor(), type_id),
        stay_url=url_for("setup.edit_device_type", type_id=type_id),
        endpoint="setup.device_types",
    )
