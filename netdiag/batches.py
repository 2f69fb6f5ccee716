"""Many datagrams in one system call (sendmmsg and recvmmsg, Linux), in buffers that are made once."""

import ctypes
import errno
import os
import socket

_LIBC = ctypes.CDLL(None, use_errno=True)


class _Piece(ctypes.Structure):
    """struct iovec."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Head(ctypes.Structure):
    """struct msghdr."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("pieces", ctypes.POINTER(_Piece)),
        ("piece_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """struct mmsghdr."""

    _fields_ = (("head", _Head), ("length", ctypes.c_uint))


class _Batch:
    """So many slots of one size, side by side in one buffer."""

    def __init__(self, slots: int, size: int) -> None:
        self.slots, self.size = slots, size
        self._buffer = bytearray(slots * size)
        self._anchor = (ctypes.c_char * len(self._buffer)).from_buffer(self._buffer)
        start = ctypes.addressof(self._anchor)
        self._pieces = (_Piece * slots)(*(_Piece(start + slot * size, size) for slot in range(slots)))
        self._messages = (_Message * slots)()
        for slot in range(slots):
            self._messages[slot].head.pieces = ctypes.pointer(self._pieces[slot])
            self._messages[slot].head.piece_count = 1


def _raise_errno() -> None:
    code = ctypes.get_errno()
    raise OSError(code, os.strerror(code))


class Outgoing(_Batch):
    """Frames of one size, sent together; not to be shared by threads."""

    def send(self, sock: socket.socket, frames: bytes, first: int = 0) -> int:
        """Send the frames that stand one after the other in `frames`, from `first` on; how many left.

        Raises OSError if not even one did, BlockingIOError when there is no room.
        """
        if first == 0:
            self._buffer[: len(frames)] = frames
        count = len(frames) // self.size - first
        start = ctypes.byref(self._messages, first * ctypes.sizeof(_Message))
        sent: int = _LIBC.sendmmsg(sock.fileno(), start, count, socket.MSG_DONTWAIT)
        if sent < 0:
            _raise_errno()
        return sent


class Incoming(_Batch):
    """Datagrams received together; longer ones are cut; not to be shared by threads."""

    def receive(self, sock: socket.socket) -> list[bytes]:
        """Return what is there without waiting, at most as many as there are slots. Raises OSError."""
        count: int = _LIBC.recvmmsg(sock.fileno(), self._messages, self.slots, socket.MSG_DONTWAIT, None)
        if count < 0:
            if ctypes.get_errno() in {errno.EAGAIN, errno.EINTR}:
                return []
            _raise_errno()
        size, messages = self.size, self._messages
        view = memoryview(self._buffer)
        return [bytes(view[slot * size : slot * size + messages[slot].length]) for slot in range(count)]
