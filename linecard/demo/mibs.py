"""What a demo device serves by SNMP: OIDs and values by its recorded model and the plan."""

import math
import random
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pysnmp.proto import rfc1902

from linecard.demo import gear, light
from linecard.demo.plan import Customer, Plan

Values = dict[str, Any]

ADMIN = "1.3.6.1.2.1.2.2.1.7"
_SYSTEM = "1.3.6.1.2.1.1"
_IF_NUMBER = "1.3.6.1.2.1.2.1.0"
_IF = "1.3.6.1.2.1.2.2.1"
_IFX = "1.3.6.1.2.1.31.1.1.1"
_DUPLEX = "1.3.6.1.2.1.10.7.2.1.19"
_BRIDGE = "1.3.6.1.2.1.17"
_NET_TO_MEDIA = "1.3.6.1.2.1.4.22.1"
_NET_TO_PHYSICAL = "1.3.6.1.2.1.4.35.1"
_UP, _DOWN = 1, 2
_LEARNED, _DYNAMIC, _FULL_DUPLEX = 3, 3, 3
_ETHERNET, _GIGABIT = 6, 117
_WRAP_32, _WRAP_64 = 2**32, 2**64


def of_device(plan: Plan, device: gear.Device, is_up: Callable[[int], bool]) -> Values:
    """Return everything a device serves; `is_up` says of an ifIndex whether the port is switched on."""
    model = gear.models()[device.model]
    behind = [customer for customer in plan.connected if customer.node == device.key]
    started = time.monotonic() - 86_400 * model.uptime_days
    values = _system(device, model, lambda: int((time.monotonic() - started) * 100) % _WRAP_32)
    by_port: dict[int, list[Customer]] = {}
    for customer in behind:
        by_port.setdefault(customer.if_index, []).append(customer)
    for port in model.ports:
        values |= _port(device, port, by_port.get(port.if_index, []), is_up, started)
    values[_IF_NUMBER] = len(model.ports)
    if model.forwarding != "none":
        values |= _forwarding(plan, device, model, behind)
    if device.is_gateway:
        values |= _arp(plan, device, model)
    return values | light.of_device(plan, device, model)


def _system(device: gear.Device, model: gear.Model, ticks: Callable[[], int]) -> Values:
    """Return the system group (SNMPv2-MIB, RFC 3418)."""
    return {
        f"{_SYSTEM}.1.0": model.description,
        f"{_SYSTEM}.2.0": rfc1902.ObjectIdentifier(model.object_id),
        f"{_SYSTEM}.3.0": lambda: rfc1902.TimeTicks(ticks()),
        f"{_SYSTEM}.4.0": "noc@example.net",
        f"{_SYSTEM}.5.0": device.name,
        f"{_SYSTEM}.6.0": f"POP {device.pop}",
        f"{_SYSTEM}.7.0": 2,
    }


def _port(
    device: gear.Device,
    port: gear.ModelPort,
    customers: Iterable[Customer],
    is_up: Callable[[int], bool],
    started: float,
) -> Values:
    """Return a port's rows (IF-MIB, RFC 2863; EtherLike-MIB, RFC 3635)."""
    index = port.if_index
    here = list(customers)
    has_link = (
        port.role != "access" or any(customer.is_alive for customer in here) or _is_plugged(device, port)
    )

    def state() -> int:
        return _UP if has_link and is_up(index) else _DOWN

    chance = random.Random(f"{device.key}/{index}")  # noqa: S311 - the same traffic in every process
    mac = bytes.fromhex(device.mac.replace(":", ""))
    values: Values = {
        f"{_IF}.1.{index}": index,
        f"{_IF}.2.{index}": port.name,
        f"{_IF}.3.{index}": port.kind,
        f"{_IF}.4.{index}": 1500,
        f"{_IF}.5.{index}": rfc1902.Gauge32(min(port.mbps * 1_000_000, _WRAP_32 - 1)),
        f"{_IF}.6.{index}": mac[:5] + bytes([(mac[5] + index) % 256]),
        f"{ADMIN}.{index}": _UP,
        f"{_IF}.8.{index}": state,
        f"{_IF}.9.{index}": rfc1902.TimeTicks(chance.randrange(100, 8_640_000)),
        f"{_IFX}.1.{index}": port.name,
        f"{_IFX}.15.{index}": rfc1902.Gauge32(port.mbps),
        f"{_IFX}.18.{index}": _alias(device, port, here),
        f"{_IFX}.19.{index}": rfc1902.TimeTicks(0),
    }
    if port.kind in {_ETHERNET, _GIGABIT}:
        values[f"{_DUPLEX}.{index}"] = lambda: _FULL_DUPLEX if state() == _UP else 1
    return values | _counters(port, chance, started, is_busy=has_link, has_errors=_is_lossy(here))


def _is_plugged(device: gear.Device, port: gear.ModelPort) -> bool:
    """Tell whether an access port has a link though no customer is behind: a router's, and one at a home."""
    model = gear.models()[device.model]
    is_at_home = device.key.startswith("cpe-")
    return model.role == "router" or (is_at_home and port is model.of_role("access")[0])


def _is_lossy(customers: Iterable[Customer]) -> bool:
    return any(customer.trouble == "loss" for customer in customers)


def _alias(device: gear.Device, port: gear.ModelPort, customers: list[Customer]) -> str:
    if port.role == "uplink":
        return f"to {device.parent or 'upstream'}"
    return ", ".join(customer.number for customer in customers[:4])


