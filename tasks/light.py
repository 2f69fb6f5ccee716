"""Light, read in the counters round: transceivers by port, subscribers' units by whose they are on file."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from core import errors
from netdiag.results import Onu, Optics
from netdiag.snmp import SnmpTarget, pon
from registry import levels, watch_rounds
from registry.levels import Unit
from registry.series_codec import LevelPoint
from registry.watch_rounds import Claim
from tasks import hands
from tasks.hands import About
from tasks.runtime import Runtime
from tasks.sites import Site

log = structlog.get_logger()

_BATCH = 2048


@dataclass(frozen=True, slots=True)
class Met:
    """A device that answered this round: its object id, description and name."""

    target: SnmpTarget
    about: About


@dataclass(slots=True)
class Found:
    """The levels of a round, by port, by customer's device, and by customer where none of his is on file."""

    port_id: dict[int, LevelPoint] = field(default_factory=dict)
    device_id: dict[int, LevelPoint] = field(default_factory=dict)
    customer_id: dict[int, LevelPoint] = field(default_factory=dict)


def collect(runtime: Runtime, claim: Claim, site: Site, met: Mapping[int, Met], *, until: float) -> int:
    """Read the light of the devices that answered and keep it; return how many levels. Ends by `until`.

    `until` is monotonic. No transaction is open while devices are asked. Raises Conflict when the round was
    taken over meanwhile.
    """
    found = Found()
    left_s, at_once = max(0.0, until - time.monotonic()), runtime.settings.watch.poll_at_once
    asked = [(key, one.target, one.about) for key, one in met.items()]
    if not asked:
        return 0
    for told in site.follow(hands.lights, asked, at_once=at_once, deadline_s=left_s):
        if told.words:
            log.info("light_unread", device_id=told.key, error=told.words)
        with runtime.database.reading() as session:
            ports = levels.ports_of(session, told.key) if told.lights else {}
            owners = levels.units_below(session, told.key) if told.units else []
        found.port_id.update(of_ports(told.lights, ports))
        for kind, number, level in of_units(told.units, owners):
            getattr(found, kind)[number] = level
    return _keep(runtime, claim, found)


def of_ports(lights: Iterable[Optics], ports: Mapping[int | str, int]) -> dict[int, LevelPoint]:
    """Return the level of each port on file, by port id; of several lanes the weakest tells. Pure.

    `ports` are the device's port ids by ifIndex and by name.
    """
    lanes: dict[int, list[Optics]] = {}
    for one in lights:
        port_id = ports.get(one.if_index or 0) or ports.get(one.port_name or "")
        if port_id is not None:
            lanes.setdefault(port_id, []).append(one)
    return {
        port_id: _level(_weakest(one.rx_dbm for one in made), _weakest(one.tx_dbm for one in made))
        for port_id, made in lanes.items()
    }


def of_units(units: Iterable[Onu], owners: Iterable[Unit]) -> list[tuple[str, int, LevelPoint]]:
    """Return (device_id or customer_id, its number, level) for each unit that is on file once. Pure.

    Received is what the unit receives; where the head end tells only what it receives itself, that.
    """
    units = list(units)
    by_name: dict[str, list[Onu]] = {}
    for unit in units:
        for name in pon.spellings(unit.mac) | pon.spellings(unit.serial):
            by_name.setdefault(name, []).append(unit)
    has_own = any(unit.rx_dbm is not None for unit in units)
    received: Callable[[Onu], float | None]
    received = (lambda unit: unit.rx_dbm) if has_own else (lambda unit: unit.olt_rx_dbm)
    found = []
    taken: set[int] = set()
    # Devices first: who has one on file needs no level by the MAC of his address.
    for owner in sorted(owners, key=lambda one: one.device_id is None):
        hits = {
            id(unit): unit
            for name in pon.spellings(owner.mac) | pon.spellings(owner.serial)
            for unit in by_name.get(name, ())
        }
        if len(hits) != 1 or hits.keys() & taken:
            continue
        ((key, unit),) = hits.items()
        taken.add(key)
        level = _level(received(unit), unit.tx_dbm)
        if owner.device_id is not None:
            found.append(("device_id", owner.device_id, level))
        else:
            found.append(("customer_id", owner.customer_id, level))
    return found


def _weakest(powers: Iterable[float | None]) -> float | None:
    return min((one for one in powers if one is not None), default=None)


def _level(rx_dbm: float | None, tx_dbm: float | None) -> LevelPoint:
    rx, tx = (None if one is None else round(one * 100) for one in (rx_dbm, tx_dbm))
    return LevelPoint(1, rx, rx, rx, tx)


def _keep(runtime: Runtime, claim: Claim, found: Found) -> int:
    count = 0
    for of in ("port_id", "device_id", "customer_id"):
        told = sorted(getattr(found, of).items())
        for start in range(0, len(told), _BATCH):
            with runtime.database.transaction() as session:
                if not watch_rounds.holds(session, claim):
                    raise errors.Conflict("The round took too long; another worker has begun it anew")
                levels.note(session, claim.at, dict(told[start : start + _BATCH]), of=of)
        count += len(told)
    return count
