"""Radios of a device and the stations connected to them, by the profile."""

from collections.abc import Iterable

from netdiag.results import RadioLink
from netdiag.snmp import sections
from netdiag.snmp.device import Device
from netdiag.snmp.profile_format import Section
from netdiag.snmp.sections import PortNames


def read(
    device: Device, radios: Iterable[Section], peers: Iterable[Section], ports: PortNames
) -> tuple[RadioLink, ...] | None:
    """Return the device's radios, then the stations; None if there is neither."""
    made = [*((section, False) for section in radios), *((section, True) for section in peers)]
    if not made:
        return None
    found: list[RadioLink] = []
    for section, is_peer in made:
        with device.part("radio"):
            found += [
                RadioLink(row.index, is_peer, row.if_index, row.port_name, **row.fields)
                for row in sections.rows(device, section, ports)
            ]
    return tuple(found) or None
