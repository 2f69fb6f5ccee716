"""Wanted, applied, observed: what a line's access should be, and who may tell the gate next."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from billing.models import CUT, AccessState, Subscription, SubscriptionAccess, SuspensionLock
from core import clock, errors
from core.columns import any_of

_row = SubscriptionAccess
_lock = SuspensionLock


@dataclass(frozen=True, slots=True)
class Claim:
    """A line to be told its wanted state; `version` and `lease` go back with the gate's answer.

    `is_repair`: a person waits for it, so it is read back at once.
    """

    subscription_id: int
    wanted: AccessState
    version: int
    lease: datetime | None = field(default=None, compare=False)
    is_repair: bool = field(default=False, compare=False)


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
    ids, now = sorted(set(subscription_ids)), clock.now()
    session.execute(
        insert(_row)
        .from_select(
            [
                *("subscription_id", "wanted", "wanted_at", "version", "attempts"),
                *("next_attempt_at", "unsettled_since"),
            ],
            select(
                Subscription.id,
                _wanted(today),
                literal(now),
                literal(1),
                literal(0),
                literal(now),
                literal(now),
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
    # A gate that was told and has not answered, or answered with an error, may have obeyed.
    is_doubtful = or_(_row.leased_until.is_not(None), _row.attempts > 0)
    # What the gate never did ends at no moment: a line that was never cut does not reconnect.
    was_cut = and_(_row.wanted.in_(CUT), or_(is_doubtful, _row.applied.is_(None), _row.applied.in_(CUT)))
    changed = session.execute(
        update(_row)
        .where(_row.subscription_id == wanted.c.id, _row.wanted != wanted.c.state)
        .values(
            wanted=wanted.c.state,
            wanted_at=now,
            version=_row.version + 1,
            next_attempt_at=now,
            attempts=0,
            applied=case((is_doubtful, None), else_=_row.applied),
            unsettled_since=now,
            astray_since=None,
            reconnecting_since=case(
                (wanted.c.state.in_(CUT), None), (was_cut, literal(now)), else_=_row.reconnecting_since
            ),
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
    retry_limit_s: float = 900,
    among: ColumnElement[bool] | None = None,
) -> list[Claim]:
    """Take up to `limit` lines whose gate must be told, each for `lease_s` seconds; nobody else gets them.

    Two sweeps at once get different lines. A claim that is never settled comes back when its lease ends.
    `among` is a condition on SubscriptionAccess: which lines are the caller's to tell.
    """
    free = (
        select(_row.subscription_id)
        .where(is_due(now, lease_s=lease_s, retry_limit_s=retry_limit_s), true() if among is None else among)
        .order_by(_row.next_attempt_at, _row.subscription_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("free")
    )
    rows = session.execute(
        update(_row)
        .where(_row.subscription_id == free.c.subscription_id)
        .values(leased_until=now + timedelta(seconds=lease_s))
        .returning(
            _row.subscription_id,
            _row.wanted,
            _row.version,
            _row.leased_until,
            and_(_row.repair_asked_at.is_not(None), _row.repaired_at.is_(None)),
        ),
        execution_options={"synchronize_session": False},
    )
    return sorted((Claim(*row) for row in rows), key=lambda taken: taken.subscription_id)


def is_due(now: datetime, *, lease_s: float, retry_limit_s: float) -> ColumnElement[bool]:
    """Return the condition that a line is to be told now: not as wanted, not paused, with nobody at it."""
    return and_(
        _row.applied.is_distinct_from(_row.wanted),
        is_past(_row.next_attempt_at, now, retry_limit_s),
        is_past(_row.leased_until, now, lease_s),
    )


def tell_again(session: Session, subscription_ids: Iterable[int]) -> None:
    """Have the gate told these lines anew, whatever it was told: the gear behind it is another one now."""
    ids = sorted(set(subscription_ids))
    lock_rows(session, ids)
    now = clock.now()
    session.execute(
        update(_row)
        .where(_row.subscription_id == any_of(ids))
        .values(
            version=_row.version + 1,
            applied=None,
            observed=None,
            observed_at=None,
            astray_since=None,
            attempts=0,
            error=None,
            next_attempt_at=now,
            unsettled_since=func.coalesce(_row.unsettled_since, now),
        ),
        execution_options={"synchronize_session": False},
    )


def is_past(moment: Any, now: datetime, longest_s: float) -> ColumnElement[bool]:
    """Return the condition that a wait until `moment` is over, or never began.

    A wait lasts `longest_s` seconds at most: one much longer was written under a clock set back since.
    """
    return or_(moment.is_(None), moment <= now, moment > now + timedelta(seconds=2 * longest_s))


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
