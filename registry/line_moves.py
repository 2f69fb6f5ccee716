"""Lines that move to another port, address or gate: the gate is told at once, the old one lets go."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from billing import access
from billing.models import AccessState, SubscriptionAccess, strictness
from core.columns import any_of
from registry import audit, lines, strangers
from registry.lines import LineTarget
from registry.models import Line
from registry.strangers import PORTS


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
        if key in before and _gate_id(before[key]) != _gate_id(after[key]):
            if state := restriction(session, key):
                _leave(session, actor, before[key], after[key], state)
        elif key in before:
            _let_go(session, actor, before[key], kept)
    if moved:
        access.tell_again(session, moved)


@contextmanager
def leaving(session: Session, actor: audit.Actor, subscription_ids: Collection[int]) -> Iterator[None]:
    """Around a choice of gates for these lines: what a former gate may hold of one is asked off there.

    Its addresses, its login or its port, whatever that gate tells lines by: else a line that is open at its
    new gate stays cut at the old one for ever. Of a port no list is ever read, so it is kept here alone.
    """
    held = _held(session, subscription_ids)
    before = lines.targets(session, held) if held else {}
    yield
    session.flush()
    after = lines.targets(session, held) if held else {}
    for key, target in before.items():
        if _gate_id(target) != _gate_id(after[key]):
            _leave(session, actor, target, after[key], held[key])


def _held(session: Session, subscription_ids: Collection[int]) -> dict[int, AccessState]:
    """Return those of the lines that a gate may hold, with the strictest access it may: told is not done."""
    row = SubscriptionAccess
    query = select(row.subscription_id, row.wanted, row.applied, row.observed).where(
        row.subscription_id == any_of(subscription_ids),
        ~row.is_bare,
        or_(
            row.applied.is_distinct_from(AccessState.OPEN),
            row.wanted != AccessState.OPEN,
            func.coalesce(row.observed, AccessState.OPEN) != AccessState.OPEN,
        ),
    )
    return {key: _strictest(states) or AccessState.CLOSED for key, *states in session.execute(query)}


def _leave(
    session: Session, actor: audit.Actor, before: LineTarget, after: LineTarget, state: AccessState
) -> None:
    gate = before.gate
    if gate is None:
        return
    if gate.kind == PORTS:
        is_kept = after.gate is not None and after.gate.kind == PORTS and _port(after) == _port(before)
        if before.port and not is_kept:
            strangers.give_up_port(session, gate, before.port, state.value, by=actor.name)
        return
    if before.login:
        strangers.give_up(session, gate, before.login, state.value, by=actor.name)
    strangers.give_up_addresses(session, gate, before.addresses, state.value, by=actor.name)


def _gate_id(target: LineTarget) -> int | None:
    return target.gate.id if target.gate else None


def _port(target: LineTarget) -> tuple[int, int] | None:
    return (target.port.device_id, target.port.if_index) if target.port else None


def _targets(session: Session, customer_id: int) -> Mapping[int, LineTarget]:
    ids = session.scalars(select(Line.subscription_id).where(Line.customer_id == customer_id)).all()
    return lines.targets(session, ids) if ids else {}


def _place(target: LineTarget | None) -> object:
    """Return all by which a line is told from others where it is opened and closed."""
    if target is None:
        return None
    return target.addresses, _port(target), _gate_id(target)


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
    return _strictest((row.wanted, row.applied, row.observed) if row else ())


def _strictest(states: Iterable[AccessState | None]) -> AccessState | None:
    held = [one for one in states if one is not None and one is not AccessState.OPEN]
    return max(held, key=strictness, default=None)
