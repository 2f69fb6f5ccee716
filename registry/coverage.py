"""The coverage map: customers as points with a state, clusters of them, and our own drawing below."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal, select
from sqlalchemy.orm import Session, aliased

from billing.models import CUT, Subscription, SubscriptionAccess
from core import errors
from registry.models import (
    Address,
    AddressKind,
    CableEnd,
    CableLine,
    Customer,
    CustomerStatus,
    Device,
    DeviceState,
    GeoSource,
    Pop,
)
from registry.models.cables import CableSide

# Worst last: a cluster shows the worst of its members.
STATES = ("ok", "off", "unknown", "warn", "bad")
POINTS_LIMIT = 1500
CELLS = 24
CABLES_LIMIT = 5000

Feature = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Box:
    """A part of the globe in degrees; `west` may not be east of `east`."""

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class View:
    """Where a map begins."""

    latitude: float
    longitude: float
    zoom: int


@dataclass(frozen=True, slots=True)
class Place:
    """A customer's visiting address on the map, or why it has no point."""

    customer_id: int
    number: str
    name: str
    address: str
    latitude: float | None
    longitude: float | None
    source: GeoSource | None
    accuracy: str
    failure: str
    has_address: bool


def box_of(text: str) -> Box:
    """Read `west,south,east,north`; raises Invalid."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise errors.Invalid("Not a box", {"bbox": "Write west,south,east,north in degrees"}) from error
    if not (math.isfinite(west) and math.isfinite(east) and west <= east and -90 <= south <= north <= 90):
        raise errors.Invalid("Not a box", {"bbox": "Write west,south,east,north in degrees"})
    return Box(west, south, east, north)


def points(session: Session, box: Box, *, states: Collection[str] = ()) -> list[Feature]:
    """Return the customers in the box as GeoJSON features; where they are many, clusters with `count`.

    Without `states` all of them; a word that is no state stands for nobody.
    """
    found = _customers(box, states).subquery()
    total = session.scalar(select(func.count()).select_from(found)) or 0
    if total > POINTS_LIMIT:
        return _clusters(session, found, box)
    return [
        _feature(
            [row.longitude, row.latitude],
            id=row.id,
            status=STATES[row.rank],
            number=row.number,
            name=row.name,
            note=row.note,
        )
        for row in session.execute(select(found).order_by(found.c.id))
    ]


def _customers(box: Box, states: Collection[str]) -> Select[Any]:
    rank, note = _state()
    name = case(
        (Customer.company_name != "", Customer.company_name),
        else_=func.trim(Customer.last_name + " " + Customer.first_name),
    )
    query = (
        select(
            Customer.id,
            Customer.number,
            name.label("name"),
            Address.latitude,
            Address.longitude,
            rank.label("rank"),
            note.label("note"),
        )
        .join(Address, and_(Address.customer_id == Customer.id, Address.kind == AddressKind.VISITING))
        .where(Address.latitude.between(box.south, box.north), Address.longitude.between(box.west, box.east))
    )
    wanted = [STATES.index(state) for state in states if state in STATES]
    return query.where(rank.in_(wanted)) if states else query


def _state() -> tuple[ColumnElement[int], ColumnElement[str]]:
    """Return the customer's rank in STATES and the word that says why."""

    def has_access(*condition: ColumnElement[bool]) -> ColumnElement[bool]:
        return exists().where(
            Subscription.account_id == Customer.account_id,
            SubscriptionAccess.subscription_id == Subscription.id,
            *condition,
        )

    def has_device(state: DeviceState) -> ColumnElement[bool]:
        return exists().where(Device.customer_id == Customer.id, Device.state == state)

    is_failing = has_access(
        SubscriptionAccess.applied.is_distinct_from(SubscriptionAccess.wanted),
        SubscriptionAccess.error.is_not(None),
    )
    ladder: tuple[tuple[ColumnElement[bool], str, str], ...] = (
        (Customer.status != CustomerStatus.CONNECTED, "off", "not_connected"),
        (has_device(DeviceState.SILENT), "bad", "device_silent"),
        (is_failing, "warn", "gate_failing"),
        (has_access(SubscriptionAccess.wanted.in_(CUT)), "warn", "cut_off"),
        (has_device(DeviceState.ANSWERED), "ok", "device_answers"),
        (has_access(SubscriptionAccess.applied.not_in(CUT)), "ok", "service_open"),
    )
    rank = case(
        *((condition, literal(STATES.index(state))) for condition, state, _ in ladder),
        else_=literal(STATES.index("unknown")),
    )
    note = case(
        *((condition, literal(word)) for condition, _, word in ladder), else_=literal("nothing_known")
    )
    return rank, note


