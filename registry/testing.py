"""Ready-made records for tests of whatever stands on them: staff, a POP, a customer with addresses."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.models import Account
from registry import audit, upkeep
from registry.models import (
    Connection,
    Customer,
    CustomerStatus,
    Device,
    DeviceRole,
    DeviceType,
    IpAddress,
    Network,
    Pop,
    Port,
    StaffUser,
)


def person(session: Session, login: str = "olena", *, roles: Sequence[str] = ("noc",)) -> audit.Actor:
    """Return a member of staff as an actor, made when there is none of this login."""
    found = session.scalar(select(StaffUser).where(StaffUser.login == login))
    if found is None:
        found = StaffUser(login=login, name=login.title(), roles=list(roles), password_hash="-")  # noqa: S106
        session.add(found)
        session.flush()
    return audit.Actor(found.id, found.name)


def pop(session: Session, code: str = "core", *, is_alive: bool = True) -> Pop:
    """Return the POP of this code; with a live probe worker unless told otherwise."""
    found = session.scalar(select(Pop).where(Pop.code == code))
    if found is None:
        found = Pop(code=code, name=code.title(), latitude=49.84, longitude=24.03)
        session.add(found)
        session.flush()
    if is_alive:
        upkeep.beat(session, f"probe.{code}", {"ping": {"is_allowed": True, "method": "raw", "advice": ""}})
    return found


def network(
    session: Session, cidr: str, *, pop_id: int | None = None, gateway_id: int | None = None
) -> Network:
    """Return the network of this range."""
    found = session.scalar(select(Network).where(Network.cidr == cidr))
    if found is None:
        found = Network(name=f"Net {cidr}", cidr=cidr, pop_id=pop_id, gateway_id=gateway_id)
        session.add(found)
        session.flush()
    return found


def customer(
    session: Session,
    number: str = "1001",
    *,
    addresses: Sequence[str] = (),
    macs: Sequence[str] = (),
    network_id: int | None = None,
) -> Customer:
    """Add a connected customer with these addresses, and their MACs on file."""
    account = Account(currency="EUR")
    session.add(account)
    session.flush()
    made = Customer(
        number=number,
        last_name="Koval",
        first_name=number,
        sort_name=f"koval {number}",
        status=CustomerStatus.CONNECTED,
        account_id=account.id,
    )
    session.add(made)
    session.flush()
    for place, address in enumerate(addresses):
        home = network_id or network(session, "127.0.0.0/8", pop_id=pop(session).id).id
        mac = macs[place] if place < len(macs) else None
        session.add(IpAddress(address=address, network_id=home, customer_id=made.id, mac=mac))
    session.flush()
    return made


def device(
    session: Session,
    name: str,
    *,
    role: DeviceRole = DeviceRole.SWITCH,
    address: str | None = None,
    customer_id: int | None = None,
    pop_id: int | None = None,
    mac: str | None = None,
) -> Device:
    """Add a device; its SNMP access is set by registry.equipment.set_credentials."""
    kind = session.scalar(select(DeviceType).where(DeviceType.name == role.value))
    if kind is None:
        kind = DeviceType(name=role.value, role=role)
        session.add(kind)
        session.flush()
    made = Device(
        name=name, type_id=kind.id, address=address, customer_id=customer_id, pop_id=pop_id, mac=mac
    )
    session.add(made)
    session.flush()
    return made


def connect(session: Session, customer_id: int, device_id: int, if_index: int, *, name: str = "") -> Port:
    """Put the customer on a switch port, made when there is none."""
    port = session.scalar(select(Port).where(Port.device_id == device_id, Port.if_index == if_index))
    if port is None:
        port = Port(device_id=device_id, if_index=if_index, name=name or f"port {if_index}")
        session.add(port)
        session.flush()
    session.add(Connection(port_id=port.id, customer_id=customer_id))
    session.flush()
    return port
