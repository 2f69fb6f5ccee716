"""Options of an ICMP socket: kernel filter, stamps, buffers, shape of the packets; control blocks."""

import contextlib
import ctypes
import dataclasses
import socket
import struct
import sys
from collections.abc import Iterable, Iterator

# Linux numbers that the socket module does not name (linux/in.h, in6.h, icmp.h, net_tstamp.h, sock_diag.h).
IP_RECVERR, IPV6_RECVERR = 11, 25
MSG_ERRQUEUE = 0x2000
_IP_RECVTTL, _IP_MTU_DISCOVER, _PMTUDISC_WANT, _PMTUDISC_PROBE = 12, 10, 1, 3
_IPV6_RECVHOPLIMIT, _IPV6_HOPLIMIT, _IPV6_MTU_DISCOVER, _IPV6_DONTFRAG = 51, 52, 23, 62
_SOL_RAW, _ICMP_FILTER, _ICMP6_FILTER = 255, 1, 1
_SO_ATTACH_FILTER, _SO_RCVBUFFORCE, _SO_MEMINFO, _MEMINFO_DROPS = 26, 33, 55, 8
SO_TIMESTAMPNS, SO_TIMESTAMPING = 35, 37
_TX_SOFTWARE, _SOFTWARE = 1 << 1, 1 << 4
_RECEIVE_BUFFER = 8 << 20
# What the kernel charges the receive buffer for one small packet: the data and its own book-keeping.
_CHARGE = 1280

_STAMP = struct.Struct("@ll")
_CMSG = struct.Struct("@Nii")


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """What the packets look like: TTL (hop limit), DSCP (RFC 2474), and whether routers may fragment them."""

    ttl: int = 64
    dscp: int = 0
    dont_fragment: bool = False

    def check(self) -> None:
        """Raise ValueError if a number is out of range."""
        if not 1 <= self.ttl <= 255 or not 0 <= self.dscp <= 63:
            raise ValueError("ttl or dscp is out of range")


@dataclasses.dataclass(frozen=True, slots=True)
class Controls:
    """What the kernel says of a message beside its bytes: when (epoch s), TTL, extended error, send stamp."""

    stamp: float | None = None
    ttl: int | None = None
    extended: bytes | None = None
    sent_at: float | None = None


def set_shape(sock: socket.socket, version: int, shape: Shape) -> None:
    """Set TTL, DSCP and don't-fragment of the packets to come.

    Don't-fragment is the probing kind: the kernel's own idea of the path's MTU neither cuts nor refuses.
    """
    traffic_class = shape.dscp << 2
    if version == 4:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, shape.ttl)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, traffic_class)
        discover = _PMTUDISC_PROBE if shape.dont_fragment else _PMTUDISC_WANT
        sock.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, discover)
        return
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, shape.ttl)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, traffic_class)
    if shape.dont_fragment:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PMTUDISC_PROBE)
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_DONTFRAG, 1)


def set_up(
    sock: socket.socket, version: int, *, is_raw: bool, identifier: int, has_send_stamps: bool
) -> None:
    """Make the socket non-blocking, stamped, filtered to our echoes and roomy."""
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    if has_send_stamps:
        # A driver that does not stamp is no harm: the moment of the call stands in.
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, _TX_SOFTWARE | _SOFTWARE)
    if is_raw:
        _let_pass(sock, version)
        _attach(sock, filter_code(version, identifier))
    elif version == 4:
        # A raw socket sees ICMP errors as packets; a ping socket gets them by its error queue only.
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    if version == 6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVHOPLIMIT, 1)


def _let_pass(sock: socket.socket, version: int) -> None:
    """Let the kernel pass echo replies and errors only, before it even copies a packet."""
    if version == 4:
        passed = sum(1 << kind for kind in (0, 3, 11, 12))
        sock.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", 0xFFFFFFFF ^ passed))
        return
    blocked = [0xFFFFFFFF] * 8
    for kind in (1, 2, 3, 4, 129):
        blocked[kind >> 5] ^= 1 << (kind & 31)
    sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("=8I", *blocked))


