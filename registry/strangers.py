"""Strangers: addresses, logins or ports a gate restricts for no line of its; seen, asked away, gone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    String,
    and_,
    case,
    cast,
    column,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, INET, Insert, insert
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from core import clock
from core.columns import any_of
from registry import gate_kinds, lines
from registry.lines import GateTarget, PortTarget, gate_of_line
from registry.models import Connection, GateStranger, IpAddress, Line, LineGate, Port, PortReading

_row = GateStranger
_QUIET: dict[str, Any] = {"synchronize_session": False}
# How long a repair stays to be looked at.
KEPT = timedelta(days=1)
# These keep no list of addresses (gates.Gate.held).
PORTS = "snmp_port"
_LISTLESS = ("dry_run", PORTS)
# A User-Name has at most so many octets (RFC 2865 5.1).
_LONGEST = 253
# The index's own words: in a plan the server keeps for any parameters, one would not be known for them.
_HAS_LOGIN = text("login <> ''")


def among(session: Session, gate_id: int, held: Iterable[str]) -> list[str]:
    """Return those of the addresses and prefixes, or logins, that no line at this gate claims, as given."""
    given = sorted(held)
    if not given:
        return []
    gate = session.get_one(LineGate, gate_id)
    listed = _listed({"name": given})
    claimed = _is_login_of(session, gate, listed) if _holds_logins(gate) else _is_address_of(gate, listed)
    return list(session.scalars(select(listed.c.name).where(~exists().where(claimed, gate_of_line()))))


def _is_address_of(gate: LineGate, listed: Any) -> ColumnElement[bool]:
    return and_(
        IpAddress.address == cast(listed.c.name, INET),
        # What is on file without a line is the customer's main one.
        or_(
            Line.id == IpAddress.line_id,
            and_(IpAddress.line_id.is_(None), Line.customer_id == IpAddress.customer_id),
        ),
        LineGate.id == gate.id,
    )


def _is_login_of(session: Session, gate: LineGate, listed: Any) -> ColumnElement[bool]:
    """A login is known where any gate on the same tables has its line: there may be one for each POP."""
    others = session.scalars(select(LineGate).where(LineGate.kind == gate.kind))
    same = [one.id for one in others if _tables_of(one) == _tables_of(gate)]
    return and_(Line.login == listed.c.name, LineGate.id.in_(same))


def _tables_of(gate: LineGate) -> tuple[Any, ...]:
    return tuple(gate.options.get(name) for name in ("host", "port", "database"))


def _holds_logins(gate: LineGate | GateTarget) -> bool:
    kind = gate_kinds.KINDS.get(gate.kind)
    return kind is not None and kind.holds_logins


def _listed(columns: Mapping[str, list[str]]) -> Any:
    arrays = (literal(words, ARRAY(String)) for words in columns.values())
    names = (column(name, String) for name in columns)
    return func.unnest(*arrays).table_valued(*names, name="listed").render_derived()


def note(session: Session, gate_id: int, found: Mapping[str, str], now: datetime) -> None:
    """Write down what the gate holds too much, access by name; what is gone was repaired or is over."""
    if found:
        held = _listed({"name": list(found), "access": list(found.values())})
        rows = _rows(session, gate_id, held, access=held.c.access, since=literal(now), seen_at=literal(now))
        # What was seen gone and came back is there anew.
        is_back = _row.repaired_at.is_not(None)
        set_ = {
            "access": rows.insert.excluded.access,
            "seen_at": now,
            "since": case((is_back, now), else_=_row.since),
            "repair_asked_at": case((is_back, None), else_=_row.repair_asked_at),
            "repaired_at": None,
        }
        session.execute(rows.insert.on_conflict_do_update(**rows.conflict, set_=set_))
    gone = and_(_row.gate_id == gate_id, _row.seen_at != now)
    session.execute(
        update(_row)
        .where(gone, _row.repair_asked_at.is_not(None), _row.repaired_at.is_(None))
        .values(repaired_at=now, error=""),
        execution_options=_QUIET,
    )
    is_over = or_(_row.repaired_at.is_(None), _row.repaired_at < now - KEPT)
    session.execute(delete(_row).where(gone, is_over), execution_options=_QUIET)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows to be added, and by which key they are known already."""

    insert: Insert
    conflict: dict[str, Any]


def _rows(session: Session, gate_id: int, listed: Any, **values: ColumnElement[Any]) -> _Rows:
    is_login = _holds_logins(session.get_one(LineGate, gate_id))
    name = "login" if is_login else "address"
    wanted = listed.c.name if is_login else cast(listed.c.name, INET)
    query = select(literal(gate_id), wanted, *values.values())
    if is_login:
        query = query.where(func.length(listed.c.name).between(1, _LONGEST))
    conflict: dict[str, Any] = {"index_elements": ["gate_id", name]}
    if is_login:
        conflict["index_where"] = _HAS_LOGIN
    return _Rows(insert(_row).from_select(["gate_id", name, *values], query), conflict)


