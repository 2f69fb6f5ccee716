"""Subscribers' units on a head end: state, levels, distance and why they went down, by the profile."""

from collections.abc import Iterable

from netdiag.results import Onu
from netdiag.snmp import sections
from netdiag.snmp.device import Device
from netdiag.snmp.profile_format import Section
from netdiag.snmp.sections import PortNames


def read(device: Device, own: Iterable[Section], ports: PortNames) -> tuple[Onu, ...] | None:
    """Return every unit of the profile's tables; None if the profile knows of no PON."""
    made = list(own)
    if not made:
        return None
    found: list[Onu] = []
    for section in made:
        with device.part("pon"):
            found += [
                Onu(
                    index=row.index,
                    kind=section.kind,
                    if_index=row.if_index,
                    port_name=row.port_name,
                    **row.fields,
                )
                for row in sections.rows(device, section, ports)
            ]
    return tuple(found)


def spellings(name: str | None) -> set[str]:
    """Return a MAC or serial without its punctuation; a serial also with its maker's letters.

    ITU-T G.984.3 writes a serial as four letters and four bytes; some OLTs give all eight in hexadecimal.
    """
    plain = "".join(letter for letter in name or "" if letter.isalnum()).lower()
    if not plain:
        return set()
    if len(plain) != 16:
        return {plain}
    try:
        return {plain, bytes.fromhex(plain[:8]).decode("ascii").lower() + plain[8:]}
    except ValueError:
        return {plain}
