"""Subscribers' units on a head end: state, levels, distance and why they went down, by the profile."""

import dataclasses
from collections.abc import Iterable, Iterator

from netdiag.results import FdbEntry, Onu
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


def placed(fdb: Iterable[FdbEntry], onus: Iterable[Onu]) -> Iterator[FdbEntry]:
    """Yield forwarding entries with the ONU they name, if there is such a unit: a port may be an uplink."""
    known = {onu.index: onu for onu in onus}
    for entry in fdb:
        onu = known.get(entry.onu) if entry.onu is not None else None
        if entry.onu is not None:
            name = entry.port_name or (onu.port_name if onu else None)
            yield dataclasses.replace(entry, onu=onu.index if onu else None, port_name=name)
        else:
            yield entry
