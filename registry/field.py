"""What a technician needs outdoors: where a line is, does it answer, whose device this is."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, literal, or_, select
from sqlalchemy.orm import Session

from billing.models import AccessState, Subscription, SubscriptionAccess
from core import errors
from core.columns import Mac
from registry import macs, warned, watched
from registry.models import (
    Address,
    AddressKind,
    Connection,
    Contact,
    Customer,
    Device,
    DeviceRole,
    DeviceType,
    IpAddress,
    Pop,
    Port,
)
from registry.models.watching import SeriesKind, WatchSeries, WatchStatus
from registry.warned import WarningView


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
    warnings: tuple[WarningView, ...] = ()


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
        place,
        standing(session, [customer_id]).get(customer_id, ()),
        on_file,
        _access(session, customer_id),
        warned.of_customer(session, customer_id),
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


def standing(session: Session, customer_ids: Collection[int]) -> Mapping[int, tuple[Watched, ...]]:
    """Return how the addresses of customers stand, by customer."""
    rows = session.execute(
        select(IpAddress, WatchStatus)
        .outerjoin(WatchSeries, (WatchSeries.ip_id == IpAddress.id) & (WatchSeries.kind == SeriesKind.PING))
        .outerjoin(WatchStatus, WatchStatus.series_id == WatchSeries.id)
        .where(IpAddress.customer_id.in_(customer_ids))
        .order_by(IpAddress.is_prefix, IpAddress.address)
    )
    made: dict[int, tuple[Watched, ...]] = {}
    for ip, status in rows:
        one = Watched(str(ip.address), ip.mac or "", watched.of(status, ip))
        made[ip.customer_id] = (*made.get(ip.customer_id, ()), one)
    return made


@dataclass(frozen=True, slots=True)
class DevicePage:
    """A device of the network as the phone shows it."""

    device_id: int
    name: str
    model: str
    role: DeviceRole
    address: str
    mac: str
    serial: str
    pop: str
    point: tuple[float, float] | None
    has_snmp: bool
    customer_id: int | None
    watched: watched.Watched


def device(session: Session, device_id: int) -> DevicePage:
    """Return a device, of the network or of a customer. Raises NotFound."""
    row = session.execute(
        select(Device, DeviceType, Pop, WatchStatus)
        .join(DeviceType, DeviceType.id == Device.type_id)
        .outerjoin(Pop, Pop.id == Device.pop_id)
        .outerjoin(WatchSeries, (WatchSeries.device_id == Device.id) & (WatchSeries.kind == SeriesKind.PING))
        .outerjoin(WatchStatus, WatchStatus.series_id == WatchSeries.id)
        .where(Device.id == device_id)
    ).one_or_none()
    if row is None:
        raise errors.NotFound("There is no such device")
    found, kind, pop, status = row
    point = None
    if pop is not None and pop.latitude is not None and pop.longitude is not None:
        point = (pop.latitude, pop.longitude)
    return DevicePage(
        device_id=found.id,
        name=found.name,
        model=f"{kind.vendor} {kind.name}".strip(),
        role=kind.role,
        address=str(found.address) if found.address else "",
        mac=found.mac or "",
        serial=found.serial,
        pop=pop.name if pop else "",
        point=point,
        has_snmp=bool(found.snmp_version and found.address),
        customer_id=found.customer_id,
        watched=watched.of(status, found),
    )


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
