"""Turns at the gates: which gate is to be visited, which is left alone, and what its gear has lost."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, exists, func, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from billing import access
from billing.models import SubscriptionAccess
from registry.lines import GateTarget, gate_of_line
from registry.models import GateStranger, Line, LineGate, Pop

# Lines that no gate serves have their turn, too.
NONE = GateTarget(id=0, kind="dry_run", options={}, secrets_sealed="")
# How often a gate is asked for its epoch, however often it is told something.
EPOCH_S = 5.0
_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a claim of a line, a pause of a line, and a pause of a gate last at most; seconds."""

    lease_s: float
    retry_limit_s: float
    gate_limit_s: float

    @property
    def longest_s(self) -> float:
        """How long a gate is left alone at most: for a pause, or for somebody's trial."""
        return max(self.lease_s, self.gate_limit_s)


@dataclass(frozen=True, slots=True)
class Turn:
    """A gate that may be visited: `is_trial` where it failed, and one visit shows whether it works again."""

    gate: GateTarget
    name: str
    has_due: bool
    is_epoch_due: bool
    is_trial: bool


def of_gate(gate_id: int) -> ColumnElement[bool]:
    """Return the condition that a row of SubscriptionAccess is of a line at this gate; 0: at none."""
    served = exists().where(Line.subscription_id == SubscriptionAccess.subscription_id, gate_of_line())
    return served.where(LineGate.id == gate_id) if gate_id else ~served


def open_turns(
    session: Session, now: datetime, waits: Waits, *, pop: str | None = None, but: Collection[str] = ()
) -> list[Turn]:
    """Return the gates that stand in `pop` (none: in any but those of `but`) and are not left alone now.

    Without a POP that includes the turn of the lines at no gate.
    """
    query = select(LineGate).outerjoin(Pop, Pop.id == LineGate.pop_id).order_by(LineGate.id)
    if pop is not None:
        query = query.where(Pop.code == pop)
    elif but:
        query = query.where(or_(Pop.code.is_(None), Pop.code.not_in(sorted(but))))
    due = _due(session, now, waits)
    turns = [
        Turn(
            gate=GateTarget(gate.id, gate.kind, dict(gate.options), gate.secrets_sealed),
            name=gate.name,
            has_due=gate.id in due,
            is_epoch_due=gate.kind != NONE.kind and _is_over(gate.epoch_read_at, now, EPOCH_S, EPOCH_S),
            is_trial=gate.failures > 0,
        )
        for gate in session.scalars(query)
        if _is_over(gate.paused_until, now, 0, waits.longest_s)
    ]
    if pop is None and None in due:
        turns.append(Turn(NONE, "", has_due=True, is_epoch_due=False, is_trial=False))
    return turns


def _is_over(moment: datetime | None, now: datetime, after_s: float, longest_s: float) -> bool:
    """Say whether so many seconds passed since then, or the clock was set back since it was written."""
    return moment is None or not (
        now - timedelta(seconds=after_s) < moment <= now + timedelta(seconds=2 * longest_s)
    )


def _due(session: Session, now: datetime, waits: Waits) -> set[int | None]:
    """Return the gates with lines to be told now, or a list to be mended; None stands for no gate."""
    is_due = access.is_due(now, lease_s=waits.lease_s, retry_limit_s=waits.retry_limit_s)
    lines = (
        select(LineGate.id)
        .select_from(SubscriptionAccess)
        .outerjoin(Line, Line.subscription_id == SubscriptionAccess.subscription_id)
        .outerjoin(LineGate, gate_of_line())
        .where(is_due)
        .distinct()
    )
    strangers = select(GateStranger.gate_id).where(
        GateStranger.repair_asked_at.is_not(None), GateStranger.repaired_at.is_(None)
    )
    return {*session.scalars(lines), *session.scalars(strangers)}


def take_trial(session: Session, gate_id: int, now: datetime, waits: Waits) -> datetime | None:
    """Take the one trial of a failing gate for the length of a lease; none where somebody else has it."""
    until = now + timedelta(seconds=waits.lease_s)
    is_taken = _changed(
        session,
        update(LineGate)
        .where(LineGate.id == gate_id, access.is_past(LineGate.paused_until, now, waits.longest_s))
        .values(paused_until=until),
    )
    return until if is_taken else None


def give_back_trial(session: Session, gate_id: int, until: datetime, now: datetime) -> None:
    """End a trial after which the gate is neither known to work nor to fail."""
    _changed(
        session,
        update(LineGate)
        .where(LineGate.id == gate_id, LineGate.paused_until == until)
        .values(paused_until=now),
    )


