"""Wanted, applied, observed: what a line's access should be, and who may tell the gate next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    CursorResult,
    String,
    and_,
    case,
    cast,
    column,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    update,
    values,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from billing.models import AccessState, Subscription, SubscriptionAccess, SuspensionLock
from core import clock, errors
from core.columns import any_of

_row = SubscriptionAccess
_lock = SuspensionLock


@dataclass(frozen=True, slots=True)
class Claim:
    """A line to be told its wanted state; `version` goes back with the gate's answer."""

    subscription_id: int
    wanted: AccessState
    version: int


def ensure(session: Session, subscription_id: int, *, today: date | None = None) -> SubscriptionAccess:
    """Return the subscription's access row, made with the right wanted state when there is none."""
    lock_rows(session, [subscription_id], today=today)
    row = session.get(SubscriptionAccess, subscription_id, populate_existing=True)
    if row is None:
        raise errors.NotFound("There is no such subscription")
    return row


def lock_rows(session: Session, subscription_ids: Iterable[int], *, today: date | None = None) -> None:
    """Lock the access rows, in order of id, and make those that are missing.

    Whoever changes a subscription's locks takes this first: two who lift and place at once would else each
    decide without seeing the other's lock.
    """
    ids = sorted(set(subscription_ids))
    session.execute(
        insert(_row)
        .from_select(
            ["subscription_id", "wanted", "wanted_at", "version", "attempts", "next_attempt_at"],
            select(
                Subscription.id,
                _wanted(today),
                literal(clock.now()),
                literal(1),
                literal(0),
                literal(clock.now()),
            ).where(
                Subscription.id == any_of(ids),
                ~exists().where(_row.subscription_id == Subscription.id),
            ),
        )
        .on_conflict_do_nothing()
    )
    session.execute(
        select(_row.subscription_id)
        .where(_row.subscription_id == any_of(ids))
        .order_by(_row.subscription_id)
        .with_for_update()
    )


def refresh(
    session: Session, subscription_ids: Iterable[int], *, today: date | None = None
) -> dict[int, AccessState]:
    """Set what is wanted of each: the strictest effect of its locks, open without any, closed if it is over.

    Returns those that changed. `today` is the ISP's business day; without it the day in UTC is taken.
    """
    ids = sorted(set(subscription_ids))
    lock_rows(session, ids, today=today)
    wanted = (
        select(Subscription.id.label("id"), _wanted(today).label("state"))
        .where(Subscription.id == any_of(ids))
        .subquery()
    )
    now = clock.now()
    changed = session.execute(
        update(_row)
        .where(_row.subscription_id == wanted.c.id, _row.wanted != wanted.c.state)
        .values(
            wanted=wanted.c.state,
            wanted_at=now,
            version=_row.version + 1,
            next_attempt_at=now,
            attempts=0,
            # A gate that was told and has not answered, or answered with an error, may have obeyed.
            applied=case((or_(_row.leased_until.is_not(None), _row.attempts > 0), None), else_=_row.applied),
        )
        .returning(_row.subscription_id, _row.wanted),
        execution_options={"synchronize_session": False},
    )
    return {row.subscription_id: row.wanted for row in changed}


def refresh_dates(session: Session, today: date) -> dict[int, AccessState]:
    """Open the lines of subscriptions that began, close those of ones that ended; return what changed."""
    stale = session.scalars(
        select(Subscription.id)
        .outerjoin(_row, _row.subscription_id == Subscription.id)
        .where(or_(_row.subscription_id.is_(None), _row.wanted != _wanted(today)))
    ).all()
    return refresh(session, stale, today=today)


