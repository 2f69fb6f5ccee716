"""The ICMP socket: one for one host or fifty thousand, with the kernel's stamps and nobody else's replies.

Raw where allowed, else the kernel's ping socket. A raw socket gets ICMP errors as packets of their own, so
that an error about one host never disturbs the sending to the next; a ping socket has an error queue.
"""

import contextlib
import dataclasses
import errno
import os
import secrets
import select
import socket
import sys
import time
from typing import Any

from netdiag import errors, icmp_packets
from netdiag.icmp_batch import HEAD, MARK, Echo, FastReader, Inbox, Letter, Outbox
from netdiag.icmp_channel import (
    Answer,
    Burst,
    Channel,
    IPAddress,
    Targets,
    Unsendable,
    Wait,
    WideChannel,
    host_of,
    key_of,
    keys_of,
    parse_address,
)
from netdiag.icmp_options import (
    MSG_ERRQUEUE,
    Shape,
    dropped,
    make_room,
    read_controls,
    set_shape,
    set_up,
    split_controls,
)
from netdiag.icmp_words import Cause, extended_cause, is_icmp, offender, sentence

__all__ = [
    "ADVICE",
    "Answer",
    "Burst",
    "Cause",
    "Channel",
    "Echo",
    "IPAddress",
    "Shape",
    "SocketChannel",
    "Targets",
    "Unsendable",
    "Wait",
    "WideChannel",
    "keys_of",
    "open_channel",
    "open_socket",
    "open_wide_channel",
    "parse_address",
]

_BATCH, _FEW, _MANY = 256, 8, 128
_LARGEST = 65536
_TRIES, _CLOCK_READINGS = 3, 8
_BURST = 128
_STEP_NS = 1_000_000

ADVICE = (
    "Allow it with CAP_NET_RAW for the probe worker (systemd: AmbientCapabilities=CAP_NET_RAW; "
    "by hand: setcap cap_net_raw+ep on its python), or let its group use unprivileged ping: "
    'sysctl -w net.ipv4.ping_group_range="0 2147483647".'
)


def open_channel(address: IPAddress) -> "SocketChannel":
    """Open a channel to one target: raw if allowed, else the kernel's ping socket; raises NotPermitted."""
    return SocketChannel(address.version)


def open_wide_channel(version: int) -> "SocketChannel":
    """Open one channel for many targets of one IP version (4 or 6); raises NotPermitted."""
    return SocketChannel(version, is_wide=True)


def open_socket(version: int, *, is_raw: bool) -> socket.socket:
    """Open an ICMP socket of that kind; raises NotPermitted or WireError."""
    family, protocol = (
        (socket.AF_INET, socket.IPPROTO_ICMP) if version == 4 else (socket.AF_INET6, socket.IPPROTO_ICMPV6)
    )
    try:
        return socket.socket(family, socket.SOCK_RAW if is_raw else socket.SOCK_DGRAM, protocol)
    except PermissionError:
        raise errors.NotPermitted(f"This process may not open an ICMP socket. {ADVICE}") from None
    except OSError as fault:
        raise errors.WireError(f"ICMPv{version} socket: {fault}") from fault


