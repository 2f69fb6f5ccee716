"""What the records say of a customer's line, gathered in one short read before the wire is asked."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing import access
from billing.models import Plan, Subscription, SubscriptionAccess, SuspensionLock
from core import errors
from registry.models import (
    Connection,
    Customer,
    Device,
    DeviceRole,
    DeviceType,
    IpAddress,
    Line,
    Network,
    Pop,
    Port,
    WatchSeries,
    WatchState,
    WatchStatus,
)

ADDRESSES_LIMIT = 4
PARENTS_LIMIT = 6


@dataclass(frozen=True, slots=True)
class LockFacts:
    """A lock that stands."""

    reason: str
    placed_at: datetime


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """A running subscription: its locks, where its access stands, and the faster of the plan's two speeds."""

    locks: tuple[LockFacts, ...]
    wanted: str | None
    applied: str | None
    observed: str | None
    observed_at: datetime | None
    error: str
    speed_bps: int = 0


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """A device on the way to the customer; `died_at` as the rounds of watching found it."""

    device_id: int
    name: str
    role: DeviceRole
    address: str | None
    has_snmp: bool
    died_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AddressFacts:
    """An IP address of the customer with the MAC on file."""

    address: str
    mac: str | None


@dataclass(frozen=True, slots=True)
class PortFacts:
    """The port on file; `is_shared` when other customers are on it too."""

    port_id: int
    device_id: int
    if_index: int
    name: str
    is_shared: bool


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a MAC is: another customer's, on file for an address or a device, or a device of our own."""

    customer: str = ""
    address: str = ""
    device: str = ""


@dataclass(frozen=True, slots=True)
class LineFacts:
    """All a diagnosis needs to know before it asks the wire; `pop` is the name of the customer's POP.

    Of a bare device or port there is no customer.
    """

    customer_id: int | None
    pop: str
    services: tuple[ServiceFacts, ...]
    addresses: tuple[AddressFacts, ...]
    macs: tuple[str, ...]
    serials: tuple[str, ...]
    gateway: DeviceFacts | None
    device: DeviceFacts | None
    parents: tuple[DeviceFacts, ...]
    port: PortFacts | None
    uplinks: frozenset[int]
    cpes: tuple[DeviceFacts, ...]


def load(session: Session, customer_id: int, *, today: date) -> LineFacts:
    """Gather the facts; raises NotFound for a customer who is none."""
    customer = session.get(Customer, customer_id)
    if customer is None:
        raise errors.NotFound("There is no such customer any more")
    places = session.execute(
        select(IpAddress, Network, Pop.code)
        .join(Network, Network.id == IpAddress.network_id)
        .outerjoin(Pop, Pop.id == Network.pop_id)
        .where(IpAddress.customer_id == customer_id)
        .order_by(IpAddress.address)
    ).all()
    own = _devices(session, Device.customer_id == customer_id)
    port = _port(session, customer_id)
    gateway_id = next((network.gateway_id for _, network, _ in places if network.gateway_id), None)
    above = port.device_id if port else _above(session, customer_id)
    chain = _with_deaths(session, _chain(session, above))
    device, parents = (chain[0], chain[1:]) if chain else (None, ())
    return LineFacts(
        customer_id=customer_id,
        pop=_pop(session, customer_id, places),
        services=_services(session, customer.account_id, today),
        addresses=_addresses(places, own),
        macs=_macs(places, own),
        serials=tuple(one.serial for one, _ in own if one.serial),
        gateway=_device(session, gateway_id),
        device=device,
        parents=tuple(one for one in parents if one.device_id != gateway_id),
        port=port,
        uplinks=_uplinks(session, device),
        cpes=tuple(_facts(one, role) for one, role in own),
    )


