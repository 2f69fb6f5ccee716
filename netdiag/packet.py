"""Packet sockets that are kept: one for each interface and protocol, shared by all threads of a process.

Opening and above all closing a packet socket makes the kernel wait for all its processors (some 15 ms), so
a worker keeps what it has opened. While nobody listens the socket's filter lets nothing in. Whoever waits
for frames reads for all others too; there is no thread, and a forked child begins anew.
"""

import collections
import contextlib
import ctypes
import dataclasses
import errno
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator

from netdiag import batches, errors

ADVICE = (
    "This process may not open packet sockets. Allow it with CAP_NET_RAW for the probe worker "
    "(systemd: AmbientCapabilities=CAP_NET_RAW)."
)
BATCH = 64
# Frames one listener may leave unread; more than a whole /16 answering at once.
_MOST_FRAMES = 100_000
_ROOM_BYTES = 8 << 20
_PATIENCE_S = 1.0
_ETHERNET = 1
_SO_ATTACH_FILTER, _SO_RCVBUFFORCE = 26, 33
_GONE = {errno.ENETDOWN, errno.ENXIO, errno.ENODEV, errno.EBADF}

# Classic BPF (linux/filter.h): load half word, load byte, jump if equal, return.
_HALF, _BYTE, _EQUAL, _RETURN = 0x28, 0x30, 0x15, 0x06
Check = tuple[int, int, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Protocol:
    """What a socket is for: its ethertype, what must stand where, the size of what is sent and kept."""

    ethertype: int
    checks: tuple[Check, ...]
    frame_size: int
    kept_size: int


# ARP of Ethernet for IPv4 (RFC 826): hardware type 1, protocol 0x0800, lengths 6 and 4.
ARP = Protocol(0x0806, ((_HALF, 14, 1), (_HALF, 16, 0x0800), (_HALF, 18, 0x0604)), 42, 42)
# Neighbour advertisements (RFC 4861 7.1.2): ICMPv6, hop limit 255, type 136.
ADVERTISEMENTS = Protocol(0x86DD, ((_BYTE, 20, 58), (_BYTE, 21, 255), (_BYTE, 54, 136)), 86, 142)


def _program(checks: tuple[Check, ...], kept_size: int) -> bytes:
    """Assemble a filter that keeps frames which pass all checks; without any, none."""
    code = b""
    for number, (load, place, value) in enumerate(checks):
        to_the_end = 2 * (len(checks) - number - 1) + 1
        code += struct.pack("=HBBI", load, 0, 0, place) + struct.pack("=HBBI", _EQUAL, 0, to_the_end, value)
    if checks:
        code += struct.pack("=HBBI", _RETURN, 0, 0, kept_size)
    return code + struct.pack("=HBBI", _RETURN, 0, 0, 0)


def _attach(sock: socket.socket, program: bytes) -> None:
    held = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HP", len(program) // 8, ctypes.addressof(held))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, header)


class Wire:
    """One kept socket; `enter` and `leave` are for `listening` below."""

    def __init__(self, interface: str, protocol: Protocol) -> None:
        self.interface = interface
        self._protocol = protocol
        self._is_dead = self._is_read = False
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        self._listeners: list[Listener] = []
        self._incoming = batches.Incoming(BATCH * 4, protocol.kept_size)
        self._outgoing = batches.Outgoing(BATCH, protocol.frame_size)
        self._socket, self._index = _open(interface, protocol)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    @property
    def hardware(self) -> bytes:
        """Return the interface's MAC as it is now."""
        found: bytes = self._socket.getsockname()[4]
        return found

    def is_fit(self) -> bool:
        """Tell whether the interface this was opened on is still there and has not been down."""
        try:
            is_same = socket.if_nametoindex(self.interface) == self._index
        except OSError:
            is_same = False
        with self._changed:
            if self._is_dead or not is_same:
                return False
            # An interface that went down, even if it came back, has left word in the socket.
            return self._listeners != [] or not self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def enter(self) -> "Listener":
        """Begin to listen: from now on frames are kept for this listener."""
        with self._changed:
            if self._is_dead:
                raise self._gone(errno.ENETDOWN)
            if not self._listeners:
                with contextlib.suppress(OSError):
                    while self._incoming.receive(self._socket):
                        pass
                _attach(self._socket, _program(self._protocol.checks, self._protocol.kept_size))
            listener = Listener(self)
            self._listeners.append(listener)
            return listener

    def leave(self, listener: "Listener") -> None:
        """End listening; the last one closes the ears, and a dead socket."""
        with self._changed:
            self._listeners.remove(listener)
            if self._listeners:
                return
            if self._is_dead:
                self._socket.close()
            else:
                _attach(self._socket, _program((), 0))

    def retire(self) -> None:
        """Close now, or when the last listener leaves."""
        with self._changed:
            self._is_dead = True
            if not self._listeners:
                self._socket.close()
            self._changed.notify_all()

    def _gone(self, code: int | None) -> errors.WireError:
        if code in _GONE:
            return errors.NoInterface(f"{self.interface} is down or has gone away")
        return errors.WireError(f"{self.interface}: {os.strerror(code or 0)}")

    def _fail(self, fault: OSError) -> errors.WireError:
        with self._changed:
            self._is_dead = True
            self._changed.notify_all()
        return self._gone(fault.errno)

    def send(self, frames: bytes) -> None:
        """Send up to BATCH frames that stand one after the other. Raises NoInterface, WireError."""
        total, sent = len(frames) // self._protocol.frame_size, 0
        deadline = time.monotonic() + _PATIENCE_S
        with self._sending:
            while sent < total:
                try:
                    # The buffer is filled with the first call and only then.
                    sent += self._outgoing.send(self._socket, frames, sent)
                except OSError as fault:
                    is_full = fault.errno in {errno.EAGAIN, errno.ENOBUFS, errno.EINTR}
                    if not is_full or time.monotonic() > deadline:
                        raise self._fail(fault) from None
                    time.sleep(0.0005)

    def wait(self, listener: "Listener", timeout_s: float) -> None:
        """Wait until there are frames for the listener; the first who waits reads for everybody."""
        deadline = time.monotonic() + timeout_s
        while True:
            with self._changed:
                while self._is_read and not listener.frames and not self._is_dead:
                    left_s = deadline - time.monotonic()
                    if left_s <= 0 or not self._changed.wait(left_s):
                        return
                if listener.frames:
                    return
                if self._is_dead:
                    raise self._gone(errno.ENETDOWN)
                self._is_read = True
            if self._read(max(0.0, deadline - time.monotonic())) or time.monotonic() >= deadline:
                return

    def _read(self, timeout_s: float) -> bool:
        frames: list[bytes] = []
        try:
            if self._poll.poll(timeout_s * 1000):
                frames = self._incoming.receive(self._socket)
        except OSError as fault:
            raise self._fail(fault) from None
        finally:
            with self._changed:
                self._is_read = False
                for one in self._listeners:
                    one.frames.extend(frames)
                self._changed.notify_all()
        return bool(frames)


class Listener:
    """One conversation on a wire: sends, and sees every frame that passes the filter meanwhile."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.hardware = wire.hardware
        self.frames: collections.deque[bytes] = collections.deque(maxlen=_MOST_FRAMES)

    def send(self, frames: bytes) -> None:
        """Send up to BATCH frames that stand one after the other. Raises NoInterface, WireError."""
        self._wire.send(frames)

    def take(self, timeout_s: float) -> list[bytes]:
        """Return the frames that came, after waiting at most `timeout_s` for the first.

        Raises NoInterface when the interface goes away, WireError.
        """
        if not self.frames:
            self._wire.wait(self, timeout_s)
        found = []
        with contextlib.suppress(IndexError):
            while True:
                found.append(self.frames.popleft())
        return found


def _open(interface: str, protocol: Protocol) -> tuple[socket.socket, int]:
    try:
        # Protocol 0 hears nothing: the filter is there before the first frame.
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError:
        raise errors.NotPermitted(ADVICE) from None
    try:
        _attach(sock, _program((), 0))
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROOM_BYTES)
        except PermissionError:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM_BYTES)
        index = socket.if_nametoindex(interface)
        sock.bind((interface, protocol.ethertype))
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
        if sock.getsockname()[3] != _ETHERNET:
            raise errors.NoInterface(f"{interface} is no Ethernet: there are no MACs on it")
    except OSError as fault:
        sock.close()
        raise errors.NoInterface(f"ARP is not possible on {interface}: {fault.strerror}") from None
    except errors.NoInterface:
        sock.close()
        raise
    return sock, index


class _Wires:
    """The sockets this process keeps."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[int, str, int], Wire] = {}

    def on(self, interface: str, protocol: Protocol) -> Wire:
        """Return the kept socket, opened if there is none or its interface went away."""
        # A thread may be in a network namespace of its own, where the same name is another interface.
        try:
            place = os.stat("/proc/thread-self/ns/net").st_ino  # noqa: PTH116
        except OSError:
            place = 0
        key = (place, interface, protocol.ethertype)
        with self._lock:
            wire = self._kept.get(key)
            if wire is not None and not wire.is_fit():
                wire.retire()
                del self._kept[key]
                wire = None
            if wire is None:
                wire = self._kept[key] = Wire(interface, protocol)
            return wire

    def close(self) -> None:
        """Close all that is not in use now, and the rest when it no longer is."""
        with self._lock:
            kept, self._kept = self._kept, {}
        for wire in kept.values():
            wire.retire()

    def forget(self) -> None:
        """Begin anew in a forked child: locks may be held by threads that are not here."""
        kept, self._kept = self._kept, {}
        self._lock = threading.Lock()
        for wire in kept.values():
            wire._socket.close()


_WIRES = _Wires()
os.register_at_fork(after_in_child=_WIRES.forget)


@contextlib.contextmanager
def listening(interface: str, protocol: Protocol) -> Iterator[Listener]:
    """Listen on an interface over the kept socket. Raises NoInterface, NotPermitted."""
    wire = _WIRES.on(interface, protocol)
    listener = wire.enter()
    try:
        yield listener
    finally:
        wire.leave(listener)


def close() -> None:
    """Close the kept sockets; the next use opens them again."""
    _WIRES.close()
