"""The rounds of a sweep: what was sent when, what came back, and when to send on; no socket of its own."""

import array
import collections
import contextlib
import dataclasses
import itertools
import math
import operator
import secrets
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence, Set

from netdiag import icmp
from netdiag.icmp_channel import Wait
from netdiag.icmp_packets import TOKEN
from netdiag.icmp_run import LARGEST_SIZE, STOP_LOOK_S
from netdiag.results import PingSummary, ping_summary

_LEAST_SIZE, _LARGEST_PROBES = 16, 100
# Sending runs ahead of its pace by as much as a sleep can be short. A burst has one pair of stamps for all:
# where there is time they are small; none fills more than an eighth of the buffer.
_QUANTUM_S = 0.001
_PACED_BURST, _LARGEST_BURST = 8, 64
# While many are awaited, replies are read by handfuls: their stamps are the kernel's, so that costs no truth.
_HANDFUL, _HANDFUL_S = 64, 0.002
# Replies this machine dropped for want of room are asked for again, at a pace that leaves room.
_REPAIR_PACE_S = 0.0002
_OPEN, _FAILED = -1, -2
_NOTHING: "array.array[int]" = array.array("q")


@dataclasses.dataclass(frozen=True, slots=True)
class Terms:
    """How a sweep is done; `check` raises ValueError for numbers out of range."""

    probes: int
    timeout_s: float
    pace_s: float
    size: int
    shape: icmp.Shape

    def check(self) -> None:
        """Raise ValueError if a number is out of range."""
        if not 1 <= self.probes <= _LARGEST_PROBES or not _LEAST_SIZE <= self.size <= LARGEST_SIZE:
            raise ValueError("probes or size is out of range")
        if self.timeout_s <= 0 or self.pace_s < 0:
            raise ValueError("timeout_s or pace_s is out of range")
        self.shape.check()


class Plan:
    """The addresses of a sweep in order, each with its version, and what was found of them."""

    def __init__(self, addresses: Iterable[str], terms: Terms) -> None:
        terms.check()
        self._terms = terms
        self._keys = icmp.keys_of(addresses)
        self._families: dict[int, _Family] = {}
        for version, width in ((4, 4), (6, 20)):
            keys = {text: key for text, key in self._keys.items() if len(key) == width}
            if keys:
                self._families[version] = _Family(icmp.Targets(version, keys), terms)

    @property
    def versions(self) -> tuple[int, ...]:
        """Return the IP versions that a channel is needed for."""
        return tuple(self._families)

    def steps(
        self, version: int, channel: icmp.WideChannel, should_stop: Callable[[], bool] | None
    ) -> Iterator[Wait]:
        """Sweep the addresses of one version; yields whenever there is something to wait for."""
        channel.configure(self._terms.shape)
        yield from self._families[version].steps(channel, should_stop)

    def summaries(self) -> list[PingSummary]:
        """Return what was found, in the order of the addresses."""
        if len(self._families) == 1:
            return list(next(iter(self._families.values())).summaries())
        found = {version: family.summaries() for version, family in self._families.items()}
        return [next(found[4 if len(key) == 4 else 6]) for key in self._keys.values()]


class _Round:
    """One packet to each address: when it left (ns), and after how many microseconds it was answered."""

    def __init__(self, count: int) -> None:
        self.sent = array.array("q", bytes(8 * count))
        self.found = array.array("i", [_OPEN]) * count
        self.sent_count = self.open = 0
        self.began = self.ended = 0.0
        self.is_over = False

    def note(self, places: Sequence[int], burst: icmp.Burst) -> None:
        """Write down the burst that went to these places: it left evenly between its two stamps."""
        count = len(places)
        step = (burst.ended_ns - burst.began_ns) // count if count else 0
        moments = (
            range(burst.began_ns, burst.began_ns + step * count, step) if step else [burst.began_ns] * count
        )
        if isinstance(places, range):
            self.sent[places.start : places.stop] = array.array("q", moments)
        else:
            for place, moment in zip(places, moments, strict=True):
                self.sent[place] = moment
        self.sent_count += count
        self.open += count


