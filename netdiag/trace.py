"""The path to an address: every router on it, with its loss and round trips, hop by hop as mtr shows them."""

import collections
import dataclasses
import secrets
import statistics
from collections.abc import AsyncIterator, Callable, Iterator

from netdiag import icmp, icmp_run
from netdiag.icmp_packets import TOKEN
from netdiag.path_results import PathTrace, TraceHop

# Routers limit how many errors they send: the echoes of a round leave one after the other, not at once.
_PACE_S = 0.01
# Behind so many silent hops in a row nobody is expected to speak (mtr gives up at the same).
_SILENT_HOPS = 5


@dataclasses.dataclass(frozen=True, slots=True)
class _Terms:
    rounds: int
    max_hops: int
    interval_s: float
    timeout_s: float
    size: int
    dscp: int

    def check(self) -> None:
        if not 1 <= self.rounds <= 1000 or not 1 <= self.max_hops <= 64 or self.timeout_s <= 0:
            raise ValueError("rounds, max_hops or timeout_s is out of range")
        if self.interval_s < 0 or not TOKEN <= self.size <= icmp_run.LARGEST_SIZE or not 0 <= self.dscp <= 63:
            raise ValueError("interval_s, size or dscp is out of range")


def _asked(
    address: str,
    *,
    count: int = 3,
    max_hops: int = 30,
    interval_s: float = 0.1,
    timeout_s: float = 1.0,
    size: int = 56,
    dscp: int = 0,
    should_stop: Callable[[], bool] = lambda: False,
    open_channel: icmp_run.ChannelOpener = icmp.open_channel,
) -> icmp_run.Run[PathTrace]:
    terms = _Terms(count, max_hops, interval_s, timeout_s, size, dscp)
    terms.check()
    run = _Run(icmp.parse_address(address), terms)
    return icmp_run.Run(run.target, open_channel, lambda channel: run.steps(channel, should_stop))


@icmp_run.takes_options_of(_asked)
def rounds(asked: icmp_run.Run[PathTrace]) -> Iterator[PathTrace]:
    """Trace an IPv4 or IPv6 literal by echoes of rising TTL and yield the path so far after each round.

    All hops are asked side by side. The path ends at the target, at a router that says it is unreachable, or
    behind five silent hops. A silent hop loses nothing of those behind it. At least one path is yielded.
    Raises BadAddress and ValueError at once, NotPermitted when the first path is asked for (RFC 792, 4443).
    """
    return iter(asked)


@icmp_run.takes_options_of(_asked)
def rounds_async(asked: icmp_run.Run[PathTrace]) -> AsyncIterator[PathTrace]:
    """Do what `rounds` does in an event loop."""
    return aiter(asked)


@icmp_run.takes_options_of(_asked)
def trace(asked: icmp_run.Run[PathTrace]) -> PathTrace:
    """Return the path after all rounds; options and errors are those of `rounds`."""
    *_, last = asked
    return last