def of_device(session: Session, device_id: int, port_id: int | None) -> LineFacts:
    """Gather the facts of a device or one of its ports, without a customer; raises NotFound."""
    device = session.get(Device, device_id)
    port = session.get(Port, port_id) if port_id is not None else None
    if device is None or (port_id is not None and (port is None or port.device_id != device_id)):
        raise errors.NotFound("There is no such device or port any more")
    chain = _with_deaths(session, _chain(session, device_id))
    pop = session.scalar(select(Pop.code).where(Pop.id == device.pop_id))
    gateway_id = session.scalar(
        select(Network.gateway_id)
        .where(Network.pop_id == device.pop_id, Network.gateway_id.is_not(None))
        .order_by(Network.id)
        .limit(1)
    )
    return LineFacts(
        customer_id=None,
        pop=pop or "",
        services=(),
        addresses=(),
        macs=(),
        serials=(),
        gateway=_device(session, gateway_id if gateway_id != device_id else None),
        device=chain[0],
        parents=tuple(one for one in chain[1:] if one.device_id != gateway_id),
        # Nobody is named whose MAC is to be there, so whatever is on the port is as good as shared.
        port=PortFacts(port.id, device_id, port.if_index, port.name, True) if port else None,
        uplinks=_uplinks(session, chain[0]),
        cpes=(),
    )


def _pop(session: Session, customer_id: int, places: Any) -> str:
    code = next((code for _, _, code in places if code), None)
    if code is None:
        code = session.scalar(
            select(Pop.code)
            .join(Line, Line.pop_id == Pop.id)
            .where(Line.customer_id == customer_id)
            .order_by(Line.id)
            .limit(1)
        )
    return code or ""


def _services(session: Session, account_id: int, today: date) -> tuple[ServiceFacts, ...]:
    rows = session.execute(
        select(Subscription.id, SubscriptionAccess, Plan)
        .join(Plan, Plan.id == Subscription.plan_id)
        .outerjoin(SubscriptionAccess, SubscriptionAccess.subscription_id == Subscription.id)
        .where(Subscription.account_id == account_id, access.is_running(today))
        .order_by(Subscription.id)
    ).all()
    locks: dict[int, list[LockFacts]] = {}
    for lock in session.scalars(
        select(SuspensionLock)
        .where(
            SuspensionLock.subscription_id.in_([number for number, _, _ in rows]),
            SuspensionLock.lifted_at.is_(None),
        )
        .order_by(SuspensionLock.id)
    ):
        locks.setdefault(lock.subscription_id, []).append(LockFacts(lock.reason.value, lock.placed_at))
    return tuple(
        ServiceFacts(
            locks=tuple(locks.get(number, ())),
            wanted=state.wanted.value if state else None,
            applied=state.applied.value if state and state.applied else None,
            observed=state.observed.value if state and state.observed else None,
            observed_at=state.observed_at if state else None,
            error=(state.error or "") if state else "",
            speed_bps=max(plan.down_kbps or 0, plan.up_kbps or 0) * 1000,
        )
        for number, state, plan in rows
    )


def _devices(session: Session, condition: Any) -> list[tuple[Device, DeviceRole]]:
    rows = session.execute(
        select(Device, DeviceType.role)
        .join(DeviceType, DeviceType.id == Device.type_id)
        .where(condition)
        .order_by(Device.id)
    )
    return [(device, role) for device, role in rows]


def _facts(device: Device, role: DeviceRole) -> DeviceFacts:
    address = str(device.address) if device.address is not None else None
    return DeviceFacts(device.id, device.name, role, address, bool(device.snmp_version and address))


def _device(session: Session, device_id: int | None) -> DeviceFacts | None:
    found = _devices(session, Device.id == device_id) if device_id is not None else []
    return _facts(*found[0]) if found else None


def _addresses(places: Any, own: list[tuple[Device, DeviceRole]]) -> tuple[AddressFacts, ...]:
    """Return the addresses given to the customer; without any, those of his own devices.

    A prefix is none: nobody answers for it.
    """
    given = [
        AddressFacts(str(row.address), str(row.mac) if row.mac else None)
        for row, _, _ in places
        if not row.is_prefix
    ]
    if not given:
        given = [
            AddressFacts(str(one.address), str(one.mac) if one.mac else None)
            for one, _ in own
            if one.address is not None
        ]
    return tuple(given[:ADDRESSES_LIMIT])


