"""What is near a point: customers by their visiting address, devices by their POP or by whom they serve."""

import math
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Float, Subquery, case, cast, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core import errors
from registry import field, watched
from registry.field import Place, Watched
from registry.models import (
    Address,
    AddressKind,
    Connection,
    Customer,
    CustomerStatus,
    Device,
    DeviceRole,
    DeviceType,
    Pop,
    Port,
)
from registry.models.watching import SeriesKind, WatchSeries, WatchStatus

EARTH_M = 6_371_000.0
DEGREE_M = 111_195.0
RADIUS_M = 5000.0


@dataclass(frozen=True, slots=True)
class Near:
    """A customer by distance."""

    place: Place
    distance_m: int
    addresses: tuple[Watched, ...]


@dataclass(frozen=True, slots=True)
class NearDevice:
    """A device of the network; `is_by_customer`: the distance is that of the nearest customer it serves."""

    device_id: int
    name: str
    role: DeviceRole
    pop: str
    distance_m: int
    is_by_customer: bool
    watched: watched.Watched


def customers(
    session: Session, latitude: float, longitude: float, *, radius_m: float = RADIUS_M, limit: int = 30
) -> list[Near]:
    """Return the customers around a point, nearest first; raises Invalid for what is no place on earth."""
    nearest = func.min(_distance(Address.latitude, Address.longitude, latitude, longitude))
    rows = session.execute(
        select(Address.customer_id, nearest)
        .where(Address.kind == AddressKind.VISITING, *_box(Address, latitude, longitude, radius_m))
        .group_by(Address.customer_id)
        .having(nearest <= radius_m)
        .order_by(nearest, Address.customer_id)
        .limit(limit)
    ).all()
    ids = [row[0] for row in rows]
    found, states = field.places(session, ids), field.standing(session, ids)
    return [Near(found[one], round(metres), states.get(one, ())) for one, metres in rows]


def devices(
    session: Session, latitude: float, longitude: float, *, radius_m: float = RADIUS_M, limit: int = 8
) -> list[NearDevice]:
    """Return the network's devices with an address around a point, nearest first.

    A switch hangs in a house of its customers, so whom it serves tells better where it is than its POP does.
    Raises Invalid for what is no place on earth.
    """
    served = _served(latitude, longitude, radius_m)
    at_pop = case((Pop.latitude.is_not(None), _distance(Pop.latitude, Pop.longitude, latitude, longitude)))
    metres = func.coalesce(served.c.metres, at_pop)
    rows = session.execute(
        select(Device, DeviceType.role, Pop.name, metres, served.c.metres.is_not(None))
        .add_columns(WatchStatus)
        .join(DeviceType, DeviceType.id == Device.type_id)
        .outerjoin(Pop, Pop.id == Device.pop_id)
        .outerjoin(served, served.c.device_id == Device.id)
        .outerjoin(WatchSeries, (WatchSeries.device_id == Device.id) & (WatchSeries.kind == SeriesKind.PING))
        .outerjoin(WatchStatus, WatchStatus.series_id == WatchSeries.id)
        .where(Device.customer_id.is_(None), Device.address.is_not(None), metres <= radius_m)
        .order_by(metres, Device.id)
        .limit(limit)
    )
    return [
        NearDevice(
            device_id=one.id,
            name=one.name,
            role=role,
            pop=pop or "",
            distance_m=round(away),
            is_by_customer=is_by_customer,
            watched=watched.of(status, one),
        )
        for one, role, pop, away, is_by_customer, status in rows
    ]


def _served(latitude: float, longitude: float, radius_m: float) -> Subquery:
    """Return the metres to the nearest connected customer of each device that has one around."""
    return (
        select(
            Port.device_id,
            func.min(_distance(Address.latitude, Address.longitude, latitude, longitude)).label("metres"),
        )
        .join(Connection, Connection.port_id == Port.id)
        .join(Customer, Customer.id == Connection.customer_id)
        .join(Address, Address.customer_id == Customer.id)
        .where(
            Customer.status == CustomerStatus.CONNECTED,
            Address.kind == AddressKind.VISITING,
            *_box(Address, latitude, longitude, radius_m),
        )
        .group_by(Port.device_id)
        .subquery()
    )


def _box(table: Any, latitude: float, longitude: float, radius_m: float) -> tuple[ColumnElement[bool], ...]:
    """Return what keeps a query to the square around the circle, so that no more than that is computed."""
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise errors.Invalid(
            "That is no place on earth", {"lat": "From -90 to 90", "lon": "From -180 to 180"}
        )
    high = radius_m / DEGREE_M
    wide = min(360.0, high / max(math.cos(math.radians(latitude)), 0.001))
    return (
        table.latitude.between(latitude - high, latitude + high),
        table.longitude.between(longitude - wide, longitude + wide),
    )


def _distance(
    latitude: InstrumentedAttribute[float | None],
    longitude: InstrumentedAttribute[float | None],
    to_latitude: float,
    to_longitude: float,
) -> ColumnElement[float]:
    """Return the metres between two points by the haversine formula, on a globe of EARTH_M."""
    half = func.power(func.sin(func.radians(latitude - to_latitude) / 2), 2) + math.cos(
        math.radians(to_latitude)
    ) * func.cos(func.radians(latitude)) * func.power(func.sin(func.radians(longitude - to_longitude) / 2), 2)
    return cast(literal(2 * EARTH_M) * func.asin(func.sqrt(func.least(1.0, half))), Float)
