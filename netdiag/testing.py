"""Fakes of the wire that ship with it: a network of scripted echoes, an SNMP agent on loopback."""

import asyncio
import dataclasses
import heapq
import itertools
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from netdiag import icmp
from netdiag.snmp import SnmpTarget, agent, usm
from netdiag.snmp.agent import Outcome
from netdiag.snmp.message import Pdu
from netdiag.snmp.target import Version

Answerer = Callable[[bytes], bytes | None]

# What follows an echo to this address, of this payload size and TTL; Unsendable if it does not leave.
Rule = Callable[[str, int, int], "Sequence[Echo]"]

_EPOCH = 1_700_000_000.0


@dataclasses.dataclass(frozen=True, slots=True)
class Echo:
    """One message that follows an echo request: when, from whom, and what is wrong with it if anything."""

    after_s: float = 0.01
    sender: str | None = None
    identifier_offset: int = 0
    is_foreign_payload: bool = False
    error: str | None = None
    ttl: int = 64
    cause: icmp.Cause | None = None


class FakeIcmp:
    """A network in memory with a clock of its own: `script` says what follows each sequence number.

    A sequence that is not in the script is answered after `default`; an empty list is a loss. `rule` decides
    by address, size and TTL instead. Give `FakeIcmp(...).open` as `open_channel` to `ping.stream`,
    `trace.trace` and `mtu.measure`, `.open_wide` to `sweep.sweep`.
    """

    def __init__(
        self,
        script: Mapping[int, Sequence[Echo]] | None = None,
        *,
        default: Sequence[Echo] = (Echo(),),
        silent: frozenset[str] = frozenset(),
        unsendable: Mapping[int, str] | None = None,
        rule: Rule | None = None,
    ) -> None:
        self.identifier = 4711
        self.capacity = 1000
        self.shape = icmp.Shape()
        self._loaded: tuple[int, bytes] = (0, b"")
        self.sent: list[tuple[float, str, int]] = []
        self.opened = self.closed = self.overflow = 0
        self._order = itertools.count()
        self.clock = 100.0
        self._script = dict(script or {})
        self._default = default
        self._silent = silent
        self._unsendable = dict(unsendable or {})
        self._rule = rule
        self._flying: list[tuple[float, int, icmp.Answer]] = []

    def open(self, address: icmp.IPAddress) -> "FakeIcmp":
        """Stand in for `icmp.open_channel`."""
        self.opened += 1
        return self

    def open_wide(self, version: int) -> "FakeIcmp":
        """Stand in for `icmp.open_wide_channel`."""
        self.opened += 1
        return self

    def now(self) -> float:
        """Return the fake clock in seconds."""
        return self.clock

    def close(self) -> None:
        """Count that the channel was given back."""
        self.closed += 1

    def configure(self, shape: icmp.Shape) -> None:
        """Note what the packets to come look like."""
        self.shape = shape

    def send(self, address: str, sequence: int, payload: bytes, ttl: int | None = None) -> float:
        """Note the request and put what the script says on the wire."""
        if sequence in self._unsendable:
            raise icmp.Unsendable(self._unsendable[sequence])
        self.sent.append((self.clock, address, sequence))
        for echo in self._echoes(address, sequence, len(payload), self.shape.ttl if ttl is None else ttl):
            at = self.clock + echo.after_s
            sender = echo.sender or address
            answer = icmp.Answer(
                sender=sender,
                target=address if echo.error else sender,
                identifier=self.identifier + echo.identifier_offset,
                sequence=sequence,
                payload=bytes(len(payload)) if echo.is_foreign_payload else payload,
                received_at=_EPOCH + at,
                size=None if echo.error else len(payload) + 8,
                ttl=None if echo.error else echo.ttl,
                error=echo.error,
                cause=echo.cause,
            )
            heapq.heappush(self._flying, (at, next(self._order), answer))
        return _EPOCH + self.clock

    def _echoes(self, address: str, sequence: int, size: int, ttl: int) -> Sequence[Echo]:
        if self._rule:
            return self._rule(address, size, ttl)
        return () if address in self._silent else self._script.get(sequence, self._default)

    def receive(self) -> list[icmp.Answer]:
        """Return what has come by now."""
        found = []
        while self._flying and self._flying[0][0] <= self.clock:
            found.append(heapq.heappop(self._flying)[2])
        return found

    def wait(self, timeout_s: float, for_message: bool = True) -> None:
        """Let the fake clock run to the next message, or to the end of the patience."""
        until = self.clock + timeout_s
        if for_message and self._flying:
            until = min(until, max(self.clock, self._flying[0][0]))
        self.clock = until

    async def wait_async(self, timeout_s: float, for_message: bool = True) -> None:
        """Do the same, and let the event loop have a turn."""
        self.wait(timeout_s, for_message)
        await asyncio.sleep(0)

    def load(self, sequence: int, payload: bytes) -> bytes:
        """Keep the echo of the next bursts."""
        self._loaded = sequence, payload
        return struct.pack("!HH", self.identifier, sequence & 0xFFFF) + payload[:8]

    def burst(self, targets: icmp.Targets, first: int, last: int) -> icmp.Burst:
        """Send the loaded echo to each of these targets, all in the same moment."""
        now_ns = round((_EPOCH + self.clock) * 1e9)
        for sent, address in enumerate(targets.addresses[first:last]):
            try:
                sequence, payload = self._loaded
                mark = bytes(targets.marks[8 * (first + sent) :][:8])
                self.send(address, sequence, payload[:8] + mark + payload[16:])
            except icmp.Unsendable as fault:
                return icmp.Burst(sent, now_ns, now_ns, str(fault))
        return icmp.Burst(last - first, now_ns, now_ns)

    def collect(self) -> tuple[list[icmp.Echo], list[icmp.Answer]]:
        """Return what has come by now, all of it by the careful way; strange ids are the kernel's to drop."""
        return [], [one for one in self.receive() if one.identifier == self.identifier]

    def overflowed(self) -> int:
        """Return how many answers were dropped for want of room."""
        return self.overflow


