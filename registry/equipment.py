"""Equipment: devices of customers and of the network, their ports, and their last known status."""

import ipaddress
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from core import db, errors
from core.secrets import Cipher
from core.words import N_
from registry import audit, credentials, macs, watched
from registry.credentials import snmp_of
from registry.device_types import web_url, web_url_at
from registry.models import Customer, Device, DeviceRole, DeviceState, DeviceType, Pop, Port

__all__ = [
    "change",
    "create",
    "detach",
    "ensure_port",
    "get",
    "note_status",
    "of_customer",
    "own",
    "ports_of",
    "reveal_login",
    "set_credentials",
    "set_unwatched",
    "snmp_of",
    "switches",
    "web_url",
    "web_url_at",
]

_LIMITS = {"name": 120, "serial": 80, "software": 120}


def get(session: Session, device_id: int) -> Device:
    """Return the device with its type; raises NotFound."""
    device = session.scalar(select(Device).options(joinedload(Device.type)).where(Device.id == device_id))
    if device is None:
        raise errors.NotFound("There is no such device")
    return device


def of_customer(session: Session, customer_id: int) -> list[Device]:
    """Return the customer's devices with their types, by name."""
    query = select(Device).options(joinedload(Device.type)).where(Device.customer_id == customer_id)
    return list(session.scalars(query.order_by(Device.name, Device.id)))


def own(session: Session, customer_id: int, device_id: int) -> Device:
    """Return the customer's device with its type; raises NotFound, also when it is not his."""
    device = get(session, device_id)
    if device.customer_id != customer_id:
        raise errors.NotFound("The customer has no such device")
    return device


def switches(session: Session) -> list[Device]:
    """Return the network's own switches and OLTs with their types, by name."""
    query = (
        select(Device)
        .options(joinedload(Device.type))
        .join(DeviceType, DeviceType.id == Device.type_id)
        .where(DeviceType.role.in_((DeviceRole.SWITCH, DeviceRole.OLT)), Device.customer_id.is_(None))
    )
    return list(session.scalars(query.order_by(Device.name, Device.id)))


def create(
    session: Session,
    actor: audit.Actor,
    *,
    name: str,
    type_id: int,
    customer_id: int | None = None,
    pop_id: int | None = None,
    parent_id: int | None = None,
    address: str = "",
    mac: str = "",
    serial: str = "",
    software: str = "",
    snmp_port: int = 161,
    is_gateway: bool = False,
) -> Device:
    """Add a device to a customer or to the network; raises Invalid at the faulty field."""
    values = _checked(
        name=name, address=address, mac=mac, serial=serial, software=software, snmp_port=snmp_port
    )
    values |= {"type_id": type_id, "pop_id": pop_id, "parent_id": parent_id, "is_gateway": is_gateway}
    _check_references(session, values, customer_id)
    device = Device(customer_id=customer_id, **values)
    session.add(device)
    session.flush()
    shown = {field: value for field, value in values.items() if value}
    _record(session, actor, "device.added", device, changes=audit.difference({}, shown))
    return device


def change(
    session: Session,
    actor: audit.Actor,
    device_id: int,
    *,
    name: str,
    type_id: int,
    pop_id: int | None = None,
    parent_id: int | None = None,
    address: str = "",
    mac: str = "",
    serial: str = "",
    software: str = "",
    snmp_port: int = 161,
    is_gateway: bool = False,
) -> Device:
    """Change a device; raises Invalid at the faulty field, NotFound."""
    device = get(session, device_id)
    after = _checked(
        name=name, address=address, mac=mac, serial=serial, software=software, snmp_port=snmp_port
    )
    after |= {"type_id": type_id, "pop_id": pop_id, "parent_id": parent_id, "is_gateway": is_gateway}
    _check_references(session, after, device.customer_id)
    _check_loop(session, device_id, parent_id)
    changes = audit.difference({field: getattr(device, field) for field in after}, after)
    for field, value in after.items():
        setattr(device, field, value)
    session.flush()
    if changes:
        session.refresh(device, ["type"])
        _record(session, actor, "device.changed", device, changes=changes)
    return device


def detach(session: Session, actor: audit.Actor, device_id: int) -> None:
    """Take a customer's device off him; the record stays, so that history can name it."""
    device = get(session, device_id)
    if device.customer_id is None:
        raise errors.Conflict("The device belongs to no customer already")
    _record(session, actor, "device.detached", device, note=device.name)
    device.customer_id = None
    session.flush()


def set_credentials(
    session: Session,
    actor: audit.Actor,
    device_id: int,
    ring: Cipher,
    *,
    snmp: Mapping[str, Any] | None = None,
    login: Mapping[str, str] | None = None,
) -> None:
    """Keep the SNMP credentials and the login of a device, sealed; history says that, never what.

    `snmp` are keywords of credentials.set_snmp, `login` those of credentials.set_login.
    """
    device = get(session, device_id)
    before = (device.snmp_sealed, device.login_sealed)
    if snmp is not None:
        credentials.set_snmp(device, ring, **snmp)
    if login is not None:
        credentials.set_login(device, ring, **login)
    if (device.snmp_sealed, device.login_sealed) != before:
        session.flush()
        _record(session, actor, "device.credentials", device)


