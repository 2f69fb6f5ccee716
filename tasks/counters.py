"""Read the octets of ports and keep what went through since the last reading."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from core import clock, errors
from netdiag import errors as wire
from netdiag.snmp import SnmpTarget, rates, values
from netdiag.snmp import poll as poll_many
from registry import equipment, usage, watch_rounds
from registry.models import DeviceState
from registry.series_codec import UsagePoint, usage_moment
from registry.usage import Kept, Meter, Reading
from registry.watch_rounds import Claim
from tasks import hands, light, sites
from tasks.hands import About
from tasks.light import Met
from tasks.runtime import Runtime
from tasks.sites import Site

log = structlog.get_logger()

_UPTIME = "1.3.6.1.2.1.1.3.0"
# sysObjectID, sysDescr and sysName say of which family a device is (SNMPv2-MIB, RFC 3418).
_ABOUT = ("1.3.6.1.2.1.1.2.0", "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.5.0")
_OCTETS = ("in_octets_64", "out_octets_64", "in_octets_32", "out_octets_32", "discontinuity")
_COLUMNS = {name: rates.COUNTERS[name] for name in _OCTETS} | {
    "high_speed": "1.3.6.1.2.1.31.1.1.1.15",
    "speed": "1.3.6.1.2.1.2.2.1.5",
}
_NAME = "1.3.6.1.2.1.31.1.1.1.1"
_WANTED = poll_many.Wanted(scalars=(_UPTIME, *_ABOUT), tables=((*_COLUMNS.values(), _NAME),))
_STATES = {
    wire.SnmpDenied.__name__: DeviceState.DENIED,
    wire.SnmpRefused.__name__: DeviceState.REFUSED,
}
# Farther apart than so many rounds two readings have a gap between them: when it went through is not known.
_GAP_ROUNDS = 3
# So much of the interval the asking may take.
_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Told:
    """What one device said: its state, the readings of its ports by port id, and of which family it is."""

    state: DeviceState
    at: datetime
    readings: Mapping[int, Reading]
    about: About = (None, None, None)


def poll(runtime: Runtime, claim: Claim) -> tuple[int, int]:
    """Read every meter of the claim's POP; return how many there are and how many answered.

    No transaction is open while devices are asked. Raises Conflict when the round was taken over meanwhile.
    """
    # The rounds do not overlap: what is not read by then is left for the next one.
    until = time.monotonic() + claim.interval_s * _SHARE
    with runtime.database.reading() as session:
        found = usage.meters(session, claim.pop, runtime.settings.diagnostics.default_pop)
    targets = _targets(runtime, found)
    site = sites.at(runtime, claim.pop)
    told = _ask(runtime, site, found, targets, until)
    for meter in found:
        one = told.get(meter.device.id)
        if one is None or not one.readings:
            continue
        with runtime.database.transaction() as session:
            if not watch_rounds.holds(session, claim):
                raise errors.Conflict("The round took too long; another worker has begun it anew")
            before = usage.readings(session, one.readings)
            usage.settle(
                session,
                claim.at,
                fresh=one.readings,
                points=points_of(before, one, limit_s=_GAP_ROUNDS * claim.interval_s),
                read_at=dict.fromkeys(one.readings, one.at),
            )
    with runtime.database.transaction() as session:
        usage.note_states(session, {device_id: one.state for device_id, one in told.items()}, claim.at)
    answered = [key for key, one in told.items() if one.state is DeviceState.ANSWERED]
    met = {key: Met(targets[key], told[key].about) for key in answered}
    light.collect(runtime, claim, site, met, until=until)
    return len(found), len(answered)


def points_of(before: Mapping[int, Kept], told: Told, *, limit_s: float) -> dict[int, UsagePoint]:
    """Return what went through each port since its last reading, where that can be known. Pure.

    Not known: at the first reading, after a restart or a discontinuity, over a gap longer than `limit_s`, and
    when another interface stands there now (ifName).
    """
    found = {}
    for port_id, reading in told.readings.items():
        kept = before.get(port_id)
        if kept is None:
            continue
        elapsed_s = (told.at - kept.at).total_seconds()
        names = {kept.reading.get("name"), reading.get("name")} - {None}
        if not 0 < elapsed_s <= limit_s or len(names) > 1:
            continue
        passed = rates.octets(kept.reading, reading, elapsed_s, _speed_bps(reading))
        if passed is not None:
            found[port_id] = usage_moment(max(1, round(passed.gap_s)), passed.in_octets, passed.out_octets)
    return found


def _speed_bps(reading: Reading) -> int | None:
    high, low = values.number(reading.get("high_speed")), values.number(reading.get("speed"))
    return high * 1_000_000 if high else low


def _targets(runtime: Runtime, found: list[Meter]) -> dict[int, SnmpTarget]:
    limits, ring = runtime.settings.diagnostics, runtime.ring
    targets = {}
    for meter in found:
        try:
            known = equipment.snmp_of(meter.device, ring)
        except errors.LinecardError as error:
            log.warning("meter_unreadable", device=meter.device.name, error=str(error))
        else:
            targets[meter.device.id] = SnmpTarget(
                timeout_s=limits.snmp_timeout_s, retries=limits.snmp_retries, **known
            )
    return targets


def _ask(
    runtime: Runtime, site: Site, found: list[Meter], targets: Mapping[int, SnmpTarget], until: float
) -> dict[int, Told]:
    meters = {meter.device.id: meter for meter in found}
    left_s, at_once = max(0.0, until - time.monotonic()), runtime.settings.watch.poll_at_once
    if not targets:
        return {}
    results = site.ask(hands.poll, list(targets.items()), _WANTED, at_once=at_once, deadline_s=left_s)
    return {result.key: _told(result, meters[result.key]) for result in results}


def _told(result: hands.Read, meter: Meter) -> Told:
    if result.fault:
        return Told(_STATES.get(result.fault, DeviceState.SILENT), clock.now(), {})
    uptime = values.number(result.reading.values.get(_UPTIME))
    rows = result.reading.tables[0] if result.reading.tables else {}
    names = {index: values.text(row.get(_NAME)).strip() for index, row in rows.items()}
    readings: dict[int, Reading] = {}
    for if_index, port_id in meter.ports.items():
        index = place_of(str(if_index), names, meter.names.get(port_id))
        row = rows.get(index)
        if row is not None:
            counted = {name: values.number(row.get(oid)) for name, oid in _COLUMNS.items()}
            readings[port_id] = counted | {"uptime": uptime, "name": names[index] or None}
    return Told(DeviceState.ANSWERED, clock.now(), readings, _about(result.reading))


def place_of(index: str, names: Mapping[str, str], was: str | None) -> str:
    """Return the row of a port: where it is on file, unless its interface has moved to another ifIndex. Pure.

    RFC 2863 lets ifIndex change at a restart; ifName says which interface it is.
    """
    if was is None or names.get(index) == was:
        return index
    places = [place for place, name in names.items() if name == was]
    return places[0] if len(places) == 1 else index


def _about(read: poll_many.Reading) -> About:
    object_id, description, name = (read.values.get(oid) for oid in _ABOUT)
    return (
        values.text(object_id).strip().lstrip(".") or None,
        values.text(description).strip() or None,
        values.text(name).strip() or None,
    )