class FakeSnmp(agent.Agent):
    """A real agent on a free loopback port that serves `values`; `with FakeSnmp(...) as device:`.

    It can misbehave: `is_deaf`, `latency_s`, `tamper` (bytes) and `rule` (bindings).
    `target()` gives the credentials that open it; for version 3 there is the user `noc` (SHA, AES).
    """

    def __init__(self, values: Mapping[str, Any], **options: Any) -> None:
        user = usm.User("noc", "SHA", "noc-auth-key", "AES", "noc-priv-key")
        options.setdefault("users", [user])
        super().__init__(values, **options)
        self.tamper: Callable[[bytes, Answerer], bytes | None] | None = None
        self.rule: Callable[[Pdu], Outcome | None] | None = None

    def answer(self, wire: bytes) -> bytes | None:
        """Answer as an agent does, unless `tamper` makes something else of it (None is silence)."""
        return self.tamper(wire, super().answer) if self.tamper else super().answer(wire)

    def outcome(self, request: Pdu, version: str, may_write: bool) -> Outcome:
        """Decide as an agent does, unless `rule` knows an outcome of its own."""
        return (self.rule and self.rule(request)) or super().outcome(request, version, may_write)

    def target(self, version: Version = "2c", **changes: Any) -> SnmpTarget:
        """Return a target that this agent answers, quick to give up; `changes` spoil or refine it."""
        fields: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self.port,
            "version": version,
            "timeout_s": 0.5,
            "community": self.state.community,
        }
        if version == "3":
            fields |= {
                "user": "noc",
                "auth_protocol": "SHA",
                "auth_key": "noc-auth-key",
                "priv_protocol": "AES",
                "priv_key": "noc-priv-key",
            }
        return SnmpTarget(**(fields | changes))
