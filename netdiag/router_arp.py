"""A router's table of neighbours by SNMP: the `[[arp]]` tables of the standard MIBs and of its profile.

Which tables there are and how their rows are named is data: snmp/standard.toml (ipNetToPhysicalTable, RFC
4293; ipNetToMediaTable and atTable, RFC 1213; ipv6NetToMediaTable, RFC 2465) and snmp/profiles.
"""

import ipaddress
from collections.abc import Iterable, Iterator

from netdiag import errors, icmp
from netdiag.results import ArpRow
from netdiag.snmp import SnmpTarget, client, conversions, profiles, row_index, sections, system
from netdiag.snmp.device import Device
from netdiag.snmp.profile_format import Section
from netdiag.snmp.row_index import Address

MOST_ROWS = 100_000
DEADLINE_S = 60.0
_MOST_INTERFACES = 5000
_IF_INDEX = "1.3.6.1.2.1.2.2.1.1"
_NO_PORTS = sections.PortNames({}, {})


def table(target: SnmpTarget, *, max_rows: int = MOST_ROWS, deadline_s: float = DEADLINE_S) -> list[ArpRow]:
    """Read all neighbours a router knows; a lesser table only for an IP version a better one is empty of.

    Raises SnmpFailed, BadAddress.
    """
    device = Device(target, deadline_s)
    found: dict[tuple[int, Address], str] = {}
    missing = frozenset({4, 6})
    for section in _tables(device):
        if not missing & row_index.versions(section.index):
            continue
        for row in _rows(device, section, max_rows - len(found)):
            found.setdefault((row.if_index, ipaddress.ip_address(row.address)), row.mac)
        missing -= {address.version for _, address in found}
        if len(found) >= max_rows or not missing:
            break
    if not found and device.warnings:
        raise errors.SnmpBroken(device.warnings[0])
    rows = sorted(found.items(), key=lambda row: (row[0][1].version, row[0][1], row[0][0]))
    return [ArpRow(str(address), mac, if_index) for (if_index, address), mac in rows[:max_rows]]


def _tables(device: Device) -> Iterator[Section]:
    """Yield the standard's tables, then those of the profile, which is sought no sooner than it is needed."""
    yield from profiles.standard().sections["arp"]
    about = system.group(device)
    profile = profiles.choose(about.object_id, about.description, about.name, device.has)
    if profile is not None:
        yield from profile.sections.get("arp", ())


def _rows(device: Device, section: Section, most: int) -> Iterator[ArpRow]:
    """Yield the rows of a table that are valid and name a MAC."""
    device.columns(sections.columns_of([section]), most)
    for row in sections.rows(device, section, _NO_PORTS):
        named = row_index.read(row.index, section.index)
        address, if_index = named.ip or _address(row.fields.get("ip")), row.if_index or named.if_index
        mac = row.fields.get("mac") or named.mac
        if address is None or mac is None or row.fields.get("status") == "invalid":
            continue
        yield ArpRow(str(address), str(mac), if_index or 0)


def _address(text: object) -> Address | None:
    try:
        return ipaddress.ip_address(str(text))
    except ValueError:
        return None


def find(target: SnmpTarget, address: str) -> str | None:
    """Return the MAC a router has for an address, None if it has none. Raises SnmpFailed, BadAddress.

    Asks for the very row on each of the router's interfaces; walks where the interfaces cannot be listed,
    and a maker's table whose rows have more in their index than interface and address.
    """
    wanted = icmp.parse_address(address)
    device = Device(target, DEADLINE_S)
    interfaces = [int(index) for index in device.column(_IF_INDEX, _MOST_INTERFACES) if index.isdecimal()]
    standard = profiles.standard().sections["arp"]
    for section in _tables(device):
        if wanted.version not in row_index.versions(section.index):
            continue
        exact = _exact_oids(section, interfaces, wanted)
        if exact:
            seen = _exact(target, exact)
        elif interfaces and section in standard:
            continue
        else:
            rows = _rows(device, section, MOST_ROWS)
            seen = next((row.mac for row in rows if row.address == str(wanted)), None)
        if seen:
            return seen
    return None


def _exact_oids(section: Section, interfaces: Iterable[int], wanted: Address) -> list[str]:
    column = section.fields["mac"].column if "mac" in section.fields else None
    indexes = [row_index.write(section.index, if_index, wanted) for if_index in interfaces]
    return [f"{column}.{index}" for index in indexes if index] if column else []


def _exact(target: SnmpTarget, oids: list[str]) -> str | None:
    found = (conversions.mac(value) for value in client.get(target, *oids).values())
    return next((seen for seen in found if seen), None)
