"""What pages show of watching: a customer's or a device's series, and when there is activity."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from core import errors
from core.settings import Settings
from registry import history, watched
from registry.models import (
    Connection,
    Device,
    IpAddress,
    Port,
    SeriesKind,
    WatchSeries,
    WatchStatus,
)
from registry.watched import Watched

_LEVELS = 5
Row = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SeriesView:
    """One graph: what it is of, and for echoes how its target stands."""

    id: int
    kind: SeriesKind
    name: str
    watched: Watched | None


def of_customer(session: Session, customer_id: int) -> tuple[SeriesView, ...]:
    """Return the customer's series: his addresses and devices first, then what went through, then light."""
    ips = select(IpAddress.id).where(IpAddress.customer_id == customer_id)
    given = select(IpAddress.address).where(IpAddress.customer_id == customer_id)
    own = select(Device.id).where(Device.customer_id == customer_id)
    # A device that answers at an address given to the customer is that address's graph already.
    apart = own.where(or_(Device.address.is_(None), Device.address.not_in(given)))
    is_light = WatchSeries.kind == SeriesKind.LEVEL
    # The light of a port is his if he is alone on it: a PON port's is that of all behind it.
    ports = (
        select(Connection.port_id)
        .group_by(Connection.port_id)
        .having(func.count(Connection.customer_id.distinct()) == 1)
        .having(func.min(Connection.customer_id) == customer_id)
        .where(
            Connection.port_id.in_(select(Connection.port_id).where(Connection.customer_id == customer_id))
        )
    )
    wanted = or_(
        WatchSeries.ip_id.in_(ips),
        WatchSeries.device_id.in_(apart),
        WatchSeries.device_id.in_(own) & is_light,
        WatchSeries.customer_id == customer_id,
        WatchSeries.port_id.in_(ports) & is_light,
    )
    return _views(session, wanted)


def of_device(session: Session, device_id: int) -> tuple[SeriesView, ...]:
    """Return a device's series: its echoes, then light and octets of its ports, uplinks first."""
    ports = select(Port.id).where(Port.device_id == device_id)
    return _views(session, or_(WatchSeries.device_id == device_id, WatchSeries.port_id.in_(ports)))


def _views(session: Session, wanted: Any) -> tuple[SeriesView, ...]:
    name = func.coalesce(func.host(IpAddress.address), Device.name, Port.name, "")
    query = (
        select(
            WatchSeries.id,
            WatchSeries.kind,
            name,
            WatchStatus,
            IpAddress,
            Device,
        )
        .outerjoin(IpAddress, IpAddress.id == WatchSeries.ip_id)
        .outerjoin(Device, Device.id == WatchSeries.device_id)
        .outerjoin(Port, Port.id == WatchSeries.port_id)
        .outerjoin(WatchStatus, WatchStatus.series_id == WatchSeries.id)
        .where(wanted)
        .order_by(
            WatchSeries.ip_id.is_(None),
            WatchSeries.device_id.is_(None),
            Port.is_uplink.desc(),
            Port.if_index,
            WatchSeries.kind,
            WatchSeries.id,
        )
    )
    return tuple(
        SeriesView(number, kind, title, watched.of(status, ip or device) if status else None)
        for number, kind, title, status, ip, device in session.execute(query)
    )


def standing(session: Session, device: Device) -> Watched:
    """Return how a device stands."""
    query = select(WatchStatus).join(WatchSeries, WatchSeries.id == WatchStatus.series_id)
    is_its = (WatchSeries.device_id == device.id) & (WatchSeries.kind == SeriesKind.PING)
    return watched.of(session.scalar(query.where(is_its)), device)


def kind_of(session: Session, series_id: int) -> SeriesKind:
    """Return what a series measures; raises NotFound."""
    row = session.get(WatchSeries, series_id)
    if row is None:
        raise errors.NotFound("There is no such series")
    return row.kind


def interval_s(settings: Settings, kind: SeriesKind) -> int:
    """Return the longest usual time between two measurements of a kind."""
    watch = settings.watch
    if kind is SeriesKind.PING:
        return max(watch.device_interval_s, watch.customer_interval_s)
    return watch.counter_interval_s


def heat(
    session: Session, series_id: int, settings: Settings, now: datetime, *, days: int = 14
) -> tuple[Row, ...]:
    """Return the mean bits a second by weekday (Monday first) and hour in the ISP's zone."""
    kind = kind_of(session, series_id)
    found = history.read(
        session,
        kind,
        series_id,
        now - timedelta(days=days),
        now,
        interval_s=3600,
        now=now,
        minute_days=settings.watch.minute_days,
        points=days * 24,
    )
    zone = ZoneInfo(settings.isp.time_zone)
    sums: dict[tuple[int, int], list[int]] = {}
    for at, point in found.points:
        local = datetime.fromtimestamp(at, zone)
        cell = sums.setdefault((local.weekday(), local.hour), [0, 0])
        cell[0] += point.in_octets + point.out_octets
        cell[1] += point.seconds
    return tuple(tuple(_pace(sums.get((day, hour))) for hour in range(24)) for day in range(7))


def _pace(cell: list[int] | None) -> int:
    """Return bits a second, -1 where nothing was measured."""
    return -1 if cell is None or not cell[1] else cell[0] * 8 // cell[1]


def shade(value: int, grid: Iterable[Row]) -> int:
    """Return how dark a cell of the heat grid is: 0 to 5, by its share of the busiest one."""
    most = max((cell for row in grid for cell in row), default=0)
    return 0 if value <= 0 or most <= 0 else max(1, -(-value * _LEVELS // most))
