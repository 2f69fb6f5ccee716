"""Echo requests built and ICMP messages read (RFC 792, RFC 4443): any bytes in, values or None out."""

import dataclasses
import socket
import struct
import sys

ECHO_REQUEST = {4: 8, 6: 128}
ECHO_REPLY = {4: 0, 6: 129}
# What a router or host says of an echo that did not make it: 4 = source quench is long obsolete (RFC 6633).
ERRORS = {4: frozenset({3, 11, 12}), 6: frozenset({1, 2, 3, 4})}
TOKEN = 8
# So much of a payload is kept: a token, and what a sweep writes behind it.
_KEPT = 16
_PROTOCOL = {4: 1, 6: 58}
_FRAGMENT_HEADER = 44


@dataclasses.dataclass(frozen=True, slots=True)
class Message:
    """One ICMP message about an echo: `target` is None in a reply, else whom the lost echo was sent to."""

    kind: int
    code: int
    identifier: int
    sequence: int
    head: bytes
    size: int
    ttl: int | None
    target: str | None = None
    mtu: int | None = None


def checksum(content: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    padded = content + bytes(len(content) % 2)
    total = sum(memoryview(padded).cast("H"))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    total ^= 0xFFFF
    return total if sys.byteorder == "big" else (total >> 8) | (total & 0xFF) << 8


def echo_request(version: int, identifier: int, sequence: int, payload: bytes) -> bytes:
    """Build an echo request; the kernel fills in the checksum of version 6, which covers the addresses."""
    kind = ECHO_REQUEST[version]
    body = struct.pack("!BBHHH", kind, 0, 0, identifier, sequence & 0xFFFF) + payload
    if version == 6:
        return body
    return struct.pack("!BBH", kind, 0, checksum(body)) + body[4:]


def read(version: int, packet: bytes, size: int, *, has_ip_header: bool) -> Message | None:
    """Read an echo reply or an error about an echo; None for everything else and for what is cut short.

    `packet` may be only the head of the message, `size` is the length of the whole. Only a raw socket of
    version 4 gives the IP header too.
    """
    ttl = None
    if has_ip_header:
        start = _ip_header(packet)
        if start is None:
            return None
        ttl, packet, size = packet[8], packet[start:], size - start
    if len(packet) < 8:
        return None
    kind, code = packet[0], packet[1]
    if kind == ECHO_REPLY[version] and code == 0:
        identifier, sequence = struct.unpack_from("!HH", packet, 4)
        return Message(kind, code, identifier, sequence, packet[8 : 8 + _KEPT], size, ttl)
    if kind in ERRORS[version]:
        return _error(version, packet, size, ttl)
    return None


def quoted(echo: bytes, target: str) -> Message | None:
    """Read the echo of ours that an error queue gives back with its error; None if it is cut short."""
    if len(echo) < 8:
        return None
    identifier, sequence = struct.unpack_from("!HH", echo, 4)
    return Message(echo[0], echo[1], identifier, sequence, echo[8 : 8 + _KEPT], len(echo), None, target)


def _ip_header(packet: bytes) -> int | None:
    """Return the length of an IPv4 header, None if this is none."""
    if len(packet) < 20 or packet[0] >> 4 != 4:
        return None
    length = (packet[0] & 15) * 4
    return length if 20 <= length <= len(packet) else None


def _error(version: int, packet: bytes, size: int, ttl: int | None) -> Message | None:
    """Read an error: behind its 8 bytes it quotes the echo it is about, IP header first."""
    original = packet[8:]
    found = _original4(original) if version == 4 else _original6(original)
    if found is None:
        return None
    target, start = found
    echo = original[start:]
    if len(echo) < 8 or echo[0] != ECHO_REQUEST[version]:
        return None
    identifier, sequence = struct.unpack_from("!HH", echo, 4)
    kind, code = packet[0], packet[1]
    return Message(
        kind, code, identifier, sequence, echo[8 : 8 + _KEPT], size, ttl, target, _mtu(version, packet)
    )


def _original4(packet: bytes) -> tuple[str, int] | None:
    start = _ip_header(packet)
    if start is None or packet[9] != _PROTOCOL[4]:
        return None
    return socket.inet_ntop(socket.AF_INET, packet[16:20]), start


def _original6(packet: bytes) -> tuple[str, int] | None:
    if len(packet) < 40 or packet[0] >> 4 != 6:
        return None
    protocol, start = packet[6], 40
    if protocol == _FRAGMENT_HEADER and len(packet) >= 48:
        protocol, start = packet[40], 48
    if protocol != _PROTOCOL[6]:
        return None
    return socket.inet_ntop(socket.AF_INET6, packet[24:40]), start


def _mtu(version: int, packet: bytes) -> int | None:
    """Return the MTU an error names: RFC 1191 (type 3 code 4), RFC 4443 (type 2)."""
    if version == 4 and packet[:2] == b"\x03\x04":
        return int.from_bytes(packet[6:8], "big") or None
    if version == 6 and packet[0] == 2:
        return int.from_bytes(packet[4:8], "big")
    return None
