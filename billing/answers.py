"""What gates answered: applied after a call, observed by reading back; and repairs a person asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    DateTime,
    Float,
    String,
    and_,
    case,
    cast,
    column,
    extract,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from billing import access
from billing.access import Claim
from billing.models import CUT, AccessState, SubscriptionAccess
from core import clock
from core.columns import any_of

_row = SubscriptionAccess
_QUIET: dict[str, Any] = {"synchronize_session": False}
# What a line was read to do: one access, the mildest and the strictest of its addresses where they differ,
# None where it could not be told.
Seen = AccessState | tuple[AccessState, AccessState] | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The gate's answer to a claim: the access it applied, or the error that prevented it.

    After an error the line waits `pause_s` seconds, doubled with every further error; 0: not at all.
    `is_bare`: the gate had nothing of the line to hold.
    """

    claim: Claim
    applied: AccessState | None
    error: str | None = None
    pause_s: float = 0
    is_bare: bool = False


def settle(session: Session, answers: Iterable[Answer], *, now: datetime, pause_limit_s: float) -> list[int]:
    """Write down what the gate answered, all in one statement; return the lines that are settled now.

    Pauses grow up to `pause_limit_s`, with a quarter of jitter. An answer to an older version settles
    nothing: the line is told again, even if it looked settled meanwhile. Only the lease of the claim ends.
    Of a line the gate holds nothing of, nothing is astray and nothing can be read back.
    """
    given = sorted(answers, key=lambda answer: answer.claim.subscription_id)
    if not given:
        return []
    _lock(session, [answer.claim.subscription_id for answer in given])
    told = _told(given)
    is_current = _row.version == told.c.version
    is_done = and_(is_current, told.c.error.is_(None))
    pause_s = func.least(told.c.pause_s * func.power(2, func.least(_row.attempts, 20)), pause_limit_s)
    later = literal(now) + func.make_interval(0, 0, 0, 0, 0, 0, pause_s * (0.75 + 0.5 * func.random()))
    applied = cast(told.c.applied, _row.applied.type)
    rows = session.execute(
        update(_row)
        .where(_row.subscription_id == told.c.id)
        .values(
            applied=case(
                (is_done, applied),
                (and_(not_(is_current), _row.applied == _row.wanted), None),
                else_=_row.applied,
            ),
            applied_at=case((is_done, now), else_=_row.applied_at),
            attempts=case((is_done, 0), (is_current, _row.attempts + 1), else_=_row.attempts),
            error=case((is_done, None), (is_current, told.c.error), else_=_row.error),
            next_attempt_at=case((and_(is_current, not_(is_done)), later), else_=now),
            leased_until=case((_row.leased_until > told.c.lease, _row.leased_until), else_=None),
            unsettled_since=case((and_(is_done, applied == _row.wanted), None), else_=_row.unsettled_since),
            **_reconnected(told, is_done, now),
            **_bare(told, is_done, now),
        )
        .returning(_row.subscription_id, is_done),
        execution_options=_QUIET,
    )
    return sorted(key for key, is_settled in rows if is_settled)


def _reconnected(told: Any, is_done: ColumnElement[bool], now: datetime) -> dict[str, Any]:
    passes = and_(is_done, told.c.applied.not_in([state.value for state in CUT]))
    took_ms = 1000 * extract("epoch", literal(now) - _row.reconnecting_since)
    is_reconnect = and_(passes, not_(told.c.is_bare), _row.reconnecting_since.is_not(None))
    return {
        "reconnected_at": case((is_reconnect, now), else_=_row.reconnected_at),
        "reconnect_ms": case(
            (is_reconnect, cast(func.greatest(0, took_ms), BigInteger)), else_=_row.reconnect_ms
        ),
        "reconnecting_since": case((passes, None), else_=_row.reconnecting_since),
    }


def _bare(told: Any, is_done: ColumnElement[bool], now: datetime) -> dict[str, Any]:
    is_bare = and_(is_done, told.c.is_bare)
    is_repaired = and_(is_bare, _row.repair_asked_at.is_not(None), _row.repaired_at.is_(None))
    return {
        "is_bare": case((is_done, told.c.is_bare), else_=_row.is_bare),
        "astray_since": case((is_bare, None), else_=_row.astray_since),
        "repaired_at": case((is_repaired, now), else_=_row.repaired_at),
    }


def _told(given: list[Answer]) -> Any:
    """Return the answers as rows: one array a column, however many they are."""
    columns = (
        ("id", BigInteger, [answer.claim.subscription_id for answer in given]),
        ("version", BigInteger, [answer.claim.version for answer in given]),
        ("lease", DateTime(timezone=True), [answer.claim.lease for answer in given]),
        ("applied", String, [answer.applied.value if answer.applied else None for answer in given]),
        ("error", String, [answer.error for answer in given]),
        ("pause_s", Float, [answer.pause_s for answer in given]),
        ("is_bare", Boolean, [answer.is_bare for answer in given]),
    )
    return _rows("told", columns)


