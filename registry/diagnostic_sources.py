"""Whom a diagnostic run asks: the gateway of an address, a device, the switches near a customer."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, literal, select
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Session

from core import errors
from registry.models import Connection, Device, DeviceRole, DeviceType, Network, Pop, Port


@dataclass(frozen=True, slots=True)
class Agent:
    """A device that speaks SNMP."""

    device_id: int
    name: str


@dataclass(frozen=True, slots=True)
class PortOnFile:
    """A switch port by its place in the network."""

    port_id: int
    device_id: int
    device: str
    if_index: int
    name: str
    is_uplink: bool


def agent(session: Session, device_id: int) -> Agent:
    """Return the device; raises NotFound."""
    device = session.get(Device, device_id)
    if device is None:
        raise errors.NotFound("There is no such device any more")
    return _agent(device)


def gateway_of(session: Session, address: str) -> Agent | None:
    """Return the gateway device of the network that holds the address, if it speaks SNMP."""
    device = session.scalar(
        select(Device)
        .join(Network, Network.gateway_id == Device.id)
        .where(Network.cidr.op(">>=")(literal(address, INET)), Device.snmp_version != "")
        .order_by(func.masklen(Network.cidr).desc())
        .limit(1)
    )
    return None if device is None else _agent(device)


def switches_near(session: Session, customer_id: int | None, pop: str) -> list[Agent]:
    """Return the switches to search for a customer's MAC: those he is connected to, else all of the POP."""
    speaking = select(Device).where(Device.snmp_version != "", Device.address.is_not(None))
    if customer_id is not None:
        his = (
            speaking.join(Port, Port.device_id == Device.id)
            .join(Connection, Connection.port_id == Port.id)
            .where(Connection.customer_id == customer_id)
            .distinct()
        )
        found = [_agent(device) for device in session.scalars(his.order_by(Device.id))]
        if found:
            return found
    near = (
        speaking.join(DeviceType, DeviceType.id == Device.type_id)
        .join(Pop, Pop.id == Device.pop_id)
        .where(DeviceType.role.in_((DeviceRole.SWITCH, DeviceRole.OLT)), Pop.code == pop)
    )
    return [_agent(device) for device in session.scalars(near.order_by(Device.id))]


def port(session: Session, port_id: int) -> PortOnFile:
    """Return the port; raises NotFound."""
    found = _ports(session, Port.id == port_id)
    if not found:
        raise errors.NotFound("There is no such port any more")
    return found[0]


def ports_of_customer(session: Session, customer_id: int) -> list[PortOnFile]:
    """Return the ports the customer is on according to the records."""
    here = select(Connection.port_id).where(Connection.customer_id == customer_id)
    return _ports(session, Port.id.in_(here))


def uplinks(session: Session, device_ids: Iterable[int]) -> set[tuple[int, int]]:
    """Return (device id, ifIndex) of the ports that lead to other switches: no customer is behind them."""
    rows = session.execute(
        select(Port.device_id, Port.if_index).where(
            Port.device_id.in_(list(device_ids)), Port.is_uplink.is_(True)
        )
    )
    return {(device_id, if_index) for device_id, if_index in rows}


def _ports(session: Session, condition: object) -> list[PortOnFile]:
    rows = session.execute(
        select(Port, Device.name)
        .join(Device, Device.id == Port.device_id)
        .where(condition)  # type: ignore[arg-type]
        .order_by(Port.id)
    )
    return [
        PortOnFile(row.id, row.device_id, device, row.if_index, row.name, row.is_uplink)
        for row, device in rows
    ]


def _agent(device: Device) -> Agent:
    return Agent(device.id, device.name)
