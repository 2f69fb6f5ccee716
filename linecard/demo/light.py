"""The demo's light: what fibres and transceivers measure, as the OLTs and routers tell it by SNMP."""

import math
import random
import time
from collections.abc import Callable
from typing import Any

from pysnmp.proto import rfc1902

from linecard.demo import gear
from linecard.demo.plan import Customer, Plan, serial_of

Values = dict[str, Any]

_BDCOM = "1.3.6.1.4.1.3320"
_HUAWEI = "1.3.6.1.4.1.2011.6.128.1.1.2"
_MIKROTIK = "1.3.6.1.4.1.14988.1.1.19.1.1"
# A unit of BDCOM is an interface of its own, behind those of the chassis.
_FIRST_UNIT = 101
_GPON_ONLINE, _GPON_OFFLINE, _POWER_LOST, _EPON_ONLINE, _EPON_LOST = 1, 2, 13, 3, 4
_UNKNOWN = 2_147_483_647
_PLUGGED = 2
"""So many of a router's cages have a transceiver."""


def of_customer(customer: Customer, at_s: float = 0.0) -> tuple[float, float, float]:
    """Return what his unit receives, what it sends, and what of that the OLT receives, in dBm, at a time.

    A fibre that is bent somewhere is far darker; light sways by tenths with the day's warmth.
    """
    chance = random.Random(f"light {customer.number}")  # noqa: S311 - the same fibre in every process
    received = chance.uniform(-24.5, -17.0)
    if customer.trouble:
        received = chance.uniform(-28.4, -27.2)
    sent = chance.uniform(1.6, 2.8)
    sway = 0.25 * math.sin(2 * math.pi * (at_s / 86_400 + chance.random()))
    return received + sway, sent, received + sway - chance.uniform(0.6, 2.0) + 1.0


def of_device(plan: Plan, device: gear.Device, model: gear.Model) -> Values:
    """Return what a device tells of light; nothing where its model tells none."""
    if device.model == "bdcom_p3310":
        return _bdcom(plan, device, model)
    if device.model == "huawei_ma5608t":
        return _huawei(plan, device)
    if device.model in {"mikrotik_ccr", "mikrotik_crs"}:
        return _mikrotik(device, model)
    return {}


def _told(customer: Customer, which: int, scale: int, offset: float = 0.0) -> Callable[[], Any]:
    return lambda: rfc1902.Integer32(
        round((of_customer(customer, time.time())[which] + offset) * scale)
        if customer.is_alive
        else _UNKNOWN
        if scale == 100
        else -65_535
    )


def _bdcom(plan: Plan, device: gear.Device, model: gear.Model) -> Values:
    """Return its EPON units (NMS-EPON-ONU) and the transceivers of its ports."""
    values: Values = {}
    here = [customer for customer in plan.connected if customer.node == device.key]
    for index, customer in enumerate(here, start=_FIRST_UNIT):
        values |= {
            f"{_BDCOM}.101.10.1.1.3.{index}": bytes.fromhex(customer.mac.replace(":", "")),
            f"{_BDCOM}.101.10.1.1.26.{index}": _EPON_ONLINE if customer.is_alive else _EPON_LOST,
            f"{_BDCOM}.101.10.1.1.27.{index}": 300 + 17 * (index - _FIRST_UNIT),
            f"{_BDCOM}.101.10.5.1.5.{index}": _told(customer, 0, 10),
            f"{_BDCOM}.101.10.5.1.6.{index}": _told(customer, 1, 10),
            f"{_BDCOM}.101.108.1.3.{index}": _told(customer, 2, 10),
        }
    for port in (*model.of_role("uplink")[:1], *model.of_role("access")):
        is_uplink = port.role == "uplink"
        values[f"{_BDCOM}.9.63.1.7.1.2.{port.if_index}"] = rfc1902.Integer32(-540 if is_uplink else 420)
        values[f"{_BDCOM}.9.63.1.7.1.3.{port.if_index}"] = rfc1902.Integer32(-720 if is_uplink else -65_535)
    return values


def _huawei(plan: Plan, device: gear.Device) -> Values:
    """Return its GPON units (HUAWEI-XPON-MIB), numbered on each port from 0."""
    values: Values = {}
    numbers: dict[int, int] = {}
    for customer in plan.connected:
        if customer.node != device.key:
            continue
        number = numbers[customer.if_index] = numbers.get(customer.if_index, -1) + 1
        row = f"{customer.if_index}.{number}"
        serial = serial_of(customer)
        values |= {
            f"{_HUAWEI}.43.1.3.{row}": serial[:4].encode() + bytes.fromhex(serial[4:]),
            f"{_HUAWEI}.46.1.15.{row}": _GPON_ONLINE if customer.is_alive else _GPON_OFFLINE,
            f"{_HUAWEI}.46.1.20.{row}": 400 + 23 * number,
            f"{_HUAWEI}.46.1.24.{row}": _POWER_LOST,
            f"{_HUAWEI}.51.1.3.{row}": _told(customer, 1, 100),
            f"{_HUAWEI}.51.1.4.{row}": _told(customer, 0, 100),
            f"{_HUAWEI}.51.1.6.{row}": _told(customer, 2, 100, 100.0),
        }
    return values


def _mikrotik(device: gear.Device, model: gear.Model) -> Values:
    """Return its transceivers (mtxrOpticalTable): the first cages have one."""
    values: Values = {}
    cages = [port for port in model.ports if port.name.startswith("sfp")]
    for port in cages[:_PLUGGED]:
        chance = random.Random(f"light {device.key}/{port.if_index}")  # noqa: S311 - the same everywhere
        values[f"{_MIKROTIK}.9.{port.if_index}"] = rfc1902.Integer32(round(chance.uniform(-2500, 900)))
        values[f"{_MIKROTIK}.10.{port.if_index}"] = rfc1902.Integer32(round(chance.uniform(-9000, -3000)))
    return values