def claim(
    session: Session,
    *,
    limit: int,
    lease_s: float,
    now: datetime,
    among: ColumnElement[bool] | None = None,
) -> list[Claim]:
    """Take up to `limit` lines whose gate must be told, each for `lease_s` seconds; nobody else gets them.

    Two sweeps at once get different lines. A claim that is never settled comes back when its lease ends.
    `among` is a condition on SubscriptionAccess: which lines are the caller's to tell.
    """
    free = (
        select(_row.subscription_id)
        .where(
            _row.applied.is_distinct_from(_row.wanted),
            or_(_row.next_attempt_at.is_(None), _row.next_attempt_at <= now),
            or_(_row.leased_until.is_(None), _row.leased_until <= now),
            true() if among is None else among,
        )
        .order_by(_row.next_attempt_at, _row.subscription_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("free")
    )
    rows = session.execute(
        update(_row)
        .where(_row.subscription_id == free.c.subscription_id)
        .values(leased_until=now + timedelta(seconds=lease_s))
        .returning(_row.subscription_id, _row.wanted, _row.version),
        execution_options={"synchronize_session": False},
    )
    return sorted((Claim(*row) for row in rows), key=lambda taken: taken.subscription_id)


def settle(
    session: Session,
    subscription_id: int,
    *,
    version: int,
    applied: AccessState | None,
    error: str | None,
    now: datetime,
    retry_first_s: float,
    retry_limit_s: float,
) -> bool:
    """Write down the gate's answer to a claim; return whether it settled the line.

    An error is tried again after a pause that doubles up to `retry_limit_s`, with a quarter of jitter. An
    answer to an older version settles nothing: the line is told again, even if it looked settled meanwhile.
    """
    pause_s = func.least(retry_first_s * func.power(2, func.least(_row.attempts, 20)), retry_limit_s) * (
        0.75 + 0.5 * func.random()
    )
    if error is None:
        answer: dict[str, Any] = {
            "applied": applied,
            "applied_at": now,
            "attempts": 0,
            "error": None,
            "next_attempt_at": now,
        }
    else:
        answer = {
            "attempts": _row.attempts + 1,
            "error": error,
            "next_attempt_at": literal(now) + func.make_interval(0, 0, 0, 0, 0, 0, pause_s),
        }
    if _write(session, and_(_row.subscription_id == subscription_id, _row.version == version), **answer):
        return error is None
    _write(
        session,
        _row.subscription_id == subscription_id,
        next_attempt_at=now,
        applied=case((_row.applied == _row.wanted, None), else_=_row.applied),
    )
    return False


def note_observed(
    session: Session,
    observed: Mapping[int, AccessState | None],
    now: datetime,
    *,
    told: Mapping[AccessState, AccessState] | None = None,
) -> list[int]:
    """Write down what the network does (None: it could not be told), measured from `now` on.

    `told` is what the gate is asked for each wish it cannot fulfil to the letter: seen, it is the wish.
    Returns the lines that do otherwise than was applied before the measurement: they are unsettled again.
    """
    if not observed:
        return []
    lock_rows(session, observed)
    seen = values(column("id", BigInteger), column("state", String), name="seen").data(
        [(key, state.value if state else None) for key, state in observed.items()]
    )
    asked = {wish: (told or {}).get(wish, wish) for wish in AccessState}
    is_asked = or_(*(and_(_row.wanted == wish, seen.c.state == way.value) for wish, way in asked.items()))
    state = case((is_asked, _row.wanted), else_=cast(seen.c.state, _row.wanted.type))
    session.execute(
        update(_row).where(_row.subscription_id == seen.c.id).values(observed=state, observed_at=now),
        execution_options={"synchronize_session": False},
    )
    return list(
        session.scalars(
            update(_row)
            .where(
                _row.subscription_id == any_of(sorted(observed)),
                _row.observed != _row.wanted,
                _row.applied == _row.wanted,
                or_(_row.applied_at.is_(None), _row.applied_at <= now),
            )
            .values(applied=None, next_attempt_at=now)
            .returning(_row.subscription_id),
            execution_options={"synchronize_session": False},
        )
    )


def tell_again(session: Session, subscription_ids: Iterable[int]) -> None:
    """Have the gate told these lines anew, whatever it was told: the gear behind it is another one now."""
    ids = sorted(set(subscription_ids))
    lock_rows(session, ids)
    session.execute(
        update(_row)
        .where(_row.subscription_id == any_of(ids))
        .values(
            version=_row.version + 1,
            applied=None,
            observed=None,
            observed_at=None,
            attempts=0,
            error=None,
            next_attempt_at=clock.now(),
        ),
        execution_options={"synchronize_session": False},
    )


def least_observed(session: Session, *, limit: int, among: ColumnElement[bool] | None = None) -> list[int]:
    """Return the lines whose network state was not read for longest, never read ones first (see claim)."""
    order = (_row.observed_at.asc().nulls_first(), _row.subscription_id)
    query = select(_row.subscription_id).where(true() if among is None else among)
    return list(session.scalars(query.order_by(*order).limit(limit)))


def _write(session: Session, where: ColumnElement[bool], **values_: Any) -> bool:
    """Update the row and end its lease; return whether there was one."""
    result = session.execute(
        update(_row).where(where).values(leased_until=None, **values_),
        execution_options={"synchronize_session": False},
    )
    return isinstance(result, CursorResult) and result.rowcount == 1


def _wanted(today: date | None) -> ColumnElement[AccessState]:
    """Return the state a subscription's line should have: of its standing locks the strictest effect."""
    kind = _row.wanted.type
    strictness = case({word.value: place for place, word in enumerate(AccessState)}, value=_lock.effect)
    strictest = (
        select(_lock.effect)
        .where(_lock.subscription_id == Subscription.id, _lock.lifted_at.is_(None))
        .order_by(strictness.desc())
        .limit(1)
        .scalar_subquery()
    )
    return case(
        (
            is_running(today or clock.now().date()),
            func.coalesce(strictest, literal(AccessState.OPEN, kind), type_=kind),
        ),
        else_=literal(AccessState.CLOSED, kind),
    )


def is_running(today: date) -> ColumnElement[bool]:
    """Return the condition that a subscription runs on that day; its last day belongs to it."""
    return and_(
        Subscription.starts_on <= today,
        or_(Subscription.ends_on.is_(None), Subscription.ends_on >= today),
    )
