"""ICMP sockets: icmplib's, with kernel stamps, the error queue and nobody else's replies."""

import dataclasses
import errno
import ipaddress
import secrets
import select
import socket
import struct
import time
from typing import Protocol

import icmplib

from netdiag import errors
from netdiag.icmp_words import reason

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Linux numbers that the socket module does not name (linux/in.h, linux/in6.h, linux/icmp.h).
_IP_RECVERR, _IP_RECVTTL = 11, 12
_IPV6_RECVERR, _IPV6_RECVHOPLIMIT, _IPV6_HOPLIMIT = 25, 51, 52
_SOL_RAW, _ICMP_FILTER, _ICMP6_FILTER = 255, 1, 1
_SO_TIMESTAMPNS = 35
_MSG_ERRQUEUE = 0x2000
_ECHO_REPLY_4, _ECHO_REPLY_6 = 0, 129
_LARGEST = 65536
_BATCH = 256

ADVICE = (
    "Allow it with CAP_NET_RAW for the probe worker (systemd: AmbientCapabilities=CAP_NET_RAW; "
    "by hand: setcap cap_net_raw+ep on its python), or let its group use unprivileged ping: "
    'sysctl -w net.ipv4.ping_group_range="0 2147483647".'
)


class Unsendable(Exception):
    """This one packet could not leave the machine; the text says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """One ICMP message that came back: an echo reply, or an error (`error` says which) about our echo."""

    sender: str
    target: str
    identifier: int
    sequence: int
    payload: bytes
    received_at: float
    size: int | None
    ttl: int | None
    error: str | None


class Channel(Protocol):
    """What a ping needs of the network; `netdiag.testing.FakeIcmp` is the other one."""

    identifier: int

    def send(self, address: str, sequence: int, payload: bytes, ttl: int) -> float:
        """Send one echo request and return the epoch second it left; Unsendable if it cannot."""
        ...

    def receive(self, timeout_s: float) -> list[Answer]:
        """Wait up to `timeout_s` for messages and return those that came."""
        ...

    def now(self) -> float:
        """Return the seconds of a clock that never goes back."""
        ...

    def close(self) -> None:
        """Give the socket back."""
        ...


class _Reader:
    """The one thing we need beyond icmplib's public face: parsing without its 1024-byte receive."""

    def parse(self, packet: bytes, source: str, at: float) -> icmplib.ICMPReply | None:
        """Read one packet as icmplib does."""
        return self._parse_reply(packet, source, at)  # type: ignore[attr-defined]


class _Socket4(_Reader, icmplib.ICMPv4Socket):  # type: ignore[misc]
    """icmplib's IPv4 socket."""


class _Socket6(_Reader, icmplib.ICMPv6Socket):  # type: ignore[misc]
    """icmplib's IPv6 socket."""


def parse_address(text: str) -> IPAddress:
    """Read an IPv4 or IPv6 literal; raises BadAddress (names are resolved by whoever knows the zone)."""
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        raise errors.BadAddress(f"{text!r} is not an IP address") from None


def open_channel(address: IPAddress) -> "SocketChannel":
    """Open a channel to one target: raw if allowed, else the kernel's ping socket; raises NotPermitted."""
    return SocketChannel(address.version, str(address))


def open_wide_channel(version: int) -> "SocketChannel":
    """Open one channel for many targets of one IP version (4 or 6); raises NotPermitted."""
    return SocketChannel(version, None)


def open_socket(version: int, *, is_raw: bool) -> icmplib.ICMPv4Socket | icmplib.ICMPv6Socket:
    """Open icmplib's socket of that kind; raises NotPermitted or WireError."""
    kind = _Socket4 if version == 4 else _Socket6
    try:
        return kind(privileged=is_raw)
    except icmplib.SocketPermissionError:
        raise errors.NotPermitted(f"This process may not open an ICMP socket. {ADVICE}") from None
    except icmplib.ICMPLibError as fault:
        raise errors.WireError(f"ICMPv{version} socket: {fault}") from fault