def reveal_login(
    session: Session, actor: audit.Actor, device_id: int, ring: Cipher, reason: str
) -> dict[str, Any]:
    """Return the device's login name and password; the reason goes into history. Raises Invalid, NotFound."""
    device = get(session, device_id)
    if len(reason.strip()) < 3:
        raise errors.Invalid("A reason is needed", {"reason": "Write why you need the password"})
    login = credentials.open_login(device, ring)
    if not login:
        raise errors.NotFound("This device has no login on file")
    _record(session, actor, "device.login_revealed", device, note=reason.strip())
    return login


def set_unwatched(
    session: Session, actor: audit.Actor, device_id: int, *, is_unwatched: bool, why: str
) -> None:
    """Leave a device out of watching for a reason, or take it in again; raises Invalid, NotFound."""
    device = get(session, device_id)
    changes = watched.leave_out(actor, device, is_unwatched=is_unwatched, why=why)
    if changes:
        session.flush()
        _record(session, actor, "device.changed", device, changes=changes)


def note_status(
    session: Session,
    device_id: int,
    state: DeviceState,
    status: Mapping[str, Any] | None,
    now: datetime,
    *,
    is_part: bool = False,
) -> None:
    """Store what a status reading found and when; without values the last ones known stay with their time.

    A reading of one port (`is_part`) does not take the place of one of the whole device.
    """
    values: dict[str, Any] = {"state": state, "state_at": now}
    known = select(Device.last_status_at).where(Device.id == device_id)
    if status is not None and not (is_part and session.scalar(known)):
        values |= {"last_status": dict(status), "last_status_at": now}
    session.execute(update(Device).where(Device.id == device_id).values(**values))


def ports_of(session: Session, device_id: int) -> list[Port]:
    """Return the device's ports, by interface index."""
    return list(session.scalars(select(Port).where(Port.device_id == device_id).order_by(Port.if_index)))


def ensure_port(
    session: Session, device_id: int, if_index: int, *, name: str = "", is_uplink: bool | None = None
) -> Port:
    """Return the device's port of this ifIndex (IF-MIB), made when there is none; a name given is kept."""
    if if_index < 1:
        raise errors.Invalid("Not a port", {"if_index": "An interface index is 1 or more"})
    query = select(Port).where(Port.device_id == device_id, Port.if_index == if_index)
    port = session.scalar(query)
    if port is None:
        try:
            with db.part(session):
                port = Port(device_id=device_id, if_index=if_index, name=name[:80] or str(if_index))
                session.add(port)
        except IntegrityError:
            port = session.scalars(query).one()
    port.name = name[:80] or port.name
    port.is_uplink = port.is_uplink if is_uplink is None else is_uplink
    session.flush()
    return port


def _checked(
    *, name: str, address: str, mac: str, serial: str, software: str, snmp_port: int
) -> dict[str, Any]:
    """Return the tidied values; raises Invalid with every fault at once."""
    words = {"name": name.strip(), "serial": serial.strip(), "software": software.strip()}
    faults = {
        field: N_("At most %(count)s characters", count=limit)
        for field, limit in _LIMITS.items()
        if len(words[field]) > limit
    }
    if not words["name"]:
        faults["name"] = N_("Write a name")
    parsed = None
    try:
        parsed = str(ipaddress.ip_address(address.strip())) if address.strip() else None
    except ValueError:
        faults["address"] = N_("Write an IP address such as 10.0.0.7")
    plain_mac = macs.parse(mac)
    if mac.strip() and plain_mac is None:
        faults["mac"] = N_("Write twelve hexadecimal digits, such as 00:11:22:aa:bb:cc")
    if not 0 < snmp_port < 65536:
        faults["snmp_port"] = N_("A port is between 1 and 65535")
    if faults:
        raise errors.Invalid("The device is not complete", faults)
    return {**words, "address": parsed, "mac": plain_mac, "snmp_port": snmp_port}


def _check_references(session: Session, values: Mapping[str, Any], customer_id: int | None) -> None:
    if customer_id is not None and session.get(Customer, customer_id) is None:
        raise errors.NotFound("There is no such customer")
    wanted: tuple[tuple[type[DeviceType] | type[Pop] | type[Device], str], ...] = (
        (DeviceType, "type_id"),
        (Pop, "pop_id"),
        (Device, "parent_id"),
    )
    if values["type_id"] is None:
        raise errors.Invalid("No type", {"type_id": "Choose the device's type"})
    for model, field in wanted:
        if values[field] is not None and session.get(model, values[field]) is None:
            raise errors.Invalid("No such choice", {field: "Choose from the list"})


def _check_loop(session: Session, device_id: int, parent_id: int | None) -> None:
    """Refuse a parent that hangs on the device itself."""
    seen = {device_id}
    while parent_id is not None:
        if parent_id in seen:
            raise errors.Invalid("A loop", {"parent_id": "This device hangs below the one you change"})
        seen.add(parent_id)
        parent_id = session.scalar(select(Device.parent_id).where(Device.id == parent_id))


def _record(
    session: Session,
    actor: audit.Actor,
    action: str,
    device: Device,
    *,
    changes: dict[str, list[Any]] | None = None,
    note: str = "",
) -> None:
    audit.record(
        session,
        actor,
        action,
        customer_id=device.customer_id,
        object_kind="device",
        object_id=device.id,
        changes=changes,
        note=note,
    )
