"""Suspension locks: why a subscription is off, who put it off, and what that makes of its line."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Select, Update, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from billing import access
from billing.models import (
    AccessState,
    LockReason,
    Subscription,
    SubscriptionAccess,
    SuspensionLock,
)
from core import clock
from core.columns import any_of, for_each


@dataclass(frozen=True, slots=True)
class Moved:
    """What a call changed: subscriptions whose lock it was, and those whose line is now wanted otherwise."""

    locks: tuple[int, ...] = ()
    lines: tuple[int, ...] = ()


def place(
    session: Session,
    subscription_ids: Iterable[int],
    reason: LockReason,
    *,
    owner: str,
    note: str = "",
    until: datetime | None = None,
    run_id: int | None = None,
    today: date | None = None,
    billed_percent: int = 100,
    from_on: date | None = None,
    to_on: date | None = None,
    effect: AccessState = AccessState.CLOSED,
) -> Moved:
    """Suspend the subscriptions for this reason; of a lock that stands already only the effect changes.

    `until` is when lift_expired() lifts it by itself, `to_on` the last day after which it does. `today` is
    the business day (see access.refresh), the first day of the lock unless `from_on` says another. With
    `billed_percent` below 100 its days are billed at so much; settling.settle_pending() books the difference.
    """
    ids = sorted(set(subscription_ids))
    if not ids:
        return Moved()
    access.lock_rows(session, ids, today=today)
    columns = {
        "reason": reason,
        "owner": owner,
        "note": note,
        "until": until,
        "run_id": run_id,
        "effect": effect,
        "billed_percent": billed_percent,
        "from_on": from_on or today or clock.now().date(),
        "to_on": to_on,
        "is_unsettled": billed_percent < 100,
    }
    rows = for_each(ids, SuspensionLock.__table__, columns)
    placed = session.scalars(
        insert(SuspensionLock)
        .from_select(["subscription_id", *columns], rows)
        .on_conflict_do_update(
            index_elements=["subscription_id", "reason"],
            index_where=SuspensionLock.lifted_at.is_(None),
            set_={"effect": effect, "changes": SuspensionLock.changes.concat(_change(owner, note))},
            where=SuspensionLock.effect != effect,
        )
        .returning(SuspensionLock.subscription_id)
    ).all()
    return Moved(tuple(sorted(placed)), _lines(session, placed, today))


def bill_otherwise(
    session: Session,
    subscription_ids: Iterable[int],
    reason: LockReason,
    *,
    billed_percent: int,
    owner: str,
    note: str = "",
    today: date | None = None,
) -> Moved:
    """Suspend as place() does; days of a lock that stands for the reason are billed at so much from today on.

    The days before stay as they were billed: one lock ends and another begins, and the line does not move.
    """
    ids = sorted(set(subscription_ids))
    if not ids:
        return Moved()
    access.lock_rows(session, ids, today=today)
    session.execute(
        _lifting(ids, reason, by=owner, today=today).where(SuspensionLock.billed_percent != billed_percent)
    )
    return place(session, ids, reason, owner=owner, note=note, today=today, billed_percent=billed_percent)


def _lifting(ids: list[int], reason: LockReason, *, by: str, today: date | None) -> Update:
    """Return the statement that lifts the standing locks of the reason: yesterday was their last day."""
    return (
        update(SuspensionLock)
        .where(
            SuspensionLock.subscription_id == any_of(ids),
            SuspensionLock.reason == reason,
            SuspensionLock.lifted_at.is_(None),
        )
        .values(
            lifted_at=clock.now(),
            lifted_by=by,
            to_on=(today or clock.now().date()) - timedelta(days=1),
            is_unsettled=SuspensionLock.is_unsettled | (SuspensionLock.billed_percent < 100),
        )
        .execution_options(synchronize_session=False)
    )


def _change(owner: str, note: str) -> ColumnElement[Any]:
    """Return what is kept of an effect that is changed: what it was, until when, who changed it and why."""
    return func.jsonb_build_array(
        func.jsonb_build_object(
            "was", SuspensionLock.effect, "at", clock.now().isoformat(), "by", str(owner), "note", str(note)
        )
    )


def lift(
    session: Session,
    subscription_ids: Iterable[int],
    reason: LockReason,
    *,
    by: str,
    today: date | None = None,
) -> Moved:
    """Lift the standing locks of this reason, and of no other; a line opens when none is left."""
    ids = sorted(set(subscription_ids))
    if not ids:
        return Moved()
    access.lock_rows(session, ids, today=today)
    lifting = _lifting(ids, reason, by=by, today=today)
    lifted = session.scalars(lifting.returning(SuspensionLock.subscription_id)).all()
    return Moved(tuple(sorted(lifted)), _lines(session, lifted, today))


def lift_of_account(
    session: Session, account_id: int, reason: LockReason, *, by: str, today: date | None = None
) -> Moved:
    """Lift the standing locks of this reason on every subscription of the account."""
    ids = session.scalars(standing_of_account(account_id, reason)).all()
    return lift(session, ids, reason, by=by, today=today)


def standing_of_account(account_id: int | BindParameter[int], reason: LockReason) -> Select[int]:
    """Return the query of the account's subscriptions on which a lock of this reason stands."""
    return (
        select(SuspensionLock.subscription_id)
        .join(Subscription, Subscription.id == SuspensionLock.subscription_id)
        .where(
            Subscription.account_id == account_id,
            SuspensionLock.reason == reason,
            SuspensionLock.lifted_at.is_(None),
        )
    )