_LOAD_BYTE, _LOAD_HALF, _LOAD_BYTE_X, _LOAD_HALF_X = 0x30, 0x28, 0x50, 0x48
_HEADER_TO_X, _A_TO_X, _AND, _SHIFT, _ADD_X, _EQUAL, _RETURN = 0xB1, 0x07, 0x54, 0x64, 0x0C, 0x15, 0x06
_PASS, _DROP = (_RETURN, 0, 0, 0xFFFF), (_RETURN, 0, 0, 0)

Instruction = tuple[int, int, int, int]


def filter_code(version: int, identifier: int) -> list[Instruction]:
    """Return the classic BPF instructions (bpf(4)) that pass our id, in a reply or quoted in an error."""
    if version == 4:
        return [
            (_HEADER_TO_X, 0, 0, 0),
            (_LOAD_BYTE_X, 0, 0, 0),
            (_EQUAL, 0, 2, 0),  # an echo reply?
            (_LOAD_HALF_X, 0, 0, 4),
            (_EQUAL, 7, 8, identifier),
            (_LOAD_BYTE_X, 0, 0, 8),  # else an error: go behind the quoted IP header
            (_AND, 0, 0, 15),
            (_SHIFT, 0, 0, 2),
            (_ADD_X, 0, 0, 0),
            (_A_TO_X, 0, 0, 0),
            (_LOAD_HALF_X, 0, 0, 12),
            (_EQUAL, 0, 1, identifier),
            _PASS,
            _DROP,
        ]
    return [
        (_LOAD_BYTE, 0, 0, 0),
        (_EQUAL, 0, 2, 129),
        (_LOAD_HALF, 0, 0, 4),
        (_EQUAL, 6, 7, identifier),
        (_LOAD_BYTE, 0, 0, 14),  # the quoted next header: a fragment header or the echo itself
        (_EQUAL, 0, 2, 44),
        (_LOAD_HALF, 0, 0, 60),
        (_EQUAL, 2, 3, identifier),
        (_LOAD_HALF, 0, 0, 52),
        (_EQUAL, 0, 1, identifier),
        _PASS,
        _DROP,
    ]


def _attach(sock: socket.socket, code: list[Instruction]) -> None:
    wire = b"".join(struct.pack("=HBBI", *one) for one in code)
    kept = ctypes.create_string_buffer(wire, len(wire))
    program = struct.pack("@HP", len(code), ctypes.addressof(kept))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def make_room(sock: socket.socket) -> int:
    """Give the socket a large receive buffer, as far as we may; return how many small packets it holds."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // _CHARGE


def dropped(sock: socket.socket) -> int:
    """Return how many messages the kernel dropped because this socket's buffer was full."""
    try:
        counters = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36)
    except OSError:
        return 0
    return int.from_bytes(counters[4 * _MEMINFO_DROPS :][:4], sys.byteorder)


def split_controls(content: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield level, kind and content of each control block of recvmsg(2); stops where they make no sense."""
    place = 0
    while place + _CMSG.size <= len(content):
        length, level, kind = _CMSG.unpack_from(content, place)
        if length < _CMSG.size or place + length > len(content):
            return
        yield level, kind, content[place + _CMSG.size : place + length]
        place += length + -length % struct.calcsize("P")


def read_controls(blocks: Iterable[tuple[int, int, bytes]]) -> Controls:
    """Read the control blocks we asked for; others are passed over."""
    stamp, ttl, extended, sent_at = None, None, None, None
    for level, kind, content in blocks:
        if level == socket.SOL_SOCKET and len(content) >= _STAMP.size:
            if kind == SO_TIMESTAMPNS:
                stamp = _seconds(content)
            elif kind == SO_TIMESTAMPING:
                sent_at = _seconds(content)
        elif (level, kind) in _TTLS and len(content) >= 4:
            ttl = int.from_bytes(content[:4], sys.byteorder)
        elif (level, kind) in _EXTENDED:
            extended = content
    return Controls(stamp, ttl, extended, sent_at)


_TTLS = {(socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, _IPV6_HOPLIMIT)}
_EXTENDED = {(socket.IPPROTO_IP, IP_RECVERR), (socket.IPPROTO_IPV6, IPV6_RECVERR)}


def _seconds(content: bytes) -> float:
    seconds, nanoseconds = _STAMP.unpack_from(content)
    return float(seconds + nanoseconds / 1e9)
