"""Packed measurements: what a moment, a minute entry, an hour and a day look like in bytes. Pure.

Every kind of series has one frozen point that stands for a moment as well as for any longer time, a way to
combine points into one, and three layouts: in a round (a moment), in a day's minutes (with its tick), and
for an hour or a day. Figures as IEEE halves keep 11 bits: RTT is right to one part in 2,000.
"""

import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

TICK_S = 2
"""A minute entry says when it was in ticks of the day, so that a day fits 16 bits."""
HOURS = 24
_NONE = -32768
_MOST = 0xFFFF


class PingPoint(NamedTuple):
    """Echoes: how many were sent and lost, and the round trips in milliseconds; None when none came back."""

    sent: int
    lost: int
    min_ms: float | None
    avg_ms: float | None
    max_ms: float | None


class UsagePoint(NamedTuple):
    """Octets in (from the customer) and out (to him) in so many seconds; the peaks in bits a second."""

    seconds: int
    in_octets: int
    out_octets: int
    peak_in_bps: float
    peak_out_bps: float


class LevelPoint(NamedTuple):
    """Optical power in hundredths of dBm out of so many readings; None where it was not told."""

    readings: int
    min_rx: int | None
    avg_rx: int | None
    max_rx: int | None
    avg_tx: int | None


Point = TypeVar("Point", PingPoint, UsagePoint, LevelPoint)
AnyPoint = PingPoint | UsagePoint | LevelPoint


class Codec(Protocol[Point]):
    """How the points of one kind of series are packed; sizes are in bytes."""

    moment_size: int
    hour_size: int

    def moment(self, point: Point) -> bytes:
        """Pack a point as a round keeps it."""

    def read_moment(self, packed: bytes) -> Point:
        """Read what `moment` packed."""

    def minute(self, tick: int, point: Point) -> bytes:
        """Pack a point as a day's minutes keep it."""

    def read_minutes(self, packed: bytes) -> Iterator[tuple[int, Point]]:
        """Yield tick and point of a day's minutes."""

    def hour(self, point: Point | None) -> bytes:
        """Pack the point of an hour, or of a day; None for an hour in which nothing was measured."""

    def read_hour(self, packed: bytes) -> Point | None:
        """Read what `hour` packed."""

    def combine(self, points: Sequence[Point]) -> Point:
        """Return the point of all the time these (at least one) cover."""


class _Ping:
    _MOMENT: ClassVar = struct.Struct("<BBeee")
    _MINUTE: ClassVar = struct.Struct("<HBe")
    _HOUR: ClassVar = struct.Struct("<HHeee")
    moment_size = _MOMENT.size
    hour_size = _HOUR.size

    def moment(self, point: PingPoint) -> bytes:
        return self._MOMENT.pack(point.sent, point.lost, *map(_half, point[2:]))

    def read_moment(self, packed: bytes) -> PingPoint:
        sent, lost, low, middle, high = self._MOMENT.unpack(packed)
        return PingPoint(sent, lost, _known(low), _known(middle), _known(high))

    def minute(self, tick: int, point: PingPoint) -> bytes:
        # Both counts share a byte: a round has at most 15 probes.
        return self._MINUTE.pack(tick, min(point.sent, 15) << 4 | min(point.lost, 15), _half(point.avg_ms))

    def read_minutes(self, packed: bytes) -> Iterator[tuple[int, PingPoint]]:
        for tick, counts, middle in self._MINUTE.iter_unpack(packed):
            rtt = _known(middle)
            yield tick, PingPoint(counts >> 4, counts & 15, rtt, rtt, rtt)

    def hour(self, point: PingPoint | None) -> bytes:
        if point is None:
            return bytes(self.hour_size)
        # A very busy day is scaled down: the share that was lost is what stays right.
        scale = max(1.0, point.sent / _MOST)
        counts = (int(point.sent / scale), int(point.lost / scale))
        return self._HOUR.pack(*counts, *map(_half, point[2:]))

    def read_hour(self, packed: bytes) -> PingPoint | None:
        sent, lost, low, middle, high = self._HOUR.unpack(packed)
        return PingPoint(sent, lost, _known(low), _known(middle), _known(high)) if sent else None

    def combine(self, points: Sequence[PingPoint]) -> PingPoint:
        answered = [point for point in points if point.avg_ms is not None]
        came = sum(point.sent - point.lost for point in answered)
        total = math.fsum((point.avg_ms or 0.0) * (point.sent - point.lost) for point in answered)
        return PingPoint(
            sum(point.sent for point in points),
            sum(point.lost for point in points),
            min((point.min_ms for point in answered if point.min_ms is not None), default=None),
            total / came if came else None,
            max((point.max_ms for point in answered if point.max_ms is not None), default=None),
        )


class _Usage:
    _MOMENT: ClassVar = struct.Struct("<HQQ")
    _MINUTE: ClassVar = struct.Struct("<HHQQ")
    _HOUR: ClassVar = struct.Struct("<IQQff")
    moment_size = _MOMENT.size
    hour_size = _HOUR.size

    def moment(self, point: UsagePoint) -> bytes:
        return self._MOMENT.pack(min(point.seconds, _MOST), point.in_octets, point.out_octets)

    def read_moment(self, packed: bytes) -> UsagePoint:
        return usage_moment(*self._MOMENT.unpack(packed))

    def minute(self, tick: int, point: UsagePoint) -> bytes:
        return self._MINUTE.pack(tick, min(point.seconds, _MOST), point.in_octets, point.out_octets)

    def read_minutes(self, packed: bytes) -> Iterator[tuple[int, UsagePoint]]:
        for tick, seconds, octets_in, octets_out in self._MINUTE.iter_unpack(packed):
            yield tick, usage_moment(seconds, octets_in, octets_out)

    def hour(self, point: UsagePoint | None) -> bytes:
        return bytes(self.hour_size) if point is None else self._HOUR.pack(*point)

    def read_hour(self, packed: bytes) -> UsagePoint | None:
        point = UsagePoint(*self._HOUR.unpack(packed))
        return point if point.seconds else None

    def combine(self, points: Sequence[UsagePoint]) -> UsagePoint:
        return UsagePoint(
            sum(point.seconds for point in points),
            sum(point.in_octets for point in points),
            sum(point.out_octets for point in points),
            max(point.peak_in_bps for point in points),
            max(point.peak_out_bps for point in points),
        )


