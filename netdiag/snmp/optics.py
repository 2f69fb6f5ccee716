"""Transceivers: what the profile's tables say, else the sensors of the physical inventory (RFC 3433)."""

import dataclasses
import re
from collections.abc import Iterable
from typing import Any

from netdiag.results import Optics
from netdiag.snmp import conversions, sections
from netdiag.snmp.device import Device
from netdiag.snmp.entity import Measured
from netdiag.snmp.profile_format import DARK_DBM, Section
from netdiag.snmp.sections import PortNames, Row

# Below what any receiver of an access network still hears; modules in the dark tell -40 or somewhat above.
NO_LIGHT_DBM = -35.0
_RECEIVED = re.compile(r"\b(rx|receive[dr]?|input|in)\b|rx\s?p|rxpower", re.IGNORECASE)
_SENT = re.compile(r"\b(tx|transmit(ted|ter)?|output|out)\b|tx\s?p|txpower", re.IGNORECASE)
_OPTICAL = re.compile(r"optic|transceiver|sfp|xfp|dom\b|lane|laser|\b[rt]x\b|transmit|receive", re.IGNORECASE)
_LANE = re.compile(r"\b(?:lane|channel)\s*(\d+)", re.IGNORECASE)


def read(device: Device, own: Iterable[Section], ports: PortNames) -> list[Optics]:
    """Return the transceivers of the profile's sections, rows of the same port and name joined."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for section in own:
        with device.part("optics"):
            for row in sections.rows(device, section, ports):
                found.setdefault(_key(row), {}).update(_fields(section, row))
    return [_judged(fields) for fields in found.values() if _says_something(fields)]


def _key(row: Row) -> tuple[Any, ...]:
    place = row.if_index if row.if_index is not None else row.port_name
    return (row.index,) if place is None else (place, row.fields.get("name"))


def _fields(section: Section, row: Row) -> dict[str, Any]:
    place = {"if_index": row.if_index, "port_name": row.port_name} if section.port else {}
    return {**place, **row.fields}


def _says_something(fields: dict[str, Any]) -> bool:
    """Tell a module from an empty cage: some agents give nought of everything for one."""
    is_measured = any(_is_lit(fields.get(name)) for name in ("rx_dbm", "tx_dbm")) or any(
        fields.get(name) for name in ("temperature_c", "voltage_v", "bias_ma")
    )
    return is_measured or any(fields.get(name) is not None for name in ("part", "serial", "vendor", "type"))


def _is_lit(level_dbm: float | None) -> bool:
    return level_dbm is not None and level_dbm > NO_LIGHT_DBM


def _judged(fields: dict[str, Any]) -> Optics:
    """Return a transceiver; a receiver that measures next to nothing is dark."""
    rx_dbm = fields.get("rx_dbm")
    is_dark = rx_dbm is not None and rx_dbm <= NO_LIGHT_DBM
    return Optics(**fields, state="no light" if is_dark else None)


def of_inventory(rows: list[Measured], ports: PortNames) -> tuple[list[Optics], list[Measured]]:
    """Return transceivers made of inventory sensors of ports, and the sensors that are of none."""
    placed = [_placed(row, ports) for row in rows]
    lit = {row.if_index for row in placed if row.kind == "dbm" or _is_light_in_watts(row)} - {None}
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    rest = []
    for row in placed:
        is_optical = row.kind == "dbm" or _is_light_in_watts(row) or row.if_index in lit
        field = _field(row) if is_optical else None
        if field is None:
            rest.append(row)
            continue
        lane = _LANE.search(f"{row.name} {row.where}")
        place = row.if_index if row.if_index is not None else row.where or row.index
        fields = found.setdefault(
            (place, lane and lane.group(1)),
            {
                "if_index": row.if_index,
                "port_name": ports.by_index.get(row.if_index) if row.if_index is not None else None,
                "name": f"lane {lane.group(1)}" if lane else None if row.if_index is not None else row.where,
            },
        )
        fields.setdefault(*field)
    return [_judged(fields) for fields in found.values()], rest


def _placed(row: Measured, ports: PortNames) -> Measured:
    """Return the sensor with its port, if only a port's name in its own name tells it."""
    if row.if_index is not None:
        return row
    words = re.split(r"[\s,;()]+", f"{row.name} {row.where}")
    if_index = next((ports.by_name[word] for word in words if word in ports.by_name), None)
    return dataclasses.replace(row, if_index=if_index) if if_index is not None else row


def _is_light_in_watts(row: Measured) -> bool:
    return row.kind == "power" and row.value < 1 and bool(_OPTICAL.search(f"{row.name} {row.where}"))


def _field(row: Measured) -> tuple[str, float] | None:
    """Return field and value of a transceiver's sensor; None if it is none of those."""
    value: float | None = row.value
    if row.kind in {"dbm", "power"}:
        name = "rx_dbm" if _RECEIVED.search(row.name) else "tx_dbm" if _SENT.search(row.name) else None
        if row.kind == "power":
            value = conversions.converted("w_to_dbm", row.value, DARK_DBM)
        return (name, conversions.tidy(value)) if name and value is not None else None
    field = {"temperature": "temperature_c", "voltage": "voltage_v", "current": "bias_ma"}.get(row.kind)
    if field is None:
        return None
    return field, conversions.tidy(row.value * 1000 if field == "bias_ma" else row.value)
