"""Ports of network devices, entered by hand: one or a whole row of them, changed, removed."""

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import db, errors
from core.words import N_
from registry import audit, equipment, in_use
from registry.models import Connection, Port

# No switch has more; a slip of the finger should not write a million rows.
ROW_LIMIT = 512
_PART = re.compile(r"(\d{1,10})(?:\s*-\s*(\d{1,10}))?")
_INDEX_LIMIT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class PortRow:
    """A port with how many customers are on it."""

    port: Port
    customers: int


def of_device(session: Session, device_id: int) -> list[PortRow]:
    """Return the device's ports with their customers counted, by interface index."""
    query = (
        select(Port, func.count(Connection.id))
        .outerjoin(Connection, Connection.port_id == Port.id)
        .where(Port.device_id == device_id)
        .group_by(Port.id)
        .order_by(Port.if_index)
    )
    return [PortRow(port, customers) for port, customers in session.execute(query)]


def find(session: Session, device_id: int, port_id: int) -> Port:
    """Return the device's port; raises NotFound."""
    port = session.get(Port, port_id)
    if port is None or port.device_id != device_id:
        raise errors.NotFound("The device has no such port")
    return port


def add(
    session: Session,
    actor: audit.Actor,
    device_id: int,
    *,
    indexes: str,
    name: str = "",
    is_uplink: bool = False,
) -> list[Port]:
    """Add the ports of these interface indexes (IF-MIB ifIndex), such as `1-24, 49`.

    Of several, `name` is what their names begin with, the index follows. Raises Invalid at the field.
    """
    device = equipment.get(session, device_id)
    wanted = _indexes(indexes)
    taken = select(Port.if_index).where(Port.device_id == device_id, Port.if_index.in_(wanted))
    there = sorted(session.scalars(taken))
    if there:
        words = N_("The device has these ports already: %(ports)s", ports=", ".join(map(str, there[:10])))
        raise errors.Invalid("Already there", {"indexes": words})
    named = {index: _name(name if len(wanted) == 1 else f"{name.strip()}{index}", index) for index in wanted}
    made = [
        Port(device_id=device_id, if_index=index, name=words, is_uplink=is_uplink)
        for index, words in named.items()
    ]
    try:
        with db.part(session):
            session.add_all(made)
    except IntegrityError as error:
        raise errors.Overtaken("Somebody added ports of this device just now") from error
    note = f"{device.name}: {indexes.strip()}"[:200]
    _record(session, actor, "ports.added", device_id, note=note)
    return made


def change(
    session: Session, actor: audit.Actor, device_id: int, port_id: int, *, name: str, is_uplink: bool
) -> Port:
    """Name a port, make it an uplink or not; raises Invalid at the field, NotFound.

    A port with customers on it cannot become an uplink: a gate never closes one.
    """
    port = find(session, device_id, port_id)
    after: dict[str, Any] = {"name": _name(name, port.if_index), "is_uplink": is_uplink}
    if is_uplink and not port.is_uplink and (users := in_use.count(session, "port", port_id)):
        words = N_("Customers are on this port: %(count)s. Take them off first", count=users["customers"])
        raise errors.Invalid("In use", {"is_uplink": words})
    changes = audit.difference({field: getattr(port, field) for field in after}, after)
    port.name, port.is_uplink = after["name"], after["is_uplink"]
    session.flush()
    if changes:
        _record(session, actor, "port.named", device_id, changes=changes, note=f"ifIndex {port.if_index}")
    return port


def remove(session: Session, actor: audit.Actor, device_id: int, port_id: int) -> None:
    """Remove a port nobody is on; raises NotFound, Conflict while customers are on it."""
    port = find(session, device_id, port_id)
    in_use.refuse(session, "port", port_id, port.name)
    _record(session, actor, "port.removed", device_id, note=f"{port.name}, ifIndex {port.if_index}")
    session.delete(port)
    session.flush()


def _indexes(text: str) -> list[int]:
    found: dict[int, None] = {}
    words = N_("Write interface indexes such as 1-24, 49")
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _PART.fullmatch(part)
        if match is None:
            raise errors.Invalid("Not indexes", {"indexes": words})
        first, last = int(match[1]), int(match[2] or match[1])
        if not 0 < first <= last <= _INDEX_LIMIT:
            raise errors.Invalid("Not indexes", {"indexes": words})
        if last - first >= ROW_LIMIT or len(found) + last - first >= ROW_LIMIT:
            raise errors.Invalid(
                "Too many", {"indexes": N_("At most %(count)s ports at once", count=ROW_LIMIT)}
            )
        found |= dict.fromkeys(range(first, last + 1))
    if not found:
        raise errors.Invalid("No indexes", {"indexes": words})
    return sorted(found)


def _name(name: str, if_index: int) -> str:
    words = name.strip() or str(if_index)
    if len(words) > 80:
        raise errors.Invalid("Too long", {"name": "At most 80 characters"})
    return words


def _record(
    session: Session,
    actor: audit.Actor,
    action: str,
    device_id: int,
    *,
    note: str,
    changes: dict[str, list[Any]] | None = None,
) -> None:
    audit.record(
        session, actor, action, object_kind="device", object_id=device_id, note=note, changes=changes
    )
