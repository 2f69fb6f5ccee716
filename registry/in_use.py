"""What stands in the way of removing a record: who uses it, counted."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from core import errors
from core.words import N_
from registry.models import (
    Connection,
    Device,
    IpAddress,
    Line,
    LineGate,
    Network,
    Pop,
    Port,
    customer_groups,
    customer_marks,
)
from registry.models.cables import CableEnd


def _by(column: Any) -> tuple[Select[Any], Any]:
    return select(func.count()), column


_ON_PORTS = select(func.count(Connection.id)).join(Port, Port.id == Connection.port_id)

# kind of record -> what may use it, and how that is counted.
_USERS: Mapping[str, Mapping[str, tuple[Select[Any], Any]]] = {
    "pop": {
        "networks": _by(Network.pop_id),
        "devices": _by(Device.pop_id),
        "lines": _by(Line.pop_id),
        "gates": _by(LineGate.pop_id),
        "cables": _by(CableEnd.pop_id),
    },
    "network": {"addresses": _by(IpAddress.network_id)},
    "device_type": {"devices": _by(Device.type_id)},
    "device": {
        "networks": _by(Network.gateway_id),
        "devices": _by(Device.parent_id),
        "customers": (_ON_PORTS, Port.device_id),
        "cables": _by(CableEnd.device_id),
        "addresses": _by(IpAddress.device_id),
    },
    "port": {"customers": _by(Connection.port_id)},
    "group": {"customers": _by(customer_groups.c.group_id)},
    "mark": {"customers": _by(customer_marks.c.mark_id)},
    "gate": {"lines": _by(Line.gate_id), "pops": _by(Pop.gate_id), "devices": _by(Device.gate_id)},
}


def count(session: Session, kind: str, row_id: int) -> dict[str, int]:
    """Return how many of what use the record (`networks`, `lines`, ...); empty when it is free to go."""
    users = _USERS[kind]
    counted = [query.where(column == row_id).scalar_subquery() for query, column in users.values()]
    found = session.execute(select(*counted)).one()
    return {name: number for name, number in zip(users, found, strict=True) if number}


def refuse(session: Session, kind: str, row_id: int, name: str) -> None:
    """Raise Conflict, naming who uses it, when the record is in use."""
    users = count(session, kind, row_id)
    if users:
        words = ", ".join(f"{what}: {number}" for what, number in users.items())
        raise errors.Conflict(
            N_("%(name)s is in use and cannot be removed (%(users)s)", name=name, users=words)
        )
