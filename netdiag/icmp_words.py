"""ICMP errors in words: what went wrong and which router said so."""

import errno
import ipaddress
import os
import struct

_ORIGIN_LOCAL = 1
_UNREACHABLE_4 = {
    0: "network unreachable",
    1: "host unreachable",
    2: "protocol unreachable",
    3: "port unreachable",
    4: "fragmentation needed",
    5: "source route failed",
    6: "network unknown",
    7: "host unknown",
    9: "network prohibited",
    10: "host prohibited",
    11: "network unreachable for this service",
    12: "host unreachable for this service",
    13: "packet filtered",
}
_UNREACHABLE_6 = {
    0: "no route",
    1: "packet filtered",
    2: "beyond scope of the source address",
    3: "host unreachable",
    4: "port unreachable",
    5: "source address refused",
    6: "route rejected",
}
_LOCAL = {
    errno.EMSGSIZE: "packet larger than the path allows",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ENETUNREACH: "network unreachable",
}


def reason(extended: bytes, version: int) -> tuple[str, str | None]:
    """Return the words and the router of a `sock_extended_err` (see ip(7), RFC 792, RFC 4443)."""
    number, origin, kind, code = struct.unpack("=IBBB", extended[:7])
    if origin == _ORIGIN_LOCAL:
        return f"{_LOCAL.get(number, os.strerror(number))} (found by this machine)", None
    router = _offender(extended[16:])
    return f"{_words(kind, code, version)} from {router}", router


def _words(kind: int, code: int, version: int) -> str:
    if version == 4:
        known = {3: _UNREACHABLE_4.get(code), 11: "time to live exceeded", 12: "bad packet"}.get(kind)
    else:
        known = {1: _UNREACHABLE_6.get(code), 2: "packet too big", 3: "hop limit exceeded"}.get(kind)
    return known or f"ICMP type {kind} code {code}"


def _offender(address: bytes) -> str:
    """Read the sockaddr of the router that follows the extended error."""
    (family,) = struct.unpack("=H", address[:2])
    if family == 2:
        return str(ipaddress.IPv4Address(address[4:8]))
    if family == 10:
        return str(ipaddress.IPv6Address(address[8:24]))
    return "an unknown router"
