"""Ping one address live: every echo as it comes back, in order, and the run in numbers."""

import collections
import dataclasses
import itertools
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Literal

from netdiag import errors, icmp, icmp_run
from netdiag.results import PingReply, PingSummary


@dataclasses.dataclass(frozen=True, slots=True)
class PingAccess:
    """Whether this process may ping, by which kind of socket, and how to allow it if not."""

    is_allowed: bool
    method: Literal["raw", "datagram"] | None
    advice: str


def access() -> PingAccess:
    """Try to open the sockets a ping needs and say which one this process may use."""
    for is_raw in (True, False):
        try:
            icmp.open_socket(4, is_raw=is_raw).close()
        except errors.WireError:
            continue
        return PingAccess(True, "raw" if is_raw else "datagram", "")
    return PingAccess(False, None, icmp.ADVICE)


def _asked(
    address: str,
    *,
    count: int = 10,
    interval_s: float = 1.0,
    size: int = 56,
    timeout_s: float = 1.0,
    ttl: int = 64,
    dscp: int = 0,
    dont_fragment: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
    open_channel: icmp_run.ChannelOpener = icmp.open_channel,
) -> icmp_run.Run[PingReply]:
    target, shape = icmp.parse_address(address), icmp.Shape(ttl, dscp, dont_fragment)
    if count < 1 or interval_s < 0 or timeout_s <= 0 or not 0 <= size <= icmp_run.LARGEST_SIZE:
        raise ValueError("count, interval_s, timeout_s or size is out of range")
    shape.check()
    run = _Run(target, _Pace(count, interval_s, timeout_s), secrets.token_bytes(size), shape)
    return icmp_run.Run(target, open_channel, lambda channel: run.steps(channel, should_stop))


@icmp_run.takes_options_of(_asked)
def stream(asked: icmp_run.Run[PingReply]) -> Iterator[PingReply]:
    """Ping an IPv4 or IPv6 literal and yield each reply in order of sequence, as soon as it is known.

    `size` is the ICMP payload in bytes. A lost echo is yielded when its time-out is over, with a reason;
    sending keeps its pace meanwhile. Duplicates and late answers follow their original. Raises BadAddress at
    once, ValueError for numbers out of range, NotPermitted when the first reply is asked for (RFC 792, 4443).
    """
    return iter(asked)


@icmp_run.takes_options_of(_asked)
def stream_async(asked: icmp_run.Run[PingReply]) -> AsyncIterator[PingReply]:
    """Do what `stream` does in an event loop; a busy loop delays the replies but spoils no round trip."""
    return aiter(asked)


@dataclasses.dataclass(frozen=True, slots=True)
class _Pace:
    count: int
    interval_s: float
    timeout_s: float


@dataclasses.dataclass(frozen=True, slots=True)
class _Sent:
    at: float
    clock: float
    deadline: float