def take_epoch(session: Session, gate_id: int, now: datetime) -> bool:
    """Take the reading of the gate's epoch; false where it was read a moment ago."""
    is_old = access.is_past(LineGate.epoch_read_at, now - timedelta(seconds=EPOCH_S), EPOCH_S)
    return _changed(
        session,
        update(LineGate).where(LineGate.id == gate_id, is_old).values(epoch_read_at=now),
    )


def _changed(session: Session, statement: Any) -> bool:
    return (
        session.execute(
            statement.returning(LineGate.id), execution_options={"synchronize_session": False}
        ).first()
        is not None
    )


def note_works(session: Session, gate_id: int) -> None:
    """Write down that the gate answered: whatever was wrong with it is over."""
    is_off = or_(LineGate.error != "", LineGate.failures > 0, LineGate.paused_until.is_not(None))
    _changed(
        session,
        update(LineGate)
        .where(LineGate.id == gate_id, is_off)
        .values(error="", failing_since=None, failures=0, paused_until=None),
    )


def note_failed(
    session: Session, gate_id: int, error: str, now: datetime, *, pause_s: float, limit_s: float
) -> None:
    """Write down that the gate failed as a whole, and leave it alone: longer each time, up to `limit_s`."""
    doubled = pause_s * func.power(2, func.least(LineGate.failures, _DOUBLINGS))
    jittered = func.least(doubled, limit_s) * (0.75 + 0.5 * func.random())
    _changed(
        session,
        update(LineGate)
        .where(LineGate.id == gate_id)
        .values(
            error=error,
            failing_since=func.coalesce(LineGate.failing_since, now),
            failures=LineGate.failures + 1,
            paused_until=now + func.make_interval(0, 0, 0, 0, 0, 0, jittered),
        ),
    )


def try_again(session: Session, gate_ids: Collection[int], now: datetime) -> None:
    """End the pauses of these gates: the next sweep tries them."""
    _changed(
        session,
        update(LineGate)
        .where(LineGate.id.in_(sorted(gate_ids)), LineGate.paused_until.is_not(None))
        .values(paused_until=now),
    )


def expect(session: Session, pop: str, now: datetime) -> None:
    """End the pauses of the gates that stand in a POP whose worker is back: nobody else could tell some."""
    standing = select(LineGate.id).join(Pop, Pop.id == LineGate.pop_id).where(Pop.code == pop)
    try_again(session, session.scalars(standing).all(), now)


def find_epoch(session: Session, gate_id: int) -> str | None:
    """Return the epoch the gate was last seen in; None when it never told one."""
    return session.scalar(select(LineGate.epoch).where(LineGate.id == gate_id))


def a_line(session: Session, gate_id: int) -> int | None:
    """Return a subscription with a line at this gate, a settled one first; none when it serves nobody."""
    row = SubscriptionAccess
    order = (case((row.error.is_(None), 0), else_=1), row.subscription_id)
    return session.scalar(select(row.subscription_id).where(of_gate(gate_id)).order_by(*order).limit(1))


def keep_epoch(session: Session, gate_id: int, epoch: str) -> None:
    """Keep the first epoch the gate told."""
    _changed(session, update(LineGate).where(LineGate.id == gate_id).values(epoch=epoch))


def begin_epoch(session: Session, gate_id: int, epoch: str, now: datetime) -> int:
    """Keep the gate's new epoch and have all its lines told again; return how many they are.

    Both in one transaction: an epoch that is on file was told all its lines, or they are on file as untold.
    """
    ids = session.scalars(select(SubscriptionAccess.subscription_id).where(of_gate(gate_id))).all()
    access.tell_again(session, ids)
    _changed(
        session,
        update(LineGate)
        .where(LineGate.id == gate_id)
        .values(epoch=epoch, restarted_at=now, restarted_lines=len(ids), resynced_at=None),
    )
    return len(ids)


def end_resync(session: Session, gate_id: int, now: datetime, waits: Waits) -> None:
    """Write down when the last line was told after a restart, unless some still are to be."""
    is_due = access.is_due(now, lease_s=waits.lease_s, retry_limit_s=waits.retry_limit_s)
    is_left = exists().where(SubscriptionAccess.subscription_id.is_not(None), is_due, of_gate(gate_id))
    _changed(
        session,
        update(LineGate)
        .where(
            LineGate.id == gate_id,
            LineGate.restarted_at.is_not(None),
            LineGate.resynced_at.is_(None),
            ~is_left,
        )
        .values(resynced_at=now),
    )
