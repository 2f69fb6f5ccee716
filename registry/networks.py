"""Networks and the addresses given out of them, with their MACs and colours."""

import ipaddress
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from core import db, errors
from core.columns import Inet
from core.words import N_
from registry import audit, ip_places, labels, line_moves, macs, names, watched
from registry.models import Customer, Device, IpAddress, Line, Network, Pop

COLOUR = "#3b82c4"


def list_all(session: Session) -> list[Network]:
    """Return every network, in the order of the alphabet."""
    return sorted(session.scalars(select(Network)), key=lambda network: names.sort_key(network.name))


def get(session: Session, network_id: int) -> Network:
    """Return the network; raises NotFound."""
    network = session.get(Network, network_id)
    if network is None:
        raise errors.NotFound("There is no such network")
    return network


def create(
    session: Session,
    actor: audit.Actor,
    *,
    name: str,
    cidr: str,
    pop_id: int | None = None,
    gateway_id: int | None = None,
    colour: str = COLOUR,
    vlan: int | None = None,
) -> Network:
    """Add a network; raises Invalid at the faulty field, also when the range overlaps another's."""
    values = checked(session, name, cidr, colour, vlan, pop_id=pop_id, gateway_id=gateway_id)
    network = Network(**values)
    try:
        with db.part(session):
            session.add(network)
    except IntegrityError as error:
        words = N_("This range overlaps a network there is")
        raise errors.Invalid(words, {"cidr": words}) from error
    audit.record(
        session,
        actor,
        "network.created",
        object_kind="network",
        object_id=network.id,
        changes=audit.difference({}, values),
    )
    return network


def checked(
    session: Session,
    name: str,
    cidr: str,
    colour: str,
    vlan: int | None,
    *,
    pop_id: int | None,
    gateway_id: int | None,
) -> dict[str, Any]:
    """Return the tidied columns of a network; raises Invalid with every fault at once."""
    faults, plain = {}, ""
    for model, field, row_id in ((Pop, "pop_id", pop_id), (Device, "gateway_id", gateway_id)):
        if row_id is not None and session.get(model, row_id) is None:
            faults[field] = N_("Choose from the list")
    if not 0 < len(name.strip()) <= 120:
        faults["name"] = N_("Write a name of at most 120 characters")
    try:
        plain = str(ipaddress.ip_network(cidr.strip()))
    except ValueError:
        faults["cidr"] = N_("Write a range such as 10.0.0.0/24, with no bits set behind the mask")
    if vlan is not None and not 0 < vlan < 4095:
        faults["vlan"] = N_("A VLAN is between 1 and 4094")
    try:
        colour = labels.colour(colour)
    except errors.Invalid as error:
        faults |= error.fields
    if faults:
        raise errors.Invalid("The network is not complete", faults)
    values = {"name": name.strip(), "cidr": plain, "colour": colour, "vlan": vlan}
    return values | {"pop_id": pop_id, "gateway_id": gateway_id}


def of_customer(session: Session, customer_id: int) -> list[IpAddress]:
    """Return the customer's addresses with their networks, in numeric order."""
    query = (
        select(IpAddress)
        .options(joinedload(IpAddress.network))
        .where(IpAddress.customer_id == customer_id)
        .order_by(IpAddress.address)
    )
    return list(session.scalars(query))


def next_free(session: Session, network_id: int) -> str | None:
    """Return the lowest address of the network that nobody has; None when it is full."""
    network = get(session, network_id)
    inside = Device.address.op("<<=")(literal(str(network.cidr), Inet))
    taken = [
        *session.scalars(select(IpAddress.address).where(IpAddress.network_id == network_id)),
        *session.scalars(select(Device.address).where(inside)),
    ]
    whole = ipaddress.ip_network(str(network.cidr))
    ends = 1 if whole.num_addresses > 2 else 0
    free, base = ends, int(whole.network_address)
    # In steps of what is taken, not of addresses: a prefix given of IPv6 holds more than can be counted.
    places = (ipaddress.ip_network(str(one)) for one in taken)
    for first, last in sorted((int(one.network_address), int(one.broadcast_address)) for one in places):
        if free < first - base:
            break
        free = max(free, last - base + 1)
    return str(whole[free]) if free < whole.num_addresses - ends else None


def free_places(session: Session, pop_ids: Collection[int], *, limit: int = 6) -> list[tuple[str, Network]]:
    """Return the next free address of some networks, those of these POPs first; full ones are left out."""
    nearest = sorted(list_all(session), key=lambda network: network.pop_id not in pop_ids)
    offered = ((next_free(session, network.id), network) for network in nearest[:limit])
    return [(address, network) for address, network in offered if address is not None]


