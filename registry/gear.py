"""Gear: the network's own devices as a list to search, as one with all that hangs on it, and their end."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Select, cast, func, or_, select, tuple_
from sqlalchemy.orm import Session, aliased, contains_eager

from core import errors
from registry import audit, equipment, in_use, paging, ports
from registry.models import Device, DeviceRole, DeviceState, DeviceType, LineGate, Network, Pop, Port

SORTS = ("name", "type", "status")
# The word of the filter for a device nobody ever asked.
NEVER = "never"


@dataclass(frozen=True, slots=True)
class GearFilter:
    """What the list is narrowed to; `state` is a DeviceState or NEVER."""

    text: str = ""
    role: DeviceRole | None = None
    pop_id: int | None = None
    state: str = ""


@dataclass(frozen=True, slots=True)
class GearRow:
    """A device as the list shows it."""

    device: Device
    pop: str
    parent: str
    ports: int

    @property
    def state_at(self) -> datetime | None:
        """When it was asked last."""
        return self.device.state_at


@dataclass(frozen=True, slots=True)
class GearPage:
    """A page of the list; `next` is the mark the next one begins after."""

    rows: tuple[GearRow, ...]
    next: str | None
    total: int


@dataclass(frozen=True, slots=True)
class Gear:
    """One device with all that hangs on it."""

    device: Device
    pop: str
    parent: Device | None
    children: tuple[Device, ...]
    networks: tuple[Network, ...]
    gate: str
    ports: tuple[ports.PortRow, ...]
    users: dict[str, int]


def page(
    session: Session,
    filters: GearFilter,
    *,
    sort: str = "name",
    after: str | None = None,
    limit: int = 100,
) -> GearPage:
    """Return a page of the network's own devices in one of SORTS, or with a minus before it falling."""
    order, kinds = _order(sort)
    is_falling = sort.startswith("-")
    total = session.scalar(_narrowed(select(func.count(Device.id)), filters)) or 0
    query = _narrowed(select(Device, *_shown(), *order), filters).options(contains_eager(Device.type))
    cursor = paging.read(after, sort, kinds)
    if cursor is not None:
        here, there = tuple_(*order), tuple_(*cursor.values)
        query = query.where(here < there if is_falling else here > there)
    query = query.order_by(*(key.desc() if is_falling else key.asc() for key in order)).limit(limit + 1)
    found = session.execute(query).unique().all()
    rows = tuple(GearRow(*row[:4]) for row in found[:limit])
    mark = None
    if len(found) > limit:
        mark = paging.write(paging.Cursor(sort, is_back=False, values=tuple(found[limit - 1][4:])))
    return GearPage(rows, mark, total)


def _shown() -> tuple[Any, ...]:
    parent = aliased(Device)
    return (
        func.coalesce(select(Pop.name).where(Pop.id == Device.pop_id).scalar_subquery(), ""),
        func.coalesce(
            select(parent.name).where(parent.id == Device.parent_id).correlate(Device).scalar_subquery(), ""
        ),
        select(func.count(Port.id)).where(Port.device_id == Device.id).scalar_subquery(),
    )


def _order(sort: str) -> tuple[tuple[Any, ...], tuple[type, ...]]:
    """Return the expressions the list stands in, unique by the id at the end, and their kinds."""
    name = func.lower(Device.name).collate("C")
    # Never asked counts as longest ago; microseconds, because a cursor carries whole numbers.
    asked = cast(func.coalesce(func.extract("epoch", Device.state_at) * 1_000_000, 0), BigInteger)
    keys: dict[str, tuple[tuple[Any, ...], tuple[type, ...]]] = {
        "name": ((name, Device.id), (str, int)),
        "type": ((func.lower(DeviceType.name).collate("C"), name, Device.id), (str, str, int)),
        "status": ((asked, Device.id), (int, int)),
    }
    return keys[sort.removeprefix("-")]


def _narrowed(query: Select[Any], filters: GearFilter) -> Select[Any]:
    query = query.join(DeviceType, DeviceType.id == Device.type_id).where(Device.customer_id.is_(None))
    if filters.text:
        word = filters.text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        found = (Device.name.ilike(f"%{word}%"), func.host(Device.address).like(f"{word}%"))
        query = query.where(or_(*found, Device.serial.ilike(f"%{word}%")))
    if filters.role is not None:
        query = query.where(DeviceType.role == filters.role)
    if filters.pop_id is not None:
        query = query.where(Device.pop_id == filters.pop_id)
    if filters.state == NEVER:
        query = query.where(Device.state.is_(None))
    elif filters.state in set(DeviceState):
        query = query.where(Device.state == DeviceState(filters.state))
    return query


def choices(
    session: Session, *, is_gateway: bool = False, keep_id: int | None = None
) -> list[tuple[int, str]]:
    """Return id and name of the network's own devices for a form, by name.

    `is_gateway` narrows them to routers and what is marked as a gateway; the one chosen already is kept.
    """
    query = select(Device.id, Device.name).where(Device.customer_id.is_(None))
    if is_gateway:
        query = query.join(DeviceType, DeviceType.id == Device.type_id)
        fits = (Device.is_gateway, DeviceType.role == DeviceRole.ROUTER, Device.id == keep_id)
        query = query.where(or_(*fits))
    rows = session.execute(query.order_by(func.lower(Device.name), Device.id))
    return [(device_id, name) for device_id, name in rows]


def one(session: Session, device_id: int) -> Gear:
    """Return a device of the network with its POP, parent, children, networks and ports; raises NotFound."""
    device = own(session, device_id)
    pop = session.get(Pop, device.pop_id) if device.pop_id else None
    gate = session.get(LineGate, device.gate_id) if device.gate_id else None
    below = select(Device).where(Device.parent_id == device_id).order_by(Device.name, Device.id)
    behind = select(Network).where(Network.gateway_id == device_id).order_by(Network.name)
    return Gear(
        device=device,
        pop=pop.name if pop else "",
        parent=session.get(Device, device.parent_id) if device.parent_id else None,
        children=tuple(session.scalars(below)),
        networks=tuple(session.scalars(behind)),
        gate=gate.name if gate else "",
        ports=tuple(ports.of_device(session, device_id)),
        users=in_use.count(session, "device", device_id),
    )


def own(session: Session, device_id: int) -> Device:
    """Return a device of the network with its type; raises NotFound, also when it is a customer's."""
    device = equipment.get(session, device_id)
    if device.customer_id is not None:
        raise errors.NotFound("This is a customer's device; it is on the card")
    return device


def remove(session: Session, actor: audit.Actor, device_id: int) -> None:
    """Remove a device of the network with its ports; raises NotFound, Conflict while it is in use."""
    device = own(session, device_id)
    in_use.refuse(session, "device", device_id, device.name)
    audit.record(
        session, actor, "device.removed", object_kind="device", object_id=device_id, note=device.name
    )
    session.delete(device)
    session.flush()
