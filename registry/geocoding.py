"""Points of addresses: which are wanted, what the geocoder said, and the point a person set."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import clock, errors, settings
from core.words import N_
from registry import audit
from registry.models import Address, AddressKind, Customer, GeocodeAnswer, GeoSource

HAND_ACCURACY = "set by hand"


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of the geocoder; flats of one house share one question, so it is asked once."""

    street: str
    city: str
    region: str = ""
    postcode: str = ""
    country: str = ""

    @property
    def key(self) -> str:
        """The text under which the answer is remembered."""
        parts = (self.street, self.city, self.region, self.postcode, self.country)
        return "; ".join(" ".join(part.split()) for part in parts).lower()


@dataclass(frozen=True, slots=True)
class Wanted:
    """An address that needs a point."""

    address_id: int
    query: Query


@dataclass(frozen=True, slots=True)
class Failure:
    """An address that got no point, and why."""

    address_id: int
    customer_id: int
    number: str
    name: str
    address: str
    reason: str
    tried_at: datetime | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many addresses have a point, wait for one, or got none."""

    placed: int
    waiting: int
    failed: int


def query_of(address: Address) -> Query:
    """Return the question for an address; the flat and the floor do not matter to it."""
    street = f"{address.building} {address.street}".strip()
    return Query(street, address.city, address.region, address.postcode, address.country)


def waiting(session: Session, limits: settings.Geocoding, *, limit: int) -> list[Wanted]:
    """Return addresses without a point that were not tried lately, visiting addresses first, oldest first."""
    retry_before = clock.now() - timedelta(days=limits.retry_days)
    rows = session.scalars(
        select(Address)
        .where(_is_waiting(retry_before))
        .order_by(
            case((Address.kind == AddressKind.VISITING, 0), else_=1),
            Address.geo_tried_at.asc().nulls_first(),
            Address.id,
        )
        .limit(limit)
    )
    return [Wanted(row.id, query_of(row)) for row in rows]


def _is_waiting(retry_before: datetime) -> ColumnElement[bool]:
    return and_(
        Address.latitude.is_(None),
        or_(Address.geo_tried_at.is_(None), Address.geo_tried_at < retry_before),
    )


def recall(session: Session, query: Query, *, not_before: datetime) -> GeocodeAnswer | None:
    """Return the remembered answer; one that found nothing counts only since `not_before`."""
    row = session.get(GeocodeAnswer, query.key)
    if row is None or (row.answer is None and row.asked_at < not_before):
        return None
    return row


def remember(session: Session, query: Query, answer: Mapping[str, Any] | None, provider: str) -> None:
    """Keep what the geocoder said, found or not."""
    values = {
        "answer": dict(answer) if answer is not None else None,
        "provider": provider[:120],
        "asked_at": clock.now(),
    }
    session.execute(
        insert(GeocodeAnswer)
        .values(query=query.key, **values)
        .on_conflict_do_update(index_elements=[GeocodeAnswer.query], set_=values)
    )


def place(session: Session, wanted: Wanted, *, latitude: float, longitude: float, accuracy: str) -> bool:
    """Put the geocoder's point on the address; False when a person set one or the address changed."""
    row = _unchanged(session, wanted)
    if row is None:
        return False
    row.latitude, row.longitude = latitude, longitude
    row.geo_source, row.geo_accuracy, row.geo_at = GeoSource.GEOCODER, accuracy[:40], clock.now()
    row.geo_failure, row.geo_tried_at = "", clock.now()
    session.flush()
    return True


def fail(session: Session, wanted: Wanted, reason: str) -> bool:
    """Write down why the address got no point; it is tried again after the set days."""
    row = _unchanged(session, wanted)
    if row is None:
        return False
    row.geo_failure, row.geo_tried_at = reason, clock.now()
    session.flush()
    return True


def _unchanged(session: Session, wanted: Wanted) -> Address | None:
    row = session.get(Address, wanted.address_id, with_for_update=True, populate_existing=True)
    if row is None or row.latitude is not None or query_of(row) != wanted.query:
        return None
    return row


def set_by_hand(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    *,
    latitude: float,
    longitude: float,
    kind: AddressKind = AddressKind.VISITING,
) -> Address:
    """Put a point a person chose on the customer's address; the job never overwrites it.

    Raises Invalid for a point off the globe, NotFound when the customer has no such address.
    """
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise errors.Invalid("This point is not on the globe", {"latitude": "From -90 to 90"})
    row = session.scalar(
        select(Address).where(Address.customer_id == customer_id, Address.kind == kind).with_for_update()
    )
    if row is None:
        raise errors.NotFound("The customer has no such address")
    before = {"latitude": row.latitude, "longitude": row.longitude, "geo_source": row.geo_source}
    row.latitude, row.longitude = round(latitude, 6), round(longitude, 6)
    row.geo_source, row.geo_accuracy = GeoSource.HAND, HAND_ACCURACY
    row.geo_at, row.geo_failure = clock.now(), ""
    after = {"latitude": row.latitude, "longitude": row.longitude, "geo_source": row.geo_source}
    audit.record(
        session,
        actor,
        "address.point_set",
        customer_id=customer_id,
        object_kind="address",
        object_id=row.id,
        changes=audit.difference(before, after),
    )
    session.flush()
    return row


def counts(session: Session, limits: settings.Geocoding) -> Counts:
    """Return how many addresses stand where."""
    retry_before = clock.now() - timedelta(days=limits.retry_days)
    is_waiting = _is_waiting(retry_before)
    row = session.execute(
        select(
            func.count().filter(Address.latitude.is_not(None)),
            func.count().filter(is_waiting),
            func.count().filter(Address.latitude.is_(None), Address.geo_failure != ""),
        ).select_from(Address)
    ).one()
    return Counts(*row)


def failures(session: Session, *, limit: int = 50, after_id: int = 0) -> list[Failure]:
    """Return the addresses that got no point, with the reason; `after_id` continues a list."""
    rows = session.execute(
        select(Address, Customer)
        .join(Customer, Customer.id == Address.customer_id)
        .where(Address.latitude.is_(None), Address.geo_failure != "", Address.id > after_id)
        .order_by(Address.id)
        .limit(limit)
    )
    return [
        Failure(
            address_id=address.id,
            customer_id=customer.id,
            number=customer.number,
            name=customer.name,
            address=", ".join(
                part
                for part in (f"{address.street} {address.building}".strip(), address.city, address.postcode)
                if part
            ),
            reason=address.geo_failure,
            tried_at=address.geo_tried_at,
        )
        for address, customer in rows
    ]


def try_again(session: Session, actor: audit.Actor, address_id: int | None) -> int:
    """Let one failed address, or all of them, be asked anew in the next run; return how many."""
    query = select(Address).where(Address.latitude.is_(None), Address.geo_failure != "")
    if address_id is not None:
        query = query.where(Address.id == address_id)
    rows = list(session.scalars(query.order_by(Address.id).with_for_update()))
    for row in rows:
        row.geo_failure, row.geo_tried_at = "", None
        answer = session.get(GeocodeAnswer, query_of(row).key)
        if answer is not None and answer.answer is None:
            session.delete(answer)
    if rows:
        one = rows[0] if address_id is not None else None
        audit.record(
            session,
            actor,
            "geocoding.retried",
            customer_id=one.customer_id if one else None,
            object_kind="address",
            object_id=address_id,
            note=N_("addresses: %(count)s", count=len(rows)),
        )
    session.flush()
    return len(rows)
