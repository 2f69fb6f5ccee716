"""Ports of a device: state, speed, duplex, rates (IF-MIB, RFC 2863; EtherLike-MIB, RFC 3635)."""

import dataclasses
import time
from collections.abc import Mapping
from typing import Literal

from netdiag import errors
from netdiag.results import PortStatus
from netdiag.snmp import client, conversions, if_types, rates, system, values
from netdiag.snmp.device import Column, Device
from netdiag.snmp.message import Value
from netdiag.snmp.target import SnmpTarget

PortState = Literal["up", "down", "testing"]

DEADLINE_S = 20.0
_IF = "1.3.6.1.2.1.2.2.1."
_IFX = "1.3.6.1.2.1.31.1.1.1."
_ADMIN = _IF + "7"
_STATE = {
    "index": _IF + "1",
    "description": _IF + "2",
    "type": _IF + "3",
    "mtu": _IF + "4",
    "speed": _IF + "5",
    "mac": _IF + "6",
    "admin": _ADMIN,
    "oper": _IF + "8",
    "last_change": _IF + "9",
    "name": _IFX + "1",
    "high_speed": _IFX + "15",
    "alias": _IFX + "18",
    "duplex": "1.3.6.1.2.1.10.7.2.1.19",
}
# A row that has one of these is a port; a name alone may be left over from one that is gone.
_MARKS = ("index", "description", "type", "admin", "oper", "name")
_ADMIN_WORDS = {1: "up", 2: "down", 3: "testing"}
_OPER_WORDS = _ADMIN_WORDS | {4: "unknown", 5: "dormant", 6: "notPresent", 7: "lowerLayerDown"}
_DUPLEX_WORDS = {2: "half", 3: "full"}
_UNKNOWN_SPEED = 4_294_967_295
_MILLION = 1_000_000
# Beyond this ifHighSpeed was surely meant in bits: no port carries 10 Tbit/s.
_FASTEST_MBPS = 10_000_000
_MOST_PORTS = 20_000


def list_ports(target: SnmpTarget) -> list[PortStatus]:
    """Read every port's state, without counters and rates. Raises SnmpFailed, BadAddress."""
    device = Device(target, DEADLINE_S)
    return read_all(device, values.number(device.get(system.UPTIME)[system.UPTIME]))


def read_all(device: Device, uptime: int | None) -> list[PortStatus]:
    """Read every port's state from ifTable and ifXTable joined; `uptime` is in hundredths of a second.

    A missing column, a hole or a value out of range makes a field None; what makes no sense is a warning.
    Raises SnmpFailed.
    """
    columns = device.columns(list(_STATE.values()), _MOST_PORTS)
    by_name = {name: columns[oid] for name, oid in _STATE.items()}
    indexes = {index for name in _MARKS for index in by_name[name]}
    strange = sorted(index for index in indexes if not index.isdigit())
    if strange:
        device.warn(f"ports: {len(strange)} rows with an index that is no ifIndex, such as {strange[0]}")
    return [
        _checked_port(device, int(index), by_name, uptime)
        for index in sorted(indexes.difference(strange), key=int)
    ]


def _checked_port(
    device: Device, if_index: int, by_name: Mapping[str, Column], uptime: int | None
) -> PortStatus:
    found = {name: column.get(str(if_index)) for name, column in by_name.items()}
    port = _port(if_index, found, uptime)
    for name, words in (("admin", port.admin), ("oper", port.oper)):
        if found[name] is not None and words is None:
            device.warn(
                f"port {if_index}: {name} state {values.text(found[name])!r} is none of the standard's"
            )
    named = values.number(found["index"])
    if named is not None and named != if_index:
        device.warn(f"port {if_index}: its ifIndex says {named}")
    return port


def read_counters(device: Device) -> dict[int, dict[str, int | None]]:
    """Read all ports' counters as fields of PortStatus, 64-bit octets if there are. Raises SnmpFailed."""
    columns = device.columns(list(rates.COUNTERS.values()), _MOST_PORTS)
    by_name = {name: columns[oid] for name, oid in rates.COUNTERS.items()}
    for side in ("in", "out"):
        by_name[f"{side}_octets"] = by_name[f"{side}_octets_32"] | by_name[f"{side}_octets_64"]
    found: dict[int, dict[str, int | None]] = {}
    for name in ("in_octets", "out_octets", "in_errors", "out_errors", "in_discards", "out_discards"):
        for index, value in by_name[name].items():
            if index.isdigit():
                found.setdefault(int(index), {})[name] = values.number(value)
    return found


