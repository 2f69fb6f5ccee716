"""The kernel's routes and neighbours by rtnetlink: two questions, no program, no privilege."""

import contextlib
import dataclasses
import fcntl
import ipaddress
import socket
import struct
import sys
from collections.abc import Iterator

from netdiag import errors

_SIOCGIFHWADDR = 0x8927
_REQUEST, _DUMP = 1, 0x300
_ERROR, _DONE = 2, 3
_GET_ADDRESS, _GET_ROUTE, _GET_NEIGHBOUR = 22, 26, 30
_RTA_OIF, _RTA_GATEWAY, _RTA_PREFSRC, _RTA_VIA = 4, 5, 7, 18
_RTA_DST = 1
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_NDA_DST, _NDA_LLADDR = 1, 2
_UNICAST, _LOCAL = 1, 2
_HEADER = struct.Struct("=IHHII")
_ROUTE = struct.Struct("=BBBBBBBBI")
_NEIGHBOUR = struct.Struct("=BBHiHBB")
_ADDRESS = struct.Struct("=BBBBI")

INCOMPLETE, REACHABLE, FAILED, NOARP, PERMANENT = 0x01, 0x02, 0x20, 0x40, 0x80


@dataclasses.dataclass(frozen=True, slots=True)
class Route:
    """How the kernel would send to an address."""

    interface: str
    gateway: str | None
    source: str | None
    is_local: bool
    is_unicast: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Neighbour:
    """One entry of the kernel's neighbour table."""

    address: str
    mac: str | None
    interface: str
    state: int


def route(address: str) -> Route | None:
    """Return the kernel's route to an address, None if there is none. Raises BadAddress."""
    target, index = _split(address)
    family = socket.AF_INET if target.version == 4 else socket.AF_INET6
    body = _ROUTE.pack(family, target.max_prefixlen, 0, 0, 0, 0, 0, 0, 0) + _attribute(
        _RTA_DST, target.packed
    )
    if index:
        body += _attribute(_RTA_OIF, struct.pack("=I", index))
    for payload in _ask(_GET_ROUTE, _REQUEST, body):
        return route_of(payload)
    return None


def route_of(payload: bytes) -> Route | None:
    """Read one message about a route (struct rtmsg and attributes); None if it is too short."""
    if len(payload) < _ROUTE.size:
        return None
    found = _attributes(payload[_ROUTE.size :])
    via = found.get(_RTA_GATEWAY) or found.get(_RTA_VIA, b"")[2:]
    return Route(
        interface=_interface(int.from_bytes(found.get(_RTA_OIF, b"")[:4], sys.byteorder)),
        gateway=_spell(via),
        source=_spell(found.get(_RTA_PREFSRC, b"")),
        is_local=payload[7] == _LOCAL,
        is_unicast=payload[7] == _UNICAST,
    )


def _spell(packed: bytes) -> str | None:
    return str(ipaddress.ip_address(packed)) if len(packed) in {4, 16} else None


def owner(address: str) -> str | None:
    """Return the interface of this machine that has this very address, None if none has."""
    target, _ = _split(address)
    family = socket.AF_INET if target.version == 4 else socket.AF_INET6
    found_on = None
    for payload in _ask(_GET_ADDRESS, _REQUEST | _DUMP, _ADDRESS.pack(family, 0, 0, 0, 0)):
        found = _attributes(payload[_ADDRESS.size :])
        if payload[0] == family and target.packed == (found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS)):
            found_on = _interface(_ADDRESS.unpack_from(payload)[4])
    return found_on


def addresses(interface: str, version: int) -> list[str]:
    """Return the addresses of one IP version that an interface of this machine has."""
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    found_there = []
    for payload in _ask(_GET_ADDRESS, _REQUEST | _DUMP, _ADDRESS.pack(family, 0, 0, 0, 0)):
        found = _attributes(payload[_ADDRESS.size :])
        packed = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS)
        if packed and payload[0] == family and _interface(_ADDRESS.unpack_from(payload)[4]) == interface:
            found_there.append(str(ipaddress.ip_address(packed)))
    return found_there


def hardware_address(interface: str) -> str | None:
    """Return an interface's own MAC, None if it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            answer = fcntl.ioctl(sock, _SIOCGIFHWADDR, struct.pack("256s", interface.encode()[:15]))
        except OSError:
            return None
    found = answer[18:24]
    return found.hex(":") if any(found) else None


def neighbours(version: int) -> Iterator[Neighbour]:
    """Yield the kernel's neighbour table of one IP version."""
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    for payload in _ask(_GET_NEIGHBOUR, _REQUEST | _DUMP, _NEIGHBOUR.pack(family, 0, 0, 0, 0, 0, 0)):
        found = neighbour_of(payload)
        if found is not None:
            yield found


def neighbour_of(payload: bytes) -> Neighbour | None:
    """Read one message about a neighbour (struct ndmsg and attributes); None if it names no address."""
    if len(payload) < _NEIGHBOUR.size:
        return None
    _family, _, _, index, state, _flags, _type = _NEIGHBOUR.unpack_from(payload)
    found = _attributes(payload[_NEIGHBOUR.size :])
    address, lladdr = found.get(_NDA_DST, b""), found.get(_NDA_LLADDR, b"")
    if len(address) not in {4, 16}:
        return None
    return Neighbour(
        address=str(ipaddress.ip_address(address)),
        mac=lladdr.hex(":") if len(lladdr) == 6 and any(lladdr) else None,
        interface=_interface(index),
        state=state,
    )


def _split(address: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]:
    """Return the address and the index of its interface scope (fe80::1%eth0), 0 for none."""
    plain, _, scope = address.partition("%")
    try:
        target = ipaddress.ip_address(plain)
    except ValueError:
        raise errors.BadAddress(f"{address!r} is not an IP address") from None
    try:
        return target, socket.if_nametoindex(scope) if scope else 0
    except OSError:
        raise errors.NoInterface(f"this machine has no interface {scope}") from None


def _interface(index: int) -> str:
    with contextlib.suppress(OSError):
        return socket.if_indextoname(index)
    return ""


def _attribute(kind: int, content: bytes) -> bytes:
    length = 4 + len(content)
    return struct.pack("=HH", length, kind) + content + bytes(-length % 4)


def _attributes(content: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    place = 0
    while place + 4 <= len(content):
        length, kind = struct.unpack_from("=HH", content, place)
        if length < 4:
            break
        found[kind & 0x3FFF] = content[place + 4 : place + length]
        place += length + (-length % 4)
    return found


def _ask(kind: int, flags: int, body: bytes) -> Iterator[bytes]:
    """Send one request and yield the payloads of the answer; an error of the kernel ends it."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        sock.settimeout(5)
        sock.bind((0, 0))
        sock.send(_HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body)
        while True:
            for answered, payload in messages(sock.recv(1 << 18)):
                if answered in {_DONE, _ERROR}:
                    return
                yield payload
            if not flags & _DUMP:
                return


def messages(wire: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield kind and payload of each netlink message of a datagram; ends at what cannot be one."""
    place = 0
    while place + _HEADER.size <= len(wire):
        length, kind, _, _, _ = _HEADER.unpack_from(wire, place)
        if length < _HEADER.size:
            return
        yield kind, wire[place + _HEADER.size : place + length]
        place += length + (-length % 4)
