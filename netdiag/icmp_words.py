"""ICMP errors in words: what went wrong and which router said so."""

import dataclasses
import errno
import os
import socket
import struct

_ORIGIN_LOCAL, _ORIGIN_STAMP = 1, 4
_EXTENDED = struct.Struct("=IBBBBI")
_EXPIRED = {0: "time to live exceeded", 1: "a fragment did not arrive in time"}
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


@dataclasses.dataclass(frozen=True, slots=True)
class Cause:
    """An ICMP error without its words; `kind` None is an error of this machine, `code` its number then."""

    version: int
    kind: int | None
    code: int
    mtu: int | None = None

    @property
    def is_expired(self) -> bool:
        """Tell whether the packet used up its hops on the way."""
        return (self.version, self.kind, self.code) in {(4, 11, 0), (6, 3, 0)}

    @property
    def is_too_large(self) -> bool:
        """Tell whether the packet was too large for the path."""
        too_large = {(4, 3, 4), (6, 2, 0)}
        return (self.version, self.kind, self.code) in too_large or (
            self.kind is None and self.code == errno.EMSGSIZE
        )


def reason(extended: bytes, version: int) -> tuple[str, str | None]:
    """Return the words and the router of a `sock_extended_err` (see ip(7), RFC 792, RFC 4443)."""
    router = offender(extended)
    return sentence(extended_cause(extended, version), router), router


def _errno_words(code: int) -> str:
    """Return the system's words; the kernel's field is wider than any errno (ip(7), ee_errno)."""
    return os.strerror(code) if 0 <= code < 1 << 31 else f"error {code}"


def sentence(cause: Cause, router: str | None) -> str:
    """Say an error in words, with who said so."""
    if cause.kind is None:
        return f"{_LOCAL.get(cause.code) or _errno_words(cause.code)} (found by this machine)"
    return f"{_words(cause.kind, cause.code, cause.version)} from {router or 'an unknown router'}"


def extended_cause(extended: bytes, version: int) -> Cause:
    """Read the cause out of a `sock_extended_err`."""
    number, origin, kind, code, _, info = _EXTENDED.unpack(extended[:12].ljust(12, b"\0"))
    mtu = info or None if number == errno.EMSGSIZE else None
    return Cause(version, None, number, mtu) if origin == _ORIGIN_LOCAL else Cause(version, kind, code, mtu)


def is_icmp(extended: bytes) -> bool:
    """Tell an error from a send stamp, which comes by the same queue."""
    return len(extended) >= 16 and extended[4] != _ORIGIN_STAMP


def offender(extended: bytes) -> str | None:
    """Return the router whose sockaddr follows a `sock_extended_err`, None for this machine or no address."""
    address = extended[16:]
    if len(extended) < 18 or extended[4] == _ORIGIN_LOCAL:
        return None
    (family,) = struct.unpack("=H", address[:2])
    if family == socket.AF_INET and len(address) >= 8:
        return socket.inet_ntop(socket.AF_INET, address[4:8])
    if family == socket.AF_INET6 and len(address) >= 24:
        return socket.inet_ntop(socket.AF_INET6, address[8:24])
    return None


def _words(kind: int, code: int, version: int) -> str:
    if version == 4:
        known = {3: _UNREACHABLE_4.get(code), 11: _EXPIRED.get(code), 12: "bad packet"}.get(kind)
    else:
        known = {
            1: _UNREACHABLE_6.get(code),
            2: "packet too big",
            3: "hop limit exceeded" if code == 0 else _EXPIRED.get(code),
            4: "bad packet",
        }.get(kind)
    return known or f"ICMP type {kind} code {code}"
