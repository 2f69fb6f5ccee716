"""Lines that move to another port or get other addresses: the gate is told at once, the old one lets go."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import access
from billing.models import AccessState, SubscriptionAccess, strictness
from registry import audit, lines, strangers
from registry.lines import LineTarget
from registry.models import Line


@contextmanager
def told(session: Session, actor: audit.Actor, customer_id: int) -> Iterator[None]:
    """Around a change of a customer's ports or addresses: have what it moved told, all in its transaction.

    Each line that is reached by another port, address or gate afterwards is told anew, an open one too: who
    had its new address before may be closed there. Addresses it left are asked off the gate it had.
    """
    before = _targets(session, customer_id)
    yield
    session.flush()
    after = _targets(session, customer_id)
    moved = [key for key, target in after.items() if _place(target) != _place(before.get(key))]
    kept = {(gate_id, address) for target in after.values() for gate_id, address in _listed(target)}
    for key in moved:
        if key in before:
            _let_go(session, actor, before[key], kept)
    if moved:
        access.tell_again(session, moved)


def _targets(session: Session, customer_id: int) -> Mapping[int, LineTarget]:
    ids = session.scalars(select(Line.subscription_id).where(Line.customer_id == customer_id)).all()
    return lines.targets(session, ids) if ids else {}


def _place(target: LineTarget | None) -> object:
    """Return all by which a line is told from others where it is opened and closed."""
    if target is None:
        return None
    port = (target.port.device_id, target.port.if_index) if target.port else None
    return target.addresses, port, target.gate.id if target.gate else None


def _listed(target: LineTarget) -> set[tuple[int, str]]:
    return {(target.gate.id, address) for address in target.addresses} if target.gate else set()


def _let_go(session: Session, actor: audit.Actor, before: LineTarget, kept: set[tuple[int, str]]) -> None:
    left = sorted(address for _, address in _listed(before) - kept)
    if before.gate and left and (state := restriction(session, before.subscription_id)):
        strangers.give_up_addresses(session, before.gate, left, state.value, by=actor.name)


def restriction(session: Session, subscription_id: int) -> AccessState | None:
    """Return the strictest access a gate may hold the line at just now; None where that can only be open."""
    row = session.get(SubscriptionAccess, subscription_id, populate_existing=True)
    # Told or about to be: what the gate does just now is known to nobody.
    states = (row.wanted, row.applied, row.observed) if row else ()
    held = [one for one in states if one is not None and one is not AccessState.OPEN]
    return max(held, key=strictness, default=None)
