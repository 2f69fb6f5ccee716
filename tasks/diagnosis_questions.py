"""What a diagnosis asks the wire: independent questions, each bounded in itself, answered as evidence."""

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from core import errors
from netdiag import errors as wire
from netdiag import mac_lookup, neighbours
from netdiag import ping as wire_ping
from netdiag.diagnosis import NotChecked
from netdiag.diagnosis.evidence import MacAnswer, MacPlace, PingEvidence, PortEvidence, SnmpState
from netdiag.results import PingReply
from netdiag.snmp import SnmpTarget, forwarding, interfaces, system
from netdiag.text import N_, Text
from registry.diagnosis_facts import DeviceFacts, LineFacts, PortFacts
from registry.models import DeviceRole
from tasks import agents, diagnosis_onu
from tasks.runtime import Runtime

ECHOES, MORE_ECHOES, EVERY_S, ECHO_LIMIT_S = 5, 20, 0.05, 0.8
LARGE_ECHOES = 3
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


def plan(runtime: Runtime, facts: LineFacts) -> list[Question]:
    """Return every question worth asking about this line."""
    return [
        *_of_gateway(runtime, facts.gateway),
        *_of_device(runtime, facts),
        *_of_addresses(runtime, facts),
    ]


def _of_gateway(runtime: Runtime, gateway: DeviceFacts | None) -> Iterator[Question]:
    if gateway is None:
        return
    if gateway.address:
        yield Question("gateway.ping", ("pop",), partial(echoes, gateway.address))
    if gateway.has_snmp:
        yield Question("gateway.snmp", ("pop",), partial(speaks, _target(runtime, gateway)))


def _of_device(runtime: Runtime, facts: LineFacts) -> Iterator[Question]:
    device = facts.device
    if device is None:
        return
    if device.address:
        yield Question("device.ping", ("device",), partial(echoes, device.address))
    for place, parent in enumerate(facts.parents):
        if parent.address:
            yield Question(f"parent.{place}", ("device",), partial(echoes, parent.address, PARENT_ECHOES))
    if not device.has_snmp:
        return
    target = _target(runtime, device)
    yield Question("device.snmp", ("device",), partial(speaks, target))
    if device.role is DeviceRole.OLT and facts.customer_id is not None:
        yield Question("onu", ("port",), partial(diagnosis_onu.read, target, facts))
    if facts.port is not None:
        yield Question("port", ("port",), partial(read_port, target, device.name, facts.port))
        yield Question("mac.port", ("mac",), partial(_twice, partial(learned, target, facts.port)))
    if facts.macs:
        yield Question("mac.places", ("mac",), partial(_twice, partial(places, target, facts)))


def _of_addresses(runtime: Runtime, facts: LineFacts) -> Iterator[Question]:
    for place, one in enumerate(facts.addresses):
        key = f"ip.{place}"
        yield Question(f"{key}.ping", ("address", "quality"), partial(reach, one.address))
        yield Question(f"{key}.large", ("quality",), partial(reach_large, one.address))
        yield Question(f"{key}.mac", ("address",), partial(who_has, runtime, one.address, facts.gateway))


def _target(runtime: Runtime, device: DeviceFacts) -> Callable[[], SnmpTarget]:
    """Return what makes the target when it is asked for: opening its key is part of the question."""

    def target() -> SnmpTarget:
        found = agents.target_of(runtime, device.device_id)
        return dataclasses.replace(found, timeout_s=SNMP_LIMIT_S, retries=SNMP_RETRIES)

    return target


def echoes(address: str, count: int = ECHOES, *, size: int = 56) -> PingEvidence:
    """Ping in quick succession; raises NotPermitted, BadAddress."""
    return _evidence(_ping(address, count, size))


def reach(address: str) -> tuple[PingEvidence, bool]:
    """Ping the customer, longer when some are lost; and say whether he is on a segment of ours."""
    replies = _ping(address, ECHOES, 56)
    answered = sum(1 for reply in replies if reply.rtt_ms is not None and not reply.is_duplicate)
    if 0 < answered < ECHOES:
        replies += _ping(address, MORE_ECHOES, 56)
    return _evidence(replies), neighbours.segment(address) is not None


