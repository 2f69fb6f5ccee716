"""The questions that are answered once: which MAC, what a device says of itself, behind which port."""

from typing import Any

from core import clock, errors
from netdiag import errors as wire
from netdiag import mac_lookup as wire_mac
from netdiag import results
from netdiag.snmp import SnmpTarget, forwarding
from registry import diagnostic_sources, equipment
from registry.diagnostic_sources import Agent, PortOnFile
from registry.models import DeviceState, DiagnosticRun, DiagnosticStatus
from tasks import agents, hands, optical_levels, sites
from tasks.agents import Agent as Asked
from tasks.runtime import Runtime
from tasks.sites import Site

Outcome = tuple[DiagnosticStatus, dict[str, Any]]

_STATES: tuple[tuple[type[wire.SnmpFailed], DeviceState], ...] = (
    (wire.SnmpDenied, DeviceState.DENIED),
    (wire.SnmpRefused, DeviceState.REFUSED),
    (wire.SnmpSilent, DeviceState.SILENT),
)


def mac_lookup(runtime: Runtime, row: DiagnosticRun) -> Outcome:
    """Find which MAC answers for the address, which way that is known, and compare it with the file."""
    address = row.options["address"]
    with runtime.database.reading() as session:
        gateway = diagnostic_sources.gateway_of(session, address)
    site = sites.at(runtime, row.pop)
    routers, why = _routers(runtime, gateway, site)
    found = site.ask(wire_mac.find, address, routers=routers).as_dict()
    on_file = row.options.get("mac_on_file")
    seen = [one["mac"] for one in found["macs"]]
    return DiagnosticStatus.DONE, {
        **found,
        "tried": [*found["tried"], *why],
        "mac_on_file": on_file,
        "comparison": _compare(seen, on_file),
        "gateway": gateway.name if gateway else None,
    }


def _routers(runtime: Runtime, gateway: Agent | None, site: Site) -> tuple[list[SnmpTarget], list[str]]:
    if gateway is None:
        return [], []
    try:
        return [agents.target_for(runtime, gateway.device_id, site)], []
    except errors.LinecardError as error:
        return [], [f"the gateway {gateway.name}: {error}"]


def _compare(seen: list[str], on_file: str | None) -> str:
    """Return none_seen, duplicate, new, same or different."""
    if not seen:
        return "none_seen"
    if len(seen) > 1:
        return "duplicate"
    if on_file is None:
        return "new"
    return "same" if seen[0] == on_file else "different"


def snmp_status(runtime: Runtime, row: DiagnosticRun) -> Outcome:
    """Read what a device, or one port of it twice, says of itself, and keep it as its last known status.

    A device that is silent, refuses or denies is an outcome, not a failure of the run.
    """
    if row.device_id is None:
        raise errors.Invalid("This run names no device")
    with runtime.database.reading() as session:
        agent = diagnostic_sources.agent(session, row.device_id)
        port_id = row.options.get("port_id")
        port = diagnostic_sources.port(session, port_id) if port_id is not None else None
    asked = agents.agent_of(runtime, agent.device_id)
    try:
        read = asked.ask(hands.device_status, port.if_index if port else None)
    except wire.SnmpFailed as error:
        state = next((state for kind, state in _STATES if isinstance(error, kind)), DeviceState.REFUSED)
        status: dict[str, Any] = {}
        words = str(error)
    else:
        state, status, words = DeviceState.ANSWERED, read.as_dict(), ""
        if port is not None:
            status["macs"] = _macs_on(asked, port)
            status["light"] = optical_levels.of_port(runtime, asked, row.customer_id, read.optics)
    with runtime.database.transaction() as writing:
        equipment.note_status(
            writing, agent.device_id, state, status or None, clock.now(), is_part=port is not None
        )
    return DiagnosticStatus.DONE, {
        "state": state.value,
        "words": words,
        "device": agent.name,
        "port": port.name if port else None,
        **status,
    }


def _macs_on(asked: Asked, port: PortOnFile) -> list[dict[str, Any]]:
    try:
        return [entry.as_dict() for entry in asked.ask(forwarding.macs_on_port, port.if_index)]
    except wire.SnmpFailed:
        # A router has no forwarding table; its port has a status all the same.
        return []


def locate_mac(runtime: Runtime, row: DiagnosticRun) -> Outcome:
    """Find behind which port the MAC on file was learned, and compare it with the port on file."""
    mac = row.options["mac_on_file"]
    with runtime.database.reading() as session:
        pop = row.options.get("pop_wanted", row.pop)
        switches = diagnostic_sources.switches_near(session, row.customer_id, pop)
        uplinks = diagnostic_sources.uplinks(session, [switch.device_id for switch in switches])
        customer_id = row.customer_id
        on_file = diagnostic_sources.ports_of_customer(session, customer_id) if customer_id else []
    if not switches:
        raise errors.Invalid("No switch with SNMP access is on file for this customer or his POP")
    known = {(port.device_id, port.if_index) for port in on_file}
    asked = [_ask_switch(runtime, switch, mac) for switch in switches]
    places = [
        {
            **entry.as_dict(),
            "device_id": switch.device_id,
            "device": switch.name,
            "is_uplink": (switch.device_id, entry.if_index) in uplinks,
            "is_on_file": (switch.device_id, entry.if_index) in known,
        }
        for switch, (entries, _) in zip(switches, asked, strict=True)
        for entry in entries
    ]
    return DiagnosticStatus.DONE, {
        "mac": mac,
        "places": places,
        "on_file": [f"{port.device} {port.name}" for port in on_file],
        "asked": [
            {"device": switch.name, "error": error}
            for switch, (_, error) in zip(switches, asked, strict=True)
        ],
        "comparison": _place_words(places, known, is_all_silent=all(error for _, error in asked)),
    }


def _ask_switch(runtime: Runtime, switch: Agent, mac: str) -> tuple[list[results.FdbEntry], str]:
    try:
        return agents.agent_of(runtime, switch.device_id).ask(forwarding.find_mac, mac), ""
    except (wire.WireError, errors.LinecardError) as error:
        return [], str(error)


def _place_words(places: list[dict[str, Any]], known: set[tuple[int, int]], *, is_all_silent: bool) -> str:
    """Return unknown (no switch answered), nowhere, behind_uplink, same, different or no_port_on_file."""
    if is_all_silent:
        return "unknown"
    if not places:
        return "nowhere"
    own = [place for place in places if not place["is_uplink"]]
    if not own:
        return "behind_uplink"
    if not known:
        return "no_port_on_file"
    return "same" if all(place["is_on_file"] for place in own) else "different"
