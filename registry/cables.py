"""Cable lines: physical paths, each between two ends: a customer, a device or a POP."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased, selectinload

from core import errors
from core.words import N_
from registry import audit
from registry.models import CableEnd, CableLine, Customer, Device, Pop
from registry.models.cables import CableSide, CableType

PlaceKind = Literal["customer", "device", "pop"]
_MODELS: dict[str, type[Customer] | type[Device] | type[Pop]] = {
    "customer": Customer,
    "device": Device,
    "pop": Pop,
}
LENGTH_LIMIT_M = 200_000
FIBRES_LIMIT = 3456


@dataclass(frozen=True, slots=True)
class Place:
    """Where an end is."""

    kind: PlaceKind
    id: int


@dataclass(frozen=True, slots=True)
class CableView:
    """A cable line as it looks from one customer: what it is and where its other end is."""

    id: int
    name: str
    type: CableType
    fibres: int | None
    length_m: float | None
    other_kind: PlaceKind | None
    other_id: int | None
    other_name: str


def of_customer(session: Session, customer_id: int) -> list[CableView]:
    """Return the cable lines that end at the customer, with their other end, in one SELECT."""
    here, there = aliased(CableEnd), aliased(CableEnd)
    query = (
        select(CableLine, there, Customer, Device, Pop)
        .join(here, here.line_id == CableLine.id)
        .outerjoin(there, (there.line_id == CableLine.id) & (there.id != here.id))
        .outerjoin(Customer, Customer.id == there.customer_id)
        .outerjoin(Device, Device.id == there.device_id)
        .outerjoin(Pop, Pop.id == there.pop_id)
        .where(here.customer_id == customer_id)
        .order_by(CableLine.name, CableLine.id)
    )
    return [_view(*row) for row in session.execute(query)]


def _view(
    line: CableLine, end: CableEnd | None, customer: Customer | None, device: Device | None, pop: Pop | None
) -> CableView:
    kind: PlaceKind | None = "customer" if customer else "device" if device else "pop" if pop else None
    owner = customer or device or pop
    name = f"{customer.number} {customer.name}" if customer else owner.name if owner else ""
    place = (kind, owner.id if owner and end else None, name)
    return CableView(line.id, line.name, line.type, line.fibres, line.length_m, *place)


def get(session: Session, line_id: int) -> CableLine:
    """Return the cable line with its ends; raises NotFound."""
    query = select(CableLine).options(selectinload(CableLine.ends)).where(CableLine.id == line_id)
    line = session.scalar(query)
    if line is None:
        raise errors.NotFound("There is no such cable line")
    return line


def of_customer_one(session: Session, customer_id: int, line_id: int) -> CableView:
    """Return one cable line that ends at the customer; raises NotFound."""
    found = [view for view in of_customer(session, customer_id) if view.id == line_id]
    if not found:
        raise errors.NotFound("There is no such cable line at this customer")
    return found[0]


def create(
    session: Session,
    actor: audit.Actor,
    *,
    type: CableType,
    ends: tuple[Place, Place],
    name: str = "",
    fibres: int | None = None,
    length_m: float | None = None,
) -> CableLine:
    """Add a cable line between two places; raises Invalid at the faulty field (`other` for the second end).

    `length_m` is in metres. Without a name it is called by its type and number.
    """
    values = _checked(name, type, fibres, length_m)
    _check_ends(session, ends)
    line = CableLine(**values)
    line.ends = [_end(side, place) for side, place in zip(CableSide, ends, strict=True)]
    session.add(line)
    session.flush()
    line.name = line.name or f"{type.value} {line.id}"
    session.flush()
    shown = {field: value for field, value in values.items() if value is not None}
    _record(session, actor, "cable.created", line, audit.difference({}, {**shown, "name": line.name}))
    return line


def change(
    session: Session,
    actor: audit.Actor,
    line_id: int,
    *,
    name: str,
    type: CableType,
    fibres: int | None = None,
    length_m: float | None = None,
    ends: tuple[Place, Place] | None = None,
) -> CableLine:
    """Change a cable line, and its ends when given; raises Invalid at the faulty field, NotFound."""
    line = get(session, line_id)
    after = _checked(name or line.name, type, fibres, length_m)
    before = {**{field: getattr(line, field) for field in after}, "ends": _ends_words(line.ends)}
    if ends is not None:
        _check_ends(session, ends)
        for place, end in zip(ends, sorted(line.ends, key=lambda end: end.side), strict=True):
            end.customer_id = end.device_id = end.pop_id = None
            setattr(end, f"{place.kind}_id", place.id)
    for field, value in after.items():
        setattr(line, field, value)
    session.flush()
    changes = audit.difference(before, {**after, "ends": _ends_words(line.ends)})
    if changes:
        _record(session, actor, "cable.changed", line, changes)
    return line


def change_from(
    session: Session, actor: audit.Actor, customer_id: int, line_id: int, *, other: Place, **values: Any
) -> CableLine:
    """Change a cable line as seen from one customer: his end stays, `other` is where it leads now."""
    of_customer_one(session, customer_id, line_id)
    first = min(get(session, line_id).ends, key=lambda end: end.side)
    here = Place("customer", customer_id)
    ends = (here, other) if first.customer_id == customer_id else (other, here)
    return change(session, actor, line_id, ends=ends, **values)


def remove(session: Session, actor: audit.Actor, line_id: int) -> None:
    """Remove a cable line with its ends; raises NotFound."""
    line = get(session, line_id)
    before = {"name": line.name, "type": line.type, "length_m": line.length_m}
    _record(session, actor, "cable.removed", line, audit.difference(before, dict.fromkeys(before)))
    session.delete(line)
    session.flush()


def _checked(name: str, type: CableType, fibres: int | None, length_m: float | None) -> dict[str, Any]:
    faults = {}
    if len(name.strip()) > 120:
        faults["name"] = N_("At most 120 characters")
    if fibres is not None and not 0 < fibres <= FIBRES_LIMIT:
        faults["fibres"] = N_("Between 1 and %(most)s", most=FIBRES_LIMIT)
    if length_m is not None and not 0 <= length_m <= LENGTH_LIMIT_M:
        faults["length_m"] = N_("Between 0 and %(most)s metres", most=LENGTH_LIMIT_M)
    if faults:
        raise errors.Invalid("The cable line is not complete", faults)
    is_fibre = type is CableType.FIBRE
    return {
        "name": name.strip(),
        "type": type,
        "fibres": fibres if is_fibre else None,
        "length_m": length_m,
    }


def _check_ends(session: Session, ends: tuple[Place, Place]) -> None:
    if ends[0] == ends[1]:
        raise errors.Invalid("One place twice", {"other": "Both ends are at the same place"})
    for place in ends:
        if session.get(_MODELS[place.kind], place.id) is None:
            raise errors.Invalid("No such place", {"other": "Choose from the list"})


def _end(side: CableSide, place: Place) -> CableEnd:
    end = CableEnd(side=side)
    setattr(end, f"{place.kind}_id", place.id)
    return end


def _ends_words(ends: list[CableEnd]) -> list[str]:
    words = {"customer": "customer_id", "device": "device_id", "pop": "pop_id"}
    return [
        f"{kind} {getattr(end, column)}"
        for end in sorted(ends, key=lambda end: end.side)
        for kind, column in words.items()
        if getattr(end, column) is not None
    ]


def _record(
    session: Session, actor: audit.Actor, action: str, line: CableLine, changes: dict[str, list[Any]]
) -> None:
    """Write the act into the history of every customer the line ends at; of nobody when there is none."""
    owners: list[int | None] = [end.customer_id for end in line.ends if end.customer_id is not None]
    for customer_id in owners or [None]:
        audit.record(
            session,
            actor,
            action,
            customer_id=customer_id,
            object_kind="cable",
            object_id=line.id,
            changes=changes,
            note=line.name,
        )
