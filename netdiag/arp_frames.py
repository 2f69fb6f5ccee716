"""ARP frames as bytes (RFC 826, RFC 5227), for where thousands are sent and read."""

import struct
from typing import NamedTuple

BROADCAST = b"\xff" * 6
REQUEST, REPLY = 1, 2
_FRAME = struct.Struct("!6s6sHHHBBH6s4s6s4s")
_ETHERNET, _IPV4, _ARP = 1, 0x0800, 0x0806
NOBODY = bytes(4)


class Arp(NamedTuple):
    """One ARP frame: MACs of six bytes, addresses of four."""

    frame_to: bytes
    frame_from: bytes
    operation: int
    sender_mac: bytes
    sender: bytes
    target_mac: bytes
    target: bytes

    @property
    def is_gratuitous(self) -> bool:
        """Tell whether somebody announces an address of its own (RFC 5227 section 3)."""
        return self.sender == self.target and self.sender != NOBODY


def question_head(own_mac: bytes, own_address: bytes) -> bytes:
    """Return a broadcast question but for its last four bytes, the address that is asked for."""
    frame = _FRAME.pack(
        BROADCAST,
        own_mac,
        _ARP,
        _ETHERNET,
        _IPV4,
        6,
        4,
        REQUEST,
        own_mac,
        own_address,
        bytes(6),
        NOBODY,
    )
    return frame[:-4]


def parse(frame: bytes) -> Arp | None:
    """Read a frame; None if it is not ARP of Ethernet for IPv4 or its sender's MAC cannot be one."""
    if len(frame) < _FRAME.size:
        return None
    to, source, ethertype, hardware, protocol, long, short, operation, *rest = _FRAME.unpack_from(frame)
    if (ethertype, hardware, protocol, long, short) != (_ARP, _ETHERNET, _IPV4, 6, 4):
        return None
    sender_mac = rest[0]
    # A group address or zeros is nobody's MAC.
    if sender_mac[0] & 1 or not any(sender_mac):
        return None
    return Arp(to, source, operation, *rest)
