"""Suspensions to come whose day is there: placed by the night, billed from the day that was agreed.

Nights may be missed. The line is off from the night that comes; the days agreed before it are billed as
agreed all the same, also of a suspension that is over by then.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from billing import ledger, settling, suspensions
from billing.acts import Act
from billing.models import PlannedSuspension, Subscription, SuspensionLock
from core import clock
from core.columns import any_of


@dataclass(frozen=True, slots=True)
class Placed:
    """What was placed; the accounts of which a line went off late, and those of which one never did."""

    locks: tuple[int, ...] = ()
    lines: tuple[int, ...] = ()
    late: tuple[int, ...] = ()
    missed: tuple[int, ...] = ()


def place_due(session: Session, act: Act, *, account_id: int | None = None) -> Placed:
    """Place what was agreed from the act's day or one before it on, of all or of one account; settle it.

    Of a service that ended before its first day there is nothing to suspend.
    """
    # Whose they are is held before it is looked at what they are: somebody may take one back meanwhile.
    held = ledger.hold(session, accounts(session, act.today, account_id=account_id))
    due = session.execute(
        select(PlannedSuspension, Subscription)
        .join(Subscription, Subscription.id == PlannedSuspension.subscription_id)
        .where(PlannedSuspension.from_on <= act.today, Subscription.account_id == any_of(held))
        .order_by(Subscription.account_id, PlannedSuspension.from_on, PlannedSuspension.id)
    ).all()
    locks: set[int] = set()
    lines: set[int] = set()
    late: set[int] = set()
    missed: set[int] = set()
    for one, service in due:
        last = min((day for day in (one.to_on, service.ends_on) if day is not None), default=None)
        if last is not None and last < one.from_on:
            continue
        if last is not None and last < act.today:
            missed.add(service.account_id)
            _write_down(session, one, last, act)
        else:
            moved = _place(session, one, act)
            late |= {service.account_id} if one.from_on < act.today else set()
            locks |= {*moved.locks}
            lines |= {*moved.lines}
        settling.settle_pending(session, act, account_id=service.account_id)
    session.execute(delete(PlannedSuspension).where(PlannedSuspension.id.in_([one.id for one, _ in due])))
    return Placed(*(tuple(sorted(ids)) for ids in (locks, lines, late, missed)))


def accounts(session: Session, on: date, *, account_id: int | None = None) -> list[int]:
    """Return the accounts, or the one, of which a planned suspension's day has come."""
    query = select(Subscription.account_id).join(
        PlannedSuspension, PlannedSuspension.subscription_id == Subscription.id
    )
    query = query.where(PlannedSuspension.from_on <= on).distinct()
    return list(
        session.scalars(query if account_id is None else query.where(Subscription.account_id == account_id))
    )


def _place(session: Session, one: PlannedSuspension, act: Act) -> suspensions.Moved:
    return suspensions.place(
        session,
        [one.subscription_id],
        one.reason,
        owner=one.author,
        note=one.note,
        today=act.today,
        from_on=one.from_on,
        to_on=one.to_on,
        billed_percent=one.billed_percent,
        effect=one.effect,
    )


def _write_down(session: Session, one: PlannedSuspension, last: date, act: Act) -> None:
    """Keep a suspension that is over before any night placed it: it never moved the line."""
    session.add(
        SuspensionLock(
            subscription_id=one.subscription_id,
            reason=one.reason,
            owner=one.author,
            note=one.note,
            effect=one.effect,
            billed_percent=one.billed_percent,
            from_on=one.from_on,
            to_on=last,
            is_unsettled=one.billed_percent < 100,
            lifted_at=clock.now(),
            lifted_by=act.author.name,
        )
    )
    session.flush()