def _macs(places: Any, own: list[tuple[Device, DeviceRole]]) -> tuple[str, ...]:
    """Return the MACs on file, those of the addresses first."""
    known = [str(row.mac) for row, _, _ in places if row.mac]
    known += [str(one.mac) for one, _ in own if one.mac]
    return tuple(dict.fromkeys(known))


def _port(session: Session, customer_id: int) -> PortFacts | None:
    other = Connection.__table__.alias("other")
    shared = (
        select(func.count())
        .select_from(other)
        .where(other.c.port_id == Port.id, other.c.customer_id != customer_id)
        .correlate(Port)
    )
    row = session.execute(
        select(Port, shared.scalar_subquery())
        .join(Connection, Connection.port_id == Port.id)
        .where(Connection.customer_id == customer_id)
        .order_by(Connection.id)
        .limit(1)
    ).first()
    if row is None:
        return None
    port, others = row
    return PortFacts(port.id, port.device_id, port.if_index, port.name, bool(others))


def _above(session: Session, customer_id: int) -> int | None:
    """Return the network's device that one of the customer's own devices hangs on."""
    parent = Device.__table__.alias("parent")
    return session.scalar(
        select(Device.parent_id)
        .join(parent, parent.c.id == Device.parent_id)
        .where(Device.customer_id == customer_id, parent.c.customer_id.is_(None))
        .order_by(Device.id)
        .limit(1)
    )


def _chain(session: Session, device_id: int | None) -> tuple[DeviceFacts, ...]:
    """Return the device and its parents, nearest first; a loop in the records ends it."""
    chain: list[DeviceFacts] = []
    seen: set[int] = set()
    while device_id is not None and device_id not in seen and len(chain) <= PARENTS_LIMIT:
        seen.add(device_id)
        found = _devices(session, Device.id == device_id)
        if not found:
            break
        chain.append(_facts(*found[0]))
        device_id = found[0][0].parent_id
    return tuple(chain)


def _with_deaths(session: Session, chain: tuple[DeviceFacts, ...]) -> tuple[DeviceFacts, ...]:
    """Return the devices with the moment the watching found each dead."""
    rows = session.execute(
        select(WatchSeries.device_id, WatchStatus.died_at)
        .join(WatchStatus, WatchStatus.series_id == WatchSeries.id)
        .where(
            WatchSeries.device_id.in_([one.device_id for one in chain]),
            WatchStatus.died_at.is_not(None),
            WatchStatus.state.in_((WatchState.DEAD, WatchState.BEHIND)),
        )
    )
    deaths = {row.device_id: row.died_at for row in rows}
    return tuple(replace(one, died_at=deaths.get(one.device_id)) for one in chain)


def _uplinks(session: Session, device: DeviceFacts | None) -> frozenset[int]:
    if device is None:
        return frozenset()
    query = select(Port.if_index).where(Port.device_id == device.device_id, Port.is_uplink.is_(True))
    return frozenset(session.scalars(query))


def owners(session: Session, macs: Iterable[str], customer_id: int | None) -> dict[str, Owner]:
    """Return whose these MACs are, where they are on file for somebody else or for our own gear."""
    wanted = sorted(set(macs))
    if not wanted:
        return {}
    found: dict[str, Owner] = {}
    rows = session.execute(
        select(Device.mac, Device.name, Customer.number)
        .outerjoin(Customer, Customer.id == Device.customer_id)
        .where(Device.mac.in_(wanted), Device.customer_id.is_distinct_from(customer_id))
    )
    for mac, name, number in rows:
        found[str(mac)] = Owner(customer=number or "", device=name)
    rows_of_addresses = session.execute(
        select(IpAddress.mac, IpAddress.address, Customer.number)
        .join(Customer, Customer.id == IpAddress.customer_id)
        .where(IpAddress.mac.in_(wanted), IpAddress.customer_id.is_distinct_from(customer_id))
    )
    for mac, address, number in rows_of_addresses:
        found[str(mac)] = Owner(customer=number, address=str(address))
    return found
