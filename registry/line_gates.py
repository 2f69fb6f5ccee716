"""Configured gates: where lines are opened and closed, one of them the default."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from billing import access
from billing.models import CUT, SubscriptionAccess
from core import db, errors
from core.secrets import Cipher
from core.words import N_
from registry import audit, credentials, gate_choice, in_use, line_moves
from registry.gate_choice import Named
from registry.models import Line, LineGate, Pop


@dataclass(frozen=True, slots=True)
class GateRow:
    """A gate as the list shows it: `own_lines` name it, `lines` are all it opens and closes.

    `named` are the POPs and devices it was chosen for.
    """

    gate: LineGate
    pop: str
    own_lines: int
    lines: int
    named: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class Takeover:
    """What a new default gate takes over: the lines no gate is chosen for, those closed now, from whom."""

    lines: int
    closed: int
    former: str


def list_all(session: Session) -> list[LineGate]:
    """Return every gate: the default one first, then by name."""
    return list(session.scalars(select(LineGate).order_by(LineGate.is_default.desc(), LineGate.name)))


def get(session: Session, gate_id: int) -> LineGate:
    """Return the gate; raises NotFound."""
    gate = session.get(LineGate, gate_id)
    if gate is None:
        raise errors.NotFound("There is no such gate")
    return gate


def overview(session: Session) -> list[GateRow]:
    """Return every gate with its POP and its lines counted: the default one first, then by name."""
    serving = select(gate_choice.serving().label("gate_id")).select_from(Line).subquery()
    counts = _counts(session, serving.c.gate_id)
    own, chosen = _counts(session, Line.gate_id), gate_choice.named(session)
    names = dict(session.execute(select(Pop.id, Pop.name)).all())
    return [
        GateRow(
            gate=gate,
            pop=names.get(gate.pop_id or 0, ""),
            own_lines=own.get(gate.id, 0),
            lines=counts.get(gate.id, 0),
            named=tuple(chosen.get(gate.id, ())),
        )
        for gate in list_all(session)
    ]


def _counts(session: Session, column: Any) -> dict[int | None, int]:
    return dict(session.execute(select(column, func.count()).group_by(column)).all())


def takeover(session: Session) -> Takeover:
    """Return what the next default gate takes over, and from which."""
    is_closed = SubscriptionAccess.applied.in_(CUT)
    query = (
        select(func.count(), func.count().filter(is_closed))
        .select_from(Line)
        .outerjoin(SubscriptionAccess, SubscriptionAccess.subscription_id == Line.subscription_id)
        .where(gate_choice.chosen().is_(None))
    )
    lines, closed = session.execute(query).one()
    former = session.scalar(select(LineGate.name).where(LineGate.is_default))
    return Takeover(lines, closed, former or "")


def find(session: Session, name: str) -> LineGate:
    """Return the gate of this name; raises NotFound naming those there are."""
    gate = session.scalar(select(LineGate).where(LineGate.name == name.strip()))
    if gate is None:
        there = ", ".join(session.scalars(select(LineGate.name).order_by(LineGate.name))) or "none"
        raise errors.NotFound(
            N_("There is no gate %(name)s; there are: %(there)s", name=repr(name), there=there)
        )
    return gate


def pop_of(session: Session, gate_id: int) -> str | None:
    """Return the code of the POP a gate stands in, if it stands in one."""
    query = select(Pop.code).join(LineGate, LineGate.pop_id == Pop.id).where(LineGate.id == gate_id)
    return session.scalar(query)


def standing(session: Session, pop_id: int) -> list[LineGate]:
    """Return the gates that stand in a POP, by name."""
    return list(session.scalars(select(LineGate).where(LineGate.pop_id == pop_id).order_by(LineGate.name)))


def pops(session: Session) -> set[str]:
    """Return the codes of the POPs that gates stand in."""
    return set(session.scalars(select(Pop.code).join(LineGate, LineGate.pop_id == Pop.id)))


def create(
    session: Session,
    actor: audit.Actor,
    *,
    name: str,
    kind: str,
    options: Mapping[str, Any],
    secrets: Mapping[str, str] | None = None,
    ring: Cipher | None = None,
    pop_id: int | None = None,
    is_default: bool = False,
) -> LineGate:
    """Add a gate; whoever makes it the default takes that from the former one. Raises Invalid.

    Whether `options` fit the kind is known by the package gates; secrets need the ring that seals them.
    """
    values = _checked(session, name, pop_id)
    gate = LineGate(kind=kind, options=dict(options), **values)
    try:
        with db.part(session):
            session.add(gate)
    except IntegrityError as error:
        raise errors.Invalid("The name is taken", {"name": "Another gate has this name"}) from error
    if secrets and ring is not None:
        gate.secrets_sealed = credentials.seal(ring, "gate", gate.id, secrets)
    audit.record(
        session,
        actor,
        "gate.created",
        object_kind="gate",
        object_id=gate.id,
        changes=audit.difference({}, {"name": gate.name, "kind": kind, "options": dict(options)}),
    )
    if is_default:
        make_default(session, actor, gate.id)
    return gate


def change(
    session: Session,
    actor: audit.Actor,
    gate_id: int,
    *,
    name: str,
    options: Mapping[str, Any],
    secrets: Mapping[str, str] | None = None,
    ring: Cipher | None = None,
    pop_id: int | None = None,
) -> LineGate:
    """Change a gate's name, POP, options and the secrets given; have it told its lines anew where it matters.

    The kind stays. Raises Invalid at the faulty field, NotFound.
    """
    gate = get(session, gate_id)
    after = {**_checked(session, name, pop_id), "options": dict(options)}
    changes = audit.difference({field: getattr(gate, field) for field in after}, after)
    try:
        with db.part(session):
            for field, value in after.items():
                setattr(gate, field, value)
    except IntegrityError as error:
        raise errors.Invalid("The name is taken", {"name": "Another gate has this name"}) from error
    if secrets and ring is not None:
        known = open_secrets(ring, gate_id, gate.secrets_sealed)
        gate.secrets_sealed = credentials.seal(ring, "gate", gate_id, {**known, **secrets})
        # History says which were changed, never to what.
        changes["secrets"] = [None, ", ".join(sorted(secrets))]
    if changes:
        audit.record(session, actor, "gate.changed", object_kind="gate", object_id=gate_id, changes=changes)
    if {"options", "pop_id", "secrets"} & set(changes):
        _tell_again(session, gate)
    return gate


def take_over(session: Session, actor: audit.Actor, gate_id: int) -> int:
    """Make this gate the default and have it told every line it serves; return how many they are."""
    gate = get(session, gate_id)
    if gate.is_default:
        raise errors.Conflict(N_("%(name)s is the default gate already", name=gate.name))
    unchosen = select(Line.subscription_id).where(gate_choice.chosen().is_(None))
    with line_moves.leaving(session, actor, session.scalars(unchosen).all()):
        make_default(session, actor, gate_id)
    return _tell_again(session, gate)


def _tell_again(session: Session, gate: LineGate) -> int:
    """Have the gate told its lines anew: other gear may stand behind it now, so it is tried at once."""
    gate.paused_until, gate.epoch, gate.epoch_read_at = None, None, None
    is_served = gate_choice.serving() == gate.id
    served = session.scalars(select(Line.subscription_id).where(is_served)).all()
    access.tell_again(session, served)
    return len(served)


def remove(session: Session, actor: audit.Actor, gate_id: int) -> None:
    """Remove a gate chosen for nothing; raises NotFound, Conflict while it is in use or the default."""
    gate = get(session, gate_id)
    if gate.is_default:
        raise errors.Conflict(
            N_("%(name)s is the default gate: make another one the default first", name=gate.name)
        )
    in_use.refuse(session, "gate", gate_id, gate.name)
    audit.record(session, actor, "gate.removed", object_kind="gate", object_id=gate_id, note=gate.name)
    session.delete(gate)
    session.flush()


def _checked(session: Session, name: str, pop_id: int | None) -> dict[str, Any]:
    faults = {}
    if not 0 < len(name.strip()) <= 80:
        faults["name"] = N_("Write a name of at most 80 characters")
    if pop_id is not None and session.get(Pop, pop_id) is None:
        faults["pop_id"] = N_("Choose from the list")
    if faults:
        raise errors.Invalid("The gate is not complete", faults)
    return {"name": name.strip(), "pop_id": pop_id}


def make_default(session: Session, actor: audit.Actor, gate_id: int) -> None:
    """Let this gate serve every line that none is chosen for; raises NotFound."""
    gate = get(session, gate_id)
    others = update(LineGate).where(LineGate.is_default, LineGate.id != gate_id)
    session.execute(others.values(is_default=False))
    gate.is_default = True
    session.flush()
    audit.record(session, actor, "gate.default", object_kind="gate", object_id=gate_id, note=gate.name)


def open_secrets(ring: Cipher, gate_id: int, sealed: str) -> dict[str, Any]:
    """Return a gate's secrets; raises Unavailable when no key fits or they are another gate's."""
    return credentials.open_sealed(ring, "gate", gate_id, sealed) if sealed else {}