class _Run:
    """The state of one ping: what is under way, what is known, what was already told."""

    def __init__(self, target: icmp.IPAddress, pace: _Pace, payload: bytes, shape: icmp.Shape) -> None:
        self.target = target
        self._shape = shape
        self.count = pace.count
        self.next_due = 0.0
        self.next_out = 1
        self._pace, self._payload = pace, payload
        self._plain_target = icmp_run.plain(str(target))
        self._next_sequence = 1
        self._sent: dict[int, _Sent] = {}
        self._open: dict[int, float] = {}
        self._known: dict[int, list[PingReply]] = collections.defaultdict(list)
        self._answered: set[int] = set()

    def steps(
        self, channel: icmp.Channel, should_stop: Callable[[], bool]
    ) -> Iterator[PingReply | icmp.Wait]:
        """Run the ping: yield what is known, and for how long the channel may be watched."""
        channel.configure(self._shape)
        looked_at = -icmp_run.STOP_LOOK_S
        self.next_due = channel.now()
        while self.next_out <= self.count:
            now = channel.now()
            if now - looked_at >= icmp_run.STOP_LOOK_S:
                looked_at = now
                if should_stop():
                    return
            # What came is read before anything is declared lost: we may be late, the reply was not.
            for answer in channel.receive():
                self.take(answer, channel)
            self.expire(now)
            self.send_due(channel, now)
            yield from self.ready()
            if self.next_out <= self.count:
                yield icmp.Wait(self.patience(channel.now()))

    def send_due(self, channel: icmp.Channel, now: float) -> None:
        """Send the next echo if its moment has come."""
        if self._next_sequence > self.count or now < self.next_due:
            return
        sequence = self._next_sequence
        self._next_sequence += 1
        # Who was held up for more than an interval starts counting anew: no burst after a pause.
        base = now if now - self.next_due > self._pace.interval_s else self.next_due
        self.next_due = base + self._pace.interval_s
        clock = channel.now()
        deadline = clock + self._pace.timeout_s
        try:
            at = channel.send(str(self.target), sequence & 0xFFFF, self._payload)
        except icmp.Unsendable as fault:
            at = time.time()
            self._sent[sequence] = _Sent(at, clock, deadline)
            self._known[sequence].append(_lost(sequence, at, str(fault), None))
            return
        self._sent[sequence] = _Sent(at, clock, deadline)
        self._open[sequence] = deadline

    def take(self, answer: icmp.Answer, channel: icmp.Channel) -> None:
        """Keep an answer that is ours; everything else on the socket is somebody else's."""
        sequence = self._full_sequence(answer.sequence)
        is_ours = icmp_run.is_ours(answer, channel.identifier, self._plain_target, self._payload)
        if sequence is None or not is_ours:
            return
        sent = self._sent[sequence]
        if answer.error is not None:
            if self._open.pop(sequence, None) is not None:
                mtu = answer.cause.mtu if answer.cause else None
                self._known[sequence].append(_lost(sequence, sent.at, answer.error, answer.sender, mtu))
            return
        reply = self._reply(sequence, sent, answer, channel.now())
        if sequence in self._answered:
            self._known[sequence].append(dataclasses.replace(reply, is_duplicate=True))
        elif sequence not in self._open or (reply.rtt_ms or 0.0) > self._pace.timeout_s * 1000:
            if self._open.pop(sequence, None) is not None:
                self._known[sequence].append(_lost(sequence, sent.at, "timeout", None))
            self._known[sequence].append(_late(reply))
        else:
            del self._open[sequence]
            self._answered.add(sequence)
            self._known[sequence].append(reply)

    def expire(self, now: float) -> None:
        """Declare lost what has waited its time-out."""
        for sequence in [one for one, deadline in self._open.items() if deadline <= now]:
            del self._open[sequence]
            self._known[sequence].append(_lost(sequence, self._sent[sequence].at, "timeout", None))

    def ready(self) -> Iterator[PingReply]:
        """Yield what may be told now: the next sequences in order, and duplicates of those told before."""
        for sequence in sorted(one for one in self._known if one < self.next_out):
            yield from self._known.pop(sequence)
        while self.next_out in self._known:
            self.next_out += 1
            yield from self._known.pop(self.next_out - 1)

    def patience(self, now: float) -> float:
        """Return how long the socket may be watched before something else is due, in seconds."""
        moments = [now + icmp_run.STOP_LOOK_S]
        if self._next_sequence <= self.count:
            moments.append(self.next_due)
        if self._open:
            moments.append(min(self._open.values()))
        return max(0.0, min(moments) - now)

    def _full_sequence(self, wire: int) -> int | None:
        """Return the newest sequence already sent that has these 16 bits."""
        newest = self._next_sequence - 1
        sequence = newest - ((newest - wire) & 0xFFFF)
        return sequence if sequence in self._sent else None

    def _reply(self, sequence: int, sent: _Sent, answer: icmp.Answer, now: float) -> PingReply:
        return PingReply(
            sequence=sequence,
            rtt_ms=icmp_run.elapsed_ms(answer, sent.at, sent.clock, now),
            ttl=answer.ttl,
            size=answer.size,
            sender=answer.sender,
            reason=None,
            is_duplicate=False,
            at=sent.at,
        )


def _lost(sequence: int, at: float, reason: str, sender: str | None, mtu: int | None = None) -> PingReply:
    return PingReply(sequence, None, None, None, sender, reason, False, at, mtu=mtu)


def _late(reply: PingReply) -> PingReply:
    """Return a late answer as what it is: no round trip that counts, but not silence either."""
    words = f"answered after {reply.rtt_ms} ms, too late"
    return dataclasses.replace(reply, rtt_ms=None, reason=words, late_ms=reply.rtt_ms)


def summarize(address: str, replies: Iterable[PingReply]) -> PingSummary:
    """Put a run into numbers; duplicates and late answers are counted apart and change nothing else.

    Jitter is the mean of |difference| of neighbouring round trips: the D of RFC 3550 section 6.4.1
    without its 1/16 smoothing, which a run of ten echoes never gets through.
    """
    all_replies = list(replies)
    late = sum(one.late_ms is not None for one in all_replies)
    firsts = [one for one in all_replies if not one.is_duplicate and one.late_ms is None]
    firsts.sort(key=lambda one: one.sequence)
    failed = [one for one in firsts if one.rtt_ms is None and one.reason not in (None, "timeout")]
    times = [one.rtt_ms for one in firsts if one.rtt_ms is not None]
    steps = [abs(after - before) for before, after in itertools.pairwise(times)]
    return PingSummary(
        address=address,
        sent=len(firsts),
        received=len(times),
        loss_percent=round(100 * (len(firsts) - len(times)) / len(firsts), 2) if firsts else 0.0,
        rtt_min_ms=min(times) if times else None,
        rtt_avg_ms=round(sum(times) / len(times), 3) if times else None,
        rtt_max_ms=max(times) if times else None,
        jitter_ms=round(sum(steps) / len(steps), 3) if steps else None,
        duplicates=len(all_replies) - len(firsts) - late,
        late=late,
        errors=len(failed),
        reason=failed[-1].reason if failed else None,
        router=failed[-1].sender if failed else None,
    )
