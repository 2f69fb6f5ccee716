"""Switch ports: which port a customer hangs on, and the chooser that offers the nearest ones first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from core import db, errors
from core.words import N_
from registry import audit, line_moves
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
)

_PORTS_LIMIT = 500


@dataclass(frozen=True, slots=True)
class PortChoice:
    """A port that can be chosen; `taken_by` are the numbers of customers who hang on it already."""

    id: int
    if_index: int
    name: str
    is_uplink: bool
    taken_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SwitchChoice:
    """A switch with its ports; `is_near` when it stands in the customer's own POP."""

    id: int
    name: str
    pop: str
    is_near: bool
    ports: tuple[PortChoice, ...] = ()


@dataclass(frozen=True, slots=True)
class Connected:
    """A new connection, and the customers who share its port: worth a notice, not an error."""

    connection: Connection
    shared_with: tuple[str, ...]


def of_customer(session: Session, customer_id: int) -> list[Connection]:
    """Return the customer's connections with port and device."""
    query = (
        select(Connection)
        .options(joinedload(Connection.port).joinedload(Port.device))
        .where(Connection.customer_id == customer_id)
        .order_by(Connection.id)
    )
    return list(session.scalars(query))


def pop_ids_of(session: Session, customer_id: int) -> set[int]:
    """Return the POPs the customer hangs on: by his lines, his addresses' networks and his switch ports."""
    queries = (
        select(Line.pop_id).where(Line.customer_id == customer_id),
        select(Network.pop_id)
        .join(IpAddress, IpAddress.network_id == Network.id)
        .where(IpAddress.customer_id == customer_id),
        select(Device.pop_id)
        .join(Port, Port.device_id == Device.id)
        .join(Connection, Connection.port_id == Port.id)
        .where(Connection.customer_id == customer_id),
    )
    return {pop_id for query in queries for pop_id in session.scalars(query) if pop_id is not None}


def choices(session: Session, customer_id: int, *, q: str = "") -> list[SwitchChoice]:
    """Return the switches to choose from, those of the customer's POP first, each with its ports.

    With `q` only switches whose name or POP holds it; without, only the near ones when there are any.
    """
    near = pop_ids_of(session, customer_id)
    query = (
        select(Device, Pop)
        .join(DeviceType, DeviceType.id == Device.type_id)
        .outerjoin(Pop, Pop.id == Device.pop_id)
        .where(DeviceType.role.in_((DeviceRole.SWITCH, DeviceRole.OLT)), Device.customer_id.is_(None))
        .order_by(Device.name, Device.id)
    )
    if q.strip():
        word = q.strip().lower()
        place = func.lower(Device.name + " " + func.coalesce(Pop.name, ""))
        query = query.where(place.contains(word, autoescape=True))
    elif near:
        query = query.where(Device.pop_id.in_(near))
    found = session.execute(query.limit(50)).all()
    ports = _ports(session, [device.id for device, _ in found])
    offered = [
        SwitchChoice(
            device.id,
            device.name,
            pop.name if pop else "",
            device.pop_id in near,
            tuple(ports.get(device.id, ())),
        )
        for device, pop in found
    ]
    return sorted(offered, key=lambda switch: not switch.is_near)


def _ports(session: Session, device_ids: Sequence[int]) -> dict[int, list[PortChoice]]:
    takers = (
        select(
            Connection.port_id,
            func.array_agg(Customer.number).label("numbers"),
        )
        .join(Customer, Customer.id == Connection.customer_id)
        .group_by(Connection.port_id)
        .subquery()
    )
    query = (
        select(Port, takers.c.numbers)
        .outerjoin(takers, takers.c.port_id == Port.id)
        .where(Port.device_id.in_(device_ids))
        .order_by(Port.device_id, Port.if_index)
        .limit(_PORTS_LIMIT)
    )
    ports: dict[int, list[PortChoice]] = {}
    for port, taken_by in session.execute(query):
        choice = PortChoice(port.id, port.if_index, port.name, port.is_uplink, tuple(taken_by or ()))
        ports.setdefault(port.device_id, []).append(choice)
    return ports


