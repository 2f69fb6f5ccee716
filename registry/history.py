"""History: write what a round measured, fold whole days, forget the old, read a period in few points.

A round is a row for each 128 neighbouring series (docs/decisions/0008-history.md). A day that is over becomes
one row of minutes and one of hours for each series. Reading joins what is folded with what is not yet.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Integer, delete, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from registry import series_codec
from registry.models import SeriesDay, SeriesKind, SeriesMinutes, SeriesRound, WatchSeries
from registry.series_codec import LEVEL, PING, TICK_S, USAGE, AnyPoint, Codec

BLOCK = 128
POINTS = 480
"""How many points a graph gets at most."""
FINE_POINTS = 2880
"""How many where a period was chosen by hand: two days of it minute by minute."""
_STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 7 * 86_400, 28 * 86_400)
_HOUR_S, _DAY_S = 3600, 86_400

CODECS: Mapping[SeriesKind, Codec[Any]] = {
    SeriesKind.PING: PING,
    SeriesKind.PORT: USAGE,
    SeriesKind.CUSTOMER: USAGE,
    SeriesKind.RADIUS: USAGE,
    SeriesKind.LEVEL: LEVEL,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A period of a series: (epoch second, point) in order, `step_s` apart where nothing is missing.

    `pause_s`: what lies farther apart than this has a gap between.
    """

    step_s: int
    pause_s: float
    points: tuple[tuple[int, Any], ...]


