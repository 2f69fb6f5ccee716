"""Ping many addresses over one socket, paced, and tell each one's loss and round trip."""

import secrets
import time
from collections.abc import Callable, Iterable

from netdiag import icmp, ping
from netdiag.results import PingReply, PingSummary

_TOKEN = 8


def sweep(
    addresses: Iterable[str],
    *,
    probes: int = 1,
    timeout_s: float = 1.0,
    pace_s: float = 0.0002,
    size: int = 56,
    should_stop: Callable[[], bool] = lambda: False,
    open_channel: Callable[[int], icmp.Channel] = icmp.open_wide_channel,
) -> list[PingSummary]:
    """Ping every address `probes` times, one packet each `pace_s`, and return a summary for each in order.

    A round is over when all have answered or `timeout_s` after its last packet. Raises BadAddress,
    NotPermitted, ValueError. Addresses named twice are pinged once.
    """
    if probes < 1 or timeout_s <= 0 or pace_s < 0 or size < _TOKEN:
        raise ValueError("probes, timeout_s, pace_s or size is out of range")
    targets = {str(icmp.parse_address(one)): icmp.parse_address(one).version for one in addresses}
    replies: dict[str, list[PingReply]] = {address: [] for address in targets}
    for version in (4, 6):
        family = [address for address, number in targets.items() if number == version]
        if not family:
            continue
        channel = open_channel(version)
        try:
            for number in range(1, probes + 1):
                if should_stop():
                    break
                _Round(channel, family, number, secrets.token_bytes(size)).run(timeout_s, pace_s, replies)
        finally:
            channel.close()
    return [ping.summarize(address, found) for address, found in replies.items()]


class _Round:
    """One packet to each address, told apart by the sender of the reply, our id and a random payload."""

    def __init__(self, channel: icmp.Channel, addresses: list[str], number: int, payload: bytes) -> None:
        self._channel = channel
        self._addresses = addresses
        self._number = number
        self._payload = payload
        self._sent: dict[str, tuple[float, float]] = {}
        self._found: dict[str, PingReply] = {}
        self._duplicates: list[tuple[str, PingReply]] = []

    def run(self, timeout_s: float, pace_s: float, replies: dict[str, list[PingReply]]) -> None:
        """Send to all, collect, and add one reply for each address."""
        due = self._channel.now()
        for address in self._addresses:
            self._collect(due - self._channel.now())
            self._send(address)
            due += pace_s
        deadline = self._channel.now() + timeout_s
        while len(self._found) < len(self._addresses) and self._channel.now() < deadline:
            self._collect(deadline - self._channel.now())
        for address in self._addresses:
            lost = PingReply(self._number, None, None, None, None, "timeout", False, self._sent[address][0])
            replies[address].append(self._found.get(address, lost))
        for address, reply in self._duplicates:
            replies[address].append(reply)

    def _send(self, address: str) -> None:
        try:
            at = self._channel.send(address, self._number & 0xFFFF, self._payload, 64)
        except icmp.Unsendable as fault:
            at = time.time()
            self._found[address] = PingReply(self._number, None, None, None, None, str(fault), False, at)
        self._sent[address] = (at, self._channel.now())

    def _collect(self, patience_s: float) -> None:
        for answer in self._channel.receive(max(0.0, patience_s)):
            sent = self._sent.get(answer.target)
            is_foreign = answer.error is None and answer.payload[:_TOKEN] != self._payload[:_TOKEN]
            if sent is None or is_foreign or answer.identifier != self._channel.identifier:
                continue
            if answer.sequence == self._number & 0xFFFF:
                self._keep(answer, sent)

    def _keep(self, answer: icmp.Answer, sent: tuple[float, float]) -> None:
        elapsed = answer.received_at - sent[0]
        if not 0 <= elapsed <= self._channel.now() - sent[1] + 0.001:
            elapsed = self._channel.now() - sent[1]
        is_duplicate = answer.target in self._found
        reply = PingReply(
            sequence=self._number,
            rtt_ms=None if answer.error else round(elapsed * 1000, 3),
            ttl=answer.ttl,
            size=answer.size,
            sender=answer.sender,
            reason=answer.error,
            is_duplicate=is_duplicate,
            at=sent[0],
        )
        if not is_duplicate:
            self._found[answer.target] = reply
        elif answer.error is None:
            self._duplicates.append((answer.target, reply))