def read_port(target: SnmpTarget, if_index: int, gap_s: float = 1.0) -> PortStatus:
    """Read one port twice, `gap_s` apart, and return its state, counters and rates per second.

    Counters are the 64-bit ones where the device has them; a 32-bit one may wrap once. After a restart or
    a discontinuity the rates are None and `is_counter_reset` is set. Raises SnmpBroken for no such port.
    """
    first = _read_all(target, if_index)
    started = time.monotonic()
    time.sleep(max(0.0, gap_s))
    second = _read_all(target, if_index)
    if second["description"] is None and second["admin"] is None:
        raise errors.SnmpBroken(f"{target.host} has no port with ifIndex {if_index}")
    port = _port(if_index, second, values.number(second["uptime"]))
    measured = rates.compare(first, second, time.monotonic() - started, port.speed_bps)
    return dataclasses.replace(port, **measured)


def port_admin(target: SnmpTarget, if_index: int) -> PortState:
    """Return whether a port is switched on (ifAdminStatus). Raises SnmpBroken for no such port."""
    oid = f"{_ADMIN}.{_checked(if_index)}"
    state = values.number(client.get(target, oid)[oid])
    if state == 1:
        return "up"
    if state == 2:
        return "down"
    if state == 3:
        return "testing"
    raise errors.SnmpBroken(f"{target.host} has no port with ifIndex {if_index}")


def set_port_admin(target: SnmpTarget, if_index: int, is_up: bool) -> PortState:
    """Switch a port on or off and return what it then says of itself.

    Raises SnmpDenied if these credentials may not write, SnmpBroken if the port stays as it was.
    """
    client.set_integer(target, f"{_ADMIN}.{_checked(if_index)}", 1 if is_up else 2)
    state = port_admin(target, if_index)
    if (state == "up") is not is_up:
        raise errors.SnmpBroken(f"{target.host} agreed, but port {if_index} is still {state}")
    return state


def names(target: SnmpTarget) -> dict[int, str]:
    """Return every port's name by ifIndex: ifName, else ifDescr."""
    rows = client.columns(target, [_STATE["name"], _STATE["description"]], max_rows=_MOST_PORTS)
    return {
        int(index): values.text(row.get(_STATE["name"])) or values.text(row.get(_STATE["description"]))
        for index, row in rows.items()
        if index.isdigit()
    }


def name_of(target: SnmpTarget, if_indexes: list[int]) -> dict[int, str]:
    """Return the names of a few ports by ifIndex."""
    oids = [f"{_STATE[column]}.{index}" for index in if_indexes for column in ("name", "description")]
    found = client.get(target, *oids)
    return {
        index: values.text(found[f"{_STATE['name']}.{index}"])
        or values.text(found[f"{_STATE['description']}.{index}"])
        for index in if_indexes
    }


def _checked(if_index: int) -> int:
    if if_index < 1:
        raise errors.BadAddress(f"{if_index} is not an ifIndex")
    return if_index


def _read_all(target: SnmpTarget, if_index: int) -> dict[str, Value | None]:
    oids = {name: f"{oid}.{_checked(if_index)}" for name, oid in (_STATE | rates.COUNTERS).items()}
    oids["uptime"] = system.UPTIME
    found = client.get(target, *oids.values())
    return {name: found[oid] for name, oid in oids.items()}


def _port(if_index: int, found: Mapping[str, Value | None], uptime: int | None) -> PortStatus:
    description = values.text(found["description"]).strip()
    return PortStatus(
        if_index=if_index,
        name=values.text(found["name"]).strip() or description,
        description=description,
        alias=values.text(found["alias"]).strip(),
        admin=_state(_ADMIN_WORDS, found["admin"]),
        oper=_state(_OPER_WORDS, found["oper"]),
        speed_bps=_speed(values.loose_number(found["high_speed"]), values.loose_number(found["speed"])),
        duplex=_DUPLEX_WORDS.get(values.number(found["duplex"]) or 0),
        mtu=values.loose_number(found["mtu"]),
        mac=conversions.mac(found["mac"]),
        last_change_s=_age(uptime, values.number(found["last_change"])),
        type=if_types.name(values.loose_number(found["type"])),
    )


def _state(words: Mapping[int, str], value: Value | None) -> str | None:
    """Return the word of a state that came as its number, or as text by agents that tell words."""
    plain = values.text(value).strip().lower() if isinstance(value, bytes) else ""
    named = next((word for word in words.values() if word.lower() == plain), None)
    return named or words.get(values.loose_number(value) or 0)


def _speed(high: int | None, low: int | None) -> int | None:
    """Return bits per second: ifHighSpeed counts millions, ifSpeed ends at four thousand of them.

    ifSpeed is the exacter one where both agree; ifHighSpeed counts where they do not, unless it was plainly
    written in bits.
    """
    if low is not None and not 0 < low < _UNKNOWN_SPEED:
        low = None
    if high is None or high <= 0:
        return low
    if high > _FASTEST_MBPS:
        return low if low is not None else high
    if low is not None and abs(low - high * _MILLION) < _MILLION:
        return low
    return high * _MILLION


def _age(uptime: int | None, changed_at: int | None) -> float | None:
    """Return how long ago the state changed, in seconds; None if the clock wrapped since."""
    if uptime is None or changed_at is None or changed_at > uptime:
        return None
    return (uptime - changed_at) / 100