class _Hop:
    """What is known of one TTL."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.sent = 0
        self.times: list[float] = []
        self.senders: dict[str, int] = {}
        self.reason: str | None = None
        self.is_end = False

    def result(self) -> TraceHop:
        """Return the hop in numbers."""
        times, received = self.times, len(self.times)
        return TraceHop(
            number=self.number,
            addresses=tuple(sorted(self.senders, key=lambda one: -self.senders[one])),
            sent=self.sent,
            received=received,
            loss_percent=round(100 * (self.sent - received) / self.sent, 2) if self.sent else 0.0,
            rtt_last_ms=times[-1] if times else None,
            rtt_avg_ms=round(statistics.fmean(times), 3) if times else None,
            rtt_best_ms=min(times) if times else None,
            rtt_worst_ms=max(times) if times else None,
            rtt_stdev_ms=round(statistics.stdev(times), 3) if received > 1 else None,
            reason=self.reason,
        )


@dataclasses.dataclass(frozen=True, slots=True)
class _Sent:
    hop: _Hop
    at: float
    clock: float


class _Run:
    """The state of one trace."""

    def __init__(self, target: icmp.IPAddress, terms: _Terms) -> None:
        self.target, self._terms = target, terms
        self._payload = secrets.token_bytes(terms.size)
        self._plain = icmp_run.plain(str(target))
        self._hops = [_Hop(number) for number in range(1, terms.max_hops + 1)]
        self._open: dict[int, _Sent] = {}
        self._sequence = 0
        self._is_stopped = False

    def steps(
        self, channel: icmp.Channel, should_stop: Callable[[], bool]
    ) -> Iterator[PathTrace | icmp.Wait]:
        """Run the rounds: yield the path after each, and for how long the channel may be watched."""
        channel.configure(icmp.Shape(dscp=self._terms.dscp))
        for number in range(self._terms.rounds):
            started = channel.now()
            for wait in self._round(channel):
                yield wait
                if should_stop():
                    self._is_stopped = True
                    break
            is_last = self._is_stopped or number + 1 == self._terms.rounds
            yield self.path(is_last=is_last)
            if is_last:
                return
            while (left := started + self._terms.interval_s - channel.now()) > 0:
                yield icmp.Wait(min(left, icmp_run.STOP_LOOK_S), False)

    def _round(self, channel: icmp.Channel) -> Iterator[icmp.Wait]:
        """Ask every hop once, each in its turn, and wait for the answers."""
        deadline = channel.now() + self._terms.timeout_s
        unasked = collections.deque(self._hops)
        while True:
            now = channel.now()
            self._receive(channel)
            if unasked and unasked[0].number <= self._length(is_patient=True):
                self._send(channel, unasked.popleft())
                deadline = now + self._terms.timeout_s
                yield icmp.Wait(_PACE_S, False)
            elif self._awaits() and now < deadline:
                yield icmp.Wait(min(deadline - now, icmp_run.STOP_LOOK_S))
            else:
                break
        self._open.clear()

    def _send(self, channel: icmp.Channel, hop: _Hop) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        clock = channel.now()
        hop.sent += 1
        try:
            at = channel.send(str(self.target), self._sequence, self._payload, hop.number)
        except icmp.Unsendable as fault:
            hop.reason, hop.is_end = str(fault), True
            return
        self._open[self._sequence] = _Sent(hop, at, clock)

    def _receive(self, channel: icmp.Channel) -> None:
        for answer in channel.receive():
            if icmp_run.is_ours(answer, channel.identifier, self._plain, self._payload):
                sent = self._open.pop(answer.sequence, None)
                if sent:
                    self._take(answer, sent, channel.now())

    def _take(self, answer: icmp.Answer, sent: _Sent, now: float) -> None:
        hop = sent.hop
        hop.times.append(icmp_run.elapsed_ms(answer, sent.at, sent.clock, now))
        hop.senders[answer.sender] = hop.senders.get(answer.sender, 0) + 1
        is_on_the_way = answer.cause is not None and answer.cause.is_expired
        if not is_on_the_way:
            hop.is_end, hop.reason = True, answer.error

    def _length(self, *, is_patient: bool) -> int:
        """Return how many hops the path has as far as known; patient: and how far to ask on."""
        ends = [hop.number for hop in self._hops if hop.is_end]
        if ends:
            return ends[0]
        heard = max((hop.number for hop in self._hops if hop.times), default=0)
        if not is_patient:
            return heard
        under_way = {sent.hop.number for sent in self._open.values()}
        silent = [one.number for one in self._hops[heard:] if one.sent and one.number not in under_way]
        return heard if len(silent) >= _SILENT_HOPS else min(self._terms.max_hops, heard + _SILENT_HOPS)

    def _awaits(self) -> bool:
        """Tell whether an answer is still of interest: those behind the end of the path are not."""
        length = self._length(is_patient=True)
        return any(sent.hop.number <= length for sent in self._open.values())

    def path(self, *, is_last: bool) -> PathTrace:
        """Return the path so far."""
        length = self._length(is_patient=False)
        hops = tuple(hop.result() for hop in self._hops[:length])
        end = self._hops[length - 1] if length else None
        is_reached = bool(end and self._plain in end.senders)
        reason = None
        if end and end.is_end and not is_reached:
            reason = end.reason
        elif not is_reached:
            reason = f"silence behind hop {length}" if length else "silence"
        return PathTrace(str(self.target), hops, is_reached, reason, is_last)
