"""Many packets a system call: sendmmsg(2) and recvmmsg(2), which Python's socket module does not have.

Both are called without giving up the interpreter lock: they never block, and a thread that waited for the
lock after a burst would tell a wrong moment of its end.
"""

import ctypes
import dataclasses
import errno
import os
import socket
import struct
from collections.abc import Iterator
from typing import Any

from netdiag.icmp_options import SO_TIMESTAMPNS

_POINTER = struct.calcsize("P")
# struct mmsghdr: name, its length, vector, its length, control, its length, flags; then the packet's length.
_HEADER = struct.Struct(f"@PIPNPNi{_POINTER - 4}xI{_POINTER - 4}x")
_VECTOR = struct.Struct("@PN")
# Of each packet the head is kept: an ICMP error with the headers it quotes fits well.
HEAD = 192
MARK = 8
_NAME, _CONTROL = 32, 160
_STRIDE = _NAME + _CONTROL + HEAD
_DONTWAIT, _TRUNC = socket.MSG_DONTWAIT, socket.MSG_TRUNC

_libc = ctypes.PyDLL(None, use_errno=True)

# Of an echo reply: the sender's key, id with sequence and token, the place in the mark, when it came (ns).
Echo = tuple[bytes, bytes, int, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Letter:
    """One received message as the kernel left it; `packet` is the head of it, `size` that of the whole."""

    name: bytes
    control: bytes
    packet: bytes
    size: int


class Outbox:
    """Sends one packet to a run of addresses, `slots` a call; only a mark in it differs."""

    def __init__(self, descriptor: int, width: int, slots: int) -> None:
        self._descriptor, self._width = descriptor, width
        self._names = ctypes.create_string_buffer(width * slots)
        self._marks = ctypes.create_string_buffer(MARK * slots)
        self._vectors = ctypes.create_string_buffer(3 * _VECTOR.size * slots)
        vectors, names = ctypes.addressof(self._vectors), ctypes.addressof(self._names)
        self._headers = ctypes.create_string_buffer(
            b"".join(
                _HEADER.pack(names + width * slot, width, vectors + 3 * _VECTOR.size * slot, 3, 0, 0, 0, 0)
                for slot in range(slots)
            ),
            _HEADER.size * slots,
        )
        self._name_view = memoryview(self._names).cast("B")
        self._mark_view = memoryview(self._marks).cast("B")
        self._slots = slots
        self._parts: tuple[Any, ...] = ()

    def load(self, before: bytes, after: bytes) -> None:
        """Take the packet that the next calls send: what stands before the mark, and what behind it."""
        parts = [ctypes.create_string_buffer(one, len(one) or 1) for one in (before, after)]
        marks, (head, tail) = ctypes.addressof(self._marks), map(ctypes.addressof, parts)
        vectors = (
            (head, len(before), marks + MARK * slot, MARK, tail, len(after)) for slot in range(self._slots)
        )
        wire = b"".join(struct.pack("@PNPNPN", *one) for one in vectors)
        ctypes.memmove(self._vectors, wire, len(wire))
        self._parts = tuple(parts)  # kept, for the kernel reads them

    def send(self, names: memoryview, marks: memoryview) -> tuple[int, int]:
        """Send to these socket addresses; return how many were sent and the error number that stopped it."""
        self._name_view[: len(names)] = names
        self._mark_view[: len(marks)] = marks
        sent = _libc.sendmmsg(self._descriptor, self._headers, len(marks) // MARK, _DONTWAIT)
        return (sent, 0) if sent >= 0 else (0, ctypes.get_errno())


class Inbox:
    """Receives up to `slots` messages a call into buffers made once."""

    def __init__(self, descriptor: int, slots: int, room: int = HEAD) -> None:
        self._descriptor, self.slots, self._room = descriptor, slots, room
        self._stride = stride = _NAME + _CONTROL + room
        self._buffer = ctypes.create_string_buffer(stride * slots)
        self._vectors = ctypes.create_string_buffer(_VECTOR.size * slots)
        base, vectors = ctypes.addressof(self._buffer), ctypes.addressof(self._vectors)
        headers = []
        for slot in range(slots):
            place = base + stride * slot
            _VECTOR.pack_into(self._vectors, _VECTOR.size * slot, place + _NAME + _CONTROL, room)
            vector = vectors + _VECTOR.size * slot
            headers.append(_HEADER.pack(place, _NAME, vector, 1, place + _NAME, _CONTROL, 0, 0))
        self._fresh = b"".join(headers)
        self._headers = ctypes.create_string_buffer(self._fresh, len(self._fresh))
        self._view = memoryview(self._buffer).cast("B")
        self._header_view = memoryview(self._headers).cast("B")
        self._used = 0

    def receive(self) -> int:
        """Take what waits in the socket and return how many; OSError if an earlier ICMP error is reported.

        The buffers are wiped first: nothing of an earlier message may pass for a part of a shorter one.
        """
        if self._used:
            ctypes.memset(self._buffer, 0, self._used * self._stride)
            ctypes.memmove(self._headers, self._fresh, self._used * _HEADER.size)
            self._used = 0
        found = _libc.recvmmsg(self._descriptor, self._headers, self.slots, _DONTWAIT | _TRUNC, None)
        if found >= 0:
            self._used = found
            return int(found)
        number = ctypes.get_errno()
        if number in {errno.EAGAIN, errno.EINTR}:
            return 0
        raise OSError(number, os.strerror(number))

    @property
    def is_full(self) -> bool:
        """Tell whether the last call filled every slot: more may be waiting."""
        return self._used == self.slots

    def letters(self) -> Iterator[Letter]:
        """Yield the messages of the last call."""
        for slot in range(self._used):
            yield self.letter(slot)

    def letter(self, slot: int) -> Letter:
        """Return one message of the last call."""
        _, name_size, _, _, _, control_size, _, size = _HEADER.unpack_from(self._headers, slot * _HEADER.size)
        place = slot * self._stride
        control = place + _NAME
        packet = control + _CONTROL
        return Letter(
            bytes(self._view[place : place + min(name_size, _NAME)]),
            bytes(self._view[control : control + min(control_size, _CONTROL)]),
            bytes(self._view[packet : packet + min(size, self._room)]),
            size,
        )

    def echoes(self, reader: "FastReader") -> tuple[list[Echo], list[int]]:
        """Return the echo replies of the last call, and the slots of everything else."""
        return reader.read(
            self._view[: self._used * self._stride], self._header_view[: self._used * _HEADER.size]
        )


class FastReader:
    """Reads plain echo replies of one kind of socket out of the buffers, all in one pass.

    What it does not recognise (IP options, odd control blocks, ICMP errors, short packets) is left to the
    careful reader; so it may be strict.
    """

    def __init__(self, version: int, *, is_raw: bool) -> None:
        has_ip_header = is_raw and version == 4
        name = "4x4s24x" if version == 4 else "8x20s4x"
        self._stamp_head = struct.pack("@Nii", struct.calcsize("@Niill"), socket.SOL_SOCKET, SO_TIMESTAMPNS)
        head = len(self._stamp_head)
        control = f"{head}sll{_CONTROL - head - struct.calcsize('@ll')}x"
        packet = "1s19x" if has_ip_header else "0s"
        body = f"{packet}2s2x12sI4x"
        rest = HEAD - (20 if has_ip_header else 0) - 24
        self._slot = struct.Struct(f"@{name}{control}{body}{rest}x")
        self._size = struct.Struct(f"@{_HEADER.size - _POINTER}xI{_POINTER - 4}x")
        self._ip = b"\x45" if has_ip_header else b""
        self._kind = b"\x00\x00" if version == 4 else b"\x81\x00"
        self._least = 44 if has_ip_header else 24
        if self._slot.size != _STRIDE:
            raise AssertionError("the slot's layout does not fit this machine")

    def read(self, slots: memoryview, headers: memoryview) -> tuple[list[Echo], list[int]]:
        """Return sender, id with sequence and token, and stamp in ns of each reply; slots of the rest."""
        head, ip, kind, least = self._stamp_head, self._ip, self._kind, self._least
        sizes = self._size.iter_unpack(headers)
        found = [
            (name, key, place, seconds * 1_000_000_000 + nanoseconds)
            for (name, stamp, seconds, nanoseconds, outer, inner, key, place), (size,) in zip(
                self._slot.iter_unpack(slots), sizes, strict=True
            )
            if inner == kind and stamp == head and outer == ip and size >= least
        ]
        count = len(slots) // _STRIDE
        return found, [] if len(found) == count else self._others(slots, headers)

    def _others(self, slots: memoryview, headers: memoryview) -> list[int]:
        rows = zip(self._slot.iter_unpack(slots), self._size.iter_unpack(headers), strict=True)
        wanted = self._kind, self._stamp_head, self._ip
        return [
            slot
            for slot, ((_, stamp, _, _, outer, inner, _, _), (size,)) in enumerate(rows)
            if (inner, stamp, outer) != wanted or size < self._least
        ]
