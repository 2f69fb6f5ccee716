"""What an incident is about: a port, a device with all below it, a house, a POP; and who is on it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, literal, select, union
from sqlalchemy.orm import Session

from core import errors
from registry.models import (
    Address,
    AddressKind,
    Connection,
    Customer,
    CustomerStatus,
    Device,
    IncidentScope,
    IpAddress,
    Line,
    Network,
    Pop,
    Port,
)

_DEPTH = 16


@dataclass(frozen=True, slots=True)
class Element:
    """A part of the network or the town; `key` tells it from all others, `place` names it for people."""

    scope: IncidentScope
    key: str
    place: str
    device_id: int | None = None


def port(session: Session, port_id: int) -> Element:
    """Return a switch port; raises NotFound."""
    row = session.execute(
        select(Port.name, Device.name, Device.id)
        .join(Device, Device.id == Port.device_id)
        .where(Port.id == port_id)
    ).one_or_none()
    if row is None:
        raise errors.NotFound("There is no such port")
    return Element(IncidentScope.PORT, f"port:{port_id}", f"{row[1]} {row[0]}", row[2])


def device(session: Session, device_id: int) -> Element:
    """Return a device with everything below it; raises NotFound."""
    name = session.scalar(select(Device.name).where(Device.id == device_id))
    if name is None:
        raise errors.NotFound("There is no such device")
    return Element(IncidentScope.DEVICE, f"device:{device_id}", name, device_id)


def pop(session: Session, pop_id: int) -> Element:
    """Return a POP; raises NotFound."""
    name = session.scalar(select(Pop.name).where(Pop.id == pop_id))
    if name is None:
        raise errors.NotFound("There is no such POP")
    return Element(IncidentScope.POP, f"pop:{pop_id}", name)


def building(session: Session, customer_id: int) -> Element:
    """Return the house in which the customer is served; raises NotFound when no address is on file."""
    row = session.execute(
        select(Address.street, Address.building, Address.city).where(
            Address.customer_id == customer_id, Address.kind == AddressKind.VISITING
        )
    ).one_or_none()
    if row is None:
        raise errors.NotFound("No service address is on file for this customer")
    street, house, city = row
    key = "|".join(part.lower() for part in (street, house, city))
    return Element(IncidentScope.BUILDING, f"building:{key}"[:240], f"{street} {house}, {city}")


def devices(session: Session) -> list[tuple[int, str]]:
    """Return id and name of the ISP's own devices, by name: what an incident can be opened for by hand."""
    rows = session.execute(
        select(Device.id, Device.name).where(Device.customer_id.is_(None)).order_by(Device.name, Device.id)
    )
    return [(row.id, row.name) for row in rows]


def customers_on(session: Session, element: Element) -> dict[int, int]:
    """Return customer id -> account id of everybody on the element who is not a former customer."""
    kind, _, rest = element.key.partition(":")
    ids = (
        {
            "port": _on_port,
            "device": _below,
            "pop": _at_pop,
        }[kind](int(rest))
        if kind != "building"
        else _in_house(rest)
    )
    rows = session.execute(
        select(Customer.id, Customer.account_id).where(
            Customer.id.in_(ids), Customer.status != CustomerStatus.FORMER
        )
    )
    return {row[0]: row[1] for row in rows}


def _on_port(port_id: int) -> Any:
    return select(Connection.customer_id).where(Connection.port_id == port_id)


def _below(device_id: int) -> Any:
    """Who is plugged into the device or one below it, or has an address of a network it is the gateway of."""
    tree = (
        select(Device.id, literal(0).label("depth")).where(Device.id == device_id).cte("tree", recursive=True)
    )
    child = Device.__table__.alias("child")
    tree = tree.union_all(
        select(child.c.id, tree.c.depth + 1).where(child.c.parent_id == tree.c.id, tree.c.depth < _DEPTH)
    )
    devices = select(tree.c.id)
    plugged = (
        select(Connection.customer_id)
        .join(Port, Port.id == Connection.port_id)
        .where(Port.device_id.in_(devices))
    )
    routed = (
        select(IpAddress.customer_id)
        .join(Network, Network.id == IpAddress.network_id)
        .where(Network.gateway_id.in_(devices))
    )
    own = select(Device.customer_id).where(Device.id.in_(devices), Device.customer_id.is_not(None))
    return union(plugged, routed, own)


def _at_pop(pop_id: int) -> Any:
    lines = select(Line.customer_id).where(Line.pop_id == pop_id)
    addresses = (
        select(IpAddress.customer_id)
        .join(Network, Network.id == IpAddress.network_id)
        .where(Network.pop_id == pop_id)
    )
    return union(lines, addresses)


def _in_house(key: str) -> Select[Any]:
    whole = func.lower(Address.street + "|" + Address.building + "|" + Address.city)
    return select(Address.customer_id).where(
        Address.kind == AddressKind.VISITING, func.left(whole, 240 - len("building:")) == key
    )
