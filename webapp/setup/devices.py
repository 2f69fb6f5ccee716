"""Network devices: switches, OLTs, routers, with their last status and their ports."""

from dataclasses import dataclass
from typing import Any

from flask import Response, request, url_for
from flask_babel import gettext

from registry import device_types, equipment, gate_moves, gear, in_use, ports, watch_views
from registry import pops as places
from registry.gear import GearFilter, GearPage
from registry.models import Device, DeviceRole, DeviceState
from webapp import asked, device_access, identity, permissions, rendering, runtime, waking
from webapp.setup import pages
from webapp.setup.forms import ROLE_CHOICES, DeviceForm, NewPortsForm, PortForm

PAGE = 100
ACCESS_ROWS = (
    ("snmp_version", "community"),
    ("snmp_user", "auth_protocol", "auth_key"),
    ("priv_protocol", "priv_key"),
    ("login_name", "login_password"),
)


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of the list and what its filters offer and hold."""

    page: GearPage
    sort: str
    filters: GearFilter
    pops: tuple[tuple[int, str], ...]

    @property
    def is_filtered(self) -> bool:
        """Say whether anything narrows the list."""
        return self.filters != GearFilter()


@permissions.required("setup.view")
def listing() -> Response:
    """List the network's own devices; filters, order and page stand in the URL."""
    filters, sort = _filters(), request.args.get("sort", "name")
    sort = sort if sort.removeprefix("-") in gear.SORTS else "name"
    with runtime.current().database.reading() as session:
        page = gear.page(session, filters, sort=sort, after=request.args.get("after"), limit=PAGE)
        offered = tuple((pop.id, pop.name) for pop in places.list_all(session))
    found = Listing(page, sort, filters, offered)
    return rendering.page_or_fragment(
        "setup/devices.html",
        "setup/devices.html",
        found=found,
        roles=ROLE_CHOICES,
        states=[*DeviceState, gear.NEVER],
    )


def _filters() -> GearFilter:
    return GearFilter(
        text=asked.text(),
        role=asked.choice("role", DeviceRole),
        pop_id=asked.number("pop"),
        state=asked.word("state", {*DeviceState, gear.NEVER}),
    )


@permissions.required("setup.view")
def show(device_id: int) -> Response:
    """Show one device: what it is, when it answered last, its ports, what hangs on it."""
    with runtime.current().database.reading() as session:
        found = gear.one(session, device_id)
        stands = watch_views.standing(session, found.device)
    web_url = equipment.web_url(found.device)
    removal = pages.Removal(
        url_for("setup.remove_device", device_id=device_id), found.device.name, found.users
    )
    return rendering.page_or_fragment(
        "setup/device.html",
        "setup/device.html",
        found=found,
        stands=stands,
        web_url=web_url,
        removal=removal,
    )


@permissions.required("setup.gear")
def add() -> Response:
    """Add a device of the network."""
    form = _form(None)
    if form.accept(lambda: _save(None, form)):
        rendering.say(gettext("The device is added. Enter what opens it, and its ports."))
        return rendering.go("setup.device", device_id=form.result)
    return pages.show(pages.Frame(gettext("Add a device"), form.ROWS, url_for("setup.devices")), form)


@permissions.required("setup.gear")
def edit(device_id: int) -> Response:
    """Change a device."""
    device = _own(device_id)
    form = _form(device)
    if form.accept(lambda: _save(device_id, form)):
        rendering.say(gettext("Saved."))
        return rendering.go("setup.device", device_id=device_id)
    return pages.show(pages.Frame(device.name, form.ROWS, _url(device_id)), form)


def _own(device_id: int) -> Device:
    with runtime.current().database.reading() as session:
        return gear.own(session, device_id)


def _url(device_id: int) -> str:
    return url_for("setup.device", device_id=device_id)


def _form(device: Device | None) -> DeviceForm:
    with runtime.current().database.reading() as session:
        kinds, sites = device_types.list_all(session), places.list_all(session)
        parents = gear.choices(session)
    form = DeviceForm(obj=device)
    form.type_id.choices = pages.offer(((kind.id, kind.name) for kind in kinds), gettext("Choose"))
    form.pop_id.choices = pages.offer((pop.id, pop.name) for pop in sites)
    form.gate_id.choices = pages.gates_to_choose()
    own_id = device.id if device else None
    form.parent_id.choices = pages.offer((key, name) for key, name in parents if key != own_id)
    return form


