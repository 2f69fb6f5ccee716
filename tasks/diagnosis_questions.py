"""What a diagnosis asks the wire: independent questions, each bounded in itself, answered as evidence."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from core import errors
from netdiag import errors as wire
from netdiag import mac_lookup
from netdiag.diagnosis import NotChecked
from netdiag.diagnosis.evidence import MacAnswer, MacPlace, PortEvidence, SnmpState
from netdiag.snmp import SnmpTarget, forwarding, interfaces, system
from netdiag.text import N_, Text
from registry.diagnosis_facts import DeviceFacts, LineFacts, PortFacts
from registry.models import DeviceRole
from tasks import agents, diagnosis_onu, hands
from tasks.agents import Agent
from tasks.runtime import Runtime
from tasks.sites import Site

PARENT_ECHOES = 3
SNMP_LIMIT_S, SNMP_RETRIES = 0.7, 1
PORT_GAP_S = 0.5
# A switch that has just been woken by our own echoes shows the MAC a moment later.
LEARN_AGAIN_S = 1.1
_SNMP_STATES: tuple[tuple[type[wire.SnmpFailed], SnmpState], ...] = (
    (wire.SnmpSilent, "silent"),
    (wire.SnmpDenied, "denied"),
    (wire.SnmpRefused, "refused"),
)
_METHODS: dict[str, Text | str] = {
    "arp": "ARP",
    "kernel": N_("neighbour table"),
    "router": N_("the gateway's table"),
}

Answers = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """One question: its key among the answers, the stages that wait for it, and the call that asks."""

    key: str
    stages: tuple[str, ...]
    ask: Callable[[], Any]


def ask(question: Question) -> Any:
    """Return the answer, or why there is none."""
    try:
        return question.ask()
    except (wire.WireError, errors.LinecardError, OSError, ValueError) as error:
        return NotChecked(str(error) or type(error).__name__)


def plan(runtime: Runtime, facts: LineFacts, site: Site) -> list[Question]:
    """Return every question worth asking about this line; packets to it are sent from `site`."""
    return [
        *_of_gateway(runtime, facts.gateway, site),
        *_of_device(runtime, facts, site),
        *_of_addresses(runtime, facts, site),
    ]


def _of_gateway(runtime: Runtime, gateway: DeviceFacts | None, site: Site) -> Iterator[Question]:
    if gateway is None:
        return
    if gateway.address:
        yield Question("gateway.ping", ("pop",), partial(site.ask, hands.echoes, gateway.address))
    if gateway.has_snmp:
        yield Question("gateway.snmp", ("pop",), partial(speaks, _agent(runtime, gateway)))


def _of_device(runtime: Runtime, facts: LineFacts, site: Site) -> Iterator[Question]:
    device = facts.device
    if device is None:
        return
    if device.address:
        yield Question("device.ping", ("device",), partial(site.ask, hands.echoes, device.address))
    for place, parent in enumerate(facts.parents):
        if parent.address:
            yield Question(
                f"parent.{place}", ("device",), partial(site.ask, hands.echoes, parent.address, PARENT_ECHOES)
            )
    if not device.has_snmp:
        return
    agent = _agent(runtime, device)
    yield Question("device.snmp", ("device",), partial(speaks, agent))
    if device.role is DeviceRole.OLT and facts.customer_id is not None:
        yield Question("onu", ("port",), partial(diagnosis_onu.read, agent, facts))
    if facts.port is not None:
        yield Question("port", ("port",), partial(read_port, agent, device.name, facts.port))
        yield Question("mac.port", ("mac",), partial(_twice, partial(learned, agent, facts.port)))
    if facts.macs:
        yield Question("mac.places", ("mac",), partial(_twice, partial(places, agent, facts)))


def _of_addresses(runtime: Runtime, facts: LineFacts, site: Site) -> Iterator[Question]:
    for place, one in enumerate(facts.addresses):
        key = f"ip.{place}"
        yield Question(f"{key}.ping", ("address", "quality"), partial(site.ask, hands.reach, one.address))
        yield Question(f"{key}.large", ("quality",), partial(site.ask, hands.reach_large, one.address))
        yield Question(
            f"{key}.mac", ("address",), partial(who_has, runtime, one.address, facts.gateway, site)
        )


def _agent(runtime: Runtime, device: DeviceFacts) -> Callable[[], Agent]:
    """Return what makes the agent when it is asked for: opening its key is part of the question."""

    def agent() -> Agent:
        found = agents.agent_of(runtime, device.device_id)
        return Agent(_hurried(found.target), found.site)

    return agent


def _hurried(target: SnmpTarget) -> SnmpTarget:
    return dataclasses.replace(target, timeout_s=SNMP_LIMIT_S, retries=SNMP_RETRIES)


def speaks(agent: Callable[[], Agent]) -> tuple[SnmpState, float | None]:
    """Return whether the agent answers, and for how long it is up."""
    asked = agent()
    try:
        return "answered", asked.ask(system.read).uptime_s
    except wire.SnmpFailed as error:
        for kind, state in _SNMP_STATES:
            if isinstance(error, kind):
                return state, None
        raise


def read_port(agent: Callable[[], Agent], device: str, port: PortFacts) -> PortEvidence:
    """Read the port twice; raises SnmpFailed."""
    found = agent().ask(interfaces.read_port, port.if_index, PORT_GAP_S)
    return PortEvidence(
        device=device,
        name=port.name or found.name,
        admin=found.admin or "unknown",
        oper=found.oper or "unknown",
        speed_bps=found.speed_bps,
        duplex=found.duplex,
        last_change_s=found.last_change_s,
        in_errors_per_s=found.in_errors_per_s,
        out_errors_per_s=found.out_errors_per_s,
        in_discards_per_s=found.in_discards_per_s,
        out_discards_per_s=found.out_discards_per_s,
        in_bps=found.in_bps,
        out_bps=found.out_bps,
    )


def learned(agent: Callable[[], Agent], port: PortFacts) -> tuple[str, ...]:
    """Return the MACs learned behind the port; raises SnmpFailed."""
    found = agent().ask(forwarding.macs_on_port, port.if_index)
    return tuple(dict.fromkeys(entry.mac for entry in found if entry.status != "self"))


def places(agent: Callable[[], Agent], facts: LineFacts) -> tuple[MacPlace, ...]:
    """Return where the access device has learned the MACs on file; raises SnmpFailed."""
    name = facts.device.name if facts.device else ""
    own = facts.port.if_index if facts.port else None
    asked = agent()
    found = [entry for mac in facts.macs[:2] for entry in asked.ask(forwarding.find_mac, mac)]
    return tuple(
        MacPlace(
            device=name,
            port=entry.port_name or f"port {entry.bridge_port}",
            is_uplink=entry.if_index in facts.uplinks,
            is_on_file=own is not None and entry.if_index == own,
        )
        for entry in found
    )


def _twice(look: Callable[[], tuple[Any, ...]]) -> tuple[Any, ...]:
    found = look()
    if not found:
        time.sleep(LEARN_AGAIN_S)
        found = look()
    return found


def who_has(runtime: Runtime, address: str, gateway: DeviceFacts | None, site: Site) -> MacAnswer:
    """Return which MACs stand behind the address: by ARP where it reaches, else by the gateway's table."""
    routers, why = [], ""
    if gateway is not None and gateway.has_snmp:
        try:
            routers = [_hurried(agents.target_for(runtime, gateway.device_id, site))]
        except errors.Invalid as error:
            why = f"{gateway.name}: {error}"
    found = site.ask(mac_lookup.find, address, routers=routers)
    was_looked_up = found.interface or any("no entry" in way for way in found.tried)
    if not found.macs and not was_looked_up:
        raise wire.NoInterface(
            "; ".join(filter(None, [found.why_not or "its MAC cannot be known from here", *found.tried, why]))
        )
    return MacAnswer(
        macs=tuple(one.mac for one in found.macs),
        is_live=found.method == "arp",
        method=_METHODS.get(found.method or "", ""),
    )