class SocketChannel:
    """A real ICMP socket; to one target it is connected, so that the kernel drops other senders' replies."""

    def __init__(self, version: int, target: str | None) -> None:
        self.version = version
        self._target = target
        self._is_connected = False
        try:
            self._socket = open_socket(version, is_raw=True)
            self.is_raw = True
        except errors.NotPermitted:
            self._socket = open_socket(version, is_raw=False)
            self.is_raw = False
        # A random id per run: icmplib counts them from the process id at import, the same after a fork.
        self.identifier = secrets.randbelow(0x10000)
        self._sock: socket.socket = self._socket.sock
        self._set_options()
        self._poll = select.poll()
        self._poll.register(self._sock, select.POLLIN)

    def _set_options(self) -> None:
        sock = self._sock
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        if self.version == 4:
            sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
            sock.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
            if self.is_raw:
                sock.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", 0xFFFFFFFF ^ (1 << _ECHO_REPLY_4)))
            return
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVHOPLIMIT, 1)
        if self.is_raw:
            blocked = [0xFFFFFFFF] * 8
            blocked[_ECHO_REPLY_6 >> 5] ^= 1 << (_ECHO_REPLY_6 & 31)
            sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("=8I", *blocked))

    def now(self) -> float:
        """Return the monotonic clock in seconds."""
        return time.monotonic()

    def close(self) -> None:
        """Close the socket; harmless when repeated."""
        self._socket.close()

    def send(self, address: str, sequence: int, payload: bytes, ttl: int) -> float:
        """Send one echo request and return the epoch second it left; raises Unsendable."""
        request = icmplib.ICMPRequest(
            destination=address,
            id=self.identifier,
            sequence=sequence,
            payload=payload,
            payload_size=len(payload),  # else no payload would mean a random one
            ttl=ttl,
        )
        for attempt in (1, 2):
            try:
                self._connect()
                self._socket.send(request)
                break
            except (icmplib.ICMPLibError, OSError) as fault:
                # A pending ICMP error of an earlier packet is reported on the next send, which is then
                # not done: the second attempt is the real one. The error itself waits in the error queue.
                if attempt == 2:
                    raise Unsendable(_send_fault(fault)) from fault
        if not self.is_raw:
            self.identifier = request.id
        return float(request.time)

    def _connect(self) -> None:
        if self._target is None or self._is_connected:
            return
        info = socket.getaddrinfo(self._target, None, self._sock.family, self._sock.type)
        self._sock.connect(info[0][4])
        self._is_connected = True

    def receive(self, timeout_s: float) -> list[Answer]:
        """Wait up to `timeout_s` for messages and return those that came."""
        if not self._poll.poll(max(0.0, timeout_s) * 1000):
            return []
        found: list[Answer] = []
        for _ in range(_BATCH):
            try:
                packet, control, _flags, source = self._sock.recvmsg(_LARGEST, 256)
            except BlockingIOError:
                break
            except OSError:
                found += self._errors()
                continue
            answer = self._read(packet, control, source[0])
            if answer:
                found.append(answer)
        return found + self._errors()

    def _read(self, packet: bytes, control: list[tuple[int, int, bytes]], source: str) -> Answer | None:
        stamp, ttl, _ = _controls(control)
        reply = self._socket.parse(packet, source, stamp)
        wanted = _ECHO_REPLY_4 if self.version == 4 else _ECHO_REPLY_6
        if reply is None or reply.type != wanted:
            return None
        header = len(packet) - reply.bytes_received if self.is_raw and self.version == 4 else 0
        sender = source.partition("%")[0]
        return Answer(
            sender=sender,
            target=sender,
            identifier=reply.id,
            sequence=reply.sequence,
            payload=packet[header + 8 :],
            received_at=stamp,
            size=reply.bytes_received,
            ttl=ttl,
            error=None,
        )

    def _errors(self) -> list[Answer]:
        found: list[Answer] = []
        for _ in range(_BATCH):
            try:
                packet, control, _flags, target = self._sock.recvmsg(512, 512, _MSG_ERRQUEUE)
            except OSError:
                break
            stamp, _ttl, extended = _controls(control)
            if extended is None or len(packet) < 8 or not target:
                continue
            text, router = reason(extended, self.version)
            identifier, sequence = struct.unpack("!2H", packet[4:8])
            sender = router or str(target[0])
            destination = str(target[0]).partition("%")[0]
            found.append(
                Answer(sender, destination, identifier, sequence, b"", stamp, None, None, error=text)
            )
        return found


def _controls(control: list[tuple[int, int, bytes]]) -> tuple[float, int | None, bytes | None]:
    """Return receive stamp (epoch s), TTL and extended error of a message's control blocks."""
    stamp, ttl, extended = time.time(), None, None
    for level, kind, content in control:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(content) >= 16:
            seconds, nanoseconds = struct.unpack("=qq", content[:16])
            stamp = seconds + nanoseconds / 1e9
        elif (level, kind) in {(socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, _IPV6_HOPLIMIT)}:
            ttl = int.from_bytes(content[:4], "little" if _IS_LITTLE else "big")
        elif (level, kind) in {(socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)}:
            extended = content
    return stamp, ttl, extended


_IS_LITTLE = struct.pack("=H", 1) == b"\x01\x00"


def _send_fault(fault: Exception) -> str:
    """Say in words why a packet did not leave."""
    if isinstance(fault, OSError) and fault.errno is not None:
        words = {
            errno.ENETUNREACH: "no route to this network from here",
            errno.EHOSTUNREACH: "no route to this host from here",
            errno.EACCES: "this is a broadcast address",
            errno.EPERM: "the local packet filter forbids it",
            errno.EMSGSIZE: "packet larger than the interface allows",
        }
        return words.get(fault.errno, str(fault))
    if isinstance(fault, icmplib.SocketBroadcastError):
        return "the local packet filter forbids it"
    return str(fault)
