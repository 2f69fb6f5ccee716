"""What a job does on the wire, as functions a box in a POP can do for us: plain values in and out.

`HANDS` names all a box will do, and on which of its queues. Nothing here knows the database.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gates
from gates import Access, Finding, LineAccess, Outcome, PortRef, Seen
from netdiag import errors as wire
from netdiag import mac_lookup, neighbours, status
from netdiag import ping as wire_ping
from netdiag import sweep as wire_sweep
from netdiag.diagnosis.evidence import PingEvidence
from netdiag.results import DeviceStatus, Onu, Optics, PingReply, PingSummary
from netdiag.snmp import SnmpTarget, forwarding, interfaces, light, pon, profiles, system
from netdiag.snmp import poll as poll_many
from netdiag.snmp.device import Device
from netdiag.snmp.sections import PortNames

PROBE, GATE = "probe", "gate"
ECHOES, MORE_ECHOES, EVERY_S, ECHO_LIMIT_S = 5, 20, 0.05, 0.8
LARGE_ECHOES = 3
ONU_READ_S = 3.0
_JOB_S = 20.0
_FAMILY_S = 2.0
_MOST_REMEMBERED = 4096

About = tuple[str | None, str | None, str | None]
# What of a device's family tells light, by where and what it is: to find it takes every profile.
_remembered: dict[tuple[str, int, About], light.Lamps] = {}


@dataclass(frozen=True, slots=True)
class Read:
    """What one device of many said; `fault` is the name of the error of the wire that ended it, or empty."""

    key: int
    reading: poll_many.Reading
    fault: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Lit:
    """The light one device told: transceivers and subscribers' units."""

    key: int
    lights: list[Optics]
    units: list[Onu]
    words: str = ""


def here() -> bool:
    """Say that somebody is here."""
    return True


def ping(
    address: str, *, count: int, interval_s: float, size: int, should_stop: Callable[[], bool]
) -> Iterator[PingReply]:
    """Ping and yield each reply as it comes; raises NotPermitted, BadAddress."""
    yield from wire_ping.stream(
        address, count=count, interval_s=interval_s, size=size, should_stop=should_stop
    )