def _counters(
    port: gear.ModelPort, chance: random.Random, started: float, *, is_busy: bool, has_errors: bool
) -> Values:
    """Return counters that move: bytes, packets, errors and discards, in 32 bits and where usual in 64."""
    index, down, up = (
        port.if_index,
        traffic(port, chance, is_busy=is_busy),
        traffic(port, chance, is_busy=is_busy),
    )

    def seconds() -> float:
        return time.monotonic() - started

    def counted(flow: Callable[[float], int], divisor: int = 1) -> Callable[[], Any]:
        return lambda: rfc1902.Counter32(flow(seconds()) // divisor % _WRAP_32)

    def wide(flow: Callable[[float], int], divisor: int = 1) -> Callable[[], Any]:
        return lambda: rfc1902.Counter64(flow(seconds()) // divisor % _WRAP_64)

    values: Values = {}
    for flow, low, high in ((up, 10, 6), (down, 16, 10)):
        values[f"{_IF}.{low}.{index}"] = counted(flow)
        values[f"{_IF}.{low + 1}.{index}"] = counted(flow, 900)
        values[f"{_IFX}.{high}.{index}"] = wide(flow)
        values[f"{_IFX}.{high + 1}.{index}"] = wide(flow, 900)
        errors = counted(up, 40_000) if has_errors and low == 10 else rfc1902.Counter32(chance.randrange(3))
        values[f"{_IF}.{low + 3}.{index}"] = rfc1902.Counter32(chance.randrange(20))
        values[f"{_IF}.{low + 4}.{index}"] = errors
    return values


def traffic(port: gear.ModelPort, chance: random.Random, *, is_busy: bool) -> Callable[[float], int]:
    """Return bytes carried since the start as a function of seconds: a rate that swells and ebbs."""
    if not is_busy:
        return lambda _: 0
    rate = port.mbps * 125_000 * chance.uniform(0.004, 0.06) + 2000
    swing, turn = chance.uniform(0.3, 0.9), 2 * math.pi / chance.uniform(40, 400)
    return lambda at: int(rate * (at - swing * math.sin(turn * at) / turn)) + 1_000_000


def _forwarding(plan: Plan, device: gear.Device, model: gear.Model, behind: list[Customer]) -> Values:
    """Return who was learned behind which port (Q-BRIDGE-MIB, RFC 4363, or BRIDGE-MIB, RFC 4188)."""
    bridge_ports = {port.if_index: number for number, port in enumerate(model.ports, start=1)}
    values: Values = {f"{_BRIDGE}.1.4.1.2.{number}": index for index, number in bridge_ports.items()}
    values[f"{_BRIDGE}.1.1.0"] = bytes.fromhex(device.mac.replace(":", ""))
    values[f"{_BRIDGE}.1.2.0"] = len(bridge_ports)
    learned = {customer.mac: bridge_ports[customer.if_index] for customer in behind if customer.is_alive}
    uplink = bridge_ports[model.of_role("uplink")[0].if_index]
    learned |= {other.mac: uplink for other in plan.devices if other.key == device.parent}
    vlan = gear.VLANS[device.pop]
    for mac, number in learned.items():
        octets = _dotted(mac)
        if model.forwarding == "qbridge":
            values[f"{_BRIDGE}.7.1.2.2.1.2.{vlan}.{octets}"] = number
            values[f"{_BRIDGE}.7.1.2.2.1.3.{vlan}.{octets}"] = _LEARNED
        else:
            values[f"{_BRIDGE}.4.3.1.1.{octets}"] = bytes.fromhex(mac.replace(":", ""))
            values[f"{_BRIDGE}.4.3.1.2.{octets}"] = number
            values[f"{_BRIDGE}.4.3.1.3.{octets}"] = _LEARNED
    if model.forwarding == "qbridge":
        values[f"{_BRIDGE}.7.1.2.1.1.2.{vlan}"] = rfc1902.Counter32(len(learned))
        values[f"{_BRIDGE}.7.1.4.2.1.3.0.{vlan}"] = rfc1902.Gauge32(vlan)
    return values


def _arp(plan: Plan, device: gear.Device, model: gear.Model) -> Values:
    """Return a router's ARP table: ipNetToMediaTable (RFC 4293), at Cisco's the newer one beside it."""
    index = model.of_role("subscribers")[0].if_index
    values: Values = {}
    for customer in plan.connected:
        if customer.district.pop != device.pop or not customer.is_alive:
            continue
        mac = bytes.fromhex(customer.mac.replace(":", ""))
        for address in customer.addresses:
            values |= {
                f"{_NET_TO_MEDIA}.1.{index}.{address}": index,
                f"{_NET_TO_MEDIA}.2.{index}.{address}": mac,
                f"{_NET_TO_MEDIA}.3.{index}.{address}": rfc1902.IpAddress(address),
                f"{_NET_TO_MEDIA}.4.{index}.{address}": _DYNAMIC,
            }
            if model.vendor == "Cisco":
                values[f"{_NET_TO_PHYSICAL}.4.{index}.1.4.{address}"] = mac
    return values


def _dotted(mac: str) -> str:
    return ".".join(str(int(octet, 16)) for octet in mac.split(":"))


def writable(values: Mapping[str, Any]) -> list[str]:
    """Return what a SET may change: the ports' ifAdminStatus."""
    return [oid for oid in values if oid.startswith(f"{ADMIN}.")]
