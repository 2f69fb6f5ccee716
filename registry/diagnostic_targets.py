"""What may be diagnosed: the customer's own addresses and devices, his switch ports, registered devices."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import errors
from registry.models import (
    Connection,
    Customer,
    Device,
    DiagnosticKind,
    IpAddress,
    Line,
    Network,
    Pop,
    Port,
)

_NOT_HIS = "This is not one of the customer's addresses, devices or ports"


@dataclass(frozen=True, slots=True)
class Target:
    """A target as stored (`text`), with what it is; `pop` is the code of the POP it hangs on, if known."""

    text: str
    address: str | None = None
    device_id: int | None = None
    port_id: int | None = None
    mac: str | None = None
    pop: str | None = None
    name: str = ""


def resolve(session: Session, kind: DiagnosticKind, customer_id: int | None, text: str) -> Target:
    """Return the target behind an IP address, `device:<id>`, `port:<id>` or `customer:<id>`.

    With a customer only what is his own; without one only registered devices and their ports. Raises
    NotFound for all else, Invalid for what this kind cannot be asked of.
    """
    word, _, number = text.partition(":")
    if word == "port" and number.isdecimal():
        target = _port(session, customer_id, int(number))
    elif word == "device" and number.isdecimal():
        target = _device(session, customer_id, int(number))
    elif word == "customer" and number.isdecimal():
        target = _customer(session, customer_id, int(number))
    else:
        target = _address(session, customer_id, text)
    _check(kind, target, customer_id)
    return target


def _check(kind: DiagnosticKind, target: Target, customer_id: int | None) -> None:
    if kind in (DiagnosticKind.PING, DiagnosticKind.MAC_LOOKUP) and target.address is None:
        raise errors.Invalid("This device has no IP address on file", {"target": "No IP address on file"})
    if kind is DiagnosticKind.SNMP_STATUS and target.device_id is None:
        raise errors.Invalid("SNMP asks a device or a port", {"target": "Choose a device or a port"})
    word = target.text.partition(":")[0]
    if kind is DiagnosticKind.DIAGNOSE:
        # A customer's line is diagnosed whole; a device or port by itself, when nobody's line is meant.
        is_right = word == "customer" or (customer_id is None and word in ("device", "port"))
    else:
        is_right = word != "customer"
    if not is_right:
        raise errors.Invalid("A diagnosis is of a customer's whole line", {"target": "Choose another target"})
    if kind is DiagnosticKind.LOCATE_MAC and target.mac is None:
        raise errors.Invalid(
            "There is no MAC on file to look for; look the MAC up first", {"target": "No MAC on file"}
        )


def _address(session: Session, customer_id: int | None, text: str) -> Target:
    try:
        address = str(ipaddress.ip_address(text.strip()))
    except ValueError as error:
        raise errors.Invalid("This is not an IP address", {"target": "Not an IP address"}) from error
    query = (
        select(IpAddress, Pop.code)
        .join(Network, Network.id == IpAddress.network_id)
        .outerjoin(Pop, Pop.id == Network.pop_id)
        .where(IpAddress.address == address, IpAddress.customer_id == customer_id)
    )
    found = session.execute(query).first() if customer_id is not None else None
    if found is not None:
        row, pop = found
        return Target(address, address, device_id=row.device_id, mac=row.mac, pop=pop)
    devices = select(Device, Pop.code).outerjoin(Pop, Pop.id == Device.pop_id)
    if customer_id is not None:
        devices = devices.where(Device.customer_id == customer_id)
    device = session.execute(devices.where(Device.address == address).order_by(Device.id).limit(1)).first()
    if device is None:
        raise errors.NotFound(_NOT_HIS)
    return Target(address, address, device_id=device[0].id, mac=device[0].mac, pop=device[1])


def _device(session: Session, customer_id: int | None, device_id: int) -> Target:
    found = session.execute(
        select(Device, Pop.code).outerjoin(Pop, Pop.id == Device.pop_id).where(Device.id == device_id)
    ).first()
    if found is None:
        raise errors.NotFound(_NOT_HIS)
    device, pop = found
    is_his = customer_id is None or device.customer_id == customer_id
    if not is_his and device_id not in _switches_of(session, customer_id):
        raise errors.NotFound(_NOT_HIS)
    address = str(device.address) if device.address is not None else None
    return Target(
        f"device:{device_id}", address, device_id=device_id, mac=device.mac, pop=pop, name=device.name
    )


def _customer(session: Session, customer_id: int | None, number: int) -> Target:
    """Return the whole line of the customer; its POP is that of his addresses, else that of his lines."""
    if customer_id != number or session.get(Customer, number) is None:
        raise errors.NotFound(_NOT_HIS)
    of_addresses = (
        select(Pop.code)
        .join(Network, Network.pop_id == Pop.id)
        .join(IpAddress, IpAddress.network_id == Network.id)
        .where(IpAddress.customer_id == number)
        .order_by(IpAddress.address)
    )
    of_lines = (
        select(Pop.code).join(Line, Line.pop_id == Pop.id).where(Line.customer_id == number).order_by(Line.id)
    )
    pop = session.scalar(of_addresses.limit(1)) or session.scalar(of_lines.limit(1))
    return Target(f"customer:{number}", pop=pop)


def _switches_of(session: Session, customer_id: int | None) -> Sequence[int]:
    query = (
        select(Port.device_id)
        .join(Connection, Connection.port_id == Port.id)
        .where(Connection.customer_id == customer_id)
    )
    return session.scalars(query).all()


def _port(session: Session, customer_id: int | None, port_id: int) -> Target:
    query = (
        select(Port, Device, Pop.code)
        .join(Device, Device.id == Port.device_id)
        .outerjoin(Pop, Pop.id == Device.pop_id)
        .where(Port.id == port_id)
    )
    if customer_id is not None:
        query = query.join(Connection, Connection.port_id == Port.id).where(
            Connection.customer_id == customer_id
        )
    found = session.execute(query.limit(1)).first()
    if found is None:
        raise errors.NotFound(_NOT_HIS)
    port, device, pop = found
    address = str(device.address) if device.address is not None else None
    return Target(
        f"port:{port.id}",
        address,
        device_id=device.id,
        port_id=port.id,
        pop=pop,
        name=f"{device.name} {port.name}",
    )
