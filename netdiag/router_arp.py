"""A router's table of neighbours by SNMP: the standard's, its elders' and some vendors' tables.

ipNetToPhysicalTable (RFC 4293), ipNetToMediaTable (RFC 1213), ipv6NetToMediaTable (RFC 2465), atTable
(RFC 1213), cInetNetToMediaTable (CISCO-IETF-IP-MIB), hwArpDynTable (HUAWEI-ETHARP-MIB).
"""

import dataclasses
import ipaddress
import time
from collections.abc import Callable, Iterator

from netdiag import errors, icmp, mac
from netdiag.results import ArpRow
from netdiag.snmp import SnmpTarget, client, values
from netdiag.snmp.message import Value

MOST_ROWS = 100_000
DEADLINE_S = 60.0
_MOST_INTERFACES = 5000
_IF_INDEX = "1.3.6.1.2.1.2.2.1.1"
_INVALID = 2
# InetAddressType (RFC 4001): ipv4, ipv6, ipv4z, ipv6z; the last two carry a zone of four bytes behind.
_ADDRESS_BYTES = {1: 4, 2: 16, 3: 4, 4: 16}

Place = tuple[int, bytes]


def inet_index(index: str) -> Place | None:
    """Read `ifIndex.type.length.address`; None if it is something else."""
    numbers = _numbers(index)
    if len(numbers) < 3:
        return None
    if_index, kind, length, *address = numbers
    wanted = _ADDRESS_BYTES.get(kind)
    if wanted is None or len(address) != length or length not in {wanted, wanted + 4}:
        return None
    return _place(if_index, address[:wanted])


def media_index(index: str) -> Place | None:
    """Read `ifIndex.a.b.c.d`."""
    numbers = _numbers(index)
    return _place(numbers[0], numbers[1:]) if len(numbers) == 5 else None


def at_index(index: str) -> Place | None:
    """Read `ifIndex.1.a.b.c.d`: the 1 says that it is an address of the internet."""
    numbers = _numbers(index)
    return _place(numbers[0], numbers[2:]) if len(numbers) == 6 and numbers[1] == 1 else None


def media6_index(index: str) -> Place | None:
    """Read `ifIndex.address`, sixteen numbers; some agents put their count before them."""
    numbers = _numbers(index)
    if len(numbers) == 18 and numbers[1] == 16:
        return _place(numbers[0], numbers[2:])
    return _place(numbers[0], numbers[1:]) if len(numbers) == 17 else None


def huawei_index(index: str) -> Place | None:
    """Read `ifIndex.a.b.c.d` with the name of the VRF behind it."""
    numbers = _numbers(index)
    return _place(numbers[0], numbers[1:5]) if len(numbers) >= 5 else None


def _numbers(index: str) -> list[int]:
    parts = index.split(".")
    return [int(part) for part in parts] if all(part.isdecimal() for part in parts) else []


def _place(if_index: int, address: list[int]) -> Place | None:
    return (if_index, bytes(address)) if max(address) < 256 else None


def _inet_tail(numbers: list[str]) -> str:
    return ".".join(["1" if len(numbers) == 4 else "2", str(len(numbers)), *numbers])


@dataclasses.dataclass(frozen=True, slots=True)
class _Table:
    """A column of MACs, that of the row's type (2 is invalid), how an index is read, and how written."""

    mac: str
    kind: str | None
    read: Callable[[str], Place | None]
    tail: Callable[[list[str]], str] | None
    versions: frozenset[int]
    vendor: str = ""


_BOTH, _FOUR, _SIX = frozenset({4, 6}), frozenset({4}), frozenset({6})
_TABLES = (
    _Table("1.3.6.1.2.1.4.35.1.4", "1.3.6.1.2.1.4.35.1.6", inet_index, _inet_tail, _BOTH),
    _Table("1.3.6.1.2.1.4.22.1.2", "1.3.6.1.2.1.4.22.1.4", media_index, ".".join, _FOUR),
    _Table("1.3.6.1.2.1.55.1.12.1.2", None, media6_index, ".".join, _SIX),
    _Table("1.3.6.1.4.1.9.10.86.1.1.3.1.3", None, inet_index, _inet_tail, _BOTH, "9"),
    _Table("1.3.6.1.4.1.2011.5.25.123.1.17.1.11", None, huawei_index, None, _FOUR, "2011"),
    _Table("1.3.6.1.2.1.3.1.1.2", None, at_index, None, _FOUR),
)
_OBJECT_ID, _ENTERPRISES = "1.3.6.1.2.1.1.2.0", "1.3.6.1.4.1."