def connect(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    port_id: int,
    *,
    line_id: int | None = None,
    vlan: int | None = None,
) -> Connected:
    """Put the customer on a port; raises Invalid at `port_id` for an uplink or a port he is on already.

    A port that others are on is allowed: the answer names them.
    """
    if session.get(Customer, customer_id) is None:
        raise errors.NotFound("There is no such customer")
    _check(session, customer_id, line_id, vlan)
    port = session.scalar(select(Port).options(joinedload(Port.device)).where(Port.id == port_id))
    if port is None:
        raise errors.Invalid("No such port", {"port_id": "Choose a port"})
    if port.is_uplink:
        raise errors.Invalid("An uplink", {"port_id": "This port is an uplink, not a customer's port"})
    shared_with = _others(session, port_id, customer_id)
    connection = Connection(port_id=port_id, customer_id=customer_id, line_id=line_id, vlan=vlan)
    connection.port = port
    try:
        with line_moves.told(session, actor, customer_id), db.part(session):
            session.add(connection)
    except IntegrityError as error:
        raise errors.Invalid("Already there", {"port_id": "The customer is on this port already"}) from error
    note = N_("shared with %(numbers)s", numbers=", ".join(shared_with)) if shared_with else ""
    after = {"port": _words(port), "vlan": vlan} if vlan else {"port": _words(port)}
    _record(session, actor, "port.connected", connection, audit.difference({}, after), note=note)
    return Connected(connection, shared_with)


def change(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    connection_id: int,
    *,
    line_id: int | None = None,
    vlan: int | None = None,
) -> Connection:
    """Change the VLAN or the line of a connection; another port is disconnected and connected."""
    connection = find(session, customer_id, connection_id)
    _check(session, customer_id, line_id, vlan)
    after = {"line_id": line_id, "vlan": vlan}
    changes = audit.difference({"line_id": connection.line_id, "vlan": connection.vlan}, after)
    with line_moves.told(session, actor, customer_id):
        connection.line_id, connection.vlan = line_id, vlan
    if changes:
        _record(session, actor, "port.changed", connection, changes)
    return connection


def disconnect(session: Session, actor: audit.Actor, customer_id: int, connection_id: int) -> None:
    """Take the customer off a port; raises NotFound."""
    connection = find(session, customer_id, connection_id)
    changes = audit.difference({"port": _words(connection.port)}, {"port": None})
    _record(session, actor, "port.disconnected", connection, changes)
    with line_moves.told(session, actor, customer_id):
        session.delete(connection)


def find(session: Session, customer_id: int, connection_id: int) -> Connection:
    """Return the customer's connection with port and device; raises NotFound."""
    query = (
        select(Connection)
        .options(joinedload(Connection.port).joinedload(Port.device))
        .where(Connection.id == connection_id)
    )
    connection = session.scalar(query)
    if connection is None or connection.customer_id != customer_id:
        raise errors.NotFound("There is no such connection")
    return connection


def _check(session: Session, customer_id: int, line_id: int | None, vlan: int | None) -> None:
    if vlan is not None and not 0 < vlan < 4095:
        raise errors.Invalid("Not a VLAN", {"vlan": "A VLAN is between 1 and 4094"})
    line = session.get(Line, line_id) if line_id is not None else None
    if line_id is not None and (line is None or line.customer_id != customer_id):
        raise errors.Invalid("Not his", {"line_id": "Choose one of the customer's services"})


def _others(session: Session, port_id: int, customer_id: int) -> tuple[str, ...]:
    query = (
        select(Customer.number)
        .join(Connection, Connection.customer_id == Customer.id)
        .where(Connection.port_id == port_id, Customer.id != customer_id)
        .order_by(Customer.number)
    )
    return tuple(session.scalars(query))


def _words(port: Port) -> str:
    return f"{port.device.name} {port.name}"


def _record(
    session: Session,
    actor: audit.Actor,
    action: str,
    connection: Connection,
    changes: dict[str, list[Any]],
    *,
    note: str = "",
) -> None:
    audit.record(
        session,
        actor,
        action,
        customer_id=connection.customer_id,
        object_kind="connection",
        object_id=connection.id,
        changes=changes,
        note=note,
    )
