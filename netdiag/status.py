"""What a device says about itself: who it is, its ports, forwarding, optics, sensors, ONUs, radios."""

import dataclasses
import time
from collections.abc import Iterable, Sequence
from typing import Any

from netdiag.results import DeviceStatus, Optics, PortStatus, Sensor, System
from netdiag.snmp import (
    SnmpTarget,
    entity,
    forwarding,
    interfaces,
    inventory,
    optics,
    pon,
    profiles,
    radio,
    sections,
    sensors,
    system,
    values,
)
from netdiag.snmp.device import Device
from netdiag.snmp.profile_format import Profile, Section
from netdiag.snmp.sections import PortNames

DEADLINE_S = 20.0
# Counters of thousands of ports are another question, and take as long as all the rest.
_MOST_COUNTED_PORTS = 1000


def read(
    target: SnmpTarget,
    *,
    if_index: int | None = None,
    gap_s: float = 1.0,
    deadline_s: float = DEADLINE_S,
    has_fdb: bool = True,
    known: Sequence[Profile] | None = None,
) -> DeviceStatus:
    """Read the system group and one port twice `gap_s` apart with its optics, or everything once.

    System group and ports come first. A part that fails or finds the time over is a warning, and the rest
    stands; only a device that says nothing at all raises SnmpSilent, SnmpRefused, SnmpDenied, SnmpBroken,
    BadAddress. `known` are the profiles to choose from, by default the shipped ones.
    """
    device = Device(target, deadline_s)
    about = system.group(device)
    if if_index is not None:
        return _one_port(device, about, if_index, gap_s, known)
    ports: list[PortStatus] = []
    with device.part("ports"):
        ports = interfaces.read_all(device, values.number(device.get(system.UPTIME)[system.UPTIME]))
    profile = _profile(device, about, known)
    identity = inventory.identify(device, about, profile)
    names = _names(ports)
    _ask_at_once(device, profile)
    ports = _more_of_ports(device, profile, ports, names)
    lights, measured = _measured(device, profile, names)
    found = DeviceStatus(
        host=target.host,
        system=about,
        ports=tuple(ports),
        at=time.time(),
        **dataclasses.asdict(identity),
        optics=tuple(lights),
        sensors=tuple(measured),
        pon=pon.read(device, _sections(profile, "pon"), names),
        radio=radio.read(device, _sections(profile, "radio"), _sections(profile, "peer"), names),
    )
    if has_fdb:
        with device.part("fdb"):
            fdb = forwarding.table(device, profile, names)
            found = dataclasses.replace(found, fdb=tuple(pon.placed(fdb, found.pon or ())))
    with device.part("clocks"):
        system.compare_clocks(device, about.uptime_s)
    return dataclasses.replace(found, warnings=tuple(device.warnings))


def as_contract(found: DeviceStatus) -> dict[str, Any]:
    """Return the status as `python -m netdiag status --json` prints it: one object, unknown values None."""
    plain = found.as_dict()
    for port in plain["ports"]:
        port["index"], port["descr"] = port.pop("if_index"), port.pop("description") or None
        port["name"], port["alias"] = port["name"] or None, port["alias"] or None
    return plain


def _one_port(
    device: Device, about: System, if_index: int, gap_s: float, known: Sequence[Profile] | None
) -> DeviceStatus:
    port = interfaces.read_port(device.target, if_index, gap_s)
    profile = _profile(device, about, known)
    names = _names([port])
    lights = [
        one
        for one in optics.read(device, _sections(profile, "optics"), names)
        if one.if_index == if_index or (one.port_name and one.port_name in names.by_name)
    ]
    return DeviceStatus(
        host=device.target.host,
        system=about,
        ports=(port,),
        at=time.time(),
        vendor=profile.vendor if profile else None,
        family=profile.family if profile else None,
        optics=tuple(lights),
        warnings=tuple(device.warnings),
    )


def _profile(device: Device, about: System, known: Sequence[Profile] | None) -> Profile | None:
    with device.part("profile"):
        return profiles.choose(about.object_id, about.description, about.name, device.has, known)
    return None  # type: ignore[unreachable]


def _sections(profile: Profile | None, name: str) -> Sequence[Section]:
    return profile.sections.get(name, ()) if profile else ()


def _names(ports: Iterable[PortStatus]) -> PortNames:
    by_name: dict[str, int] = {}
    by_index: dict[int, str] = {}
    for port in ports:
        by_index[port.if_index] = port.name
        for name in (port.name, port.description):
            if name:
                by_name.setdefault(name, port.if_index)
    return PortNames(by_index, by_name)


def _ask_at_once(device: Device, profile: Profile | None) -> None:
    """Read all scalars and columns of all sections in few requests; the sections then find them there."""
    wanted = [
        section
        for name, made in (profile.sections if profile else {}).items()
        if name not in {"fdb", "arp"}
        for section in made
    ]
    wanted += [*profiles.standard().sections["sensor"], *profiles.standard().sections["port"]]
    with device.part("scalars"):
        device.get(*sections.scalars_of(wanted))
    with device.part("tables"):
        device.columns(sections.columns_of(wanted))


def _more_of_ports(
    device: Device, profile: Profile | None, ports: list[PortStatus], names: PortNames
) -> list[PortStatus]:
    """Add what the profile knows of ports, and their counters."""
    found: dict[int, dict[str, Any]] = {}
    for section in (*profiles.standard().sections["port"], *_sections(profile, "port")):
        with device.part("ports"):
            for row in sections.rows(device, section, names):
                if row.if_index is not None:
                    found.setdefault(row.if_index, {}).update(row.fields)
    if ports and len(ports) <= _MOST_COUNTED_PORTS:
        with device.part("counters"):
            for if_index, counters in interfaces.read_counters(device).items():
                found.setdefault(if_index, {}).update(counters)
    name_field = {"descr": "description", "alias": "alias"}.get((profile and profile.port_name) or "")
    made = []
    for port in ports:
        changes = found.get(port.if_index, {})
        if name_field and getattr(port, name_field):
            changes = {"name": getattr(port, name_field), **changes}
        made.append(dataclasses.replace(port, **changes) if changes else port)
    return made


def _measured(device: Device, profile: Profile | None, names: PortNames) -> tuple[list[Optics], list[Sensor]]:
    """Return transceivers and sensors: of the profile, of the standard MIBs, of the physical inventory."""
    lights = optics.read(device, _sections(profile, "optics"), names)
    measured = sensors.read(
        device, _sections(profile, "sensor"), profiles.standard().sections["sensor"], names
    )
    rows: list[entity.Measured] = []
    with device.part("inventory sensors"):
        rows = entity.measured(device, (profile and profile.entity_sensors) or entity.SENSORS)
        if not rows and profile and profile.entity_sensors:
            rows = entity.measured(device, entity.SENSORS)
    more, rest = optics.of_inventory(rows, names)
    return lights or more, measured + sensors.of_inventory(rest)