def _rows(name: str, columns: Iterable[tuple[str, Any, list[Any]]]) -> Any:
    columns = tuple(columns)
    arrays = (literal(found, ARRAY(kind)) for _, kind, found in columns)
    names = (column(key, kind) for key, kind, _ in columns)
    return func.unnest(*arrays).table_valued(*names, name=name).render_derived()


def _lock(session: Session, ids: list[int]) -> None:
    """Lock the rows in order of id, as everybody does who changes several (see access.lock_rows)."""
    session.execute(
        select(_row.subscription_id)
        .where(_row.subscription_id == any_of(ids))
        .order_by(_row.subscription_id)
        .with_for_update()
    )


def note_observed(
    session: Session,
    observed: Mapping[int, Seen],
    now: datetime,
    *,
    told: Mapping[AccessState, AccessState] | None = None,
) -> list[int]:
    """Write down what the network does (None: it could not be told), measured from `now` on.

    Of a line whose addresses differ, what is written is the one that is not wanted: it is told again.
    `told` is what the gate is asked for each wish it cannot fulfil to the letter: seen, it is the wish.
    Returns the lines that do otherwise than was applied before the measurement: they are unsettled again.
    """
    if not observed:
        return []
    ids = sorted(observed)
    _lock(session, ids)
    _write_observed(session, [(key, observed[key]) for key in ids], now, told or {})
    applied_before = or_(
        _row.applied_at.is_(None),
        _row.applied_at <= now,
        # It was applied under a clock that was set back since.
        _row.applied_at > clock.now(),
    )
    return list(
        session.scalars(
            update(_row)
            .where(
                _row.subscription_id == any_of(ids),
                _row.observed != _row.wanted,
                _row.applied == _row.wanted,
                applied_before,
            )
            .values(
                applied=None,
                next_attempt_at=now,
                unsettled_since=func.coalesce(_row.unsettled_since, now),
                astray_since=func.coalesce(_row.astray_since, now),
            )
            .returning(_row.subscription_id),
            execution_options=_QUIET,
        )
    )


def _write_observed(
    session: Session,
    observed: list[tuple[int, Seen]],
    now: datetime,
    told: Mapping[AccessState, AccessState],
) -> None:
    ends = [state if isinstance(state, tuple) else (state, state) for _, state in observed]
    seen = _rows(
        "seen",
        (
            ("id", BigInteger, [key for key, _ in observed]),
            ("state", String, [mildest.value if mildest else None for mildest, _ in ends]),
            ("strictest", String, [strictest.value if strictest else None for _, strictest in ends]),
        ),
    )
    asked = {wish: told.get(wish, wish) for wish in AccessState}
    is_partly = or_(*(and_(_row.wanted == wish, seen.c.state == way.value) for wish, way in asked.items()))
    is_asked = and_(is_partly, seen.c.strictest == seen.c.state)
    other = cast(case((is_partly, seen.c.strictest), else_=seen.c.state), _row.wanted.type)
    is_repaired = and_(
        is_asked,
        _row.repair_asked_at.is_not(None),
        _row.repaired_at.is_(None),
        _row.repair_asked_at <= now,
        _row.applied == _row.wanted,
    )
    session.execute(
        update(_row)
        .where(_row.subscription_id == seen.c.id)
        .values(
            observed=case((is_asked, _row.wanted), else_=other),
            observed_at=now,
            astray_since=case((is_asked, None), else_=_row.astray_since),
            repaired_at=case((is_repaired, now), else_=_row.repaired_at),
        ),
        execution_options=_QUIET,
    )


def least_observed(session: Session, *, limit: int, among: ColumnElement[bool] | None = None) -> list[int]:
    """Return the lines whose network state was not read for longest, never read ones first (see claim)."""
    order = (_row.observed_at.asc().nulls_first(), _row.subscription_id)
    query = select(_row.subscription_id).where(true() if among is None else among)
    return list(session.scalars(query.order_by(*order).limit(limit)))


def repair(session: Session, subscription_ids: Iterable[int], *, by: str) -> None:
    """Have these lines told anew and read back at once, as `by` asks; repaired_at: when it was seen done."""
    ids = sorted(set(subscription_ids))
    access.lock_rows(session, ids)
    now = clock.now()
    session.execute(
        update(_row)
        .where(_row.subscription_id == any_of(ids))
        .values(
            version=_row.version + 1,
            applied=None,
            attempts=0,
            error=None,
            next_attempt_at=now,
            unsettled_since=func.coalesce(_row.unsettled_since, now),
            repair_asked_at=now,
            repair_by=by,
            repaired_at=None,
        ),
        execution_options=_QUIET,
    )