def sweep(
    addresses: list[str],
    *,
    probes: int,
    timeout_s: float,
    pace_s: float = 0.00002,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[PingSummary]:
    """Ping many addresses at once; raises BadAddress, NoInterface, NotPermitted."""
    return wire_sweep.sweep(
        addresses, probes=probes, timeout_s=timeout_s, pace_s=pace_s, should_stop=should_stop
    )


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


def device_status(target: SnmpTarget, if_index: int | None) -> DeviceStatus:
    """Read a device, or one port of it twice, without its forwarding table; raises SnmpFailed."""
    return status.read(target, if_index=if_index, has_fdb=False)


def onus(target: SnmpTarget) -> tuple[list[Onu], list[str]]:
    """Return the subscribers' units of a head end, and what could not be read of them; raises SnmpFailed."""
    device = Device(target, ONU_READ_S)
    about = system.group(device)
    profile = profiles.choose(about.object_id, about.description, about.name, device.has)
    rows = pon.read(device, profile.sections.get("pon", ()) if profile else (), PortNames({}, {}))
    if rows is None:
        raise wire.SnmpBroken("how this OLT lists its ONUs is not known")
    return list(rows), list(device.warnings)


def poll(
    targets: list[tuple[int, SnmpTarget]], wanted: poll_many.Wanted, *, at_once: int, deadline_s: float
) -> list[Read]:
    """Read the same of many devices at once, each with its key; all of it ends in `deadline_s`."""
    jobs = (poll_many.Job(target, wanted, key, _JOB_S) for key, target in targets)
    return [
        Read(one.job.key, one.reading, type(one.error).__name__ if one.error else "", str(one.error or ""))
        for one in poll_many.many(jobs, at_once=at_once, deadline_s=deadline_s)
    ]


def lights(met: list[tuple[int, SnmpTarget, About]], *, at_once: int, deadline_s: float) -> Iterator[Lit]:
    """Read the light of those of these devices whose family tells any; all of it ends in `deadline_s`.

    Each has its object id, description and name.
    """
    until = time.monotonic() + deadline_s
    for result in poll_many.many(_lamp_jobs(met, until), at_once=at_once, deadline_s=deadline_s):
        key, lamps = result.job.key
        found, units = light.read(result.job.target, lamps, result.reading)
        yield Lit(key, found, units, str(result.error or ""))


def _lamp_jobs(met: Sequence[tuple[int, SnmpTarget, About]], until: float) -> Iterator[poll_many.Job]:
    for key, target, about in met:
        if time.monotonic() >= until:
            return
        lamps = _lamps(target, about)
        if lamps:
            yield poll_many.Job(target, light.wanted(lamps), (key, lamps), _JOB_S)


def _lamps(target: SnmpTarget, about: About) -> light.Lamps | None:
    key = (target.host, target.port, about)
    if key not in _remembered:
        try:
            found = light.of_profile(profiles.choose(*about, Device(target, _FAMILY_S).has))
        except wire.WireError:
            return None
        if len(_remembered) >= _MOST_REMEMBERED:
            _remembered.clear()
        _remembered[key] = found
    return _remembered[key]


def gate_apply(kind: str, settings: dict[str, Any], wanted: list[tuple[LineAccess, Access]]) -> list[Outcome]:
    """Have a gate make it so; raises GateError only when nothing at all could be done."""
    return list(gates.make(kind, settings).apply(dict(wanted)).values())


def gate_read(kind: str, settings: dict[str, Any], lines: list[LineAccess]) -> dict[int, Seen | None]:
    """Have a gate say what is so, by line id; raises GateError."""
    return dict(gates.make(kind, settings).read(lines))


def gate_epoch(kind: str, settings: dict[str, Any]) -> str | None:
    """Have a gate say by which life of the gear its state lives; raises GateError."""
    return gates.make(kind, settings).epoch()


def gate_held(kind: str, settings: dict[str, Any]) -> dict[str, Access] | None:
    """Have a gate list what it keeps restricted; raises GateError."""
    held = gates.make(kind, settings).held()
    return None if held is None else dict(held)


def gate_check(kind: str, settings: dict[str, Any], ports: list[PortRef]) -> list[Finding]:
    """Try a gate without changing anything; raises GateError."""
    return gates.make(kind, settings).check(ports)


@dataclass(frozen=True, slots=True)
class Hand:
    """A function a box does for us: on which of its queues, and how long it may be silent while at it."""

    do: Callable[..., Any]
    queue: str = PROBE
    silent_s: float = 30.0


# The errors these functions raise on purpose, by name: they cross the wire as what they are.
FAULTS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        wire.WireError,
        wire.NotPermitted,
        wire.BadAddress,
        wire.NoInterface,
        wire.SnmpFailed,
        wire.SnmpSilent,
        wire.SnmpRefused,
        wire.SnmpDenied,
        wire.SnmpBroken,
        gates.GateError,
        gates.GateUnreachable,
        gates.GateRefused,
        gates.GateMisconfigured,
        ValueError,
    )
}


def name_of(do: Callable[..., Any]) -> str:
    """Return by which name a function is asked for."""
    return f"{do.__module__}.{do.__name__}"


HANDS: dict[str, Hand] = {
    name_of(hand.do): hand
    for hand in (
        Hand(here),
        Hand(ping, silent_s=90.0),
        Hand(sweep, silent_s=600.0),
        Hand(echoes),
        Hand(reach),
        Hand(reach_large),
        Hand(mac_lookup.find),
        Hand(system.read),
        Hand(interfaces.read_port),
        Hand(forwarding.find_mac),
        Hand(forwarding.macs_on_port),
        Hand(onus),
        Hand(device_status, silent_s=60.0),
        Hand(poll, silent_s=900.0),
        Hand(lights, silent_s=60.0),
        Hand(gate_apply, GATE, silent_s=300.0),
        Hand(gate_read, GATE, silent_s=120.0),
        Hand(gate_epoch, GATE),
        Hand(gate_held, GATE, silent_s=60.0),
        Hand(gate_check, GATE, silent_s=150.0),
    )
}