def _clusters(session: Session, found: Any, box: Box) -> list[Feature]:
    width = max(box.east - box.west, 1e-6) / CELLS
    height = max(box.north - box.south, 1e-6) / CELLS
    column = func.floor((found.c.longitude - box.west) / width)
    row = func.floor((found.c.latitude - box.south) / height)
    cells = session.execute(
        select(
            func.avg(found.c.longitude),
            func.avg(found.c.latitude),
            func.count(),
            func.max(found.c.rank),
        ).group_by(column, row)
    )
    return [
        _feature([longitude, latitude], count=count, status=STATES[rank])
        for longitude, latitude, count, rank in cells
    ]


def ground(session: Session) -> list[Feature]:
    """Return our own drawing: POPs as points and cable lines as paths, for a map without tiles."""
    pops = session.scalars(select(Pop).where(Pop.latitude.is_not(None)).order_by(Pop.id))
    drawing = [_feature([pop.longitude, pop.latitude], kind="pop", name=pop.name) for pop in pops]
    for name, path in _cables(session):
        drawing.append(
            {
                "type": "Feature",
                "geometry": {"type": "LineString", "coordinates": path},
                "properties": {"kind": "cable", "name": name},
            }
        )
    return drawing


def _cables(session: Session) -> list[tuple[str, list[list[float]]]]:
    """Return each cable line's name and path: the drawn route, else straight between its two ends."""
    a, b = aliased(CableEnd), aliased(CableEnd)
    latitude_a, longitude_a = _end_point(a)
    latitude_b, longitude_b = _end_point(b)
    rows = session.execute(
        select(CableLine.name, CableLine.path, latitude_a, longitude_a, latitude_b, longitude_b)
        .outerjoin(a, and_(a.line_id == CableLine.id, a.side == CableSide.A))
        .outerjoin(b, and_(b.line_id == CableLine.id, b.side == CableSide.B))
        .order_by(CableLine.id)
        .limit(CABLES_LIMIT)
    )
    found = []
    for name, path, *ends in rows:
        if len(path) >= 4:
            found.append((name, [[path[at + 1], path[at]] for at in range(0, len(path) - 1, 2)]))
        elif None not in ends:
            found.append((name, [[ends[1], ends[0]], [ends[3], ends[2]]]))
    return found


def _end_point(end: Any) -> tuple[ColumnElement[float], ColumnElement[float]]:
    """Return latitude and longitude of a cable's end: the customer's address, the POP, the device's POP."""

    # Correlated by hand: two levels deep SQLAlchemy would add the end's table anew.
    pop_of_device = select(Device.pop_id).where(Device.id == end.device_id).correlate(end).scalar_subquery()

    def of(column_address: Any, column_pop: Any) -> ColumnElement[float]:
        of_customer = (
            select(column_address)
            .where(Address.customer_id == end.customer_id, Address.kind == AddressKind.VISITING)
            .correlate(end)
            .scalar_subquery()
        )
        is_there = Pop.id == func.coalesce(end.pop_id, pop_of_device)
        of_pop = select(column_pop).where(is_there).correlate(end).scalar_subquery()
        return func.coalesce(of_customer, of_pop)

    return of(Address.latitude, Pop.latitude), of(Address.longitude, Pop.longitude)


def _feature(at: list[Any], **properties: Any) -> Feature:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [round(float(part), 6) for part in at]},
        "properties": properties,
    }


def place_of(session: Session, customer_id: int) -> Place:
    """Return the customer's place; raises NotFound."""
    found = session.execute(
        select(Customer, Address)
        .outerjoin(Address, and_(Address.customer_id == Customer.id, Address.kind == AddressKind.VISITING))
        .where(Customer.id == customer_id)
    ).first()
    if found is None:
        raise errors.NotFound("There is no such customer")
    customer, address = found
    line = f"{address.street} {address.building}".strip() + f", {address.city}" if address else ""
    return Place(
        customer_id=customer.id,
        number=customer.number,
        name=customer.name,
        address=line,
        latitude=address.latitude if address else None,
        longitude=address.longitude if address else None,
        source=address.geo_source if address else None,
        accuracy=address.geo_accuracy if address else "",
        failure=address.geo_failure if address else "",
        has_address=address is not None,
    )


def extent(session: Session) -> View | None:
    """Return where a map shows nearly all customers; None when nobody has a point."""
    part = func.percentile_cont
    row = session.execute(
        select(
            *(
                part(share).within_group(column)
                for column in (Address.latitude, Address.longitude)
                for share in (0.02, 0.5, 0.98)
            )
        ).where(Address.latitude.is_not(None))
    ).one()
    if row[0] is None:
        return None
    south, latitude, north, west, longitude, east = (float(value) for value in row)
    width = max(east - west, (north - south) * 1.6, 0.002)
    return View(latitude, longitude, max(3, min(16, int(math.log2(360 / width)) + 1)))