class SocketChannel:
    """A real ICMP socket. To one host every echo is stamped as it leaves; wide, a burst shares its stamps."""

    def __init__(self, version: int, *, is_wide: bool = False) -> None:
        self.version = version
        try:
            self._sock, self.is_raw = open_socket(version, is_raw=True), True
        except errors.NotPermitted:
            self._sock, self.is_raw = open_socket(version, is_raw=False), False
        try:
            # Random for each run: what is counted from a process id is the same after a fork.
            self.identifier = secrets.randbelow(0x10000) if self.is_raw else _take_port(self._sock)
            set_up(
                self._sock,
                version,
                is_raw=self.is_raw,
                identifier=self.identifier,
                has_send_stamps=not is_wide,
            )
            self.capacity = make_room(self._sock) if is_wide else 0
        except OSError as fault:
            self._sock.close()
            raise errors.WireError(f"ICMPv{version} socket: {fault}") from fault
        descriptor = self._sock.fileno()
        # A ping socket tells the size of no more of a packet than it copied.
        room = HEAD if self.is_raw or is_wide else _LARGEST
        self._inbox = Inbox(descriptor, _MANY if is_wide else _FEW, room)
        self._outbox = Outbox(descriptor, 16 if version == 4 else 28, _BURST if is_wide else 1)
        self._reader = FastReader(version, is_raw=self.is_raw)
        self._names: dict[str, Any] = {}
        self._unstamped: dict[bytes, int] = {}
        self._stamps: dict[int, float] = {}
        self._shape = Shape()
        self._clock_offset_ns = _clock_offset_ns()
        self._poll = select.poll()
        self._poll.register(self._sock, select.POLLIN)

    def configure(self, shape: Shape) -> None:
        """Set what the packets to come look like."""
        self._shape = shape
        set_shape(self._sock, self.version, shape)

    def now(self) -> float:
        """Return the monotonic clock in seconds."""
        return time.monotonic()

    def close(self) -> None:
        """Close the socket; harmless when repeated."""
        self._sock.close()

    def wait(self, timeout_s: float, for_message: bool = True) -> None:
        """Wait until a message has come, `timeout_s` at most; or just that long."""
        # poll() counts whole milliseconds and rounds up; what is left is slept.
        whole_ms = int(timeout_s * 1000) if for_message else 0
        if whole_ms > 0:
            self._poll.poll(whole_ms)
        else:
            time.sleep(max(0.0, timeout_s))

    async def wait_async(self, timeout_s: float, for_message: bool = True) -> None:
        """Do the same in an event loop."""
        import asyncio  # here: a program without a loop is spared its long start

        if not for_message:
            await asyncio.sleep(max(0.0, timeout_s))
            return
        loop = asyncio.get_running_loop()
        has_come = loop.create_future()
        loop.add_reader(self._sock, _ring, has_come)
        try:
            await asyncio.wait([has_come], timeout=max(0.0, timeout_s))
        finally:
            loop.remove_reader(self._sock)

    def overflowed(self) -> int:
        """Return how many messages the kernel has dropped because our buffer was full."""
        return dropped(self._sock)

    # -- one at a time

    def send(self, address: str, sequence: int, payload: bytes, ttl: int | None = None) -> float:
        """Send one echo request and return the epoch second it left; raises Unsendable."""
        if ttl is not None and ttl != self._shape.ttl:
            self.configure(dataclasses.replace(self._shape, ttl=ttl))
        packet = icmp_packets.echo_request(self.version, self.identifier, sequence, payload)
        name = self._names.get(address) or self._name(address)
        for attempt in range(1, _TRIES + 1):
            at = time.time()
            try:
                self._sock.sendto(packet, name)
                break
            except OSError as fault:
                # A ping socket reports an ICMP error of an earlier packet on the next send, which is then
                # not done. The error itself waits in the error queue.
                if attempt == _TRIES or fault.errno == errno.EMSGSIZE:
                    raise Unsendable(
                        _send_fault(fault), is_too_large=fault.errno == errno.EMSGSIZE
                    ) from fault
        self._await_stamp(packet, sequence)
        return at

    def _await_stamp(self, packet: bytes, sequence: int) -> None:
        """Remember by which bytes the kernel's copy of this echo will be known."""
        length = 8 + icmp_packets.TOKEN
        mark = packet[4:length] if len(packet) >= length or not self.is_raw else packet
        self._unstamped[mark] = sequence & 0xFFFF
        self._stamps.pop(sequence & 0xFFFF, None)
        while len(self._unstamped) > _BATCH:
            del self._unstamped[next(iter(self._unstamped))]
        while len(self._stamps) > _BATCH * _FEW:
            del self._stamps[next(iter(self._stamps))]

    def _name(self, address: str) -> Any:
        target = parse_address(address)
        plain, key = address.partition("%")[0], key_of(target)
        scope = int.from_bytes(key[16:], sys.byteorder)
        self._names[address] = name = (plain, 0, 0, scope) if self.version == 6 else (plain, 0)
        return name

    def receive(self) -> list[Answer]:
        """Return the messages that have come, without waiting."""
        letters: list[Letter] = []
        for _ in range(_BATCH // _FEW):
            self._take()
            letters += self._inbox.letters()
            if not self._inbox.is_full:
                break
        # An echo is stamped before its reply can come: whatever was read has its stamp in the queue by now.
        found = self._error_queue()
        return [one for one in map(self._answer, letters) if one] + found

    def _take(self) -> None:
        # What is raised here is an ICMP error of an earlier packet; it waits in the error queue.
        with contextlib.suppress(OSError):
            self._inbox.receive()

    def _answer(self, letter: Letter) -> Answer | None:
        has_ip_header = self.is_raw and self.version == 4
        message = icmp_packets.read(self.version, letter.packet, letter.size, has_ip_header=has_ip_header)
        sender = host_of(letter.name)
        if message is None or sender is None or message.identifier != self.identifier:
            return None
        controls = read_controls(split_controls(letter.control))
        at = time.time() if controls.stamp is None else controls.stamp
        if message.target is not None:
            why = Cause(self.version, message.kind, message.code, message.mtu)
            return self._fault(message, at, sender, why)
        return Answer(
            sender=sender,
            target=sender,
            identifier=message.identifier,
            sequence=message.sequence,
            payload=message.head,
            received_at=at,
            size=message.size,
            ttl=controls.ttl if message.ttl is None else message.ttl,
            error=None,
            sent_at=self._stamps.get(message.sequence),
        )

    def _fault(self, about: icmp_packets.Message, at: float, router: str | None, why: Cause) -> Answer:
        target = about.target or ""
        return Answer(
            sender=router or target,
            target=target,
            identifier=about.identifier,
            sequence=about.sequence,
            payload=about.head,
            received_at=at,
            size=None,
            ttl=None,
            error=sentence(why, router),
            sent_at=self._stamps.get(about.sequence),
            cause=why,
        )

    def _error_queue(self) -> list[Answer]:
        """Read send stamps, and on a ping socket the ICMP errors."""
        found: list[Answer] = []
        for _ in range(_BATCH):
            try:
                packet, control, _flags, target = self._sock.recvmsg(512, 512, MSG_ERRQUEUE)
            except OSError:
                break
            controls = read_controls(control)
            if controls.extended is None:
                continue
            if controls.sent_at is not None and not is_icmp(controls.extended):
                self._note_stamp(packet, controls.sent_at)
            elif target and (about := icmp_packets.quoted(packet, str(target[0]).partition("%")[0])):
                why, router = extended_cause(controls.extended, self.version), offender(controls.extended)
                at = time.time() if controls.stamp is None else controls.stamp
                found.append(self._fault(about, at, router, why))
        return found

    def _note_stamp(self, packet: bytes, at: float) -> None:
        for mark in self._unstamped:
            if mark in packet:
                self._stamps[self._unstamped.pop(mark)] = at
                return

    # -- in bulk

    def load(self, sequence: int, payload: bytes) -> bytes:
        """Make the echo of the next bursts; return its id, sequence and token, which a reply repeats."""
        before = 8 + icmp_packets.TOKEN
        # A mark is a number and its complement: whatever the number, the checksum stays the same.
        marked = payload[: icmp_packets.TOKEN] + Targets.mark(0) + payload[icmp_packets.TOKEN + MARK :]
        packet = icmp_packets.echo_request(self.version, self.identifier, sequence, marked)
        self._outbox.load(packet[:before], packet[before + MARK :])
        return packet[4:before]

    def burst(self, targets: Targets, first: int, last: int) -> Burst:
        """Send the loaded echo to targets `first` to `last - 1`."""
        names = targets.names[first * targets.width : last * targets.width]
        marks = targets.marks[first * MARK : last * MARK]
        for attempt in range(1, _TRIES + 1):
            began = time.monotonic_ns()
            sent, number = self._outbox.send(names, marks)
            ended = time.monotonic_ns()
            if number in _FULL:
                return Burst(0, 0, 0, is_full=True)
            if not number or (self.is_raw and attempt > 1):
                break
        offset = self._clock_offset_ns
        failure = _send_fault(OSError(number, os.strerror(number))) if number else None
        return Burst(sent, began + offset, ended + offset, failure)

    def collect(self) -> tuple[list[Echo], list[Answer]]:
        """Return what has come: replies and errors."""
        echoes: list[Echo] = []
        others: list[Answer] = []
        for _ in range(_BATCH):
            self._take()
            found, odd = self._inbox.echoes(self._reader)
            echoes += found
            others += [one for one in (self._answer(self._inbox.letter(slot)) for slot in odd) if one]
            if not self._inbox.is_full:
                break
        if not self.is_raw:
            others += self._error_queue()
        # Sent by the monotonic clock, received by the kernel's wall clock: a step between them is taken out.
        drift = time.time_ns() - time.monotonic_ns() - self._clock_offset_ns
        if abs(drift) > _STEP_NS:
            echoes = [(name, key, place, at - drift) for name, key, place, at in echoes]
        return echoes, others


def _ring(has_come: Any) -> None:
    if not has_come.done():
        has_come.set_result(None)


_FULL = {errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM, errno.EINTR}


def _clock_offset_ns() -> int:
    """Return how far the wall clock is ahead of the monotonic one, read where nothing came between."""
    readings = [(time.monotonic_ns(), time.time_ns(), time.monotonic_ns()) for _ in range(_CLOCK_READINGS)]
    before, wall, after = min(readings, key=lambda one: one[2] - one[0])
    return wall - (before + after) // 2


def _take_port(sock: socket.socket) -> int:
    """Give a ping socket a random id (the kernel calls it a port); one of the kernel's choice if need be."""
    host = "" if sock.family == socket.AF_INET else "::"
    for number in (*(secrets.randbelow(0xFFFF) + 1 for _ in range(_TRIES)), 0):
        with contextlib.suppress(OSError):
            sock.bind((host, number))
            break
    return int(sock.getsockname()[1])


def _send_fault(fault: OSError) -> str:
    """Say in words why a packet did not leave."""
    words = {
        errno.ENETUNREACH: "no route to this network from here",
        errno.EHOSTUNREACH: "no route to this host from here",
        errno.EACCES: "this is a broadcast address",
        errno.EPERM: "the local packet filter forbids it",
        errno.EMSGSIZE: "packet larger than the interface allows",
    }
    return words.get(fault.errno or 0, str(fault))
