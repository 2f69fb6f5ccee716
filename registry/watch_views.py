"""What pages show of watching: a customer's or a device's series, who is down, and when there is activity."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, aliased

from core import errors
from core.settings import Settings
from registry import history
from registry.models import (
    Connection,
    Customer,
    Device,
    IpAddress,
    Network,
    Pop,
    Port,
    SeriesKind,
    WatchSeries,
    WatchState,
    WatchStatus,
)

DOWN = (WatchState.DEAD, WatchState.BEHIND)
SORTS = ("since", "name")
_LEVELS = 5
Row = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SeriesView:
    """One graph: what it is of, and for echoes how its target stands."""

    id: int
    kind: SeriesKind
    name: str
    status: WatchStatus | None


@dataclass(frozen=True, slots=True)
class DownRow:
    """Somebody who does not answer."""

    status: WatchStatus
    name: str
    address: str
    pop: str
    customer_id: int | None
    device_id: int | None


@dataclass(frozen=True, slots=True)
class DownPage:
    """A page of those who are down, and how many there are of each state."""

    rows: tuple[DownRow, ...]
    total: int
    dead: int
    behind: int


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
    """Return a device's series: its echoes, then what went through its ports."""
    ports = select(Port.id).where(Port.device_id == device_id)
    return _views(session, or_(WatchSeries.device_id == device_id, WatchSeries.port_id.in_(ports)))


def _views(session: Session, wanted: Any) -> tuple[SeriesView, ...]:
    name = func.coalesce(func.host(IpAddress.address), Device.name, Port.name, "")
    query = (
        select(WatchSeries.id, WatchSeries.kind, name, WatchStatus)
        .outerjoin(IpAddress, IpAddress.id == WatchSeries.ip_id)
        .outerjoin(Device, Device.id == WatchSeries.device_id)
        .outerjoin(Port, Port.id == WatchSeries.port_id)
        .outerjoin(WatchStatus, WatchStatus.series_id == WatchSeries.id)
        .where(wanted)
        .order_by(WatchSeries.ip_id.is_(None), WatchSeries.device_id.is_(None), WatchSeries.id)
    )
    return tuple(SeriesView(*row) for row in session.execute(query))


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


def down(
    session: Session,
    *,
    state: WatchState | None = None,
    text: str = "",
    sort: str = "since",
    page: int = 0,
    limit: int = 100,
) -> DownPage:
    """Return those who are dead or behind; `sort` is one of SORTS, falling with a minus before it."""
    owner = aliased(Customer)
    query: Select[Any] = (
        select(
            WatchStatus,
            func.coalesce(Device.name, owner.number, ""),
            func.host(func.coalesce(IpAddress.address, Device.address)),
            func.coalesce(Pop.name, ""),
            owner.id,
            Device.id,
        )
        .join(WatchSeries, WatchSeries.id == WatchStatus.series_id)
        .outerjoin(Device, Device.id == WatchSeries.device_id)
        .outerjoin(IpAddress, IpAddress.id == WatchSeries.ip_id)
        .outerjoin(Network, Network.id == IpAddress.network_id)
        .outerjoin(owner, owner.id == func.coalesce(IpAddress.customer_id, Device.customer_id))
        .outerjoin(Pop, Pop.id == func.coalesce(Device.pop_id, Network.pop_id))
        .where(WatchStatus.state.in_([state] if state else DOWN))
    )
    if text:
        address = func.host(func.coalesce(IpAddress.address, Device.address))
        word = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        query = query.where(
            or_(Device.name.ilike(f"%{word}%"), owner.number == text, address.like(f"{word}%"))
        )
    key = WatchStatus.since if sort.endswith("since") else func.coalesce(Device.name, owner.number, "")
    order = key.desc() if sort.startswith("-") else key.asc()
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = session.execute(query.order_by(order, WatchStatus.series_id).offset(page * limit).limit(limit))
    counts = counted(session)
    return DownPage(
        tuple(DownRow(*row) for row in rows), total, counts[WatchState.DEAD], counts[WatchState.BEHIND]
    )


def counted(session: Session) -> dict[WatchState, int]:
    """Return how many are dead and how many behind."""
    query = (
        select(WatchStatus.state, func.count()).where(WatchStatus.state.in_(DOWN)).group_by(WatchStatus.state)
    )
    return dict.fromkeys(DOWN, 0) | dict(session.execute(query).all())


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
