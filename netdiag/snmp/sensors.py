"""What a device measures of itself: by its profile, by the standard MIBs, by its physical inventory."""

from collections.abc import Iterable

from netdiag.results import Sensor
from netdiag.snmp import conversions, sections
from netdiag.snmp.device import Device
from netdiag.snmp.entity import Measured
from netdiag.snmp.profile_format import SENSOR_UNITS, Section
from netdiag.snmp.sections import PortNames, Row

# Of these one source is enough: a second one would say the same in other words.
_SAID_ONCE = frozenset({"cpu", "memory"})
_MOST_SENSORS = 2000


def read(
    device: Device, own: Iterable[Section], standard: Iterable[Section], ports: PortNames
) -> list[Sensor]:
    """Return the sensors of the profile's sections, then of the standard ones that add something."""
    found: list[Sensor] = []
    for section, is_standard in [*((one, False) for one in own), *((one, True) for one in standard)]:
        if is_standard and section.kind in _SAID_ONCE and any(one.kind == section.kind for one in found):
            continue
        with device.part("sensors"):
            found += _of_section(device, section, ports)
    if len(found) > _MOST_SENSORS:
        device.warn(f"sensors: {len(found)}, the first {_MOST_SENSORS} are told")
    return found[:_MOST_SENSORS]


def _of_section(device: Device, section: Section, ports: PortNames) -> list[Sensor]:
    assert section.kind is not None
    rows = sections.rows(device, section, ports)
    made = []
    for row in rows:
        value = row.fields.get("value") if "value" in section.fields else share(row)
        if value is not None:
            name = _name(section, row, is_alone=len(rows) == 1)
            made.append(Sensor(section.kind, name, value, SENSOR_UNITS[section.kind], row.if_index))
    return made


def _name(section: Section, row: Row, *, is_alone: bool) -> str | None:
    label = row.fields.get("label") or row.port_name
    if label:
        return str(label)
    return section.name if is_alone or not section.name else f"{section.name} {row.index}".strip()


def share(row: Row) -> float | None:
    """Return how many per cent are used, from two of used, free and total."""
    used, free, total = (row.fields.get(field) for field in ("used", "free", "total"))
    if used is None and free is not None and total is not None:
        used = total - free
    if total is None and used is not None and free is not None:
        total = used + free
    if not total or used is None or not 0 <= used <= total:
        return None
    return conversions.tidy(round(100 * used / total, 1))


def of_inventory(rows: Iterable[Measured]) -> list[Sensor]:
    """Return the physical inventory's sensors that belong to no transceiver."""
    return [
        Sensor(row.kind, _place(row), conversions.tidy(row.value), SENSOR_UNITS[row.kind], row.if_index)
        for row in rows
        if row.kind in SENSOR_UNITS
    ]


def _place(row: Measured) -> str:
    return row.name if not row.where or row.where in row.name else f"{row.name} ({row.where.split(' / ')[0]})"
