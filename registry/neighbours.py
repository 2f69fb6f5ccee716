"""Neighbours of a customer: who shares his port, device or house and was heard lately, to compare a fault with."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from core import clock
from registry import incident_elements
from registry.models import Address, AddressKind, Connection, Customer, CustomerStatus, Device, IpAddress, Port

LIMIT = 5
# Who was not heard for so long says nothing about today's fault.
HEARD_WITHIN = timedelta(days=3)

Scope = Literal["port", "device", "building"]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Some of those who share something with the customer: an address of each, and what they share."""

    scope: Scope
    name: str
    element: incident_elements.Element
    addresses: tuple[str, ...]


def of(session: Session, customer_id: int) -> tuple[Neighbours, ...]:
    """Return the groups that have anybody in them, the narrowest first; at most five addresses each."""
    found: list[Neighbours] = []
    port = session.execute(
        select(Port.id, Port.device_id, Port.name, Device.name)
        .join(Connection, Connection.port_id == Port.id)
        .join(Device, Device.id == Port.device_id)
        .where(Connection.customer_id == customer_id)
        .order_by(Connection.id)
        .limit(1)
    ).one_or_none()
    if port is not None:
        same_port = select(Connection.customer_id).where(Connection.port_id == port[0])
        same_device = (
            select(Connection.customer_id)
            .join(Port, Port.id == Connection.port_id)
            .where(Port.device_id == port[1])
        )
        for scope, ids, element in (
            ("port", same_port, incident_elements.port(session, port[0])),
            ("device", same_device, incident_elements.device(session, port[1])),
        ):
            _add(session, found, scope, ids, element, customer_id)
    home = _house(customer_id)
    if session.scalar(select(func.count()).select_from(home.subquery())):
        element = incident_elements.building(session, customer_id)
        _add(session, found, "building", home, element, customer_id)
    return tuple(found)


def _add(
    session: Session,
    found: list[Neighbours],
    scope: Any,
    ids: Any,
    element: incident_elements.Element,
    customer_id: int,
) -> None:
    addresses = _heard(session, ids, customer_id)
    if addresses:
        found.append(Neighbours(scope, element.place, element, addresses))


def _house(customer_id: int) -> Any:
    """Select the other customers of the same house."""
    own = aliased(Address)
    return (
        select(Address.customer_id)
        .join(
            own,
            (func.lower(own.street) == func.lower(Address.street))
            & (func.lower(own.building) == func.lower(Address.building))
            & (func.lower(own.city) == func.lower(Address.city)),
        )
        .where(
            own.customer_id == customer_id,
            own.kind == AddressKind.VISITING,
            Address.kind == AddressKind.VISITING,
            Address.customer_id != customer_id,
        )
    )


def _heard(session: Session, ids: Any, customer_id: int) -> tuple[str, ...]:
    """Return one address each of the neighbours heard last."""
    newest = (
        select(
            IpAddress.customer_id,
            IpAddress.address,
            IpAddress.last_seen_at,
            func.row_number()
            .over(partition_by=IpAddress.customer_id, order_by=IpAddress.last_seen_at.desc())
            .label("place"),
        )
        .join(Customer, Customer.id == IpAddress.customer_id)
        .where(
            IpAddress.customer_id.in_(ids),
            IpAddress.customer_id != customer_id,
            IpAddress.last_seen_at > clock.now() - HEARD_WITHIN,
            Customer.status == CustomerStatus.CONNECTED,
        )
        .subquery()
    )
    rows = session.scalars(
        select(newest.c.address)
        .where(newest.c.place == 1)
        .order_by(newest.c.last_seen_at.desc(), newest.c.customer_id)
        .limit(LIMIT)
    )
    return tuple(str(one) for one in rows)
