"""Addresses: where the service is, where invoices go, where mail goes; one of each kind a customer."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import errors
from core.columns import any_of
from core.words import N_
from registry import audit, names, payers
from registry.models import Address, AddressKind, Customer, GeoSource

FLOORS = range(-9, 201)
_LIMITS = {
    "street": 160,
    "building": 32,
    "entrance": 16,
    "unit": 16,
    "city": 120,
    "region": 120,
    "postcode": 16,
    "country": 2,
}
# What a geocoder reads: a change of these makes its point wrong; of entrance, floor and unit it does not.
_POSTAL = ("street", "building", "city", "region", "postcode", "country")


def of_customer(session: Session, customer_id: int) -> list[Address]:
    """Return the customer's addresses: the visiting one first."""
    order = list(AddressKind)
    found = session.scalars(select(Address).where(Address.customer_id == customer_id))
    return sorted(found, key=lambda address: order.index(address.kind))


def visiting(session: Session, customer_ids: Iterable[int]) -> dict[int, str]:
    """Return, by customer, where each of them is visited, in one line; who has no address is left out."""
    query = select(Address).where(
        Address.customer_id == any_of(customer_ids), Address.kind == AddressKind.VISITING
    )
    return {address.customer_id: one_line(address) for address in session.scalars(query)}


def get(session: Session, customer_id: int, kind: AddressKind) -> Address | None:
    """Return the customer's address of this kind, if there is one."""
    query = select(Address).where(Address.customer_id == customer_id, Address.kind == kind)
    return session.scalar(query)


def find(session: Session, customer_id: int, address_id: int) -> Address:
    """Return the customer's address by its id; raises NotFound, also when it is another customer's."""
    address = session.get(Address, address_id)
    if address is None or address.customer_id != customer_id:
        raise errors.NotFound("There is no such address")
    return address


def save(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    kind: AddressKind,
    *,
    street: str,
    city: str,
    building: str = "",
    entrance: str = "",
    floor: int | None = None,
    unit: str = "",
    region: str = "",
    postcode: str = "",
    country: str = "",
) -> Address:
    """Write the customer's address of this kind, new or not; raises Invalid at the faulty field.

    Floor 0 is a floor, None is unknown. A change of the postal part forgets the geocoder's point, so that the
    job looks again; a point set by hand stays.
    """
    words = {
        "street": street,
        "building": building,
        "entrance": entrance,
        "unit": unit,
        "city": city,
        "region": region,
        "postcode": postcode,
        "country": country.upper(),
    }
    values: dict[str, Any] = {field: " ".join(word.split()) for field, word in words.items()}
    _check(values, floor)
    values["floor"] = floor
    _lock_customer(session, customer_id)
    address = get(session, customer_id, kind)
    before = {field: getattr(address, field) for field in values} if address else {}
    changes = audit.difference(before, values)
    address = address or Address(customer_id=customer_id, kind=kind)
    for field, value in values.items():
        setattr(address, field, value)
    address.sort_text = names.sort_key(address.city, address.street, address.building, address.unit)[:400]
    if any(field in changes for field in _POSTAL):
        _forget_point(address)
    session.add(address)
    session.flush()
    if changes:
        payers.follow(session, [customer_id])
        _record(session, actor, "address.saved", address, changes)
    return address


def remove(session: Session, actor: audit.Actor, customer_id: int, kind: AddressKind) -> None:
    """Remove the invoice or mail address; raises Invalid for the visiting one, which is only changed."""
    if kind is AddressKind.VISITING:
        raise errors.Invalid("The visiting address can be changed, not removed")
    address = get(session, customer_id, kind)
    if address is None:
        raise errors.NotFound("There is no such address")
    before = {field: getattr(address, field) for field in (*_LIMITS, "floor")}
    shown = {field: value for field, value in before.items() if value not in ("", None)}
    _record(session, actor, "address.removed", address, audit.difference(shown, dict.fromkeys(shown)))
    session.delete(address)
    payers.follow(session, [customer_id])


def one_line(address: Address) -> str:
    """Return the address in one line, as a geocoder and a letter read it."""
    street = " ".join(part for part in (address.street, address.building) if part)
    town = " ".join(part for part in (address.postcode, address.city) if part)
    return ", ".join(part for part in (street, town, address.region, address.country) if part)


def _check(values: dict[str, Any], floor: int | None) -> None:
    faults = {
        field: N_("At most %(count)s characters", count=limit)
        for field, limit in _LIMITS.items()
        if len(values[field]) > limit
    }
    if not values["street"]:
        faults["street"] = N_("Write the street, or the village's name where there are no streets")
    if not values["city"]:
        faults["city"] = N_("Write the city or village")
    if values["country"] and not (len(values["country"]) == 2 and values["country"].isascii()):
        faults["country"] = N_("Write the two letters of ISO 3166, such as UA")
    if floor is not None and floor not in FLOORS:
        faults["floor"] = N_(
            "A floor is between %(low)s and %(high)s; leave it empty when unknown",
            low=FLOORS[0],
            high=FLOORS[-1],
        )
    if faults:
        raise errors.Invalid("The address is not complete", faults)


def _lock_customer(session: Session, customer_id: int) -> None:
    """Hold the customer: two who write his first address at once would else make two."""
    if session.scalar(select(Customer.id).where(Customer.id == customer_id).with_for_update()) is None:
        raise errors.NotFound("There is no such customer")


def _forget_point(address: Address) -> None:
    if address.geo_source is GeoSource.HAND:
        return
    address.latitude = address.longitude = address.geo_source = address.geo_at = address.geo_tried_at = None
    address.geo_accuracy = address.geo_failure = ""


def _record(
    session: Session, actor: audit.Actor, action: str, address: Address, changes: dict[str, list[Any]]
) -> None:
    audit.record(
        session,
        actor,
        action,
        customer_id=address.customer_id,
        object_kind="address",
        object_id=address.id,
        changes=changes,
        note=address.kind.value,
    )
