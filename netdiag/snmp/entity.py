"""The physical inventory (ENTITY-MIB, RFC 6933): which chassis, what its sensors measure (RFC 3433)."""

import dataclasses
from collections.abc import Iterable

from netdiag.snmp import conversions, values
from netdiag.snmp.device import Column, Device

_PHYSICAL = "1.3.6.1.2.1.47.1.1.1.1."
_DESCRIPTION, _CONTAINED_IN, _CLASS, _NAME = (_PHYSICAL + part for part in ("2", "4", "5", "7"))
WORDS = {
    "description": _DESCRIPTION,
    "name": _NAME,
    "hardware": _PHYSICAL + "8",
    "firmware": _PHYSICAL + "9",
    "version": _PHYSICAL + "10",
    "serial": _PHYSICAL + "11",
    "vendor": _PHYSICAL + "12",
    "model": _PHYSICAL + "13",
}
# entAliasMappingIdentifier: the ifIndex object of the interface that a part is.
_ALIAS = "1.3.6.1.2.1.47.1.3.2.1.2"
_IF_INDEX = "1.3.6.1.2.1.2.2.1.1."
SENSORS = "1.3.6.1.2.1.99.1.1.1"
_CHASSIS, _MODULE, _STACK = 3, 9, 11
_MOST_PARTS = 4000
_MOST_CANDIDATES = 6
_MOST_ANCESTORS = 12
_WORKS = 1
# EntitySensorDataType -> kind of sensor; truth values and counts say nothing without their names.
_KINDS = {
    3: "voltage", 4: "voltage", 5: "current", 6: "power", 7: "frequency", 8: "temperature", 9: "humidity",
    10: "fan", 14: "dbm",
}  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Measured:
    """One row of a sensor table in its unit; `where` are the names of the part and of what it is in."""

    index: str
    kind: str
    value: float
    name: str
    where: str
    if_index: int | None


class Inventory:
    """The parts of one device, read no sooner than somebody asks."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._candidates: list[str] | None = None

    def of_chassis(self, word: str) -> str | None:
        """Return what the chassis, else the stack, else the outermost part says; None for nothing.

        Raises SnmpFailed.
        """
        column = WORDS[word]
        # A recording may hold a serial number and neither classes nor what is in what.
        indexes = self.candidates() or list(self._device.column(column, _MOST_PARTS))[:_MOST_CANDIDATES]
        found = self._device.get(*(f"{column}.{index}" for index in indexes)) if indexes else {}
        for value in found.values():
            text = conversions.meaningful(values.text(value))
            if text:
                return text
        return None

    def of_modules(self, word: str) -> str | None:
        """Return what the first module says that says anything: chassis often leave it to the supervisor."""
        classes = self._device.column(_CLASS, _MOST_PARTS)
        modules = [index for index, kind in classes.items() if kind == _MODULE][:_MOST_CANDIDATES]
        found = self._device.get(*(f"{WORDS[word]}.{index}" for index in modules)) if modules else {}
        texts = (conversions.meaningful(values.text(value)) for value in found.values())
        return next((text for text in texts if text), None)

    def candidates(self) -> list[str]:
        """Return the indexes of the parts that may be the device itself, the likeliest first."""
        if self._candidates is None:
            classes = self._device.column(_CLASS, _MOST_PARTS)
            chassis = [index for index, kind in classes.items() if kind == _CHASSIS]
            stacks = [index for index, kind in classes.items() if kind == _STACK]
            self._candidates = (chassis + stacks)[:_MOST_CANDIDATES] or self._outermost()
        return self._candidates

    def _outermost(self) -> list[str]:
        """Return the parts that are in nothing: agents that name no chassis."""
        inside = self._device.column(_CONTAINED_IN, _MOST_PARTS)
        found = [index for index, parent in inside.items() if parent == 0][:_MOST_CANDIDATES]
        return found or list(self._device.column(WORDS["model"], _MOST_PARTS))[:1]


def measured(device: Device, base: str) -> list[Measured]:
    """Return the working sensors of ENTITY-SENSOR-MIB or of a table like it under `base`.

    Raises SnmpFailed.
    """
    if not device.has(f"{base}.1"):
        return []
    kinds, scales, precisions, figures, states = (
        device.column(f"{base}.{number}", _MOST_PARTS) for number in (1, 2, 3, 4, 5)
    )
    descriptions, names, inside = (
        device.column(oid, _MOST_PARTS) for oid in (_DESCRIPTION, _NAME, _CONTAINED_IN)
    )
    ports = _ports_of_parts(device)
    found = []
    for index, number in kinds.items():
        kind = _KINDS.get(values.number(number) or 0)
        figure = values.number(figures.get(index))
        if kind is None or figure is None or states.get(index, _WORKS) != _WORKS:
            continue
        value = figure * _factor(values.number(scales.get(index)), values.number(precisions.get(index)))
        chain = list(_ancestors(index, inside))
        found.append(
            Measured(
                index=index,
                kind=kind,
                value=value,
                name=_name(index, names, descriptions),
                where=" / ".join(_name(one, names, descriptions) for one in chain[:3]),
                if_index=next((ports[one] for one in [index, *chain] if one in ports), None),
            )
        )
    return found


def _factor(scale: int | None, precision: int | None) -> float:
    """Return what a figure is multiplied with: EntitySensorDataScale 9 is units, each step a thousand."""
    power = 3 * ((scale if scale is not None and 1 <= scale <= 17 else 9) - 9)
    digits = precision if precision is not None and -8 <= precision <= 9 else 0
    return float(10.0 ** (power - digits))


def _ports_of_parts(device: Device) -> dict[str, int]:
    """Return part -> ifIndex by entAliasMappingTable; its index is the part and a logical entity."""
    found = {}
    for index, value in device.column(_ALIAS, _MOST_PARTS).items():
        target = values.text(value).lstrip(".")
        if target.startswith(_IF_INDEX) and target.rsplit(".", 1)[1].isdigit():
            found[index.split(".")[0]] = int(target.rsplit(".", 1)[1])
    return found


def _ancestors(index: str, inside: Column) -> Iterable[str]:
    for _ in range(_MOST_ANCESTORS):
        index = values.text(inside.get(index))
        if not index or index == "0":
            return
        yield index


def _name(index: str, names: Column, descriptions: Column) -> str:
    return values.text(names.get(index)).strip() or values.text(descriptions.get(index)).strip() or index
