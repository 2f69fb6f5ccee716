"""Ports of a device: state, speed, duplex, rates (IF-MIB, RFC 2863; EtherLike-MIB, RFC 3635)."""

import dataclasses
import time
from typing import Literal

from netdiag import errors
from netdiag.results import PortStatus
from netdiag.snmp import client, rates, values
from netdiag.snmp.message import Value
from netdiag.snmp.target import SnmpTarget

PortState = Literal["up", "down", "testing"]

_UPTIME = "1.3.6.1.2.1.1.3.0"
_IF = "1.3.6.1.2.1.2.2.1."
_IFX = "1.3.6.1.2.1.31.1.1.1."
_ADMIN = _IF + "7"
_STATE = {
    "description": _IF + "2",
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
_ADMIN_WORDS = {1: "up", 2: "down", 3: "testing"}
_OPER_WORDS = _ADMIN_WORDS | {4: "unknown", 5: "dormant", 6: "not present", 7: "lower layer down"}
_DUPLEX_WORDS = {2: "half", 3: "full"}
_UNKNOWN_SPEED = 4_294_967_295
_MOST_PORTS = 5000


def list_ports(target: SnmpTarget) -> list[PortStatus]:
    """Read every port's state, without counters and rates. Raises SnmpFailed, BadAddress."""
    uptime = values.number(client.get(target, _UPTIME)[_UPTIME])
    rows = client.columns(target, list(_STATE.values()), max_rows=_MOST_PORTS)
    ports = [
        _port(int(index), {name: row.get(oid) for name, oid in _STATE.items()}, uptime)
        for index, row in rows.items()
        if index.isdigit() and (_ADMIN in row or _STATE["description"] in row)
    ]
    return sorted(ports, key=lambda port: port.if_index)


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
    oids["uptime"] = _UPTIME
    found = client.get(target, *oids.values())
    return {name: found[oid] for name, oid in oids.items()}


def _port(if_index: int, found: dict[str, Value | None], uptime: int | None) -> PortStatus:
    return PortStatus(
        if_index=if_index,
        name=values.text(found["name"]) or values.text(found["description"]),
        description=values.text(found["description"]),
        alias=values.text(found["alias"]),
        admin=_ADMIN_WORDS.get(values.number(found["admin"]) or 0, "unknown"),
        oper=_OPER_WORDS.get(values.number(found["oper"]) or 0, "unknown"),
        speed_bps=_speed(values.number(found["high_speed"]), values.number(found["speed"])),
        duplex=_DUPLEX_WORDS.get(values.number(found["duplex"]) or 0),
        mtu=values.number(found["mtu"]),
        mac=values.mac(found["mac"]),
        last_change_s=_age(uptime, values.number(found["last_change"])),
    )


def _speed(high: int | None, low: int | None) -> int | None:
    """Return bits per second: ifHighSpeed counts millions, ifSpeed ends at four thousand of them."""
    if high:
        return high * 1_000_000
    if low and low < _UNKNOWN_SPEED:
        return low
    return None


def _age(uptime: int | None, changed_at: int | None) -> float | None:
    """Return how long ago the state changed, in seconds; None if the clock wrapped since."""
    if uptime is None or changed_at is None or changed_at > uptime:
        return None
    return (uptime - changed_at) / 100
