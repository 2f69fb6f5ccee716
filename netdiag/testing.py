"""Fakes of the wire that ship with it: a network of scripted echoes."""

import dataclasses
import heapq
from collections.abc import Mapping, Sequence

from netdiag import icmp

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


class FakeIcmp:
    """A network in memory with a clock of its own: `script` says what follows each sequence number.

    A sequence that is not in the script is answered after `default`; an empty list is a loss. Give
    `FakeIcmp(...).open` as `open_channel` to `ping.stream`, `.open_wide` to `sweep.sweep`.
    """

    def __init__(
        self,
        script: Mapping[int, Sequence[Echo]] | None = None,
        *,
        default: Sequence[Echo] = (Echo(),),
        silent: frozenset[str] = frozenset(),
        unsendable: Mapping[int, str] | None = None,
    ) -> None:
        self.identifier = 4711
        self.sent: list[tuple[float, str, int]] = []
        self.opened = self.closed = 0
        self.clock = 100.0
        self._script = dict(script or {})
        self._default = default
        self._silent = silent
        self._unsendable = dict(unsendable or {})
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

    def send(self, address: str, sequence: int, payload: bytes, ttl: int) -> float:
        """Note the request and put what the script says on the wire."""
        if sequence in self._unsendable:
            raise icmp.Unsendable(self._unsendable[sequence])
        self.sent.append((self.clock, address, sequence))
        for echo in () if address in self._silent else self._script.get(sequence, self._default):
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
            )
            heapq.heappush(self._flying, (at, len(self.sent) * 1000 + len(self._flying), answer))
        return _EPOCH + self.clock

    def receive(self, timeout_s: float) -> list[icmp.Answer]:
        """Let the fake clock run to the next message, or to the end of the patience."""
        until = self.clock + timeout_s
        if not self._flying or self._flying[0][0] > until:
            self.clock = until
            return []
        self.clock = max(self.clock, self._flying[0][0])
        found = []
        while self._flying and self._flying[0][0] <= self.clock:
            found.append(heapq.heappop(self._flying)[2])
        return found
