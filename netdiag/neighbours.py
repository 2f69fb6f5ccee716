"""Neighbours without a raw socket: the kernel's table, a router's table by SNMP, and whose segment it is."""

import contextlib
import socket
import time

from netdiag import icmp, netlink, router_arp
from netdiag.snmp import SnmpTarget

# The discard port (RFC 863): the datagram is only there to make the kernel resolve the neighbour.
_DISCARD_PORT = 9
_LOOK_S = 0.02
_USELESS = netlink.INCOMPLETE | netlink.FAILED


def segment(address: str) -> str | None:
    """Return the interface whose segment the address is on; None if it is behind a router or our own.

    Raises BadAddress.
    """
    route = netlink.route(address)
    if route is None or route.is_local or not route.is_unicast or route.gateway or route.interface == "lo":
        return None
    return route.interface


def kernel(address: str, *, wait_s: float = 0.0) -> str | None:
    """Return the MAC in the kernel's neighbour table, None if there is none. Raises BadAddress.

    With `wait_s` the kernel is first made to look for the neighbour, for at most so many seconds.
    """
    target = icmp.parse_address(address.partition("%")[0])
    found = _look_up(target)
    if found is not None or not wait_s:
        return found
    deadline = time.monotonic() + wait_s
    _wake(address, target.version)
    while found is None and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
        found = _look_up(target)
    return found


def _look_up(target: icmp.IPAddress) -> str | None:
    for entry in netlink.neighbours(target.version):
        if entry.address == str(target) and entry.mac and not entry.state & _USELESS:
            return entry.mac
    return None


def _wake(address: str, version: int) -> None:
    """Send an empty datagram, for which the kernel has to ask who has the address."""
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
        info = socket.getaddrinfo(address, _DISCARD_PORT, family, socket.SOCK_DGRAM)
        sock.sendto(b"", info[0][4])


def router(target: SnmpTarget, address: str) -> str | None:
    """Return the MAC a router has for an address, None if it has none. Raises SnmpFailed, BadAddress."""
    return router_arp.find(target, address)
