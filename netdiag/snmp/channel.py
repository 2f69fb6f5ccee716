"""A UDP socket for many agents at once: who sent each datagram, and whom the network could not reach.

The socket is not connected, so one serves all agents of an address family; the kernel's error queue
(ip(7), IP_RECVERR) still tells refusal from silence, by agent.
"""

import contextlib
import socket
import sys
from typing import Literal

Address = tuple[str | int, ...]

# Linux numbers that the socket module does not name (linux/in.h, linux/in6.h, asm-generic/socket.h).
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_MSG_ERRQUEUE = 0x2000
_SO_RCVBUFFORCE = 33
_LARGEST = 65536
_SENDS = 8
_ENDIAN: Literal["little", "big"] = "little" if sys.byteorder == "little" else "big"


class Channel:
    """One such socket; everything returns at once."""

    def __init__(self, family: int, buffer_octets: int = 0) -> None:
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._faults: list[tuple[Address, int]] = []
        if family == socket.AF_INET:
            self._socket.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        else:
            self._socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        if buffer_octets:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_octets)
            # With CAP_NET_ADMIN beyond the system's limit: answers come in bursts.
            with contextlib.suppress(PermissionError):
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, buffer_octets)

    @property
    def buffer_octets(self) -> int:
        """Return how much may wait to be read; the kernel counts its own book-keeping too."""
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)

    def fileno(self) -> int:
        """Return the descriptor, to wait for."""
        return self._socket.fileno()

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def send(self, wire: bytes, address: Address) -> int:
        """Send a datagram; returns 0, or the error number if it cannot leave."""
        fault = 0
        for _ in range(_SENDS):
            try:
                self._socket.sendto(wire, address)
            except BlockingIOError:
                return 0  # the queue to the network is full: as good as lost on the way
            except OSError as error:
                fault = error.errno or 1
                # The error may be an earlier datagram's, told late: its own report is in the queue then.
                if not self._read_faults():
                    return fault
            else:
                return 0
        return fault

    def receive(self) -> tuple[bytes, Address] | None:
        """Return the next datagram and its sender, None if there is none."""
        for _ in range(_SENDS):
            try:
                return self._socket.recvfrom(_LARGEST)
            except BlockingIOError:
                return None
            except OSError:
                self._read_faults()
        return None

    def faults(self) -> list[tuple[Address, int]]:
        """Return whom the network could not reach since the last call, and the error numbers."""
        self._read_faults()
        found, self._faults = self._faults, []
        return found

    def _read_faults(self) -> bool:
        """Empty the kernel's error queue; returns whether there was anything."""
        count = len(self._faults)
        for _ in range(1024):
            try:
                _data, control, _flags, address = self._socket.recvmsg(0, 512, _MSG_ERRQUEUE)
            except OSError:
                break
            for level, kind, content in control:
                is_report = (level, kind) in {
                    (socket.IPPROTO_IP, _IP_RECVERR),
                    (socket.IPPROTO_IPV6, _IPV6_RECVERR),
                }
                if is_report and address:
                    # struct sock_extended_err begins with the error number.
                    self._faults.append((address, int.from_bytes(content[:4], _ENDIAN)))
        return len(self._faults) > count
