"""Pings from the net to many homes at once, for as long as something else is done to the gateway."""

import os
import select
import socket
import struct
import threading
import time
from collections.abc import Iterable

from tests.gateway_town import SITE4, SO_RCVBUFFORCE, Town, enter


class Pings:
    """Echo requests (RFC 792) from the net to many homes, each of them ten times a second, until `end`."""

    def __init__(self, town: Town, targets: Iterable[str]) -> None:
        self._town, self._targets = town, list(targets)
        self._stop, self.rounds = threading.Event(), 0
        self._heard: set[tuple[int, int]] = set()
        self._thread = threading.Thread(target=self._run, name="pings")
        self._thread.start()

    def end(self) -> tuple[int, int]:
        """Stop, wait for the last answers; return how many were sent and how many of them were lost."""
        self._stop.set()
        self._thread.join()
        sent = self.rounds * len(self._targets)
        return sent, sent - len(self._heard)

    def _run(self) -> None:
        enter(self._town.net)
        mark = os.urandom(6)
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as one:
            one.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
            one.bind((SITE4, 0))
            one.setblocking(False)
            next_at = time.monotonic()
            while not self._stop.is_set():
                for place, target in enumerate(self._targets):
                    one.sendto(_echo_request(mark, place, self.rounds), (target, 0))
                self.rounds += 1
                next_at = max(next_at + 0.1, time.monotonic())
                self._listen(one, mark, next_at)
            self._listen(one, mark, time.monotonic() + 1)

    def _listen(self, one: socket.socket, mark: bytes, until: float) -> None:
        while (left_s := until - time.monotonic()) > 0:
            if not select.select([one], [], [], left_s)[0]:
                return
            packet = one.recv(200)
            answer = packet[(packet[0] & 15) * 4 :]
            if answer[0] == 0 and answer[8:14] == mark:
                self._heard.add(struct.unpack("!HI", answer[14:20]))


def _echo_request(mark: bytes, place: int, number: int) -> bytes:
    body = struct.pack("!BBHHH6sHI", 8, 0, 0, place, number & 0xFFFF, mark, place, number)
    total = sum(struct.unpack(f"!{len(body) // 2}H", body))
    total = (total >> 16) + (total & 0xFFFF)
    checksum = ~(total + (total >> 16)) & 0xFFFF
    return body[:2] + struct.pack("!H", checksum) + body[4:]