def large_size(address: str) -> int:
    """Return the payload with which an echo fills an Ethernet frame: 1,500 bytes less both headers."""
    return 1452 if ":" in address else 1472


def reach_large(address: str) -> PingEvidence:
    """Ping with packets that fill an Ethernet frame, more of them when none comes back.

    Nobody may fragment them: in pieces they pass a hole in which a web page's packets vanish.
    """
    replies = _ping(address, LARGE_ECHOES, large_size(address), dont_fragment=True)
    if all(reply.rtt_ms is None for reply in replies):
        replies += _ping(address, LARGE_ECHOES, large_size(address), dont_fragment=True)
    return _evidence(replies)


def _ping(address: str, count: int, size: int, *, dont_fragment: bool = False) -> list[PingReply]:
    asked = wire_ping.stream(
        address,
        count=count,
        interval_s=EVERY_S,
        size=size,
        timeout_s=ECHO_LIMIT_S,
        dont_fragment=dont_fragment,
    )
    return list(asked)


def _evidence(replies: list[PingReply]) -> PingEvidence:
    own = [reply for reply in replies if not reply.is_duplicate]
    times = [reply.rtt_ms for reply in own if reply.rtt_ms is not None]
    steps = [abs(after - before) for before, after in itertools.pairwise(times)]
    said = [reply.reason for reply in own if reply.reason and reply.reason != "timeout"]
    return PingEvidence(
        sent=len(own),
        received=len(times),
        rtt_ms=round(sum(times) / len(times), 3) if times else None,
        jitter_ms=round(sum(steps) / len(steps), 3) if steps else None,
        duplicates=len(replies) - len(own),
        reasons=tuple(dict.fromkeys(said))[:3],
    )


def speaks(target: Callable[[], SnmpTarget]) -> tuple[SnmpState, float | None]:
    """Return whether the agent answers, and for how long it is up."""
    asked = target()
    try:
        return "answered", system.read(asked).uptime_s
    except wire.SnmpFailed as error:
        for kind, state in _SNMP_STATES:
            if isinstance(error, kind):
                return state, None
        raise


def read_port(target: Callable[[], SnmpTarget], device: str, port: PortFacts) -> PortEvidence:
    """Read the port twice; raises SnmpFailed."""
    found = interfaces.read_port(target(), port.if_index, PORT_GAP_S)
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


def learned(target: Callable[[], SnmpTarget], port: PortFacts) -> tuple[str, ...]:
    """Return the MACs learned behind the port; raises SnmpFailed."""
    found = forwarding.macs_on_port(target(), port.if_index)
    return tuple(dict.fromkeys(entry.mac for entry in found if entry.status != "self"))


def places(target: Callable[[], SnmpTarget], facts: LineFacts) -> tuple[MacPlace, ...]:
    """Return where the access device has learned the MACs on file; raises SnmpFailed."""
    name = facts.device.name if facts.device else ""
    own = facts.port.if_index if facts.port else None
    asked = target()
    found = [entry for mac in facts.macs[:2] for entry in forwarding.find_mac(asked, mac)]
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


def who_has(runtime: Runtime, address: str, gateway: DeviceFacts | None) -> MacAnswer:
    """Return which MACs stand behind the address: by ARP where it reaches, else by the gateway's table."""
    routers = [_target(runtime, gateway)()] if gateway is not None and gateway.has_snmp else []
    found = mac_lookup.find(address, routers=routers)
    was_looked_up = found.interface or any("no entry" in way for way in found.tried)
    if not found.macs and not was_looked_up:
        raise wire.NoInterface(
            "; ".join([found.why_not or "its MAC cannot be known from here", *found.tried])
        )
    return MacAnswer(
        macs=tuple(one.mac for one in found.macs),
        is_live=found.method == "arp",
        method=_METHODS.get(found.method or "", ""),
    )
