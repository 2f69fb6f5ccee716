"""Another gate for a line, a device or a POP: the lines are told there, and the former one lets go."""

from sqlalchemy import Boolean, literal_column, select
from sqlalchemy.orm import Session

from billing import access
from core import errors
from registry import audit, gate_choice, line_moves
from registry.models import Device, Line, LineGate, Pop


def for_pop(session: Session, actor: audit.Actor, pop_id: int, gate_id: int | None) -> bool:
    """Choose the gate of a POP's lines; none leaves them to the default. Returns whether that is new.

    Its lines are told anew, at the new gate; what the old one holds of them is taken off there (see
    line_moves.leaving). Raises NotFound, Invalid at `gate_id`.
    """
    pop = session.get(Pop, pop_id)
    if pop is None:
        raise errors.NotFound("There is no such POP")
    return _choose(session, actor, pop, gate_id, f"{gate_choice.POP} = {pop.id}")


def for_device(session: Session, actor: audit.Actor, device_id: int, gate_id: int | None) -> bool:
    """Choose the gate of the lines on a device's ports and of the networks it routes (see for_pop)."""
    device = session.get(Device, device_id)
    if device is None:
        raise errors.NotFound("There is no such device")
    of_port = gate_choice.one(gate_choice.PORT_DEVICE, "d.id")
    at = f"{device.id} IN ({of_port}, {gate_choice.one(gate_choice.NETWORK, 'd.id')})"
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
    with line_moves.leaving(session, actor, [line.subscription_id]):
        line.pop_id, line.gate_id = pop_id, gate_id
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
    behind = select(Line.subscription_id).where(Line.gate_id.is_(None), literal_column(is_behind, Boolean))
    ids = session.scalars(behind).all()
    with line_moves.leaving(session, actor, ids):
        row.gate_id = gate_id
    audit.record(session, actor, f"{kind}.changed", object_kind=kind, object_id=row.id, changes=changes)
    access.tell_again(session, ids)
    return True


def _check_gate(session: Session, gate_id: int | None) -> None:
    if gate_id is not None and session.get(LineGate, gate_id) is None:
        raise errors.Invalid("No such gate", {"gate_id": "Choose from the list"})