def give_up(session: Session, gate: LineGate | GateTarget, login: str, access: str, *, by: str) -> None:
    """Have a login that no line dials in with any more taken off the list of its gate."""
    if not _holds_logins(gate):
        return
    now = clock.now()
    rows = insert(_row).values(
        gate_id=gate.id, login=login, access=access, since=now, seen_at=now, repair_asked_at=now, repair_by=by
    )
    set_ = {"repair_asked_at": now, "repair_by": by, "repaired_at": None, "error": ""}
    session.execute(
        rows.on_conflict_do_update(index_elements=["gate_id", "login"], index_where=_HAS_LOGIN, set_=set_)
    )


def give_up_addresses(
    session: Session, gate: GateTarget, addresses: Iterable[str], access: str, *, by: str
) -> None:
    """Have addresses a line has left taken off the list of its gate, where it keeps such a list."""
    kind, given = gate_kinds.KINDS.get(gate.kind), list(addresses)
    if not given or gate.kind in _LISTLESS or (kind is not None and kind.holds_logins):
        return
    now = clock.now()
    values = {"access": access, "repair_asked_at": now, "repair_by": by}
    rows = insert(_row).values(
        [{"gate_id": gate.id, "address": one, "since": now, "seen_at": now, **values} for one in given]
    )
    set_ = {**values, "repaired_at": None, "error": ""}
    session.execute(rows.on_conflict_do_update(index_elements=["gate_id", "address"], set_=set_))


def give_up_port(session: Session, gate: GateTarget, port: PortTarget, access: str, *, by: str) -> None:
    """Have a port opened that a line's former gate closed: no list of its switch would ever show it."""
    now = clock.now()
    wanted = select(Port.id).where(Port.device_id == port.device_id, Port.if_index == port.if_index)
    values = {"access": access, "repair_asked_at": now, "repair_by": by}
    for port_id in session.scalars(wanted).all():
        rows = insert(_row).values(gate_id=gate.id, port_id=port_id, since=now, seen_at=now, **values)
        set_ = {**values, "repaired_at": None, "error": ""}
        session.execute(rows.on_conflict_do_update(index_elements=["gate_id", "port_id"], set_=set_))


def ports_to_open(session: Session, gate_id: int) -> dict[int, PortTarget]:
    """Return the ports asked open at this gate, by their id; one a line is told by again is forgotten."""
    asked = and_(_row.gate_id == gate_id, _row.repair_asked_at.is_not(None), _row.repaired_at.is_(None))
    query = (
        select(_row.id, Port, func.coalesce(PortReading.reading["name"].astext, ""))
        .join(Port, Port.id == _row.port_id)
        .outerjoin(PortReading, PortReading.port_id == Port.id)
        .where(asked)
    )
    found = {
        key: PortTarget(port.device_id, port.if_index, port.name, port.is_uplink, 0, name)
        for key, port, name in session.execute(query)
    }
    if not found:
        return {}
    there = (
        select(Line.subscription_id)
        .join(Connection, Connection.customer_id == Line.customer_id)
        .join(_row, and_(_row.port_id == Connection.port_id, asked))
    )
    told = lines.targets(session, session.scalars(there).all()).values()
    claimed = {
        (one.port.device_id, one.port.if_index)
        for one in told
        if one.port is not None and one.gate is not None and one.gate.kind == PORTS
    }
    own = [key for key, port in found.items() if (port.device_id, port.if_index) in claimed]
    session.execute(delete(_row).where(_row.id == any_of(own)), execution_options=_QUIET)
    return {key: port for key, port in found.items() if key not in own}


def note_opened(session: Session, stranger_ids: Iterable[int]) -> None:
    """Write down which ports were opened; a day later they are forgotten."""
    now, is_port = clock.now(), _row.port_id.is_not(None)
    session.execute(
        update(_row).where(_row.id == any_of(stranger_ids)).values(repaired_at=now, seen_at=now, error=""),
        execution_options=_QUIET,
    )
    session.execute(delete(_row).where(is_port, _row.repaired_at < now - KEPT), execution_options=_QUIET)


def repair(session: Session, stranger_ids: Iterable[int], *, by: str) -> set[int]:
    """Have these taken off their gates' lists, as `by` asks; return the gates."""
    query = (
        update(_row)
        .where(_row.id == any_of(stranger_ids), _row.repaired_at.is_(None))
        .values(repair_asked_at=clock.now(), repair_by=by, error="")
        .returning(_row.gate_id)
    )
    return set(session.scalars(query, execution_options=_QUIET))


def to_remove(session: Session, gate_id: int) -> dict[int, str]:
    """Return the addresses, or logins, asked off the gate's list, by their id; no line claims them now."""
    query = select(_row.id, func.coalesce(func.abbrev(_row.address), _row.login)).where(
        *(_row.gate_id == gate_id, _row.port_id.is_(None)),
        *(_row.repair_asked_at.is_not(None), _row.repaired_at.is_(None)),
    )
    asked: dict[int, str] = dict(session.execute(query).all())
    left = set(among(session, gate_id, asked.values()))
    return {key: name for key, name in asked.items() if name in left}


def note_error(session: Session, stranger_ids: Iterable[int], error: str) -> None:
    """Write down why these are still on the list; they are not asked away again by themselves."""
    session.execute(
        update(_row).where(_row.id == any_of(stranger_ids)).values(error=error, repair_asked_at=None),
        execution_options=_QUIET,
    )
