"""A TUN device whose hosts answer pings late, twice, from elsewhere, cut short, or not when the ping is large."""

import fcntl
import heapq
import os
import select
import struct
import threading
import time

from netdiag import icmp_packets

PREFIX = "10.3.0.0/24"
ROUTER = "10.3.0.254"
DELAYED, TWICE, LATE, ELSEWHERE, SHORT, HOLE, NARROW, OTHER_ID = (f"10.3.0.{last}" for last in range(2, 10))
FIRST_LATE = "10.3.0.10"
DELAY_S, LATE_S, HOLE_SIZE, NARROW_MTU = 0.04, 0.4, 1000, 1200
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


class StrangeHosts:
    """Open it in the namespace it is to be in; `held` is how long each echo to DELAYED stayed here, in ms."""

    def __init__(self, device: str) -> None:
        self._descriptor = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(self._descriptor, _TUNSETIFF, struct.pack("16sH", device.encode(), _IFF_TUN | _IFF_NO_PI))
        self.held: list[float] = []
        self._due: list[tuple[float, int, bytes, float]] = []
        self._count = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._is_over.set()
        self._thread.join(5)
        os.close(self._descriptor)

    def _run(self) -> None:
        while not self._is_over.is_set():
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                _, _, packet, came = heapq.heappop(self._due)
                if packet[12:16] == _packed(DELAYED):  # noted first: whoever has the reply reads it at once
                    self.held.append((time.monotonic() - came) * 1000)
                os.write(self._descriptor, packet)
            patience = min(0.05, self._due[0][0] - now) if self._due else 0.05
            if select.select([self._descriptor], [], [], max(0, patience))[0]:
                came = time.monotonic()
                for after_s, packet in answers(os.read(self._descriptor, 65536)):
                    self._count += 1
                    heapq.heappush(self._due, (came + after_s, self._count, packet, came))


def _packed(address: str) -> bytes:
    return bytes(map(int, address.split(".")))


def ip_packet(source: bytes, target: bytes, body: bytes) -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, 1, 0) + source + target
    return head[:10] + struct.pack("!H", icmp_packets.checksum(head)) + head[12:] + body


def icmp(kind: int, code: int, rest: bytes) -> bytes:
    body = struct.pack("!BBH", kind, code, 0) + rest
    return body[:2] + struct.pack("!H", icmp_packets.checksum(body)) + body[4:]


def answers(packet: bytes) -> list[tuple[float, bytes]]:
    """Return what follows a packet: after how many seconds, and which packet."""
    if packet[0] != 0x45 or packet[9] != 1 or packet[20] != 8:
        return []
    source, target, echo = packet[12:16], packet[16:20], packet[24:]
    host = ".".join(map(str, target))
    reply = ip_packet(target, source, icmp(0, 0, echo))
    sequence = int.from_bytes(echo[2:4], "big")
    refusal = icmp(3, 4, struct.pack("!HH", 0, NARROW_MTU) + packet[:28])
    return {
        DELAYED: [(DELAY_S, reply)],
        TWICE: [(0, reply), (0.01, reply)],
        LATE: [(LATE_S, reply)],
        FIRST_LATE: [(LATE_S if sequence == 1 else 0, reply)],
        ELSEWHERE: [(0, ip_packet(_packed("10.3.0.99"), source, icmp(0, 0, echo)))],
        SHORT: [(0, ip_packet(target, source, icmp(0, 0, echo[:4])))],
        HOLE: [(0, reply)] if len(packet) <= HOLE_SIZE else [],
        NARROW: [(0, reply if len(packet) <= NARROW_MTU else ip_packet(_packed(ROUTER), source, refusal))],
        OTHER_ID: [(0, ip_packet(target, source, icmp(0, 0, bytes([echo[0] ^ 1]) + echo[1:])))],
    }.get(host, [])
