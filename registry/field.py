"""What a technician needs outdoors: where a line is, does it answer, what is near, whose device this is."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, literal, or_, select
from sqlalchemy.orm import Session

from billing.models import AccessState, Subscription, SubscriptionAccess
from core import errors
from core.columns import Mac
from registry import macs, watched
from registry.models import Address, AddressKind, Connection, Contact, Customer, Device, IpAddress, Port
from registry.models.watching import SeriesKind, WatchSeries, WatchStatus

EARTH_M = 6_371_000.0
DEGREE_M = 111_195.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a customer is and how to reach him; `point` is latitude and longitude, if on file."""

    customer_id: int
    number: str
    name: str
    address: str = ""
    phone: str = ""
    point: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """An IP address and how it stood at the last round."""

    address: str
    mac: str
    watched: watched.Watched


@dataclass(frozen=True, slots=True)
class OnPort:
    """The port on file and when its device was last read."""

    device: str
    name: str
    state: str
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class Access:
    """What one service is to be, open or closed, and what the gate confirmed; `applied` is None before."""

    wanted: AccessState
    applied: AccessState | None


@dataclass(frozen=True, slots=True)
class LinePage:
    """One line as the phone shows it."""

    place: Place
    addresses: tuple[Watched, ...]
    ports: tuple[OnPort, ...]
    access: tuple[Access, ...] = ()


@dataclass(frozen=True, slots=True)
class Near:
    """A customer by distance."""

    place: Place
    distance_m: int
    addresses: tuple[Watched, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Whose a MAC or serial is; `customer_id` is None for a device of the network."""

    customer_id: int | None
    device_id: int | None
    text: str
    what: str


def places(session: Session, customer_ids: Collection[int]) -> dict[int, Place]:
    """Return the places of customers by id; the visiting address and the primary contact win."""
    people = session.scalars(select(Customer).where(Customer.id.in_(customer_ids)))
    is_other = Address.kind != AddressKind.VISITING
    where: dict[int, Address] = {}
    for one in session.scalars(
        select(Address).where(Address.customer_id.in_(customer_ids)).order_by(is_other, Address.id)
    ):
        where.setdefault(one.customer_id, one)
    phones: dict[int, str] = {}
    for who in session.scalars(
        select(Contact)
        .where(Contact.customer_id.in_(customer_ids), Contact.phone != "")
        .order_by(Contact.is_primary.desc(), Contact.id)
    ):
        phones.setdefault(who.customer_id, who.phone)
    return {one.id: _place(one, where.get(one.id), phones.get(one.id, "")) for one in people}


def _place(customer: Customer, address: Address | None, phone: str) -> Place:
    words, point = "", None
    if address is not None:
        street = f"{address.street} {address.building}".strip()
        words = ", ".join(part for part in (street, address.unit, address.city) if part)
        if address.latitude is not None and address.longitude is not None:
            point = (address.latitude, address.longitude)
    return Place(customer.id, customer.number, customer.name, words, phone, point)


def line(session: Session, customer_id: int) -> LinePage:
    """Return a customer's line. Raises NotFound."""
    place = places(session, [customer_id]).get(customer_id)
    if place is None:
        raise errors.NotFound("There is no such customer")
    ports = session.execute(
        select(Port.name, Device)
        .join(Connection, Connection.port_id == Port.id)
        .join(Device, Device.id == Port.device_id)
        .where(Connection.customer_id == customer_id)
        .order_by(Port.id)
    )
    on_file = tuple(
        OnPort(device.name, name, device.state.value if device.state else "", device.last_status_at)
        for name, device in ports
    )
    return LinePage(
        place, _watched(session, [customer_id]).get(customer_id, ()), on_file, _access(session, customer_id)
    )


def _access(session: Session, customer_id: int) -> tuple[Access, ...]:
    rows = session.execute(
        select(SubscriptionAccess.wanted, SubscriptionAccess.applied)
        .join(Subscription, Subscription.id == SubscriptionAccess.subscription_id)
        .join(Customer, Customer.account_id == Subscription.account_id)
        .where(Customer.id == customer_id)
        .order_by(Subscription.id)
    )
    return tuple(Access(wanted, applied) for wanted, applied in rows)


def _watched(session: Session, customer_ids: Collection[int]) -> Mapping[int, tuple[Watched, ...]]:
    rows = session.execute(
        select(IpAddress, WatchStatus)
        .outerjoin(WatchSeries, (WatchSeries.ip_id == IpAddress.id) & (WatchSeries.kind == SeriesKind.PING))
        .outerjoin(WatchStatus, WatchStatus.series_id == WatchSeries.id)
        .where(IpAddress.customer_id.in_(customer_ids))
        .order_by(IpAddress.address)
    )
    made: dict[int, tuple[Watched, ...]] = {}
    for ip, status in rows:
        stands = watched.of(status, is_unwatched=ip.is_unwatched, last_seen_at=ip.last_seen_at)
        one = Watched(str(ip.address), ip.mac or "", stands)
        made[ip.customer_id] = (*made.get(ip.customer_id, ()), one)
    return made


def near(
    session: Session, latitude: float, longitude: float, *, radius_m: float = 5000, limit: int = 30
) -> list[Near]:
    """Return the customers around a point, nearest first (haversine within a bounding box)."""
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise errors.Invalid(
            "That is no place on earth", {"lat": "From -90 to 90", "lon": "From -180 to 180"}
        )
    high = radius_m / DEGREE_M
    wide = min(360.0, high / max(math.cos(math.radians(latitude)), 0.001))
    half = func.power(func.sin(func.radians(Address.latitude - latitude) / 2), 2) + math.cos(
        math.radians(latitude)
    ) * func.cos(func.radians(Address.latitude)) * func.power(
        func.sin(func.radians(Address.longitude - longitude) / 2), 2
    )
    distance = 2 * EARTH_M * func.asin(func.sqrt(func.least(1.0, half)))
    nearest = func.min(distance)
    rows = session.execute(
        select(Address.customer_id, nearest)
        .where(
            Address.kind == AddressKind.VISITING,
            Address.latitude.between(latitude - high, latitude + high),
            Address.longitude.between(longitude - wide, longitude + wide),
        )
        .group_by(Address.customer_id)
        .having(nearest <= radius_m)
        .order_by(nearest, Address.customer_id)
        .limit(limit)
    ).all()
    ids = [row[0] for row in rows]
    found, states = places(session, ids), _watched(session, ids)
    return [Near(found[one], round(metres), states.get(one, ())) for one, metres in rows]


def find(session: Session, text: str, *, limit: int = 20) -> list[Found]:
    """Return what is on file under a MAC in any spelling, or a serial in either case."""
    text = text.strip()[:80]
    if not text:
        return []
    mac = macs.parse(text)
    is_serial = func.lower(Device.serial) == text.lower()
    is_it = or_(is_serial, Device.mac == literal(mac, Mac)) if mac else is_serial
    devices = session.scalars(select(Device).where(is_it).order_by(Device.id).limit(limit))
    made = [Found(one.customer_id, one.id, one.name, one.serial or one.mac or "") for one in devices]
    if mac:
        rows = select(IpAddress).where(IpAddress.mac == literal(mac, Mac)).order_by(IpAddress.id).limit(limit)
        made += [Found(one.customer_id, None, str(one.address), mac) for one in session.scalars(rows)]
    return made
