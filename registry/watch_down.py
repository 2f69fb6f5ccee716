"""What is down: the dead and those behind them, narrowed, in order, page by page; and how many are dead."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Select, and_, case, cast, func, literal, or_, select, text, tuple_
from sqlalchemy.orm import Session, aliased

from registry import paging
from registry.models import (
    Customer,
    Device,
    IpAddress,
    Network,
    Pop,
    WatchSeries,
    WatchState,
    WatchStatus,
)

STATES = (WatchState.DEAD, WatchState.BEHIND)
SORTS = ("since", "name")
TOTAL_LIMIT = 10_000
MOST_COUNTED = 100


class DownKind(StrEnum):
    """Whose it is: the network's own gear, or a customer's address or device."""

    GEAR = "gear"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class DownFilter:
    """What the list is narrowed to; everything given must hold."""

    text: str = ""
    state: WatchState | None = None
    kind: DownKind | None = None
    pop_id: int | None = None


@dataclass(frozen=True, slots=True)
class DownRow:
    """Somebody who does not answer."""

    status: WatchStatus
    device: Device | None
    customer: Customer | None
    address: str
    pop: str

    @property
    def since(self) -> datetime:
        """The first silent round of the dead; of those behind, when they were cut off."""
        return self.status.died_at or self.status.since


@dataclass(frozen=True, slots=True)
class DownPage:
    """A page; `next` and `previous` are cursors, `total` stops counting at TOTAL_LIMIT + 1.

    `counts` are of everybody down, whatever the filter.
    """

    rows: tuple[DownRow, ...]
    next: str | None
    previous: str | None
    total: int
    counts: dict[WatchState, int]


_owner = aliased(Customer)
_is_gear = and_(Device.id.is_not(None), Device.customer_id.is_(None))
_name = func.lower(case((_is_gear, Device.name), else_=func.coalesce(_owner.number, ""))).collate("C")
_since = cast(
    func.extract("epoch", func.coalesce(WatchStatus.died_at, WatchStatus.since)) * 1_000_000, BigInteger
)
_address = func.host(func.coalesce(IpAddress.address, Device.address))


def page(
    session: Session,
    filters: DownFilter,
    *,
    sort: str = "-since",
    after: str | None = None,
    limit: int = 100,
) -> DownPage:
    """Return a page in the order of `sort` (a word of SORTS, falling with a minus), after the cursor `after`.

    A cursor of another order, or that is none, gives the first page.
    """
    by_name = sort.removeprefix("-") == "name"
    keys: tuple[Any, ...] = (_name if by_name else _since, WatchStatus.series_id)
    cursor = paging.read(after, sort, (str if by_name else int, int))
    is_back = cursor is not None and cursor.is_back
    is_falling = sort.startswith("-") != is_back
    query = _narrowed(
        select(WatchStatus, Device, _owner, _address, func.coalesce(Pop.name, ""), *keys), filters
    )
    if cursor is not None:
        here, there = tuple_(*keys), tuple_(*cursor.values)
        query = query.where(here < there if is_falling else here > there)
    query = query.order_by(*(key.desc() if is_falling else key.asc() for key in keys)).limit(limit + 1)
    found = session.execute(query).all()
    has_more, found = len(found) > limit, found[:limit]
    found = found[::-1] if is_back else found
    first, last = (found[0][5:], found[-1][5:]) if found else ((), ())
    return DownPage(
        rows=tuple(DownRow(row[0], row[1], row[2], row[3], row[4]) for row in found),
        next=_word(sort, last, is_back=False) if found and (is_back or has_more) else None,
        previous=_word(sort, first, is_back=True) if cursor and found and (has_more or not is_back) else None,
        total=_total(session, filters),
        counts=counted(session),
    )


def _word(sort: str, key: Any, *, is_back: bool) -> str:
    return paging.write(paging.Cursor(sort, is_back, tuple(key)))


def _narrowed(query: Select[Any], filters: DownFilter) -> Select[Any]:
    query = (
        query.join(WatchSeries, WatchSeries.id == WatchStatus.series_id)
        .outerjoin(Device, Device.id == WatchSeries.device_id)
        .outerjoin(IpAddress, IpAddress.id == WatchSeries.ip_id)
        .outerjoin(Network, Network.id == IpAddress.network_id)
        .outerjoin(_owner, _owner.id == func.coalesce(IpAddress.customer_id, Device.customer_id))
        .outerjoin(Pop, Pop.id == func.coalesce(Device.pop_id, Network.pop_id))
        .where(WatchStatus.state.in_([filters.state] if filters.state else STATES))
    )
    if filters.kind is not None:
        query = query.where(_is_gear if filters.kind is DownKind.GEAR else _owner.id.is_not(None))
    if filters.pop_id is not None:
        query = query.where(Pop.id == filters.pop_id)
    if filters.text:
        word = filters.text.lower().replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        query = query.where(
            or_(
                Device.name.ilike(f"%{word}%"),
                _owner.number == filters.text,
                _owner.sort_name.like(f"{word}%"),
                _address.like(f"{word}%"),
            )
        )
    return query


def _total(session: Session, filters: DownFilter) -> int:
    some = _narrowed(select(literal(1)).select_from(WatchStatus), filters).limit(TOTAL_LIMIT + 1)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0


def counted(session: Session) -> dict[WatchState, int]:
    """Return how many are dead and how many behind."""
    query = (
        select(WatchStatus.state, func.count())
        .where(WatchStatus.state.in_(STATES))
        .group_by(WatchStatus.state)
    )
    return dict.fromkeys(STATES, 0) | dict(session.execute(query).all())


def count_dead(session: Session) -> int:
    """Return how many are dead, counting no further than MOST_COUNTED: what a badge on every page needs."""
    some = (
        select(literal(1))
        .select_from(WatchStatus)
        # As the partial index has it, so that the planner finds it; of those, the dead.
        .where(text("state IN ('dead', 'behind')"), WatchStatus.state == WatchState.DEAD)
        .limit(MOST_COUNTED)
    )
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0
