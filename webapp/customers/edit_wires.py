"""In place: IP addresses and the switch port."""

from typing import Any

from flask import Response, request
from flask_babel import gettext

from registry import connections, equipment, gate_moves, line_gates, lines, logins, networks, pops
from registry.connections import SwitchChoice
from registry.models import IpAddress
from webapp import identity, permissions, runtime, waking
from webapp.customers import answers
from webapp.customers.gear_forms import NONE, ConnectionForm, IpForm, LineForm, NewConnectionForm, NewIpForm

OFFERED_NETWORKS = 6


@permissions.required("equipment.edit")
def ip(customer_id: int, item_id: int | None = None) -> Response:
    """Give the customer an address, or change what is on file of one."""
    with runtime.current().database.reading() as session:
        item = networks.find(session, customer_id, item_id) if item_id else None
        devices, services = equipment.of_customer(session, customer_id), lines.choices(session, customer_id)
        near = connections.pop_ids_of(session, customer_id)
        free = [] if item_id else networks.free_places(session, near, limit=OFFERED_NETWORKS)
    form = IpForm(obj=item) if item else NewIpForm()
    form.device_id.choices = [("", NONE), *((device.id, device.name) for device in devices)]
    form.line_id.choices = [("", NONE), *((line.id, line.plan) for line in services)]
    if not form.is_submitted():
        form.has_colour.data = bool(item and item.colour)
        form.colour.data = (item.colour or item.network.colour) if item else networks.COLOUR
        if item is None and free and free[0][1].pop_id in near:
            form.address.data = free[0][0]
    if form.accept(lambda: _save_ip(customer_id, item, form)):
        return answers.saved(customer_id, "ips", gettext("The address is saved."))
    title = gettext("Edit %(address)s", address=item.address) if item else gettext("Give an IP address")
    return answers.show(customer_id, "ips", title, form, "ip", item=item, free=free)


def _save_ip(customer_id: int, item: IpAddress | None, form: IpForm) -> None:
    values: dict[str, Any] = {
        "mac": form.mac.data or "",
        "colour": (form.colour.data or "") if form.has_colour.data else "",
        "description": form.description.data or "",
        "device_id": form.device_id.data,
        "line_id": form.line_id.data,
    }
    with runtime.current().database.transaction() as session:
        actor = identity.actor()
        if item is None:
            row = networks.give(session, actor, customer_id, address=form.address.data or "", **values)
        else:
            row = networks.change(session, actor, customer_id, item.id, **values)
        networks.set_unwatched(session, actor, customer_id, row.id, **form.unwatched)
        waking.wake_gates(session)


@permissions.required("equipment.edit")
def remove_ip(customer_id: int, item_id: int) -> Response:
    """Take an address back."""
    with runtime.current().database.transaction() as session:
        networks.take(session, identity.actor(), customer_id, item_id)
        waking.wake_gates(session)
    return answers.saved(customer_id, "ips", gettext("The address is free again."))


@permissions.required("equipment.edit")
def line(customer_id: int, item_id: int) -> Response:
    """Write down the name a line dials in with and, for who may change gear, its own POP and gate."""
    with runtime.current().database.reading() as session:
        found = lines.find(session, customer_id, item_id)
        plan = next((one.plan for one in lines.choices(session, customer_id) if one.id == item_id), "")
        places, gates = pops.list_all(session), line_gates.list_all(session)
    form = LineForm(obj=found)
    if identity.may("setup.gear"):
        form.pop_id.choices = [("", NONE), *((pop.id, pop.name) for pop in places)]
        form.gate_id.choices = [("", NONE), *((gate.id, gate.name) for gate in gates)]
    else:
        del form.pop_id, form.gate_id
    if form.accept(lambda: _save_line(customer_id, item_id, form)):
        return answers.saved(customer_id, "services", gettext("The line is saved and its gate is told."))
    title = gettext("The line: %(plan)s", plan=plan)
    return answers.show(customer_id, "services", title, form, "line")


def _save_line(customer_id: int, line_id: int, form: LineForm) -> None:
    actor = identity.actor()
    with runtime.current().database.transaction() as session:
        is_new = logins.set_login(session, actor, customer_id, line_id, form.login.data or "")
        if form.gate_id is not None:
            places = {"pop_id": form.pop_id.data, "gate_id": form.gate_id.data}
            is_new |= gate_moves.for_line(session, actor, customer_id, line_id, **places)
        if is_new:
            waking.wake_gates(session)


@permissions.required("equipment.edit")
def port(customer_id: int, item_id: int | None = None) -> Response:
    """Put the customer on a switch port, or change the details of the one he is on."""
    wanted = request.args.get("q", "")
    with runtime.current().database.reading() as session:
        item = connections.find(session, customer_id, item_id) if item_id else None
        services = lines.choices(session, customer_id)
        switches = [] if item else connections.choices(session, customer_id, q=wanted)
    form = ConnectionForm(obj=item) if item else NewConnectionForm()
    form.line_id.choices = [("", NONE), *((line.id, line.plan) for line in services)]
    if item is None:
        form.port_id.choices = _ports(switches)
    if form.accept(lambda: _save_port(customer_id, item_id, form)):
        return _connected(customer_id, form.result)
    title = gettext("Change the switch port") if item else gettext("Choose a switch port")
    return answers.show(
        customer_id, "ports", title, form, "port", item=item, wanted=wanted, switches=switches
    )


def _ports(switches: list[SwitchChoice]) -> dict[str, list[tuple[Any, str]]]:
    """The ports under the names of their switches; a taken one says by whom, uplinks are left out."""
    offered: dict[str, list[tuple[Any, str]]] = {"": [("", gettext("Choose a port"))]}
    for switch in switches:
        name = f"{switch.name} · {switch.pop}" if switch.pop else switch.name
        ports = [(port.id, _port_words(port)) for port in switch.ports if not port.is_uplink]
        offered[f"{name} ★" if switch.is_near else name] = ports
    return offered


def _port_words(port: Any) -> str:
    if not port.taken_by:
        return f"{port.name}"
    return gettext("%(port)s, taken by %(who)s", port=port.name, who=", ".join(port.taken_by))


def _save_port(customer_id: int, item_id: int | None, form: ConnectionForm) -> tuple[str, ...]:
    """Return the numbers of the customers who share the port."""
    values = {"line_id": form.line_id.data, "vlan": form.vlan.data}
    with runtime.current().database.transaction() as session:
        actor = identity.actor()
        waking.wake_gates(session)
        if item_id is not None:
            connections.change(session, actor, customer_id, item_id, **values)
            return ()
        port_id = form.port_id.data or 0
        return connections.connect(session, actor, customer_id, port_id, **values).shared_with


def _connected(customer_id: int, shared_with: tuple[str, ...]) -> Response:
    if not shared_with:
        return answers.saved(customer_id, "ports", gettext("The switch port is saved."))
    words = gettext("Saved. This port is shared with %(who)s.", who=", ".join(shared_with))
    return answers.saved(customer_id, "ports", words, "warn")


@permissions.required("equipment.edit")
def remove_port(customer_id: int, item_id: int) -> Response:
    """Take the customer off a port."""
    with runtime.current().database.transaction() as session:
        connections.disconnect(session, identity.actor(), customer_id, item_id)
        waking.wake_gates(session)
    return answers.saved(customer_id, "ports", gettext("The customer is off the port."))