class _Family:
    """The addresses of one IP version on one channel."""

    def __init__(self, targets: icmp.Targets, terms: Terms) -> None:
        self._targets, self._terms = targets, terms
        self._places: dict[bytes, int] = {}
        self._payload = secrets.token_bytes(terms.size)
        self._rounds: list[_Round] = []
        self._by_key: dict[bytes, _Round] = {}
        self._by_sequence: dict[int, _Round] = {}
        self._late: collections.Counter[int] = collections.Counter()
        self._duplicates: collections.Counter[int] = collections.Counter()
        self._errors: collections.Counter[int] = collections.Counter()
        self._reasons: dict[int, tuple[str, str | None]] = {}
        self._should_stop: Callable[[], bool] | None = None
        self._looked_at = -math.inf
        self._is_stopped = False

    def steps(self, channel: icmp.WideChannel, should_stop: Callable[[], bool] | None) -> Iterator[Wait]:
        """Send round after round, repair what this machine lost, and yield whenever it is time to wait."""
        self._should_stop = should_stop
        everybody = range(len(self._targets.keys))
        for number in range(1, self._terms.probes + 1):
            one = self._begin(channel, number)
            self._rounds.append(one)
            yield from self._send(channel, one, self._targets, everybody, self._terms.pace_s)
            # The last one is awaited with those before it: each time to wake up costs as much as ten replies.
            if number < self._terms.probes:
                yield from self._await(channel, [one], one.began + self._terms.timeout_s)
            if self._is_stopped:
                return
        yield from self._settle(channel, self._rounds)
        if channel.overflowed():
            yield from self._repair(channel)

    def _begin(self, channel: icmp.WideChannel, sequence: int) -> _Round:
        one = _Round(len(self._targets.keys))
        self._by_key[channel.load(sequence, self._payload)] = one
        self._by_sequence[sequence] = one
        return one

    def _send(
        self,
        channel: icmp.WideChannel,
        one: _Round,
        targets: icmp.Targets,
        places: Sequence[int],
        pace_s: float,
    ) -> Iterator[Wait]:
        due = one.began = channel.now()
        most = max(1, min(_LARGEST_BURST, channel.capacity // 8))
        burst_size = min(most, _PACED_BURST) if pace_s else most
        ahead_s = max(_QUANTUM_S, pace_s)
        first, is_cold, full_since = 0, True, math.inf
        while first < len(places) and not self._wants_stop(channel.now()):
            self._collect(channel)
            now = channel.now()
            if pace_s and due >= now + ahead_s:
                yield Wait(due - now, False)
                is_cold = True
                continue
            # After a pause the first packet takes longer: alone, it does not spoil the others' moments.
            burst = channel.burst(targets, first, min(len(places), first + (1 if is_cold else burst_size)))
            one.note(places[first : first + burst.sent], burst)
            first += burst.sent
            is_cold = burst.is_full
            # Who was held up does not make up for it by a flood.
            due = max(due, now) + pace_s * burst.sent
            full_since = min(full_since, now) if burst.is_full else math.inf
            if burst.failure or now - full_since > self._terms.timeout_s:
                self._refuse(one, places[first], burst.failure or "the interface takes no packets")
                first += 1
            elif burst.is_full:
                yield Wait(_QUANTUM_S, False)
        one.ended = channel.now()

    def _refuse(self, one: _Round, place: int, failure: str) -> None:
        one.sent_count += 1
        one.found[place] = _FAILED
        self._errors[place] += 1
        self._reasons[place] = failure, None

    def _settle(self, channel: icmp.WideChannel, rounds: list[_Round]) -> Iterator[Wait]:
        """Wait until every packet of these rounds is answered or has had its time."""
        while waiting := [one for one in rounds if one.open and not one.is_over]:
            yield from self._await(
                channel, waiting, min(one.ended for one in waiting) + self._terms.timeout_s
            )
            if self._is_stopped:
                return
            for one in waiting:
                one.is_over = one.ended + self._terms.timeout_s <= channel.now()

    def _await(self, channel: icmp.WideChannel, rounds: list[_Round], until: float) -> Iterator[Wait]:
        while True:
            now = channel.now()
            has_come = self._collect(channel)
            waiting = sum(one.open for one in rounds)
            if not waiting or now >= until or self._wants_stop(now):
                return
            if has_come and waiting > _HANDFUL:
                yield Wait(min(_HANDFUL_S, until - now), False)
            else:
                yield Wait(min(STOP_LOOK_S, until - now) if self._should_stop else until - now, True)

    def _repair(self, channel: icmp.WideChannel) -> Iterator[Wait]:
        """Ask again those whose answers this machine may have dropped itself; a false loss is the worst."""
        for number, spoilt in enumerate(list(self._rounds), self._terms.probes + 1):
            places = [place for place, found in enumerate(spoilt.found) if found == _OPEN]
            targets = self._targets.some(places)
            again = self._begin(channel, number)
            yield from self._send(channel, again, targets, places, max(self._terms.pace_s, _REPAIR_PACE_S))
            yield from self._settle(channel, [again])
            if self._is_stopped:
                return
            for place in places:
                spoilt.found[place] = again.found[place]

    def _wants_stop(self, now: float) -> bool:
        if self._should_stop and now - self._looked_at >= STOP_LOOK_S and not self._is_stopped:
            self._looked_at = now
            self._is_stopped = self._should_stop()
        return self._is_stopped

    def _collect(self, channel: icmp.WideChannel) -> bool:
        echoes, others = channel.collect()
        keys, limit = self._targets.keys, self._terms.timeout_s * 1e9
        count = len(keys)
        one, current, sent, found = None, b"", _NOTHING, _NOTHING
        for name, key, place, at in echoes:
            if key != current:
                one, current = self._by_key.get(key), key
                sent, found = (one.sent, one.found) if one else (_NOTHING, _NOTHING)
            if one is None or place >= count or keys[place] != name or not sent[place]:
                continue
            elapsed = at - sent[place]
            if found[place] == _OPEN and 0 <= elapsed <= limit:
                found[place] = (elapsed + 500) // 1000
                one.open -= 1
            else:
                self._take_odd(one, place, elapsed)
        for answer in others:
            self._take(answer)
        return bool(echoes or others)

    def _take(self, answer: icmp.Answer) -> None:
        """Keep what came by the careful way, if it is ours: sender, sequence, token and mark are compared."""
        one, place = self._by_sequence.get(answer.sequence), self._place(answer.target)
        if one is None or place is None or not one.sent[place]:
            return
        head = self._payload[:TOKEN] + icmp.Targets.mark(place)
        # An error may quote less of the echo than a reply repeats.
        if not (answer.payload[:_LEAST_SIZE] == head or (answer.error and head.startswith(answer.payload))):
            return
        if answer.error is None:
            self._take_odd(one, place, round(answer.received_at * 1e9) - one.sent[place])
        elif one.found[place] == _OPEN:
            one.found[place] = _FAILED
            one.open -= 1
            self._errors[place] += 1
            self._reasons[place] = answer.error, answer.sender

    def _take_odd(self, one: _Round, place: int, elapsed_ns: int) -> None:
        if one.found[place] >= 0:
            self._duplicates[place] += 1
        elif elapsed_ns > self._terms.timeout_s * 1e9:
            self._late[place] += 1
        else:
            one.open -= one.found[place] == _OPEN
            # A burst is taken to leave evenly: what was held up in it may seem answered before it left.
            one.found[place] = max(0, round(elapsed_ns / 1000))

    def _place(self, target: str) -> int | None:
        if not self._places:
            self._places = {key: place for place, key in enumerate(self._targets.keys)}
        with contextlib.suppress(OSError):
            if ":" not in target:
                return self._places.get(socket.inet_pton(socket.AF_INET, target))
            plain = socket.inet_pton(socket.AF_INET6, target.partition("%")[0])
            # An error does not name the scope of a link-local target: the first one it may be is meant.
            found = self._places.get(plain + bytes(4))
            if found is not None or plain[0] != 0xFE:
                return found
            return next((place for key, place in self._places.items() if key.startswith(plain)), None)
        return None

    def summaries(self) -> Iterator[PingSummary]:
        """Yield each address in numbers; those of which nothing is odd, nearly all, by a short way."""
        odd = self._duplicates.keys() | self._late.keys() | self._errors.keys()
        if len(self._rounds) == 1 and not self._is_stopped:
            yield from self._plain_summaries(self._rounds[0].found, odd)
            return
        count = len(self._rounds)
        columns = zip(*(one.found for one in self._rounds), strict=True)
        for place, (address, found) in enumerate(zip(self._targets.addresses, columns, strict=True)):
            if self._is_stopped or place in odd or (least := min(found)) < 0:
                yield self._summary(place, address, [one for one in found if one >= 0])
                continue
            mean_ms = round(sum(found) / count / 1000, 3)
            steps = sum(map(abs, map(operator.sub, found[1:], found)))
            jitter_ms = round(steps / (count - 1) / 1000, 3)
            times = least / 1000, mean_ms, max(found) / 1000, jitter_ms
            yield ping_summary(address, count, count, 0.0, *times, 0)

    def _plain_summaries(self, found: "array.array[int]", odd: Set[int]) -> Iterator[PingSummary]:
        """Do the same for one probe each: this is half the work."""
        for place, (address, rtt_us) in enumerate(zip(self._targets.addresses, found, strict=True)):
            if place in odd:
                yield self._summary(place, address, [rtt_us] if rtt_us >= 0 else [])
            elif rtt_us >= 0:
                rtt_ms = rtt_us / 1000
                yield ping_summary(address, 1, 1, 0.0, rtt_ms, rtt_ms, rtt_ms, None, 0)
            else:
                yield ping_summary(address, 1, 0, 100.0, None, None, None, None, 0)

    def _count_sent(self, place: int) -> int:
        """Count the packets of a stopped sweep that were answered, failed, or had their time."""
        return sum(
            place < one.sent_count
            and (one.is_over or one is not self._rounds[-1] or one.found[place] != _OPEN)
            for one in self._rounds
        )

    def _summary(self, place: int, address: str, times_us: Sequence[int]) -> PingSummary:
        sent = self._count_sent(place) if self._is_stopped else len(self._rounds)
        received = len(times_us)
        steps = [abs(after - before) for before, after in itertools.pairwise(times_us)]
        reason, router = self._reasons.get(place, (None, None))
        return ping_summary(
            address,
            sent,
            received,
            round(100 * (sent - received) / sent, 2) if sent else 0.0,
            min(times_us) / 1000 if times_us else None,
            round(sum(times_us) / received / 1000, 3) if times_us else None,
            max(times_us) / 1000 if times_us else None,
            round(sum(steps) / len(steps) / 1000, 3) if steps else None,
            self._duplicates.get(place, 0),
            self._late.get(place, 0),
            self._errors.get(place, 0),
            reason,
            router,
        )