class _Level:
    _MOMENT: ClassVar = struct.Struct("<hh")
    _MINUTE: ClassVar = struct.Struct("<Hhh")
    _HOUR: ClassVar = struct.Struct("<Hhhhh")
    moment_size = _MOMENT.size
    hour_size = _HOUR.size

    def moment(self, point: LevelPoint) -> bytes:
        return self._MOMENT.pack(_short(point.avg_rx), _short(point.avg_tx))

    def read_moment(self, packed: bytes) -> LevelPoint:
        return self._point(*self._MOMENT.unpack(packed))

    def minute(self, tick: int, point: LevelPoint) -> bytes:
        return self._MINUTE.pack(tick, _short(point.avg_rx), _short(point.avg_tx))

    def read_minutes(self, packed: bytes) -> Iterator[tuple[int, LevelPoint]]:
        for tick, received, sent in self._MINUTE.iter_unpack(packed):
            yield tick, self._point(received, sent)

    def _point(self, received: int, sent: int) -> LevelPoint:
        rx = None if received == _NONE else received
        return LevelPoint(1, rx, rx, rx, None if sent == _NONE else sent)

    def hour(self, point: LevelPoint | None) -> bytes:
        if point is None:
            return bytes(self.hour_size)
        return self._HOUR.pack(min(point.readings, _MOST), *map(_short, point[1:]))

    def read_hour(self, packed: bytes) -> LevelPoint | None:
        count, *levels = self._HOUR.unpack(packed)
        return LevelPoint(count, *(None if one == _NONE else one for one in levels)) if count else None

    def combine(self, points: Sequence[LevelPoint]) -> LevelPoint:
        return LevelPoint(
            sum(point.readings for point in points),
            min((point.min_rx for point in points if point.min_rx is not None), default=None),
            _mean([(point.avg_rx, point.readings) for point in points]),
            max((point.max_rx for point in points if point.max_rx is not None), default=None),
            _mean([(point.avg_tx, point.readings) for point in points]),
        )


PING: Codec[PingPoint] = _Ping()
USAGE: Codec[UsagePoint] = _Usage()
LEVEL: Codec[LevelPoint] = _Level()


def usage_moment(seconds: int, in_octets: int, out_octets: int) -> UsagePoint:
    """Return the point of one reading: what is its mean is its peak too."""
    pace = 8 / seconds if seconds else 0.0
    return UsagePoint(seconds, in_octets, out_octets, in_octets * pace, out_octets * pace)


def day_of(codec: Codec[Any], entries: Iterable[tuple[int, Any]]) -> tuple[bytes, bytes, bytes]:
    """Return a day's minutes, its figure and its 24 hours, packed, from (tick, point) of that day."""
    ordered = sorted(entries, key=lambda entry: entry[0])
    by_hour: list[list[Any]] = [[] for _ in range(HOURS)]
    for tick, point in ordered:
        by_hour[tick * TICK_S // 3600].append(point)
    hours = [codec.combine(points) if points else None for points in by_hour]
    minutes = b"".join(codec.minute(tick, point) for tick, point in ordered)
    return minutes, *_figures(codec, hours)


def merged(
    codec: Codec[Any], first: tuple[bytes, bytes, bytes], second: tuple[bytes, bytes, bytes]
) -> tuple[bytes, bytes, bytes]:
    """Return one day out of two packed parts of it: what came late joins what was folded before."""
    entries = [*codec.read_minutes(first[0]), *codec.read_minutes(second[0])]
    minutes = b"".join(codec.minute(*entry) for entry in sorted(entries, key=lambda entry: entry[0]))
    pairs = zip(read_hours(codec, first[2]), read_hours(codec, second[2]), strict=True)
    hours = []
    for pair in pairs:
        known = [point for point in pair if point is not None]
        hours.append(codec.combine(known) if known else None)
    return minutes, *_figures(codec, hours)


def _figures(codec: Codec[Any], hours: Sequence[Any]) -> tuple[bytes, bytes]:
    known = [point for point in hours if point is not None]
    return codec.hour(codec.combine(known) if known else None), b"".join(map(codec.hour, hours))


def read_hours(codec: Codec[Any], packed: bytes) -> list[Any]:
    """Return the 24 hours of a day; None where nothing was measured."""
    size = codec.hour_size
    return [codec.read_hour(packed[place : place + size]) for place in range(0, len(packed), size)]


def _half(value: float | None) -> float:
    # What is beyond a half (65,504 ms) is a round trip nobody waits for.
    return math.nan if value is None else min(value, 65_000.0)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _short(value: int | None) -> int:
    return _NONE if value is None else max(-32_767, min(value, 32_767))


def _mean(pairs: Sequence[tuple[int | None, int]]) -> int | None:
    known = [(value, count) for value, count in pairs if value is not None]
    total = sum(count for _, count in known)
    return round(sum(value * count for value, count in known) / total) if total else None