def lift_expired(
    session: Session, now: datetime, *, by: str, today: date | None = None, account_id: int | None = None
) -> Moved:
    """Lift every lock whose time is over, or whose last day is; of one account when it is named."""
    query = select(SuspensionLock.subscription_id, SuspensionLock.reason).where(_is_over(now, today))
    if account_id is not None:
        query = query.join(Subscription, Subscription.id == SuspensionLock.subscription_id).where(
            Subscription.account_id == account_id
        )
    expired = session.execute(query).all()
    locks: list[int] = []
    lines: list[int] = []
    for reason in sorted({row.reason for row in expired}):
        moved = lift(
            session,
            [row.subscription_id for row in expired if row.reason == reason],
            reason,
            by=by,
            today=today,
        )
        locks += moved.locks
        lines += moved.lines
    return Moved(tuple(sorted(set(locks))), tuple(sorted(set(lines))))


def expired_accounts(
    session: Session, now: datetime, *, today: date | None = None, account_id: int | None = None
) -> list[int]:
    """Return the accounts, or the one, that lift_expired() would lift something of."""
    query = select(Subscription.account_id).join(
        SuspensionLock, SuspensionLock.subscription_id == Subscription.id
    )
    query = query.where(_is_over(now, today)).distinct()
    return list(
        session.scalars(query if account_id is None else query.where(Subscription.account_id == account_id))
    )


def _is_over(now: datetime, today: date | None) -> ColumnElement[bool]:
    is_late = or_(SuspensionLock.until <= now, SuspensionLock.to_on < (today or now.date()))
    return and_(SuspensionLock.lifted_at.is_(None), is_late)


def standing(session: Session, account_id: int) -> list[SuspensionLock]:
    """Return the locks that stand on the account's subscriptions, oldest first."""
    return list(
        session.scalars(
            select(SuspensionLock)
            .join(Subscription, Subscription.id == SuspensionLock.subscription_id)
            .where(Subscription.account_id == account_id, SuspensionLock.lifted_at.is_(None))
            .order_by(SuspensionLock.id)
        )
    )


def unbilled_for_good(session: Session, account_id: int) -> set[int]:
    """Return the account's subscriptions that cost nothing until a person lifts a lock."""
    return {
        lock.subscription_id
        for lock in standing(session, account_id)
        if lock.billed_percent == 0 and lock.to_on is None and lock.until is None
    }


def standing_of(session: Session, subscription_id: int, reason: LockReason) -> SuspensionLock | None:
    """Return the lock of this reason that stands on the subscription, if one does."""
    return session.scalar(
        select(SuspensionLock).where(
            SuspensionLock.subscription_id == subscription_id,
            SuspensionLock.reason == reason,
            SuspensionLock.lifted_at.is_(None),
        )
    )


def opened(session: Session, moved: Moved) -> tuple[int, ...]:
    """Return those of the moved lines that are wanted open."""
    return tuple(
        session.scalars(
            select(SubscriptionAccess.subscription_id)
            .where(
                SubscriptionAccess.subscription_id == any_of(moved.lines),
                SubscriptionAccess.wanted == AccessState.OPEN,
            )
            .order_by(SubscriptionAccess.subscription_id)
        )
    )


def _lines(session: Session, ids: Iterable[int], today: date | None) -> tuple[int, ...]:
    changed = access.refresh(session, ids, today=today)
    for known in session.identity_map.values():
        if isinstance(known, SuspensionLock | SubscriptionAccess):
            session.expire(known)
    return tuple(sorted(changed))
