"""Configured gates: where lines are opened and closed, one of them the default."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import db, errors
from core.secrets import Cipher
from registry import audit, credentials
from registry.models import LineGate, Pop


def list_all(session: Session) -> list[LineGate]:
    """Return every gate: the default one first, then by name."""
    return list(session.scalars(select(LineGate).order_by(LineGate.is_default.desc(), LineGate.name)))


def get(session: Session, gate_id: int) -> LineGate:
    """Return the gate; raises NotFound."""
    gate = session.get(LineGate, gate_id)
    if gate is None:
        raise errors.NotFound("There is no such gate")
    return gate


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
    if not 0 < len(name.strip()) <= 80:
        raise errors.Invalid("Not a name", {"name": "Write a name of at most 80 characters"})
    if pop_id is not None and session.get(Pop, pop_id) is None:
        raise errors.Invalid("No such POP", {"pop_id": "Choose from the list"})
    gate = LineGate(name=name.strip(), kind=kind, options=dict(options), pop_id=pop_id)
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


def make_default(session: Session, actor: audit.Actor, gate_id: int) -> None:
    """Let this gate serve every line that names none; raises NotFound."""
    gate = get(session, gate_id)
    others = update(LineGate).where(LineGate.is_default, LineGate.id != gate_id)
    session.execute(others.values(is_default=False))
    gate.is_default = True
    session.flush()
    audit.record(session, actor, "gate.default", object_kind="gate", object_id=gate_id, note=gate.name)


def open_secrets(ring: Cipher, gate_id: int, sealed: str) -> dict[str, Any]:
    """Return a gate's secrets; raises Unavailable when no key fits or they are another gate's."""
    return credentials.open_sealed(ring, "gate", gate_id, sealed) if sealed else {}


def note_state(session: Session, gate_id: int, error: str, now: datetime) -> None:
    """Write down that the gate failed as a whole and since when, or, with no error, that it works."""
    gate = session.get(LineGate, gate_id)
    if gate is not None and gate.error != error:
        gate.failing_since = (gate.failing_since or now) if error else None
        gate.error = error
        session.flush()