def _save(device_id: int | None, form: DeviceForm) -> int:
    values: dict[str, Any] = {
        "name": form.name.data or "",
        "type_id": form.type_id.data,
        "pop_id": form.pop_id.data,
        "parent_id": form.parent_id.data,
        "address": form.address.data or "",
        "mac": form.mac.data or "",
        "serial": form.serial.data or "",
        "software": form.software.data or "",
        "snmp_port": form.snmp_port.data,
        "is_gateway": form.is_gateway.data,
    }
    with runtime.current().database.transaction() as session:
        if device_id is None:
            device = equipment.create(session, identity.actor(), **values)
        else:
            device = equipment.change(session, identity.actor(), device_id, **values)
        equipment.set_unwatched(session, identity.actor(), device.id, **form.unwatched)
        if gate_moves.for_device(session, identity.actor(), device.id, form.gate_id.data):
            waking.wake_gates(session)
        return device.id


@permissions.required("setup.gear")
def access(device_id: int) -> Response:
    """Change what opens a device: SNMP and its login, kept sealed."""
    device = _own(device_id)
    form = device_access.form_of(device)
    if form.accept(lambda: device_access.save(device_id, form)):
        rendering.say(gettext("The credentials are saved."))
        return rendering.go("setup.device", device_id=device_id)
    title = gettext("What opens %(name)s", name=device.name)
    note = gettext("Kept encrypted. What stands on file is not shown here.")
    return pages.show(pages.Frame(title, ACCESS_ROWS, _url(device_id), note), form)


@permissions.required("setup.gear")
def remove(device_id: int) -> Response:
    """Remove a device nothing hangs on, with its ports."""
    return pages.remove(
        lambda session: gear.remove(session, identity.actor(), device_id),
        stay_url=_url(device_id),
        endpoint="setup.devices",
    )


@permissions.required("setup.gear")
def add_ports(device_id: int) -> Response:
    """Add one port or a row of them."""
    device = _own(device_id)
    form = NewPortsForm()
    if form.accept(lambda: _add_ports(device_id, form)):
        rendering.say(gettext("Ports added: %(count)s.", count=form.result))
        return rendering.go("setup.device", device_id=device_id)
    title = gettext("Add ports of %(name)s", name=device.name)
    return pages.show(pages.Frame(title, form.ROWS, _url(device_id)), form)


def _add_ports(device_id: int, form: NewPortsForm) -> int:
    with runtime.current().database.transaction() as session:
        made = ports.add(
            session,
            identity.actor(),
            device_id,
            indexes=form.indexes.data or "",
            name=form.name.data or "",
            is_uplink=form.is_uplink.data,
        )
        return len(made)


@permissions.required("setup.gear")
def edit_port(device_id: int, port_id: int) -> Response:
    """Name a port, make it an uplink or not."""
    with runtime.current().database.reading() as session:
        device, port = gear.own(session, device_id), ports.find(session, device_id, port_id)
        users = in_use.count(session, "port", port_id)
    form = PortForm(obj=port)
    if form.accept(lambda: _change_port(device_id, port_id, form)):
        rendering.say(gettext("Saved."))
        return rendering.go("setup.device", device_id=device_id)
    title = gettext("Port %(index)s of %(name)s", index=port.if_index, name=device.name)
    url = url_for("setup.remove_port", device_id=device_id, port_id=port_id)
    removal = pages.Removal(url, port.name, users)
    return pages.show(pages.Frame(title, form.ROWS, _url(device_id), removal=removal), form)


def _change_port(device_id: int, port_id: int, form: PortForm) -> None:
    with runtime.current().database.transaction() as session:
        ports.change(
            session,
            identity.actor(),
            device_id,
            port_id,
            name=form.name.data or "",
            is_uplink=form.is_uplink.data,
        )


@permissions.required("setup.gear")
def remove_port(device_id: int, port_id: int) -> Response:
    """Remove a port nobody is on."""
    return pages.remove(
        lambda session: ports.remove(session, identity.actor(), device_id, port_id),
        stay_url=url_for("setup.edit_port", device_id=device_id, port_id=port_id),
        endpoint="setup.device",
        device_id=device_id,
    )
