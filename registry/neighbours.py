"""Neighbours of a customer: who shares his port, device or house, to compare a fault with."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from core import clock, errors
from registry import incident_elements
from registry.incident_elements import Element
from registry.models import (
    Address,
    AddressKind,
    Connection,
    Customer,
    CustomerStatus,
    IpAddress,
    Port,
)

LIMIT = 5
# Who was not heard for so long says nothing about today's fault.
HEARD_WITHIN = timedelta(days=3)

Scope = Literal["port", "device", "building"]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Some of those who share something with the customer: an address of each, and what they share."""

    scope: Scope
    name: str
    element: Element
    addresses: tuple[str, ...]


def of(session: Session, customer_id: int) -> tuple[Neighbours, ...]:
    """Return the groups that have anybody in them, the narrowest first; at most five addresses each."""
    found = []
    for scope, ids, element in _groups(session, customer_id):
        addresses = _heard(session, ids, customer_id)
        if addresses:
            found.append(Neighbours(scope, element.place, element, addresses))
    return tuple(found)


def _groups(session: Session, customer_id: int) -> Iterator[tuple[Scope, Any, Element]]:
    """Yield what the customer shares with others, and the query of their ids."""
    port = session.execute(
        select(Port.id, Port.device_id)
        .join(Connection, Connection.port_id == Port.id)
        .where(Connection.customer_id == customer_id)
        .order_by(Connection.id)
        .limit(1)
    ).one_or_none()
    if port is not None:
        on_port = select(Connection.customer_id).where(Connection.port_id == port.id)
        yield "port", on_port, incident_elements.port(session, port.id)
        on_device = (
            select(Connection.customer_id)
            .join(Port, Port.id == Connection.port_id)
            .where(Port.device_id == port.device_id)
        )
        yield "device", on_device, incident_elements.device(session, port.device_id)
    with contextlib.suppress(errors.NotFound):  # no service address is on file
        yield "building", _house(customer_id), incident_elements.building(session, customer_id)


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
