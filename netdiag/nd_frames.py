"""Neighbour solicitations and advertisements of IPv6 as bytes (RFC 4861 4.3, 4.4), with their checksum."""

import struct
from typing import NamedTuple

NOBODY = bytes(16)
SOLICITATION, ADVERTISEMENT = 135, 136
_ICMPV6, _HOP_LIMIT, _IPV6 = 58, 255, 0x86DD
_SOURCE_LINK, _TARGET_LINK = 1, 2
_NODES_PREFIX = bytes.fromhex("ff0200000000000000000001ff")
_ETHERNET = struct.Struct("!6s6sH")
_HEADER = struct.Struct("!IHBB16s16s")
_ROUTER, _SOLICITED, _OVERRIDE = 0x80, 0x40, 0x20
_HEAD_SIZE = _ETHERNET.size + _HEADER.size
_OPTIONS_AT = 24


class Advertisement(NamedTuple):
    """One neighbour advertisement: addresses of sixteen bytes, the MAC of six."""

    sender: bytes
    target: bytes
    mac: bytes
    is_router: bool
    is_solicited: bool
    is_override: bool


def solicited_node(address: bytes) -> bytes:
    """Return the solicited-node multicast address of an address (RFC 4291 2.7.1)."""
    return _NODES_PREFIX + address[-3:]


def checksum(source: bytes, destination: bytes, content: bytes) -> int:
    """Return the checksum of an ICMPv6 message over its pseudo header (RFC 4443 2.3); 0 if it is right."""
    wire = source + destination + struct.pack("!I3xB", len(content), _ICMPV6) + content
    wire += bytes(len(wire) % 2)
    total: int = sum(struct.unpack(f"!{len(wire) // 2}H", wire))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def question(own_mac: bytes, source: bytes, target: bytes) -> bytes:
    """Return a solicitation to the target's multicast group; from NOBODY it names no MAC of ours.

    Such a one is answered to all nodes (RFC 4862 5.4.3); padding keeps all frames of one size.
    """
    group = solicited_node(target)
    option = b"" if source == NOBODY else struct.pack("!BB6s", _SOURCE_LINK, 1, own_mac)
    content = struct.pack("!BBHI16s", SOLICITATION, 0, 0, 0, target) + option
    content = content[:2] + struct.pack("!H", checksum(source, group, content)) + content[4:]
    header = _HEADER.pack(6 << 28, len(content), _ICMPV6, _HOP_LIMIT, source, group)
    frame = _ETHERNET.pack(b"\x33\x33" + group[-4:], own_mac, _IPV6) + header + content
    return frame + bytes(_HEAD_SIZE + 32 - len(frame))


def parse(frame: bytes) -> Advertisement | None:
    """Read an advertisement; None if it is not a valid one (RFC 4861 7.1.2: hop limit, code, checksum)."""
    if len(frame) < _HEAD_SIZE + _OPTIONS_AT:
        return None
    _to, frame_from, ethertype = _ETHERNET.unpack_from(frame)
    first, length, following, hop_limit, source, destination = _HEADER.unpack_from(frame, _ETHERNET.size)
    content = frame[_HEAD_SIZE : _HEAD_SIZE + length]
    if (ethertype, first >> 28, following, hop_limit) != (_IPV6, 6, _ICMPV6, _HOP_LIMIT):
        return None
    if len(content) < length or length < _OPTIONS_AT or checksum(source, destination, content):
        return None
    kind, code, _, flags, target = struct.unpack_from("!BBHB3x16s", content)
    mac = _target_mac(content[_OPTIONS_AT:], frame_from)
    is_solicited = bool(flags & _SOLICITED)
    if kind != ADVERTISEMENT or code or target[0] == 0xFF or mac is None:
        return None
    if is_solicited and destination[0] == 0xFF:
        return None
    return Advertisement(source, target, mac, bool(flags & _ROUTER), is_solicited, bool(flags & _OVERRIDE))


def _target_mac(options: bytes, frame_from: bytes) -> bytes | None:
    """Return the MAC the options name, the frame's sender without one; None if the options are broken."""
    found, place = frame_from, 0
    while place < len(options):
        if len(options) - place < 2:
            return None
        kind, eights = options[place], options[place + 1]
        if eights == 0 or place + 8 * eights > len(options):
            return None
        if kind == _TARGET_LINK and eights == 1:
            found = options[place + 2 : place + 8]
        place += 8 * eights
    return None if found[0] & 1 or not any(found) else found
