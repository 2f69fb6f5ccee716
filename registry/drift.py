"""The drift list: lines the network serves otherwise than is wanted, addresses of no line, repairs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Select,
    String,
    and_,
    case,
    cast,
    exists,
    extract,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from billing import answers
from billing.models import CUT, AccessState, SubscriptionAccess, SuspensionLock
from core import clock
from core.columns import any_of
from registry import audit, gate_turns, keyset, search, strangers
from registry.keyset import Key, Marks
from registry.lines import gate_of_line
from registry.models import Customer, Device, GateStranger, IpAddress, Line, LineGate, Port

PAGE = 50
# So long a wish may be on its way before its line is adrift.
LATE = timedelta(seconds=60)
# So long a repair stays to be looked at.
KEPT = timedelta(days=1)
KINDS = ("passing", "cut", "stranger")
STATES = ("adrift", "repaired", "bare")
USUAL_SORT = "since"

_row = SubscriptionAccess
_lock = SuspensionLock


@dataclass(frozen=True, slots=True)
class DriftFilter:
    """What the list is narrowed to; all given must hold. `kind` is of KINDS, `state` of STATES.

    "bare" are lines to be restricted of which their gate has nothing to hold: nothing is adrift there.
    """

    text: str = ""
    kind: str = ""
    gate_id: int | None = None
    state: str = "adrift"


@dataclass(frozen=True, slots=True)
class DriftRow:
    """A line adrift, or what a gate holds for nobody (`id` below 0; the access is `observed`).

    `address` is a login there where `is_login`, a switch and its port where `is_port`.
    `is_adrift` is over once it was repaired. `is_told`: the gate confirmed what is wanted. `is_bare`: it had
    nothing of the line to hold.
    """

    id: int
    kind: str
    is_adrift: bool
    is_bare: bool
    since: datetime
    customer_id: int | None
    name: str
    number: str
    address: str
    is_login: bool
    is_port: bool
    gate_id: int | None
    gate: str
    gate_error: str
    paused_until: datetime | None
    wanted: str | None
    wanted_at: datetime | None
    applied: str | None
    applied_at: datetime | None
    observed: str | None
    observed_at: datetime | None
    error: str
    repair_asked_at: datetime | None
    repair_by: str
    repaired_at: datetime | None

    @property
    def is_told(self) -> bool:
        """Whether the gate confirmed what is wanted."""
        return self.applied is not None and self.applied == self.wanted

    @property
    def is_in_repair(self) -> bool:
        """Whether somebody asked for a repair that has not been seen done."""
        return self.repair_asked_at is not None and self.repaired_at is None

    @property
    def repair_s(self) -> float | None:
        """How long the repair took, from the press to the reading that showed it done; seconds."""
        if self.repair_asked_at is None or self.repaired_at is None:
            return None
        return max(0.0, (self.repaired_at - self.repair_asked_at).total_seconds())


def _strictness(state: Any) -> ColumnElement[int]:
    return case({word.value: place for place, word in enumerate(AccessState)}, value=state)


def _is_late(now: datetime) -> ColumnElement[bool]:
    return and_(_row.applied.is_distinct_from(_row.wanted), _row.unsettled_since < now - LATE)


def _kind() -> ColumnElement[str]:
    """Whether the line passes more than it should, or less; by what was read, else by what was applied."""
    so = case((_row.astray_since.is_not(None), _row.observed), else_=_row.applied)
    return case(
        (_strictness(so) < _strictness(_row.wanted), literal("passing")),
        (_strictness(so) > _strictness(_row.wanted), literal("cut")),
        (_row.wanted == AccessState.OPEN, literal("cut")),
        else_=literal("passing"),
    )


def _columns(**named: Any) -> list[Any]:
    return [value.label(name) for name, value in named.items()]


def _is_bare() -> ColumnElement[bool]:
    """Whether the line is to be cut off and its gate had nothing of it to hold."""
    is_standing = and_(_lock.lifted_at.is_(None), _lock.effect.in_(CUT))
    lock = exists().where(_lock.subscription_id == _row.subscription_id, is_standing)
    return and_(_row.is_bare, _row.applied == _row.wanted, lock)


def _addresses() -> Any:
    is_loose = and_(IpAddress.line_id.is_(None), IpAddress.customer_id == Line.customer_id)
    query = select(func.string_agg(func.abbrev(IpAddress.address), ", "))
    return query.where(or_(IpAddress.line_id == Line.id, is_loose)).correlate(Line).scalar_subquery()


def _lines(now: datetime, *, with_bare: bool) -> Select[Any]:
    is_adrift, is_bare = or_(_row.astray_since.is_not(None), _is_late(now)), _is_bare()
    is_repaired = _row.repair_asked_at >= now - KEPT
    columns = _columns(
        id=cast(_row.subscription_id, BigInteger),
        kind=_kind(),
        is_adrift=func.coalesce(is_adrift, False),
        is_bare=func.coalesce(is_bare, False),
        since=func.coalesce(_row.astray_since, _row.unsettled_since, _row.repair_asked_at, _row.wanted_at),
        customer_id=Line.customer_id,
        address=func.coalesce(_addresses(), ""),
        is_login=literal(False),
        is_port=literal(False),
        gate_id=LineGate.id,
        wanted=cast(_row.wanted, String),
        wanted_at=_row.wanted_at,
        applied=cast(_row.applied, String),
        applied_at=_row.applied_at,
        observed=cast(_row.observed, String),
        observed_at=_row.observed_at,
        error=func.coalesce(_row.error, ""),
        repair_asked_at=_row.repair_asked_at,
        repair_by=_row.repair_by,
        repaired_at=_row.repaired_at,
    )
    return (
        select(*columns)
        .select_from(_row)
        .join(Line, Line.subscription_id == _row.subscription_id)
        .outerjoin(LineGate, gate_of_line())
        .where(or_(is_adrift, is_repaired, *([is_bare] if with_bare else ())))
    )


def _alien() -> Select[Any]:
    one, no_moment = GateStranger, cast(null(), GateStranger.since.type)
    port = (
        select(Device.name + " " + Port.name)
        .select_from(Port)
        .join(Device, Device.id == Port.device_id)
        .where(Port.id == one.port_id)
        .correlate(one)
        .scalar_subquery()
    )
    columns = _columns(
        id=-one.id,
        kind=literal("stranger"),
        is_adrift=one.repaired_at.is_(None),
        is_bare=literal(False),
        since=one.since,
        customer_id=cast(null(), BigInteger),
        address=func.coalesce(func.abbrev(one.address), func.nullif(one.login, ""), port, ""),
        is_login=one.login != "",
        is_port=one.port_id.is_not(None),
        gate_id=one.gate_id,
        wanted=cast(null(), String),
        wanted_at=no_moment,
        applied=cast(null(), String),
        applied_at=no_moment,
        observed=cast(one.access, String),
        observed_at=one.seen_at,
        error=one.error,
        repair_asked_at=one.repair_asked_at,
        repair_by=one.repair_by,
        repaired_at=one.repaired_at,
    )
    return select(*columns)


def _found(now: datetime, filters: DriftFilter) -> tuple[Select[Any], Any]:
    drift = union_all(_lines(now, with_bare=filters.state == "bare"), _alien()).subquery("drift")
    query = (
        select(drift, Customer, LineGate)
        .outerjoin(Customer, Customer.id == drift.c.customer_id)
        .outerjoin(LineGate, LineGate.id == drift.c.gate_id)
    )
    is_asked = drift.c.repair_asked_at.is_not(None)
    if filters.state == "repaired":
        query = query.where(is_asked, ~drift.c.is_adrift)
    elif filters.state == "bare":
        query = query.where(drift.c.is_bare)
    else:
        # What is being repaired stays in view until it was seen done.
        query = query.where(or_(drift.c.is_adrift, and_(is_asked, drift.c.repaired_at.is_(None))))
    if filters.kind:
        query = query.where(drift.c.kind == filters.kind)
    if filters.gate_id is not None:
        query = query.where(drift.c.gate_id == filters.gate_id)
    if filters.text:
        is_meant = drift.c.customer_id.in_(search.matching(filters.text))
        query = query.where(or_(is_meant, drift.c.address.contains(filters.text, autoescape=True)))
    return query, drift


def _keys(drift: Any) -> dict[str, Key]:
    return {
        "since": Key(cast(extract("epoch", drift.c.since) * 1_000_000, BigInteger), int),
        "customer": Key(func.coalesce(Customer.sort_name, ""), str),
        "kind": Key(drift.c.kind, str),
        "gate": Key(func.coalesce(LineGate.name, ""), str),
        "address": Key(drift.c.address, str),
        "wanted": Key(func.coalesce(drift.c.wanted, ""), str),
        "applied": Key(func.coalesce(drift.c.applied, ""), str),
        "observed": Key(func.coalesce(drift.c.observed, ""), str),
    }


SORTS = ("since", "customer", "kind", "gate", "address", "wanted", "applied", "observed")


def page(
    session: Session,
    filters: DriftFilter,
    *,
    sort: str = USUAL_SORT,
    after: str | None = None,
    limit: int = PAGE,
) -> tuple[list[DriftRow], Marks]:
    """Return a page of the list in an order of SORTS, and the mark of the next."""
    query, drift = _found(clock.now(), filters)
    found, mark = keyset.page(
        session, query, sort=sort, keys=_keys(drift), id_column=drift.c.id, after=after, limit=limit
    )
    return [_drift_row(list(drift.c.keys()), row) for row in found], mark


def _drift_row(names: list[str], row: tuple[Any, ...]) -> DriftRow:
    values = dict(zip(names, row, strict=False))
    customer, gate = row[len(names) : len(names) + 2]
    return DriftRow(
        **values,
        name=customer.name if customer else "",
        number=customer.number if customer else "",
        gate=gate.name if gate else "",
        gate_error=gate.error if gate else "",
        paused_until=gate.paused_until if gate else None,
    )


def counts(session: Session) -> dict[str, int]:
    """Return how many are adrift, by kind."""
    query, drift = _found(clock.now(), DriftFilter())
    inner = query.with_only_columns(drift.c.kind).where(drift.c.is_adrift).subquery()
    return dict(session.execute(select(inner.c.kind, func.count()).group_by(inner.c.kind)).all())


def gates(session: Session) -> list[tuple[int, str]]:
    """Return the gates there are, to choose from."""
    return [
        (key, name)
        for key, name in session.execute(select(LineGate.id, LineGate.name).order_by(LineGate.name))
    ]


def every_id(session: Session, filters: DriftFilter) -> list[int]:
    """Return all that the filters leave and nobody repairs yet."""
    query, drift = _found(clock.now(), filters)
    return list(session.scalars(query.with_only_columns(drift.c.id).where(drift.c.is_adrift)))


def repair(session: Session, actor: audit.Actor, ids: Iterable[int]) -> int:
    """Have the lines told anew and the addresses taken off (ids as of DriftRow); return how many there are.

    A gate that is left alone after failures is tried at once.
    """
    asked = set(ids)
    known = set(session.scalars(select(Line.subscription_id).where(Line.subscription_id == any_of(asked))))
    answers.repair(session, known, by=actor.name)
    alien = {-key for key in asked if key < 0}
    there = set(session.scalars(select(GateStranger.id).where(GateStranger.id == any_of(alien))))
    touched = strangers.repair(session, there, by=actor.name)
    query = select(LineGate.id).distinct().join(Line, gate_of_line())
    touched |= set(session.scalars(query.where(Line.subscription_id == any_of(known))))
    gate_turns.try_again(session, touched, clock.now())
    whose = select(Line.customer_id).where(Line.subscription_id == any_of(known)).distinct()
    audit.record_for_many(session, actor, "line.repaired", whose, object_kind="drift", object_id=0, note="")
    for key in sorted(there):
        audit.record(session, actor, "gate.stranger_removed", object_kind="stranger", object_id=key)
    return len(known) + len(there)


def try_gate(session: Session, actor: audit.Actor, gate_id: int) -> None:
    """End the pause of a gate that failed: the next sweep tries it."""
    gate_turns.try_again(session, [gate_id], clock.now())
    audit.record(session, actor, "gate.tried", object_kind="gate", object_id=gate_id)