def table(target: SnmpTarget, *, max_rows: int = MOST_ROWS, deadline_s: float = DEADLINE_S) -> list[ArpRow]:
    """Read all neighbours a router knows; a lesser table only for an IP version a better one is empty of.

    Raises SnmpFailed, BadAddress.
    """
    until = time.monotonic() + deadline_s
    vendor = _vendor(target)
    found: dict[Place, str] = {}
    missing = {4, 6}
    for one in _TABLES:
        if not missing & one.versions or one.vendor not in {"", vendor}:
            continue
        left_s = until - time.monotonic()
        if left_s <= 0:
            raise errors.SnmpSilent(
                f"{target.host}: its tables of neighbours took longer than {deadline_s} s"
            )
        for place, seen in _rows(target, one, max_rows - len(found), left_s):
            found.setdefault(place, seen)
        missing -= {4 if len(address) == 4 else 6 for _, address in found}
        if len(found) >= max_rows:
            break
    return [
        ArpRow(str(ipaddress.ip_address(address)), seen, if_index)
        for (if_index, address), seen in sorted(found.items(), key=lambda item: (len(item[0][1]), item[0][1]))
    ]


def _rows(target: SnmpTarget, one: _Table, most: int, left_s: float) -> Iterator[tuple[Place, str]]:
    columns = [one.mac, one.kind] if one.kind else [one.mac]
    for index, row in client.columns(target, columns, max_rows=most, deadline_s=left_s).items():
        place, seen = one.read(index), mac_of(row.get(one.mac))
        is_valid = one.kind is None or row.get(one.kind) != _INVALID
        if place is not None and seen is not None and is_valid:
            yield place, seen


def mac_of(value: Value | None) -> str | None:
    """Return a MAC from six octets, or from text as some agents spell it; None for anything else."""
    found = values.mac(value)
    if found is not None or not isinstance(value, bytes) or not 11 <= len(value) <= 18:
        return found
    try:
        spelled = mac.parse(value.rstrip(b"\x00").decode("ascii"))
    except (errors.BadAddress, UnicodeDecodeError):
        return None
    return spelled if spelled.strip("0:") else None


def _vendor(target: SnmpTarget) -> str:
    """Return the enterprise number of the device, empty if it tells none."""
    said = values.text(client.get(target, _OBJECT_ID)[_OBJECT_ID])
    return said.removeprefix(_ENTERPRISES).partition(".")[0] if said.startswith(_ENTERPRISES) else ""


def find(target: SnmpTarget, address: str) -> str | None:
    """Return the MAC a router has for an address, None if it has none. Raises SnmpFailed, BadAddress.

    Asks for the very row on each of the router's interfaces; walks where the interfaces cannot be listed,
    and Huawei's table, whose rows end in the name of a VRF.
    """
    wanted = icmp.parse_address(address)
    numbers = [str(part) for part in wanted.packed]
    interfaces = list(client.columns(target, [_IF_INDEX], max_rows=_MOST_INTERFACES))
    vendor: str | None = None
    for one in _TABLES:
        if wanted.version not in one.versions:
            continue
        if one.vendor:
            vendor = _vendor(target) if vendor is None else vendor
        if one.vendor and one.vendor != vendor:
            continue
        seen = None
        if one.tail and interfaces:
            seen = _exact(target, [f"{one.mac}.{index}.{one.tail(numbers)}" for index in interfaces])
        elif one.vendor or not interfaces:
            seen = _by_walk(target, one, wanted.packed)
        if seen:
            return seen
    return None


def _exact(target: SnmpTarget, oids: list[str]) -> str | None:
    found = (mac_of(value) for value in client.get(target, *oids).values())
    return next((seen for seen in found if seen), None)


def _by_walk(target: SnmpTarget, one: _Table, wanted: bytes) -> str | None:
    rows = _rows(target, one, MOST_ROWS, client.WALK_DEADLINE_S)
    return next((seen for (_, address), seen in rows if address == wanted), None)
