"""Answers echo requests for the demo's customers inside the pocket: late, unevenly or never, as planned."""

import contextlib
import heapq
import random
import socket
import struct
import time
from dataclasses import dataclass

from linecard.demo import pocket
from linecard.demo.plan import Customer

_ECHO_REQUEST = 8
_SOL_RAW, _ICMP_FILTER = 255, 1  # raw(7): which types are not delivered
_LONG_PACKET = 1300
_TTL = 64
_MOST_WAITING = 10_000


@dataclass(frozen=True, slots=True)
class Pace:
    """How a line answers: the usual delay, how far it strays, the share lost, the longest packet."""

    delay_ms: float
    stray_ms: float
    lost: float = 0.0
    longest: int = 65_535

    def delay_s(self, chance: random.Random, size: int) -> float | None:
        """Return after how long a packet of this size is answered, None when it is not."""
        if size > self.longest or chance.random() < self.lost:
            return None
        return (self.delay_ms + chance.expovariate(1.0) * self.stray_ms) / 1000


_USUAL = {"ethernet": Pace(0.6, 0.2), "pon": Pace(1.9, 0.3), "radio": Pace(6.0, 3.0, lost=0.01)}


def pace_of(customer: Customer) -> Pace | None:
    """Return how a customer's line answers; None when it is dead."""
    return usual_pace(customer) if customer.is_alive and customer.access else None


def usual_pace(customer: Customer) -> Pace:
    """Return how a connected customer's line answers, or did while it lived."""
    usual = _USUAL[customer.access or "ethernet"]
    return {
        "": usual,
        "loss": Pace(usual.delay_ms, usual.stray_ms, lost=0.3),
        "mtu": Pace(usual.delay_ms, usual.stray_ms, longest=_LONG_PACKET),
        "slow": Pace(usual.delay_ms + 35, 25.0, lost=0.02),
    }[customer.trouble]


class Echo:
    """One raw socket (CAP_NET_RAW) that hears every echo request and answers those of planned addresses."""

    def __init__(self, customers: tuple[Customer, ...], seed: int = 0) -> None:
        self.paces = {
            socket.inet_aton(address): pace_of(each) for each in customers for address in each.addresses
        }
        self._chance = random.Random(seed)  # noqa: S311 - the weather on the lines, no secret
        self._waiting: list[tuple[float, int, bytes, str]] = []
        self._number = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._socket.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("I", 0xFFFFFFFF & ~(1 << _ECHO_REQUEST)))
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, pocket.MARK)
        self._socket.setblocking(False)

    def fileno(self) -> int:
        """Return the socket, for a selector."""
        return self._socket.fileno()

    def receive(self) -> None:
        """Take what has come and decide when to answer it."""
        with contextlib.suppress(BlockingIOError):
            while True:
                wire = self._socket.recv(65_535)
                answer = self.answer(wire)
                if answer and len(self._waiting) < _MOST_WAITING:
                    self._number += 1
                    due = time.monotonic() + answer[0]
                    heapq.heappush(self._waiting, (due, self._number, answer[1], answer[2]))

    def answer(self, wire: bytes) -> tuple[float, bytes, str] | None:
        """Return delay in seconds, reply and its destination for an IP packet; None for no reply."""
        header = (wire[0] & 0xF) * 4
        source, target, message = wire[12:16], wire[16:20], wire[header:]
        pace = self.paces.get(target)
        if pace is None or len(message) < 8 or message[0] != _ECHO_REQUEST:
            return None
        delay_s = pace.delay_s(self._chance, len(wire))
        if delay_s is None:
            return None
        reply = b"\0\0\0\0" + message[4:]
        reply = reply[:2] + struct.pack("!H", checksum(reply)) + reply[4:]
        # The kernel fills in the header's id, length and checksum (raw(7)).
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, _TTL, socket.IPPROTO_ICMP, 0, target, source)
        return delay_s, head + reply, socket.inet_ntoa(source)

    def send_due(self) -> float | None:
        """Send the replies whose time has come; return in how many seconds the next one is due, if any."""
        while self._waiting:
            wait_s = self._waiting[0][0] - time.monotonic()
            if wait_s > 0:
                return wait_s
            _, _, packet, to = heapq.heappop(self._waiting)
            with contextlib.suppress(OSError):
                self._socket.sendto(packet, (to, 0))
        return None

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()


def checksum(message: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    padded = message + b"\0" * (len(message) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
