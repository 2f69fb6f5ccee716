"""Read the octets of customers' ports and keep what went through since the last reading."""

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
from tasks.runtime import Runtime

log = structlog.get_logger()

_UPTIME = "1.3.6.1.2.1.1.3.0"
_OCTETS = ("in_octets_64", "out_octets_64", "in_octets_32", "out_octets_32", "discontinuity")
_COLUMNS = {name: rates.COUNTERS[name] for name in _OCTETS} | {
    "high_speed": "1.3.6.1.2.1.31.1.1.1.15",
    "speed": "1.3.6.1.2.1.2.2.1.5",
}
_WANTED = poll_many.Wanted(scalars=(_UPTIME,), tables=(tuple(_COLUMNS.values()),))
_STATES: dict[type[wire.WireError], DeviceState] = {
    wire.SnmpDenied: DeviceState.DENIED,
    wire.SnmpRefused: DeviceState.REFUSED,
}
# Farther apart than so many rounds two readings have a gap between them: when it went through is not known.
_GAP_ROUNDS = 3
_DEADLINE_S = 20.0


@dataclass(frozen=True, slots=True)
class Told:
    """What one device said: its state, and the readings of its customers' ports by port id."""

    state: DeviceState
    at: datetime
    readings: Mapping[int, Reading]


def poll(runtime: Runtime, claim: Claim) -> tuple[int, int]:
    """Read every meter of the claim's POP; return how many there are and how many answered.

    No transaction is open while devices are asked. Raises Conflict when the round was taken over meanwhile.
    """
    with runtime.database.reading() as session:
        found = usage.meters(session, claim.pop, runtime.settings.diagnostics.default_pop)
    told = _ask(runtime, found, claim.interval_s)
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
    return len(found), sum(one.state is DeviceState.ANSWERED for one in told.values())


def points_of(before: Mapping[int, Kept], told: Told, *, limit_s: float) -> dict[int, UsagePoint]:
    """Return what went through each port since its last reading, where that can be known. Pure.

    Not known: at the first reading, after a restart or a discontinuity, and over a gap longer than `limit_s`.
    """
    found = {}
    for port_id, reading in told.readings.items():
        kept = before.get(port_id)
        if kept is None:
            continue
        elapsed_s = (told.at - kept.at).total_seconds()
        if not 0 < elapsed_s <= limit_s:
            continue
        passed = rates.octets(kept.reading, reading, elapsed_s, _speed_bps(reading))
        if passed is not None:
            found[port_id] = usage_moment(max(1, round(passed.gap_s)), passed.in_octets, passed.out_octets)
    return found


def _speed_bps(reading: Reading) -> int | None:
    high, low = reading.get("high_speed"), reading.get("speed")
    return high * 1_000_000 if high else low


def _ask(runtime: Runtime, found: list[Meter], interval_s: int) -> dict[int, Told]:
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
    ports = {meter.device.id: meter.ports for meter in found}
    jobs = (poll_many.Job(target, _WANTED, key, _DEADLINE_S) for key, target in targets.items())
    # The rounds do not overlap: what is not read by then is left for the next one.
    results = poll_many.many(jobs, at_once=runtime.settings.watch.poll_at_once, deadline_s=interval_s * 0.8)
    return {result.job.key: _told(result, ports[result.job.key]) for result in results}


def _told(result: poll_many.Result, ports: Mapping[int, int]) -> Told:
    if result.error is not None:
        kinds = _STATES.items()
        state = next((state for kind, state in kinds if isinstance(result.error, kind)), DeviceState.SILENT)
        return Told(state, clock.now(), {})
    uptime = values.number(result.reading.values.get(_UPTIME))
    rows = result.reading.tables[0] if result.reading.tables else {}
    readings: dict[int, Reading] = {}
    for if_index, port_id in ports.items():
        row = rows.get(str(if_index))
        if row is not None:
            reading = {name: values.number(row.get(oid)) for name, oid in _COLUMNS.items()}
            readings[port_id] = reading | {"uptime": uptime}
    return Told(DeviceState.ANSWERED, clock.now(), readings)
