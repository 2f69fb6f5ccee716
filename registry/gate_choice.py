"""Which gate opens and closes a line: chosen for it, for its device or for its POP; else the default.

A line's device is the one whose port it is on, else the one that is the gateway of its network; its POP is
written at the line, else its network's, else its device's. What stands on file without a line counts for all
lines of the customer that have nothing of their own.
"""

from dataclasses import dataclass

from sqlalchemy import Boolean, String, case, func, literal_column, select, text
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from billing import access
from core import errors
from registry import audit
from registry.models import Device, Line, LineGate, Pop

# Of several ports the one that was connected last, as for gates that close ports (see lines.targets).
_PORT_DEVICE = """
    SELECT {wanted} FROM connections c JOIN ports o ON o.id = c.port_id JOIN devices d ON d.id = o.device_id
    WHERE c.customer_id = lines.customer_id AND (c.line_id = lines.id OR c.line_id IS NULL)
    ORDER BY c.line_id NULLS LAST, c.id DESC LIMIT 1
"""
_NETWORK = """
    SELECT {wanted} FROM ip_addresses i JOIN networks n ON n.id = i.network_id
    LEFT JOIN devices d ON d.id = n.gateway_id
    WHERE i.customer_id = lines.customer_id AND (i.line_id = lines.id OR i.line_id IS NULL)
    ORDER BY i.line_id NULLS LAST, i.address LIMIT 1
"""


def _one(query: str, wanted: str) -> str:
    return f"({query.format(wanted=wanted)})"


_POP = f"COALESCE(lines.pop_id, {_one(_NETWORK, 'n.pop_id')}, {_one(_PORT_DEVICE, 'd.pop_id')})"
# Where no device and no POP has a gate of its own, nothing is looked up for any line.
_BY_DEVICE = (
    "CASE WHEN EXISTS (SELECT FROM devices WHERE gate_id IS NOT NULL) THEN "
    f"COALESCE({_one(_PORT_DEVICE, 'd.gate_id')}, {_one(_NETWORK, 'd.gate_id')}) END"
)
_BY_POP = f"""CASE WHEN EXISTS (SELECT FROM pops WHERE gate_id IS NOT NULL) THEN
    (SELECT p.gate_id FROM pops p WHERE p.id = {_POP}) END"""  # noqa: S608 - constants of this module alone
_DEFAULT = "(SELECT g.id FROM gates g WHERE g.is_default)"


def chosen() -> ColumnElement[int | None]:
    """Return the gate that was chosen for a row of Line, where one was; SQL over `lines`, unaliased."""
    return func.coalesce(Line.gate_id, text(f"COALESCE({_BY_DEVICE}, {_BY_POP})"))


def serving() -> ColumnElement[int | None]:
    """Return the gate of a row of Line: the chosen one, else the default."""
    # A text and no column: a join by this condition must find its left side by Line.gate_id alone.
    return func.coalesce(Line.gate_id, text(f"COALESCE({_BY_DEVICE}, {_BY_POP}, {_DEFAULT})"))


def source() -> ColumnElement[str]:
    """Return where the gate of a row of Line was chosen: "line", "device", "pop" or "default"."""
    others = literal_column(
        f"CASE WHEN {_BY_DEVICE} IS NOT NULL THEN 'device' WHEN {_BY_POP} IS NOT NULL THEN 'pop' "
        "ELSE 'default' END",
        String,
    )
    return case((Line.gate_id.is_not(None), "line"), else_=others)


@dataclass(frozen=True, slots=True)
class Named:
    """A POP or device that a gate was chosen for; `kind` is "pop" or "device"."""

    kind: str
    id: int
    name: str


def named(session: Session) -> dict[int | None, list[Named]]:
    """Return by gate the POPs and devices it was chosen for, by name: POPs before devices."""
    found: dict[int | None, list[Named]] = {}
    kinds: tuple[tuple[str, type[Pop] | type[Device]], ...] = (("pop", Pop), ("device", Device))
    for kind, model in kinds:
        query = select(model.gate_id, model.id, model.name).where(model.gate_id.is_not(None))
        for gate_id, row_id, name in session.execute(query.order_by(func.lower(model.name), model.id)):
            found.setdefault(gate_id, []).append(Named(kind, row_id, name))
    return found


def for_pop(session: Session, actor: audit.Actor, pop_id: int, gate_id: int | None) -> bool:
    """Choose the gate of a POP's lines; none leaves them to the default. Returns whether that is new.

    Its lines are told anew, at the new gate; what the old one closed stays there and shows as an address on
    its list that nobody has. Raises NotFound, Invalid at `gate_id`.
    """
    pop = session.get(Pop, pop_id)
    if pop is None:
        raise errors.NotFound("There is no such POP")
    return _choose(session, actor, pop, gate_id, f"{_POP} = {pop.id}")


def for_device(session: Session, actor: audit.Actor, device_id: int, gate_id: int | None) -> bool:
    """Choose the gate of the lines on a device's ports and of the networks it routes (see for_pop)."""
    device = session.get(Device, device_id)
    if device is None:
        raise errors.NotFound("There is no such device")
    at = f"{device.id} IN ({_one(_PORT_DEVICE, 'd.id')}, {_one(_NETWORK, 'd.id')})"
    return _choose(session, actor, device, gate_id, at)


def for_line(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    line_id: int,
    *,
    pop_id: int | None,
    gate_id: int | None,
) -> bool:
    """Choose the POP and the gate of one line; none of them: as its network and device say (see for_pop)."""
    line = session.get(Line, line_id)
    if line is None or line.customer_id != customer_id:
        raise errors.NotFound("The customer has no such line")
    if pop_id is not None and session.get(Pop, pop_id) is None:
        raise errors.Invalid("No such POP", {"pop_id": "Choose from the list"})
    _check_gate(session, gate_id)
    after = {"pop_id": pop_id, "gate_id": gate_id}
    changes = audit.difference({"pop_id": line.pop_id, "gate_id": line.gate_id}, after)
    if not changes:
        return False
    line.pop_id, line.gate_id = pop_id, gate_id
    session.flush()
    audit.record(
        session,
        actor,
        "line.gate_chosen",
        customer_id=customer_id,
        object_kind="line",
        object_id=line.id,
        changes=changes,
    )
    access.tell_again(session, [line.subscription_id])
    return True


def _choose(
    session: Session, actor: audit.Actor, row: Pop | Device, gate_id: int | None, is_behind: str
) -> bool:
    kind = "pop" if isinstance(row, Pop) else "device"
    _check_gate(session, gate_id)
    changes = audit.difference({"gate_id": row.gate_id}, {"gate_id": gate_id})
    if not changes:
        return False
    row.gate_id = gate_id
    session.flush()
    audit.record(session, actor, f"{kind}.changed", object_kind=kind, object_id=row.id, changes=changes)
    behind = select(Line.subscription_id).where(Line.gate_id.is_(None), literal_column(is_behind, Boolean))
    access.tell_again(session, session.scalars(behind).all())
    return True


def _check_gate(session: Session, gate_id: int | None) -> None:
    if gate_id is not None and session.get(LineGate, gate_id) is None:
        raise errors.Invalid("No such gate", {"gate_id": "Choose from the list"})
