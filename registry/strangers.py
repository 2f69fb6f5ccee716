"""Strangers: addresses that a gate restricts although no line of its is to be; seen, asked away, gone."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, and_, case, cast, column, delete, exists, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, INET, insert
from sqlalchemy.orm import Session

from core import clock
from core.columns import any_of
from registry.lines import gate_of_line
from registry.models import GateStranger, IpAddress, Line, LineGate

_row = GateStranger
_QUIET: dict[str, Any] = {"synchronize_session": False}
# How long a repair stays to be looked at.
KEPT = timedelta(days=1)


def among(session: Session, gate_id: int, addresses: Iterable[str]) -> list[str]:
    """Return those of the addresses and prefixes that no line at this gate claims, as they were given."""
    given = sorted(addresses)
    if not given:
        return []
    held = _listed({"address": given})
    claimed = exists().where(
        IpAddress.address == cast(held.c.address, INET),
        # What is on file without a line is the customer's main one.
        or_(
            Line.id == IpAddress.line_id,
            and_(IpAddress.line_id.is_(None), Line.customer_id == IpAddress.customer_id),
        ),
        LineGate.id == gate_id,
        gate_of_line(),
    )
    return list(session.scalars(select(held.c.address).where(~claimed)))


def _listed(columns: Mapping[str, list[str]]) -> Any:
    arrays = (literal(words, ARRAY(String)) for words in columns.values())
    names = (column(name, String) for name in columns)
    return func.unnest(*arrays).table_valued(*names, name="listed").render_derived()


def note(session: Session, gate_id: int, found: Mapping[str, str], now: datetime) -> None:
    """Write down what the gate holds too much, access by address; what is gone was repaired or is over."""
    if found:
        held = _listed({"address": list(found), "access": list(found.values())})
        rows = insert(_row).from_select(
            ["gate_id", "address", "access", "since", "seen_at"],
            select(literal(gate_id), cast(held.c.address, INET), held.c.access, literal(now), literal(now)),
        )
        # What was seen gone and came back is there anew.
        is_back = _row.repaired_at.is_not(None)
        session.execute(
            rows.on_conflict_do_update(
                index_elements=["gate_id", "address"],
                set_={
                    "access": rows.excluded.access,
                    "seen_at": now,
                    "since": case((is_back, now), else_=_row.since),
                    "repair_asked_at": case((is_back, None), else_=_row.repair_asked_at),
                    "repaired_at": None,
                },
            )
        )
    gone = and_(_row.gate_id == gate_id, _row.seen_at != now)
    session.execute(
        update(_row)
        .where(gone, _row.repair_asked_at.is_not(None), _row.repaired_at.is_(None))
        .values(repaired_at=now, error=""),
        execution_options=_QUIET,
    )
    is_over = or_(_row.repaired_at.is_(None), _row.repaired_at < now - KEPT)
    session.execute(delete(_row).where(gone, is_over), execution_options=_QUIET)


def repair(session: Session, stranger_ids: Iterable[int], *, by: str) -> set[int]:
    """Have these addresses taken off their gates' lists, as `by` asks; return the gates."""
    query = (
        update(_row)
        .where(_row.id == any_of(stranger_ids), _row.repaired_at.is_(None))
        .values(repair_asked_at=clock.now(), repair_by=by, error="")
        .returning(_row.gate_id)
    )
    return set(session.scalars(query, execution_options=_QUIET))


def to_remove(session: Session, gate_id: int) -> dict[int, str]:
    """Return the addresses that are asked off the gate's list, by their id; no line claims them now."""
    query = select(_row.id, _row.address).where(
        _row.gate_id == gate_id, _row.repair_asked_at.is_not(None), _row.repaired_at.is_(None)
    )
    asked: dict[int, str] = dict(session.execute(query).all())
    left = set(among(session, gate_id, asked.values()))
    return {key: address for key, address in asked.items() if address in left}


def forget_claimed(session: Session, gate_id: int) -> None:
    """Forget the strangers that a line claims meanwhile: what they are to be is that line's matter."""
    query = select(_row.address).where(_row.gate_id == gate_id, _row.repaired_at.is_(None))
    known = list(session.scalars(query))
    claimed = sorted(set(known) - set(among(session, gate_id, known)))
    session.execute(
        delete(_row).where(_row.gate_id == gate_id, _row.address.in_(claimed)), execution_options=_QUIET
    )


def note_error(session: Session, stranger_ids: Iterable[int], error: str) -> None:
    """Write down why these are still on the list; they are not asked away again by themselves."""
    session.execute(
        update(_row).where(_row.id == any_of(stranger_ids)).values(error=error, repair_asked_at=None),
        execution_options=_QUIET,
    )
