"""Light alone, for rounds over many devices: what of a profile tells optical power, and what came of it.

A full status reads every table; a round reads only these columns, with poll.many, and lays them out here.
"""

import dataclasses
from collections.abc import Iterator, Sequence

from netdiag.results import Onu, Optics
from netdiag.snmp import optics, pon, sections, values
from netdiag.snmp.device import Device
from netdiag.snmp.profile_format import Profile, Section
from netdiag.snmp.reading import Reading, Wanted
from netdiag.snmp.sections import PortNames
from netdiag.snmp.target import SnmpTarget

_POWERS = frozenset({"rx_dbm", "tx_dbm", "olt_rx_dbm"})
# Whose unit it is, and which lane of a port.
_NAMES = frozenset({"mac", "serial", "name"})
_IF_NAMES = ("1.3.6.1.2.1.31.1.1.1.1", "1.3.6.1.2.1.2.2.1.2")
_COLUMNS_AT_ONCE = 14


@dataclasses.dataclass(frozen=True, slots=True)
class Lamps:
    """The parts of a profile that tell light; none of both where the family tells none."""

    optics: tuple[Section, ...]
    pon: tuple[Section, ...]

    def __bool__(self) -> bool:
        """Whether there is anything to read."""
        return bool(self.optics or self.pon)


def of_profile(profile: Profile | None) -> Lamps:
    """Return what of a family tells light, reduced to power and to what says whose it is."""
    found = profile.sections if profile else {}
    return Lamps(tuple(_reduced(found.get("optics", ()))), tuple(_reduced(found.get("pon", ()))))


def _reduced(made: Sequence[Section]) -> Iterator[Section]:
    for section in made:
        kept = {
            name: reading
            for name, reading in section.fields.items()
            if name in _POWERS or name in _NAMES or name == section.rows
        }
        if kept.keys() & _POWERS:
            yield dataclasses.replace(section, fields=kept)


def wanted(lamps: Lamps) -> Wanted:
    """Return what to read of a device: the scalars, and each section's columns side by side."""
    both = (*lamps.optics, *lamps.pon)
    tables = [_columns(section) for section in both]
    if any(section.port and (section.port.name or section.port.template) for section in both):
        tables.append(list(_IF_NAMES))
    if any(section.port and section.port.kind != "if_index" for section in both):
        tables.append([sections.BRIDGE_PORT_IF_INDEX])
    chunks = (
        tuple(table[start : start + _COLUMNS_AT_ONCE])
        for table in tables
        for start in range(0, len(table), _COLUMNS_AT_ONCE)
    )
    return Wanted(scalars=tuple(dict.fromkeys(sections.scalars_of(both))), tables=tuple(chunks))


def _columns(section: Section) -> list[str]:
    return sections.columns_of([section])


def read(target: SnmpTarget, lamps: Lamps, reading: Reading) -> tuple[list[Optics], list[Onu]]:
    """Return transceivers and subscribers' units that tell power, from what was read; asks nothing more."""
    device = Device.holding(target, reading)
    ports = _names(device)
    lights = optics.read(device, lamps.optics, ports)
    units = pon.read(device, lamps.pon, ports) or ()
    return (
        [one for one in lights if one.rx_dbm is not None or one.tx_dbm is not None],
        [one for one in units if (one.rx_dbm, one.tx_dbm, one.olt_rx_dbm) != (None, None, None)],
    )


def _names(device: Device) -> PortNames:
    by_index: dict[int, str] = {}
    by_name: dict[str, int] = {}
    for base in _IF_NAMES:
        for index, value in device.held(base).items():
            name = values.text(value).strip()
            if index.isdecimal() and name:
                by_index.setdefault(int(index), name)
                by_name.setdefault(name, int(index))
    return PortNames(by_index, by_name)
