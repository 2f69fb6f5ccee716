"""RADIUS accounting (RFC 2866, gigawords of RFC 2869) as a source of usage: fold what FreeRADIUS wrote.

The contract is the table `radius_usage` (docs/operating.md): a row for each Start, Interim-Update and Stop
with the octets since the session began. In is what came from the customer, as at a switch port.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from registry import history, usage
from registry.models import Customer, IpAddress, Line, RadiusSession, RadiusUsage, SeriesKind
from registry.series_codec import USAGE, UsagePoint, usage_moment

LOCK = "radius.fold"
BATCH = 5000
_GIGAWORD = 1 << 32
_HOUR_S = 3600
# A session first heard of after this long began before anybody listened: only what follows is counted.
_YOUNG_S = 6 * _HOUR_S
# The longest time that is filled in between two reports of a session.
_SPREAD_S = 31 * 24 * _HOUR_S
_MOST = (1 << 63) - 1
_KEPT = timedelta(days=40)

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Total:
    """Where a session stood: octets and seconds since it began."""

    in_octets: int
    out_octets: int
    seconds: int


def delta(before: Total | None, after: Total) -> Total | None:
    """Return what passed between two reports of a session; None when that cannot be known. Pure.

    A session not heard of before counts from its beginning if that is not long ago. One that went backwards
    was begun anew under its old name and counts from its new beginning.
    """
    if before is None:
        return after if after.seconds <= _YOUNG_S and after.seconds > 0 else None
    is_anew = after.seconds < before.seconds or after.in_octets < before.in_octets
    if is_anew or after.out_octets < before.out_octets:
        return after if 0 < after.seconds <= _YOUNG_S else None
    found = Total(
        after.in_octets - before.in_octets,
        after.out_octets - before.out_octets,
        after.seconds - before.seconds,
    )
    return found if found.seconds > 0 else None


def spread(at: datetime, passed: Total) -> Iterator[tuple[datetime, UsagePoint]]:
    """Yield what passed until `at` hour by hour of the clock, last one first, each at its begin. Pure.

    So a session that runs past midnight is each day's in its part; octets stay exact.
    """
    left_s = min(passed.seconds, _SPREAD_S)
    octets_in, octets_out = passed.in_octets, passed.out_octets
    end = math.ceil(at.timestamp())
    while left_s > 0:
        seconds = min(left_s, (end - 1) % _HOUR_S + 1)
        part_in, part_out = octets_in * seconds // left_s, octets_out * seconds // left_s
        end -= seconds
        yield datetime.fromtimestamp(end, UTC), usage_moment(seconds, part_in, part_out)
        octets_in, octets_out = octets_in - part_in, octets_out - part_out
        left_s -= seconds


def fold(session: Session, now: datetime) -> int:
    """Take the oldest reports off the table and add what they show to usage; return how many."""
    oldest = select(RadiusUsage.id).order_by(RadiusUsage.id).limit(BATCH).with_for_update(skip_locked=True)
    taken = session.execute(
        delete(RadiusUsage).where(RadiusUsage.id.in_(oldest)).returning(*RadiusUsage.__table__.c),
        execution_options={"synchronize_session": False},
    ).all()
    rows = sorted(taken, key=lambda row: row.id)
    if not rows:
        return 0
    known = _sessions(session, {(row.session_id, row.nas) for row in rows})
    customers = _customers(session, rows)
    passed: defaultdict[datetime, defaultdict[int, list[UsagePoint]]]
    passed = defaultdict(lambda: defaultdict(list))
    for row in rows:
        key = (row.session_id, row.nas)
        before = known.get(key)
        after = _total(row)
        customer_id = customers.get(row.id) or (before["customer_id"] if before else None)
        earlier = (
            Total(before["in_octets"], before["out_octets"], before["session_time_s"]) if before else None
        )
        found = delta(earlier, after)
        # A clock that is ahead must not write into tomorrow.
        at = min(row.received_at, now)
        if found is not None and customer_id is not None:
            for when, point in spread(at, found):
                passed[when.replace(second=0, microsecond=0)][customer_id].append(point)
        known[key] = _session(key, customer_id, at, after, is_over=row.status_type.lower() == "stop")
    _write(session, known, passed)
    return len(rows)


def _write(
    session: Session,
    known: Mapping[Key, dict[str, Any]],
    passed: Mapping[datetime, Mapping[int, Sequence[UsagePoint]]],
) -> None:
    adding = insert(RadiusSession)
    names = ("customer_id", "at", "in_octets", "out_octets", "session_time_s", "ended_at")
    fresh = {name: adding.excluded[name] for name in names}
    keyed = adding.on_conflict_do_update(index_elements=["session_id", "nas"], set_=fresh)
    session.execute(keyed, list(known.values()))
    everybody = {customer_id for found in passed.values() for customer_id in found}
    series = usage.ensure_series(session, SeriesKind.RADIUS, "customer_id", everybody)
    for at, found in passed.items():
        sums = {series[customer_id]: USAGE.combine(points) for customer_id, points in found.items()}
        history.note(session, SeriesKind.RADIUS, at, sums)


def _total(row: Any) -> Total:
    return Total(
        min(max(row.in_octets, 0) + max(row.in_gigawords, 0) * _GIGAWORD, _MOST),
        min(max(row.out_octets, 0) + max(row.out_gigawords, 0) * _GIGAWORD, _MOST),
        max(row.session_time_s, 0),
    )


def _session(
    key: Key, customer_id: int | None, at: datetime, total: Total, *, is_over: bool
) -> dict[str, Any]:
    return {
        "session_id": key[0],
        "nas": key[1],
        "customer_id": customer_id,
        "at": at,
        "in_octets": total.in_octets,
        "out_octets": total.out_octets,
        "session_time_s": total.seconds,
        "ended_at": at if is_over else None,
    }


def _sessions(session: Session, keys: Iterable[Key]) -> dict[Key, dict[str, Any]]:
    table = RadiusSession.__table__
    query = select(table).where(tuple_(table.c.session_id, table.c.nas).in_(list(keys)))
    return {(row["session_id"], row["nas"]): dict(row) for row in session.execute(query).mappings()}


def _customers(session: Session, rows: Iterable[Any]) -> dict[int, int]:
    """Return whose each report is: by the login of his line, his number as user name, else his address."""
    rows = list(rows)
    numbers = {row.username for row in rows if row.username}
    addresses = {row.framed_ip for row in rows if row.framed_ip}
    by_login: dict[str | None, int] = dict(
        session.execute(select(Line.login, Line.customer_id).where(Line.login.in_(numbers))).all()
    )
    by_number: dict[str, int] = dict(
        session.execute(select(Customer.number, Customer.id).where(Customer.number.in_(numbers))).all()
    )
    query = select(IpAddress.address, IpAddress.customer_id).where(IpAddress.address.in_(addresses))
    by_address = dict(session.execute(query).all())
    found = {
        row.id: by_login.get(row.username) or by_number.get(row.username) or by_address.get(row.framed_ip)
        for row in rows
    }
    return {row_id: customer_id for row_id, customer_id in found.items() if customer_id is not None}


def forget(session: Session, now: datetime) -> None:
    """Forget sessions that ended two days ago, and those nobody reported of for long."""
    is_over = RadiusSession.ended_at < now - timedelta(days=2)
    session.execute(delete(RadiusSession).where(or_(is_over, RadiusSession.at < now - _KEPT)))
