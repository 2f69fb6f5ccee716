"""Networks: the address plan, and what is left of each."""

import ipaddress
from typing import Any

from flask import Response, url_for
from flask_babel import gettext

from registry import gear, in_use, names, network_plan, networks, pops
from registry.models import Network
from registry.network_plan import PlannedNetwork
from webapp import identity, permissions, rendering, runtime
from webapp.setup import pages
from webapp.setup.forms import NetworkForm


def _place(row: PlannedNetwork) -> tuple[int, int, int]:
    whole = ipaddress.ip_network(str(row.network.cidr))
    return whole.version, int(whole.network_address), whole.prefixlen


KEYS = {
    "name": lambda row: names.sort_key(row.network.name),
    "cidr": _place,
    "pop": lambda row: names.sort_key(row.pop) if row.pop else None,
    "vlan": lambda row: row.network.vlan,
    "used": lambda row: row.used,
    "free": lambda row: row.free,
}


@permissions.required("setup.view")
def listing() -> Response:
    """List the networks."""
    with runtime.current().database.reading() as session:
        found = network_plan.listing(session)
    rows = pages.short_list(
        found,
        KEYS,
        "cidr",
        id_of=lambda row: row.network.id,
        words_of=lambda row: (row.network.name, str(row.network.cidr), row.pop),
    )
    return pages.show_list("setup/networks.html", rows)


@permissions.required("setup.gear")
def add() -> Response:
    """Add a network."""
    form = _form(None)
    if form.accept(lambda: _save(None, form)):
        rendering.say(gettext("The network is added."))
        return rendering.go("setup.networks")
    return pages.show(pages.Frame(gettext("Add a network"), form.ROWS, url_for("setup.networks")), form)


@permissions.required("setup.gear")
def edit(network_id: int) -> Response:
    """Change a network."""
    with runtime.current().database.reading() as session:
        network = networks.get(session, network_id)
        users = in_use.count(session, "network", network_id)
    form = _form(network)
    if form.accept(lambda: _save(network_id, form)):
        rendering.say(gettext("Saved."))
        return rendering.go("setup.networks")
    removal = pages.Removal(url_for("setup.remove_network", network_id=network_id), network.name, users)
    return pages.show(pages.Frame(network.name, form.ROWS, url_for("setup.networks"), removal=removal), form)


def _form(network: Network | None) -> NetworkForm:
    with runtime.current().database.reading() as session:
        places = pops.list_all(session)
        chosen = network.gateway_id if network else None
        gateways = gear.choices(session, is_gateway=True, keep_id=chosen)
    form = NetworkForm(obj=network) if network else NetworkForm(colour=networks.COLOUR)
    form.pop_id.choices = pages.offer((pop.id, pop.name) for pop in places)
    form.gateway_id.choices = pages.offer(gateways)
    return form


def _save(network_id: int | None, form: NetworkForm) -> None:
    values: dict[str, Any] = {
        "name": form.name.data or "",
        "cidr": form.cidr.data or "",
        "pop_id": form.pop_id.data,
        "gateway_id": form.gateway_id.data,
        "vlan": form.vlan.data,
        "colour": form.colour.data or networks.COLOUR,
    }
    with runtime.current().database.transaction() as session:
        if network_id is None:
            networks.create(session, identity.actor(), **values)
        else:
            network_plan.change(session, identity.actor(), network_id, **values)


@permissions.required("setup.gear")
def remove(network_id: int) -> Response:
    """Remove a network no address of which is given."""
    return pages.remove(
        lambda session: network_plan.remove(session, identity.actor(), network_id),
        stay_url=url_for("setup.edit_network", network_id=network_id),
        endpoint="setup.networks",
    )
