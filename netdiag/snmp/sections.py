"""Rows of a profile's sections: columns joined by index, each field converted, each row tied to its port."""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from netdiag.snmp import conversions, values
from netdiag.snmp.device import Column, Device
from netdiag.snmp.message import Value
from netdiag.snmp.profile_format import PortRule, Reading, Section

BRIDGE_PORT_IF_INDEX = "1.3.6.1.2.1.17.1.4.1.2"
_NO_PLUGS = "vlan|vl|lo|po|null|tun|trk|lag|ae|br|cpu|mgmt|mng|stack"
_PLUG = re.compile(rf"(?!{_NO_PLUGS})[a-z]*[ -]?\d+(?:/\d+)*$", re.IGNORECASE)
_NUMBERS = re.compile(r"\d+")


@dataclasses.dataclass(frozen=True, slots=True)
class PortNames:
    """The device's ports as the sections need them: by number and by any of their names."""

    by_index: Mapping[int, str]
    by_name: Mapping[str, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One row: its index, its fields that have a value, its port as far as that is known."""

    index: str
    fields: Mapping[str, Any]
    if_index: int | None = None
    port_name: str | None = None


def scalars_of(sections: Iterable[Section]) -> list[str]:
    """Return every scalar these sections read."""
    return [oid for section in sections for reading in section.fields.values() for oid in reading.oids]


def columns_of(sections: Iterable[Section]) -> list[str]:
    """Return every column these sections read."""
    found: list[str] = []
    for section in sections:
        for reading in section.fields.values():
            found += [reading.column] if reading.column else []
            found += [reading.where.column] if reading.where else []
        if section.port:
            found += [one for one in (section.port.column, section.port.name) if one]
    return list(dict.fromkeys(found))


def rows(device: Device, section: Section, ports: PortNames) -> list[Row]:
    """Return the rows of a section in the order of their indexes. Raises SnmpFailed."""
    device.columns(columns_of([section]))
    single = {
        field: made
        for field, reading in section.fields.items()
        if reading.oids and (made := scalar(device, reading)) is not None
    }
    by_row: dict[str, dict[str, Any]] = {}
    for field, reading in section.fields.items():
        for index, value in column_values(device, reading).items():
            by_row.setdefault(index, {})[field] = value
    if section.index and section.port and section.port.key is None:
        # A row may be no more than its index and its port.
        place = section.port.column or section.port.name
        for index in device.column(place) if place else ():
            by_row.setdefault(index, {})
    if single:
        # Scalars describe the device's one radio, disk or battery, and every row of a table beside them.
        by_row = {index: {**single, **fields} for index, fields in by_row.items()} or {"": single}
    return [
        _row(device, section, index, fields, ports)
        for index, fields in sorted(by_row.items(), key=lambda one: _order(one[0]))
        if section.rows is None or section.rows in fields
    ]


def _row(device: Device, section: Section, index: str, fields: dict[str, Any], ports: PortNames) -> Row:
    if section.port is None:
        return Row(index, fields)
    if_index, name = port_of(device, section.port, index, ports)
    return Row(index, fields, if_index, name)


def _order(index: str) -> tuple[int, ...]:
    return tuple(int(part) for part in index.split(".")) if index else ()


def scalar(device: Device, reading: Reading) -> Any:
    """Return a reading of scalars: one value, or several joined when all are there."""
    found = device.get(*reading.oids)
    if len(reading.oids) == 1:
        return conversions.apply(reading, found[reading.oids[0]])
    texts = [values.text(found[oid]).strip() for oid in reading.oids]
    return conversions.apply(reading, reading.join.join(texts).encode()) if all(texts) else None


def column_values(device: Device, reading: Reading) -> dict[str, Any]:
    """Return row key -> converted value of a reading's column, only where there is one."""
    return {} if reading.column is None else converted(device, reading, device.column(reading.column))


def converted(device: Device, reading: Reading, column: Column) -> dict[str, Any]:
    """Return row key -> converted value of the rows of a column that has been read."""
    allowed = _allowed(device, reading)
    found: dict[str, Any] = {}
    for index, value in column.items():
        if allowed is not None and index not in allowed:
            continue
        key = row_key(index, reading.key)
        made = conversions.apply(reading, value)
        if made is not None and key is not None:
            found.setdefault(key, made)
    return found


def _allowed(device: Device, reading: Reading) -> set[str] | None:
    if reading.where is None:
        return None
    where = reading.where
    column: Column = device.column(where.column)
    if where.values:
        wanted = set(where.values)
        return {index for index, value in column.items() if value in wanted or values.text(value) in wanted}
    numbers = {index: values.number(value) for index, value in column.items()}
    return {
        index
        for index, number in numbers.items()
        if number is not None
        and (where.minimum is None or number >= where.minimum)
        and (where.maximum is None or number <= where.maximum)
    }


def row_key(index: str, key: Sequence[int] | None) -> str | None:
    """Return the numbers of an index that make the row; None if the index is too short."""
    if key is None:
        return index
    parts = index.split(".")
    try:
        return ".".join(parts[position] for position in key)
    except IndexError:
        return None


def port_of(device: Device, rule: PortRule, index: str, ports: PortNames) -> tuple[int | None, str | None]:
    """Return ifIndex and name of the port a row belongs to, each None if it cannot be told."""
    if rule.name is not None:
        name = values.text(_cell(device, rule.name, index, rule)).strip()
        if_index = ports.by_name.get(name)
        return if_index, ports.by_index.get(if_index, name) if if_index is not None else name or None
    number = _number(device, rule, index)
    if number is None:
        return None, None
    if rule.kind != "if_index":
        found = values.number(device.column(BRIDGE_PORT_IF_INDEX).get(str(number)))
        if rule.kind == "pse_port":
            found = power_port(int(index.split(".", 1)[0]), number, found, ports)
        return found, ports.by_index.get(found) if found is not None else None
    if rule.clear or (rule.bits and not rule.template):
        number = _unpacked(rule, number, ports)
    if rule.template:
        name = rule.template.replace("{}", str(number))
        for part, (lowest, count) in rule.bits.items():
            name = name.replace("{" + part + "}", str(number >> lowest & ((1 << count) - 1)))
        if_index = ports.by_name.get(name)
        return if_index, name
    return number, ports.by_index.get(number)


def power_port(group: int, number: int, bridged: int | None, ports: PortNames) -> int | None:
    """Return which port a port of POWER-ETHERNET-MIB is: agents count those of a group as they like.

    Of a lone switch it is mostly the bridge port; else the one port whose name ends in the number and, with
    more than one number, begins with the group's; else the ifIndex.
    """
    if group == 1 and bridged in ports.by_index:
        return bridged
    found = set()
    for name, if_index in ports.by_name.items():
        numbers = [int(part) for part in _NUMBERS.findall(name)] if _PLUG.match(name) else []
        if numbers[-1:] == [number] and (len(numbers) == 1 or numbers[0] in {group, group - 1}):
            found.add(if_index)
    if len(found) == 1:
        return found.pop()
    return number if number in ports.by_index and not found else None


def _number(device: Device, rule: PortRule, index: str) -> int | None:
    if rule.part is not None:
        parts = index.split(".")
        if not -len(parts) <= rule.part < len(parts) or not parts[rule.part]:
            return None
        found: int | None = int(parts[rule.part])
    else:
        found = values.number(_cell(device, rule.column or "", index, rule))
    return None if found is None else found + rule.offset


def _unpacked(rule: PortRule, packed: int, ports: PortNames) -> int:
    """Return the ifIndex in a packed number: itself, without its lowest bits, or some of its bits."""
    cleared = packed >> rule.clear << rule.clear
    bits = [packed >> lowest & ((1 << count) - 1) for lowest, count in rule.bits.values()]
    return next((one for one in [packed, cleared, *bits] if one in ports.by_index), cleared)


def _cell(device: Device, base: str, index: str, rule: PortRule) -> Value | None:
    key = row_key(index, rule.key)
    return None if key is None else device.column(base).get(key)
