"""Tries of a gate: asked for from its page, done by the worker that would tell it, kept with what was found.

Nothing on the gear is changed by one. A try that nobody takes or ends in time is over by the clock alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import db
from core.columns import any_of
from core.words import N_
from registry import audit, diagnostics, line_gates, pop_boxes
from registry.lines import GateTarget, PortTarget
from registry.models import Connection, Device, GateTry, LineGate, Port

# So long a worker may take to begin, and to end: a gate's own patience is two minutes at most.
TAKEN_S = 20.0
ENDED_S = 180.0
KEPT = 10
_SWITCHES = 3


class TryState(StrEnum):
    """How far a try is: `found` without a doubt, or with some (`doubts`)."""

    WAITING = "waiting"
    TRYING = "trying"
    FOUND = "found"
    DOUBTS = "doubts"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Try:
    """A try as the page shows it; `error` says why it came to nothing."""

    id: int
    pop: str
    asked_at: datetime
    asked_by: str
    ended_at: datetime | None
    state: TryState
    findings: Sequence[Mapping[str, Any]]
    error: str

    @property
    def is_open(self) -> bool:
        """Whether somebody is still to answer."""
        return self.state in (TryState.WAITING, TryState.TRYING)


def ask(
    session: Session, actor: audit.Actor, gate_id: int, *, default_pop: str, now: datetime
) -> tuple[int, str] | None:
    """Ask for a try; return its id and the POP whose worker is to do it, None while one is under way.

    Raises NotFound.
    """
    gate = line_gates.get(session, gate_id)
    for row in session.scalars(_of(gate_id).where(GateTry.ended_at.is_(None)).with_for_update()):
        if _shown(row, now).is_open:
            return None
        row.error, row.ended_at = _shown(row, now).error, now
    session.flush()
    at = _pop_to_ask(session, gate, default_pop)
    standing = line_gates.pop_of(session, gate_id)
    is_box = standing is not None and standing in pop_boxes.working(session)
    made = GateTry(gate_id=gate_id, pop=standing if is_box else at, asked_at=now, asked_by=actor.name)
    try:
        with db.part(session):
            session.add(made)
    except IntegrityError:
        return None  # somebody else pressed in the same moment
    old = select(GateTry.id).where(GateTry.gate_id == gate_id).order_by(GateTry.id.desc()).offset(KEPT)
    for row in session.scalars(select(GateTry).where(GateTry.id.in_(old))):
        session.delete(row)
    audit.record(session, actor, "gate.checked", object_kind="gate", object_id=gate_id, note=gate.name)
    return made.id, at


def _pop_to_ask(session: Session, gate: LineGate, default_pop: str) -> str:
    """Return the POP whose worker of ours tells this gate now: a box is led by the default one's."""
    pop = line_gates.pop_of(session, gate.id)
    if pop is None or pop in pop_boxes.working(session):
        return default_pop
    is_alive = any(worker["pop"] == pop and worker["is_alive"] for worker in diagnostics.workers(session))
    return pop if is_alive else default_pop


def take(session: Session, try_id: int, now: datetime) -> GateTarget | None:
    """Take a try that waits; return its gate, None when it was taken, or waited too long."""
    gate_id = session.scalar(
        update(GateTry)
        .where(
            GateTry.id == try_id,
            GateTry.taken_at.is_(None),
            GateTry.ended_at.is_(None),
            GateTry.asked_at > now - timedelta(seconds=TAKEN_S),
        )
        .values(taken_at=now)
        .returning(GateTry.gate_id)
    )
    gate = session.get(LineGate, gate_id) if gate_id is not None else None
    return GateTarget(gate.id, gate.kind, dict(gate.options), gate.secrets_sealed) if gate else None


def end(
    session: Session,
    try_id: int,
    now: datetime,
    *,
    findings: Iterable[Mapping[str, Any]] = (),
    error: str = "",
) -> None:
    """Write down what came out of a try, unless it is over."""
    session.execute(
        update(GateTry)
        .where(GateTry.id == try_id, GateTry.ended_at.is_(None))
        .values(ended_at=now, findings=[dict(one) for one in findings], error=error)
    )


def of_gate(session: Session, gate_id: int, now: datetime) -> list[Try]:
    """Return the tries of a gate that are kept, the last one first."""
    return [_shown(row, now) for row in session.scalars(_of(gate_id).order_by(GateTry.id.desc()))]


def last(session: Session, gate_ids: Iterable[int], now: datetime) -> dict[int, Try]:
    """Return the last try of each of these gates."""
    newest = select(func.max(GateTry.id)).where(GateTry.gate_id == any_of(gate_ids)).group_by(GateTry.gate_id)
    rows = session.scalars(select(GateTry).where(GateTry.id.in_(newest)))
    return {row.gate_id: _shown(row, now) for row in rows}


def ports(session: Session, gate_id: int) -> list[PortTarget]:
    """Return ports to look at for a gate whose gear are switches: one of each of a few, in its POP.

    Those of switches with SNMP on file; a customer's port before one that nobody is on, an uplink last.
    """
    pop_id = session.scalar(select(LineGate.pop_id).where(LineGate.id == gate_id))
    is_used = select(Connection.id).where(Connection.port_id == Port.id).exists()
    query = (
        select(Port)
        .join(Device, Device.id == Port.device_id)
        .where(Device.address.is_not(None), Device.snmp_version != "")
        .ext(distinct_on(Port.device_id))
        .order_by(Port.device_id, Port.is_uplink, is_used.desc(), Port.if_index)
        .limit(_SWITCHES)
    )
    if pop_id is not None:
        query = query.where(Device.pop_id == pop_id)
    return [
        PortTarget(port.device_id, port.if_index, port.name, port.is_uplink, 0)
        for port in session.scalars(query)
    ]


def _of(gate_id: int) -> Any:
    return select(GateTry).where(GateTry.gate_id == gate_id)


def _shown(row: GateTry, now: datetime) -> Try:
    state, error = _state(row, now), row.error
    if state is TryState.EXPIRED and not error:
        error = (
            N_("The worker of POP %(pop)s took it and did not come back", pop=row.pop)
            if row.taken_at
            else N_("No worker of POP %(pop)s took it: see that one runs (Setup, POPs)", pop=row.pop)
        )
    return Try(row.id, row.pop, row.asked_at, row.asked_by, row.ended_at, state, row.findings, error)


def _state(row: GateTry, now: datetime) -> TryState:
    if row.findings:
        return TryState.FOUND if all(one["is_good"] for one in row.findings) else TryState.DOUBTS
    if row.error:
        return TryState.FAILED
    since, most_s = (row.taken_at, ENDED_S) if row.taken_at else (row.asked_at, TAKEN_S)
    # A clock that was set back since must not leave a try under way for days.
    is_over = row.ended_at is not None or abs(now - since) > timedelta(seconds=most_s)
    if is_over:
        return TryState.EXPIRED
    return TryState.TRYING if row.taken_at else TryState.WAITING