def note(session: Session, kind: SeriesKind, at: datetime, moments: Mapping[int, AnyPoint]) -> int:
    """Keep what a round begun at `at` measured, by series; return the number of rows it took."""
    codec = CODECS[kind]
    blocks: defaultdict[int, list[int]] = defaultdict(list)
    for series_id in sorted(moments):
        blocks[series_id // BLOCK].append(series_id)
    rows = [
        {
            "block": block,
            "at": at,
            "ids": ids,
            "packed": b"".join(codec.moment(moments[series_id]) for series_id in ids),
        }
        for block, ids in blocks.items()
    ]
    if rows:
        session.execute(insert(SeriesRound), rows)
    return len(rows)


def unfolded(session: Session, before: date) -> list[tuple[date, int]]:
    """Return the (day, block) that have rounds of days (UTC) before `before`, oldest first."""
    day = func.date(func.timezone("UTC", SeriesRound.at))
    query = select(day, SeriesRound.block).where(SeriesRound.at < _start(before)).distinct()
    return [(found, block) for found, block in session.execute(query.order_by(day, SeriesRound.block))]


def fold(session: Session, day: date, block: int) -> int:
    """Turn a block's rounds of one day into a row of minutes and a row of hours for each series.

    What came after the day was folded joins it. Returns how many series were folded.
    """
    gone = (
        delete(SeriesRound)
        .where(SeriesRound.block == block, SeriesRound.at >= _start(day), SeriesRound.at < _end(day))
        .returning(SeriesRound.at, SeriesRound.ids, SeriesRound.packed)
    )
    rounds = session.execute(gone).all()
    named = {series_id for _, ids, _ in rounds for series_id in ids}
    query = select(WatchSeries.id, WatchSeries.kind).where(WatchSeries.id.in_(named))
    codecs = {series_id: CODECS[kind] for series_id, kind in session.execute(query)}
    entries = _entries(rounds, codecs, _start(day))
    folded = {
        series_id: series_codec.day_of(codecs[series_id], found) for series_id, found in entries.items()
    }
    _join_earlier(session, day, folded, codecs)
    write_days(session, day, folded)
    return len(folded)


def _entries(
    rounds: Iterable[Any], codecs: Mapping[int, Codec[Any]], start: datetime
) -> dict[int, list[tuple[int, Any]]]:
    entries: defaultdict[int, list[tuple[int, Any]]] = defaultdict(list)
    for at, ids, packed in rounds:
        tick = int((at - start).total_seconds()) // TICK_S
        place = 0
        # The series of one row are of one kind; one that was removed meanwhile is passed over.
        size = len(packed) // len(ids)
        for series_id in ids:
            codec = codecs.get(series_id)
            if codec is not None:
                entries[series_id].append((tick, codec.read_moment(packed[place : place + size])))
            place += size
    return entries


def _join_earlier(
    session: Session,
    day: date,
    folded: dict[int, tuple[bytes, bytes, bytes]],
    codecs: Mapping[int, Codec[Any]],
) -> None:
    query = (
        select(SeriesDay.series_id, SeriesMinutes.packed, SeriesDay.packed, SeriesDay.hours)
        .outerjoin(
            SeriesMinutes,
            (SeriesMinutes.series_id == SeriesDay.series_id) & (SeriesMinutes.day == SeriesDay.day),
        )
        .where(SeriesDay.series_id.in_(folded), SeriesDay.day == day)
    )
    for series_id, minutes, figure, hours in session.execute(query):
        earlier = (bytes(minutes or b""), bytes(figure), bytes(hours))
        folded[series_id] = series_codec.merged(codecs[series_id], earlier, folded[series_id])


def write_days(session: Session, day: date, folded: Mapping[int, tuple[bytes, bytes, bytes]]) -> None:
    """Write or replace a day of some series: minutes (left out when empty), figure and hours, packed."""
    minutes = [
        {"series_id": series_id, "day": day, "packed": packed}
        for series_id, (packed, _, _) in folded.items()
        if packed
    ]
    days = [
        {"series_id": series_id, "day": day, "packed": figure, "hours": hours}
        for series_id, (_, figure, hours) in folded.items()
    ]
    for model, rows, columns in (
        (SeriesMinutes, minutes, ("packed",)),
        (SeriesDay, days, ("packed", "hours")),
    ):
        if rows:
            adding = insert(model)
            fresh = {name: adding.excluded[name] for name in columns}
            session.execute(
                adding.on_conflict_do_update(index_elements=["series_id", "day"], set_=fresh), rows
            )


def forget(session: Session, today: date, *, minute_days: int, hour_days: int) -> None:
    """Delete minutes and days that are older than that; the ranges are found by their BRIN index."""
    for model, days in ((SeriesMinutes, minute_days), (SeriesDay, hour_days)):
        session.execute(delete(model).where(model.day < today - timedelta(days=days)))


def find(session: Session, kind: SeriesKind, **subject: int) -> int | None:
    """Return the series of a subject such as ip_id=7; None when nothing was ever measured of it."""
    query = select(WatchSeries.id).filter_by(kind=kind, **subject)
    return session.scalar(query)


def read(
    session: Session,
    kind: SeriesKind,
    series_id: int,
    since: datetime,
    until: datetime,
    *,
    interval_s: float,
    now: datetime,
    minute_days: int,
    points: int = POINTS,
) -> Reading:
    """Return a period of a series in at most about `points` points, from minutes while they are kept.

    `interval_s` is the pace at which it is measured: gaps are told from the time between two rounds by it.
    """
    codec = CODECS[kind]
    step_s = step_of((until - since).total_seconds(), points)
    has_minutes = since >= now - timedelta(days=minute_days)
    step_s = step_s if has_minutes else max(step_s, _HOUR_S)
    found = _moments(session, codec, series_id, since, until)
    if step_s < _HOUR_S:
        minutes = _minutes(session, codec, series_id, since, until)
        # A day whose minutes are gone, or were never kept, still has its hours.
        days = {at // _DAY_S for at, _ in minutes}
        hours = _hours(session, codec, series_id, since, until)
        coarse = [(at, point) for at, point in hours if at // _DAY_S not in days]
        found += minutes + coarse
        grain_s = _HOUR_S if coarse else 0
    elif step_s < _DAY_S:
        found += _hours(session, codec, series_id, since, until)
        grain_s = _HOUR_S
    else:
        found += _days(session, codec, series_id, since, until)
        grain_s = _DAY_S
    pause_s = 2.5 * max(interval_s, step_s, grain_s)
    return Reading(step_s, pause_s, tuple(bucketed(codec, found, step_s)))


def step_of(span_s: float, points: int) -> int:
    """Return the shortest step of the ladder that covers the span in at most that many points."""
    return next((step for step in _STEPS if span_s / step <= points), _STEPS[-1])


def bucketed(codec: Codec[Any], found: list[tuple[int, Any]], step_s: int) -> list[tuple[int, Any]]:
    """Return one point for each step in which something was measured, in order."""
    buckets: defaultdict[int, list[Any]] = defaultdict(list)
    for at, point in found:
        buckets[at // step_s * step_s].append(point)
    return [
        (at, points[0] if len(points) == 1 else codec.combine(points))
        for at, points in sorted(buckets.items())
    ]


def _moments(
    session: Session, codec: Codec[Any], series_id: int, since: datetime, until: datetime
) -> list[tuple[int, Any]]:
    """Read what is not folded yet, cut out of its rows by the database itself."""
    place = func.array_position(SeriesRound.ids, literal(series_id, Integer))
    size = codec.moment_size
    query = select(SeriesRound.at, func.substring(SeriesRound.packed, (place - 1) * size + 1, size)).where(
        SeriesRound.block == series_id // BLOCK,
        SeriesRound.at >= since,
        SeriesRound.at < until,
        SeriesRound.ids.contains(literal([series_id], ARRAY(Integer))),
    )
    return [(int(at.timestamp()), codec.read_moment(bytes(cut))) for at, cut in session.execute(query)]


def _minutes(
    session: Session, codec: Codec[Any], series_id: int, since: datetime, until: datetime
) -> list[tuple[int, Any]]:
    query = select(SeriesMinutes.day, SeriesMinutes.packed).where(
        SeriesMinutes.series_id == series_id, SeriesMinutes.day.between(since.date(), until.date())
    )
    first, last = int(since.timestamp()), int(until.timestamp())
    found = []
    for day, packed in session.execute(query):
        start = int(_start(day).timestamp())
        for tick, point in codec.read_minutes(bytes(packed)):
            if first <= (at := start + tick * TICK_S) < last:
                found.append((at, point))
    return found


def _hours(
    session: Session, codec: Codec[Any], series_id: int, since: datetime, until: datetime
) -> list[tuple[int, Any]]:
    query = select(SeriesDay.day, SeriesDay.hours).where(
        SeriesDay.series_id == series_id, SeriesDay.day.between(since.date(), until.date())
    )
    first, last = int(since.timestamp()) - _HOUR_S, int(until.timestamp())
    found = []
    for day, packed in session.execute(query):
        start = int(_start(day).timestamp())
        for hour, point in enumerate(series_codec.read_hours(codec, bytes(packed))):
            if point is not None and first < (at := start + hour * _HOUR_S) < last:
                found.append((at, point))
    return found


def _days(
    session: Session, codec: Codec[Any], series_id: int, since: datetime, until: datetime
) -> list[tuple[int, Any]]:
    query = select(SeriesDay.day, SeriesDay.packed).where(
        SeriesDay.series_id == series_id, SeriesDay.day.between(since.date(), until.date())
    )
    found = (
        (int(_start(day).timestamp()), codec.read_hour(bytes(packed)))
        for day, packed in session.execute(query)
    )
    return [(at, point) for at, point in found if point is not None]


def _start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _end(day: date) -> datetime:
    return _start(day) + timedelta(days=1)
