"""Who sits at an address of the network: the one customer and line it belongs to, or nobody for sure."""

import ipaddress
from dataclasses import dataclass
from datetime import date

from sqlalchemy import any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from core.columns import Inet
from registry import lines
from registry.models import Customer, IpAddress, Line


@dataclass(frozen=True, slots=True)
class Seat:
    """A customer's place on the network. `subscription_id` is none where the address has no line."""

    address: str
    customer_id: int
    number: str
    account_id: int
    subscription_id: int | None = None
    mac: str | None = None


def at(session: Session, address: str, *, today: date) -> Seat | None:
    """Return who sits at the address (its own, or inside a prefix on file); None where nobody does."""
    found = session.execute(
        select(IpAddress, Customer)
        .join(Customer, Customer.id == IpAddress.customer_id)
        .where(IpAddress.address == any_(literal(_covering(address), ARRAY(Inet))))
    ).one_or_none()
    if found is None:
        return None
    on_file, customer = found
    return Seat(
        address=address,
        customer_id=customer.id,
        number=customer.number,
        account_id=customer.account_id,
        subscription_id=_line_of(session, customer.id, on_file, today),
        mac=on_file.mac,
    )


def of_customer(session: Session, customer_id: int, *, today: date) -> Seat | None:
    """Return the customer's seat at his first address on file, or at none: for staff who look at his page."""
    customer = session.get(Customer, customer_id)
    if customer is None:
        return None
    first = session.scalar(
        select(IpAddress)
        .where(IpAddress.customer_id == customer_id)
        .order_by(IpAddress.line_id.nulls_last(), IpAddress.address)
        .limit(1)
    )
    subscription_id = _line_of(session, customer_id, first, today) if first else None
    address = str(first.address) if first else ""
    return Seat(address, customer_id, customer.number, customer.account_id, subscription_id)


def plain(address: str) -> str:
    """Return an address as it is on file: an IPv4 one that came in over IPv6 (RFC 4291, 2.5.5.2) as IPv4."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def _covering(address: str) -> list[str]:
    """Return the address and every network it is in, so that the index finds them; none for no address."""
    own = plain(address)
    if not own:
        return []
    longest = ipaddress.ip_address(own).max_prefixlen
    return [own, *(str(ipaddress.ip_network(f"{own}/{bits}", strict=False)) for bits in range(8, longest))]


def _line_of(session: Session, customer_id: int, on_file: IpAddress, today: date) -> int | None:
    """Return the subscription whose line the address belongs to (see lines.targets)."""
    if on_file.line_id is not None:
        return session.scalar(select(Line.subscription_id).where(Line.id == on_file.line_id))
    ids = session.scalars(select(Line.subscription_id).where(Line.customer_id == customer_id)).all()
    targets = lines.targets(session, ids, today=today)
    return next(
        (one.subscription_id for one in targets.values() if str(on_file.address) in one.addresses), None
    )
