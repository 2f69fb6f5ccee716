"""What may be given to a customer: an address, or a prefix routed to him; ours, and nobody else's.

No two overlap, whosever they are (the database refuses it): who cuts one would cut the other with it.
"""

import ipaddress

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from core import errors
from core.columns import Inet
from core.words import N_
from registry.models import Customer, Device, IpAddress, Network

Place = ipaddress.IPv4Network | ipaddress.IPv6Network
# A wider prefix is a slip of the pen, which no gate would close (gates.addresses).
SHORTEST_PREFIX = {4: 20, 6: 40}


def read(text: str) -> Place:
    """Read an address or a prefix; raises Invalid at `address`, also for bits set behind the mask."""
    try:
        place = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError as error:
        words = N_("Write an IP address such as 10.0.0.7, or a prefix such as 2001:db8:5600::/56")
        raise errors.Invalid("Not an IP address", {"address": words}) from error
    if ipaddress.ip_interface(text.strip()).ip != place.network_address:
        words = N_("Bits are set behind the mask: write %(prefix)s, or the address alone", prefix=str(place))
        raise errors.Invalid("Not a prefix", {"address": words})
    shortest = SHORTEST_PREFIX[place.version]
    if place.prefixlen < shortest:
        words = N_("Too wide for one customer: the widest prefix is a /%(length)s", length=shortest)
        raise errors.Invalid("Too wide", {"address": words})
    return place


def is_host(place: Place) -> bool:
    """Tell a single address from a prefix."""
    return place.prefixlen == place.max_prefixlen


def written(place: Place) -> str:
    """Write an address alone, a prefix with its length."""
    return str(place.network_address) if is_host(place) else str(place)


def of_ours(session: Session, customer_id: int, text: str) -> tuple[Network, str]:
    """Return the network an address or prefix lies in, and how it is written.

    Raises Invalid at `address` where no customer may have it. Whether another has it the database tells.
    """
    place = read(text)
    inside = literal(written(place), Inet)
    network = session.scalar(select(Network).where(Network.cidr.op(">>=")(inside)))
    if network is None:
        words = N_("This address lies in none of our networks")
        if not is_host(place):
            words = N_("This prefix lies in none of our networks as a whole")
        raise errors.Invalid("Not ours", {"address": words})
    whole = ipaddress.ip_network(str(network.cidr))
    ends = {whole.network_address, whole.broadcast_address} if whole.num_addresses > 2 else set()
    if is_host(place) and place.network_address in ends:
        raise errors.Invalid("Not a host", {"address": "This is the network's own or broadcast address"})
    _refuse_gear(session, customer_id, place)
    return network, written(place)


def _refuse_gear(session: Session, customer_id: int, place: Place) -> None:
    """Refuse what the network's own gear has, and a prefix around a device of a neighbour's."""
    is_anothers = Device.customer_id.is_distinct_from(customer_id)
    query = select(Device.name, Device.address).where(
        Device.address.op("<<=")(literal(written(place), Inet)),
        Device.customer_id.is_(None) if is_host(place) else is_anothers,
    )
    found = session.execute(query.order_by(Device.address).limit(1)).first()
    if found is None:
        return
    words = N_("The device %(name)s has this address", name=found.name)
    if not is_host(place):
        words = N_("The device %(name)s has %(address)s in it", name=found.name, address=str(found.address))
    raise errors.Invalid("Not free", {"address": words})


def taken(session: Session, customer_id: int, address: str) -> errors.Invalid:
    """Return the error at `address` that names who has it, or what overlaps it."""
    query = (
        select(IpAddress.address, Customer)
        .join(Customer, Customer.id == IpAddress.customer_id)
        .where(IpAddress.address.op("&&")(literal(address, Inet)))
        .order_by(IpAddress.customer_id == customer_id, IpAddress.address)
    )
    found = session.execute(query.limit(1)).first()
    who = N_("Somebody has this address")
    if found is not None:
        has, owner = found
        names = {"number": owner.number, "name": owner.name, "address": str(has)}
        who = N_("Customer %(number)s, %(name)s, has %(address)s: the two overlap", **names)
        if str(has) == address:
            who = N_("Customer %(number)s, %(name)s, has this address", **names)
        elif owner.id == customer_id:
            who = N_("This customer has %(address)s already: the two overlap", **names)
    return errors.Invalid("Not free", {"address": who})