def give(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    *,
    address: str,
    mac: str = "",
    colour: str = "",
    description: str = "",
    line_id: int | None = None,
    device_id: int | None = None,
) -> IpAddress:
    """Give the customer an address or a prefix; raises Invalid at `address` when it is not ours or not free.

    An empty `colour` means the network's own.
    """
    if session.get(Customer, customer_id) is None:
        raise errors.NotFound("There is no such customer")
    values = _details(mac, colour, description)
    values |= _references(session, customer_id, line_id, device_id)
    network, plain = ip_places.of_ours(session, customer_id, address)
    row = IpAddress(address=plain, network_id=network.id, customer_id=customer_id, **values)
    try:
        with line_moves.told(session, actor, customer_id), db.part(session):
            session.add(row)
    except IntegrityError as error:
        raise ip_places.taken(session, customer_id, plain) from error
    shown = {"address": plain, **{field: value for field, value in values.items() if value}}
    _record(session, actor, "ip.given", row, audit.difference({}, shown))
    return row


def change(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    ip_id: int,
    *,
    mac: str = "",
    colour: str = "",
    description: str = "",
    line_id: int | None = None,
    device_id: int | None = None,
) -> IpAddress:
    """Change what is on file of a given address; another address is taken and given instead."""
    row = find(session, customer_id, ip_id)
    after = _details(mac, colour, description) | _references(session, customer_id, line_id, device_id)
    changes = audit.difference({field: getattr(row, field) for field in after}, after)
    with line_moves.told(session, actor, customer_id):
        for field, value in after.items():
            setattr(row, field, value)
    if changes:
        _record(session, actor, "ip.changed", row, changes)
    return row


def set_mac(session: Session, actor: audit.Actor, customer_id: int, address: str, mac: str) -> IpAddress:
    """Store the MAC found behind the customer's address; raises Invalid for no MAC, NotFound."""
    row = session.scalar(
        select(IpAddress).where(
            IpAddress.address == literal(address, Inet), IpAddress.customer_id == customer_id
        )
    )
    if row is None:
        raise errors.NotFound("The customer does not have this address")
    after = {"mac": _mac(mac)}
    changes = audit.difference({"mac": row.mac}, after)
    if changes:
        row.mac = after["mac"]
        _record(session, actor, "ip.mac_stored", row, changes)
    return row


def set_unwatched(
    session: Session, actor: audit.Actor, customer_id: int, ip_id: int, *, is_unwatched: bool, why: str
) -> None:
    """Leave an address out of watching for a reason, or take it in again; raises Invalid, NotFound."""
    row = find(session, customer_id, ip_id)
    changes = watched.leave_out(actor, row, is_unwatched=is_unwatched, why=why)
    if changes:
        session.flush()
        _record(session, actor, "ip.changed", row, changes)


def note_seen(session: Session, address: str, at: datetime) -> None:
    """Note that the address answered at `at`; an address that is nobody's is passed over."""
    session.execute(
        update(IpAddress)
        .where(IpAddress.address == literal(address, Inet))
        .values(last_seen_at=func.greatest(IpAddress.last_seen_at, at)),
        execution_options={"synchronize_session": False},
    )


def take(session: Session, actor: audit.Actor, customer_id: int, ip_id: int) -> None:
    """Take an address back from the customer; raises NotFound."""
    row = find(session, customer_id, ip_id)
    before = {"address": row.address, "mac": row.mac, "description": row.description}
    shown = {field: value for field, value in before.items() if value}
    _record(session, actor, "ip.taken", row, audit.difference(shown, dict.fromkeys(shown)))
    with line_moves.told(session, actor, customer_id):
        session.delete(row)


def find(session: Session, customer_id: int, ip_id: int) -> IpAddress:
    """Return the customer's address with its network; raises NotFound, also when it is another's."""
    query = select(IpAddress).options(joinedload(IpAddress.network)).where(IpAddress.id == ip_id)
    row = session.scalar(query)
    if row is None or row.customer_id != customer_id:
        raise errors.NotFound("There is no such address")
    return row


def _details(mac: str, colour: str, description: str) -> dict[str, Any]:
    if len(description.strip()) > 200:
        raise errors.Invalid("Too long", {"description": "At most 200 characters"})
    return {
        "mac": _mac(mac) if mac.strip() else None,
        "colour": labels.colour(colour) if colour.strip() else None,
        "description": description.strip(),
    }


def _mac(mac: str) -> str:
    plain = macs.parse(mac)
    if plain is None:
        words = N_("Write twelve hexadecimal digits, such as 00:11:22:aa:bb:cc")
        raise errors.Invalid("Not a MAC", {"mac": words})
    return plain


def _references(
    session: Session, customer_id: int, line_id: int | None, device_id: int | None
) -> dict[str, int | None]:
    """Return both ids; raises Invalid when one is not the customer's."""
    line = session.get(Line, line_id) if line_id is not None else None
    if line_id is not None and (line is None or line.customer_id != customer_id):
        raise errors.Invalid("Not his", {"line_id": "Choose one of the customer's services"})
    device = session.get(Device, device_id) if device_id is not None else None
    if device_id is not None and (device is None or device.customer_id != customer_id):
        raise errors.Invalid("Not his", {"device_id": "Choose one of the customer's devices"})
    return {"line_id": line_id, "device_id": device_id}


def _record(
    session: Session, actor: audit.Actor, action: str, row: IpAddress, changes: dict[str, list[Any]]
) -> None:
    audit.record(
        session,
        actor,
        action,
        customer_id=row.customer_id,
        object_kind="ip",
        object_id=row.id,
        changes=changes,
        note=str(row.address),
    )
