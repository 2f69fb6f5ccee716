"""Rates from two readings of a port's counters: 64-bit, else 32-bit with one wrap, never across a reset."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from netdiag.snmp import values
from netdiag.snmp.message import Value

_IF = "1.3.6.1.2.1.2.2.1."
_IFX = "1.3.6.1.2.1.31.1.1.1."
COUNTERS = {
    "in_octets_64": _IFX + "6",
    "out_octets_64": _IFX + "10",
    "in_octets_32": _IF + "10",
    "out_octets_32": _IF + "16",
    "in_discards": _IF + "13",
    "in_errors": _IF + "14",
    "out_discards": _IF + "19",
    "out_errors": _IF + "20",
    "discontinuity": _IFX + "19",
}
_WRAP = 1 << 32
# A reading is a little late or early: only what is far beyond the wire's speed is called impossible.
_PLAUSIBLE = 2.0
# Without a known speed, a 32-bit counter that seems to have wrapped is believed up to this.
_SPEED_LIMIT_BPS = 1_000_000_000

Reading = Mapping[str, Value | None]


def compare(first: Reading, second: Reading, elapsed_s: float, speed_bps: int | None) -> dict[str, Any]:
    """Return counters of the second reading and rates per second, as fields of PortStatus."""
    gap_s = _gap(first, second, elapsed_s)
    is_reset = gap_s is None or first["discontinuity"] != second["discontinuity"]
    fields: dict[str, Any] = {}
    for side in ("in", "out"):
        bits = 64 if values.number(second[f"{side}_octets_64"]) is not None else 32
        name = f"{side}_octets_{bits}"
        octets = None if is_reset else _delta(first[name], second[name], bits)
        if octets is not None and gap_s:
            is_backward = (values.number(second[name]) or 0) < (values.number(first[name]) or 0)
            # What went backwards has wrapped, unless no wire of this speed could have done it.
            if is_backward and octets * 8 / gap_s > _PLAUSIBLE * (speed_bps or _SPEED_LIMIT_BPS):
                octets = None
        is_reset = is_reset or (octets is None and values.number(first[name]) is not None)
        fields[f"{side}_octets"] = values.number(second[name])
        fields[f"{side}_bps"] = None if octets is None or not gap_s else round(octets * 8 / gap_s, 1)
    for name in ("in_errors", "out_errors", "in_discards", "out_discards"):
        count = None if is_reset else _delta(first[name], second[name], 32)
        fields[name] = values.number(second[name])
        fields[f"{name}_per_s"] = None if count is None or not gap_s else round(count / gap_s, 3)
    return fields | {"gap_s": gap_s, "is_counter_reset": is_reset}


@dataclasses.dataclass(frozen=True, slots=True)
class Passed:
    """What went through a port between two readings, in so many seconds of the device's own clock."""

    in_octets: int
    out_octets: int
    gap_s: float


def octets(first: Reading, second: Reading, elapsed_s: float, speed_bps: int | None) -> Passed | None:
    """Return what passed between two readings far apart; None when it cannot be known.

    Not known: after a restart or a discontinuity, when a 64-bit counter fell, when a 32-bit one fell farther
    than its wire could have carried it round, and when it could have come round unseen in the time between.
    """
    gap_s = _gap(first, second, elapsed_s)
    if not gap_s or first.get("discontinuity") != second.get("discontinuity"):
        return None
    sides = []
    for side in ("in", "out"):
        bits = 64 if values.number(second.get(f"{side}_octets_64")) is not None else 32
        name = f"{side}_octets_{bits}"
        passed = _delta(first.get(name), second.get(name), bits)
        if passed is None:
            return None
        if bits == 32 and speed_bps and _WRAP * 8 / speed_bps < gap_s:
            return None
        if passed * 8 / gap_s > _PLAUSIBLE * (speed_bps or _SPEED_LIMIT_BPS) and bits == 32:
            return None
        sides.append(passed)
    return Passed(sides[0], sides[1], gap_s)


def _gap(first: Reading, second: Reading, elapsed_s: float) -> float | None:
    """Return the seconds between the readings by the device's own clock; None if it restarted."""
    before, after = values.number(first.get("uptime")), values.number(second.get("uptime"))
    if before is None or after is None:
        return elapsed_s
    if after < before:
        return None
    # Some agents serve a clock that stands still between their own polls.
    return (after - before) / 100 if after > before else elapsed_s


def _delta(before: Value | None, after: Value | None, bits: int) -> int | None:
    if not isinstance(before, int) or not isinstance(after, int):
        return None
    if after >= before:
        return after - before
    return after - before + _WRAP if bits == 32 else None
