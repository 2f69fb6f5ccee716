"""The address plan: every network with what is left of it, changing one, removing one."""

import ipaddress
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Numeric, case, cast, exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from core import db, errors
from core.words import N_
from registry import audit, in_use, ip_places, names, networks
from registry.models import Device, IpAddress, Network, Pop


@dataclass(frozen=True, slots=True)
class PlannedNetwork:
    """A network as the list shows it; `used` are addresses of customers and gear, `free` what is left."""

    network: Network
    pop: str
    gateway: str
    used: int
    free: int


def listing(session: Session) -> list[PlannedNetwork]:
    """Return every network with its counts, in the order of the alphabet."""
    gateway = aliased(Device)
    query = (
        select(Network, func.coalesce(Pop.name, ""), func.coalesce(gateway.name, ""))
        .outerjoin(Pop, Pop.id == Network.pop_id)
        .outerjoin(gateway, gateway.id == Network.gateway_id)
    )
    used = _used(session)
    rows = [
        PlannedNetwork(network, pop, device, used.get(network.id, 0), _free(network, used))
        for network, pop, device in session.execute(query)
    ]
    return sorted(rows, key=lambda row: names.sort_key(row.network.name))


def _used(session: Session) -> dict[int, int]:
    """Return how many addresses of each network somebody has; a customer's device counts once."""
    width = case((func.family(IpAddress.address) == 4, 32), else_=128)
    size = func.power(cast(2, Numeric), width - func.masklen(IpAddress.address))
    given = select(IpAddress.network_id, func.sum(size)).group_by(IpAddress.network_id)
    is_given = exists().where(IpAddress.address.op(">>=")(Device.address))
    gear = (
        select(Network.id, func.count(Device.address.distinct()))
        .join(Device, Device.address.op("<<=")(Network.cidr))
        .where(~is_given)
        .group_by(Network.id)
    )
    used: Counter[int] = Counter()
    for network_id, count in (*session.execute(given), *session.execute(gear)):
        used[network_id] += int(count)
    return used


def _free(network: Network, used: dict[int, int]) -> int:
    whole = ipaddress.ip_network(str(network.cidr))
    hosts = whole.num_addresses - (2 if whole.num_addresses > 2 else 0)
    return max(0, hosts - used.get(network.id, 0))


def change(
    session: Session,
    actor: audit.Actor,
    network_id: int,
    *,
    name: str,
    cidr: str,
    pop_id: int | None = None,
    gateway_id: int | None = None,
    colour: str = networks.COLOUR,
    vlan: int | None = None,
) -> Network:
    """Change a network; raises Invalid at the faulty field, also when given addresses would lie outside."""
    network = networks.get(session, network_id)
    after = networks.checked(session, name, cidr, colour, vlan, pop_id=pop_id, gateway_id=gateway_id)
    before = {field: getattr(network, field) for field in after} | {"cidr": str(network.cidr)}
    if before["cidr"] != after["cidr"]:
        _check_addresses(session, network_id, after["cidr"])
    try:
        with db.part(session):
            for field, value in after.items():
                setattr(network, field, value)
    except IntegrityError as error:
        words = N_("This range overlaps a network there is")
        raise errors.Invalid(words, {"cidr": words}) from error
    changes = audit.difference(before, after)
    if changes:
        audit.record(
            session, actor, "network.changed", object_kind="network", object_id=network_id, changes=changes
        )
    return network


def _check_addresses(session: Session, network_id: int, cidr: str) -> None:
    """Refuse a range in which an address given out would not be a host any more, or a prefix not whole."""
    whole = ipaddress.ip_network(cidr)
    ends = {whole.network_address, whole.broadcast_address} if whole.num_addresses > 2 else set()
    query = select(IpAddress.address).where(IpAddress.network_id == network_id)
    given = [ipaddress.ip_network(str(address)) for address in session.scalars(query)]
    left_out = [
        ip_places.written(place)
        for place in given
        if not (place.network_address in whole and place.broadcast_address in whole)
        or (ip_places.is_host(place) and place.network_address in ends)
    ]
    if left_out:
        words = N_(
            "%(count)s addresses given to customers do not fit into it, such as %(first)s",
            count=len(left_out),
            first=left_out[0],
        )
        raise errors.Invalid("Addresses would be lost", {"cidr": words})


def remove(session: Session, actor: audit.Actor, network_id: int) -> None:
    """Remove a network no address of which is given; raises NotFound, Conflict while it is in use."""
    network = networks.get(session, network_id)
    in_use.refuse(session, "network", network_id, network.name)
    note = f"{network.name} {network.cidr}"
    audit.record(session, actor, "network.removed", object_kind="network", object_id=network_id, note=note)
    session.delete(network)
    session.flush()
