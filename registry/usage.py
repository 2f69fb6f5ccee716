"""Usage: which ports are read for octets, their last readings, and what went through port by port."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from registry import history
from registry.models import Connection, Device, DeviceState, Pop, Port, PortReading, SeriesKind, WatchSeries
from registry.series_codec import UsagePoint

# Counters as whole numbers, and under "name" the interface's own name (ifName).
Reading = Mapping[str, int | str | None]


@dataclass(frozen=True, slots=True)
class Meter:
    """A device of the network whose ports are read: those of customers, and uplinks.

    `ports` are port ids by ifIndex, `names` what each interface was called when it was read last.
    """

    device: Device
    ports: Mapping[int, int]
    names: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a port's counters were, and when."""

    at: datetime
    reading: Reading


def meters(session: Session, pop: str, default_pop: str) -> list[Meter]:
    """Return the devices of a POP that can be read by SNMP, with their customers' ports and uplinks."""
    query = (
        select(
            Device,
            func.array_agg(Port.if_index),
            func.array_agg(Port.id),
            func.array_agg(PortReading.reading["name"].astext),
        )
        .join(Port, Port.device_id == Device.id)
        .outerjoin(PortReading, PortReading.port_id == Port.id)
        .outerjoin(Pop, Pop.id == Device.pop_id)
        .where(
            Device.customer_id.is_(None),
            Device.address.is_not(None),
            Device.snmp_version != "",
            Device.is_unwatched.is_(False),
            func.coalesce(Pop.code, default_pop) == pop,
            or_(Port.is_uplink, select(Connection.id).where(Connection.port_id == Port.id).exists()),
        )
        .group_by(Device.id)
        .order_by(Device.id)
    )
    return [
        Meter(
            device,
            dict(zip(indexes, ids, strict=True)),
            {port_id: name for port_id, name in zip(ids, names, strict=True) if name},
        )
        for device, indexes, ids, names in session.execute(query)
    ]


def readings(session: Session, port_ids: Iterable[int]) -> dict[int, Kept]:
    """Return the last readings of some ports."""
    rows = session.scalars(select(PortReading).where(PortReading.port_id.in_(list(port_ids))))
    return {row.port_id: Kept(row.at, row.reading) for row in rows}


def settle(
    session: Session,
    at: datetime,
    *,
    fresh: Mapping[int, Reading],
    points: Mapping[int, UsagePoint],
    read_at: Mapping[int, datetime],
) -> None:
    """Keep new readings, and what they show since the last ones: by port, and for a port's only customer.

    A port that several customers share is nobody's usage.
    """
    rows = [{"port_id": key, "at": read_at[key], "reading": dict(reading)} for key, reading in fresh.items()]
    if rows:
        adding = insert(PortReading)
        values = {"at": adding.excluded.at, "reading": adding.excluded.reading}
        session.execute(adding.on_conflict_do_update(index_elements=["port_id"], set_=values), rows)
    if not points:
        return
    by_port = ensure_series(session, SeriesKind.PORT, "port_id", points)
    history.note(session, SeriesKind.PORT, at, {by_port[key]: point for key, point in points.items()})
    by_customer: defaultdict[int, list[UsagePoint]] = defaultdict(list)
    for port_id, customer_id in _owners(session, points).items():
        by_customer[customer_id].append(points[port_id])
    series = ensure_series(session, SeriesKind.CUSTOMER, "customer_id", by_customer)
    sums = {series[key]: together(found) for key, found in by_customer.items()}
    history.note(session, SeriesKind.CUSTOMER, at, sums)


def _owners(session: Session, port_ids: Iterable[int]) -> dict[int, int]:
    """Return the customer of each port that has exactly one; what goes through an uplink is nobody's."""
    query = (
        select(Connection.port_id, func.min(Connection.customer_id))
        .join(Port, Port.id == Connection.port_id)
        .where(Connection.port_id.in_(list(port_ids)), Port.is_uplink.is_(False))
        .group_by(Connection.port_id)
        .having(func.count(Connection.customer_id.distinct()) == 1)
    )
    return dict(session.execute(query).all())


def together(points: Sequence[UsagePoint]) -> UsagePoint:
    """Return what went through several ports in the same time: octets add up, seconds do not."""
    return UsagePoint(
        max(point.seconds for point in points),
        sum(point.in_octets for point in points),
        sum(point.out_octets for point in points),
        sum(point.peak_in_bps for point in points),
        sum(point.peak_out_bps for point in points),
    )


def ensure_series(session: Session, kind: SeriesKind, column: str, subjects: Iterable[int]) -> dict[int, int]:
    """Return the series of some subjects of one kind, made where there is none, by the subject's id."""
    ids = sorted(subjects)
    if not ids:
        return {}
    subject = getattr(WatchSeries, column)
    query = select(subject, WatchSeries.id).where(WatchSeries.kind == kind, subject.in_(ids))
    found: dict[int, int] = dict(session.execute(query).all())
    missing = [{"kind": kind, column: key} for key in ids if key not in found]
    if missing:
        session.execute(insert(WatchSeries).on_conflict_do_nothing(), missing)
        found = dict(session.execute(query).all())
    return found


def note_states(session: Session, states: Mapping[int, DeviceState], at: datetime) -> None:
    """Note what reading some devices found, in one statement; their last values stay as they are."""
    if not states:
        return
    session.execute(
        text(
            """
            UPDATE devices d SET state = v.state, state_at = :at
            FROM unnest(:ids ::bigint[], :states ::text[]) AS v(id, state) WHERE d.id = v.id
            """
        ),
        {"at": at, "ids": list(states), "states": [state.value for state in states.values()]},
    )


def sources(session: Session, customer_id: int) -> dict[SeriesKind, int]:
    """Return a customer's usage series by where they come from: his ports, RADIUS accounting."""
    kinds = (SeriesKind.CUSTOMER, SeriesKind.RADIUS)
    query = select(WatchSeries.kind, WatchSeries.id).where(
        WatchSeries.customer_id == customer_id, WatchSeries.kind.in_(kinds)
    )
    return dict(session.execute(query).all())
