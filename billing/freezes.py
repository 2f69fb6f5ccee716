"""Suspensions that people agree on: from a day to a day, billed fully, in part or not at all.

One from today on is a lock at once; one to come is planned, and the night of its day places it
(billing.suspensions_to_come). What charged days cost by then is settled right after (billing.settling).
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import settling, subscriptions, suspensions
from billing.acts import Act
from billing.models import AccessState, LockReason, PlannedSuspension, Subscription
from billing.suspensions import Moved
from core import errors
from core.words import N_

# The reasons a person may place and lift a lock for.
AGREED = (LockReason.MANUAL, LockReason.FREEZE, LockReason.ABUSE, LockReason.TECHNICAL)


@dataclass(frozen=True, slots=True)
class Agreed:
    """What is agreed: why, from when to when (both included; no end: until lifted), at how much.

    `effect` is what it does to the line.
    """

    reason: LockReason
    from_on: date
    to_on: date | None = None
    billed_percent: int = 100
    note: str = ""
    effect: AccessState = AccessState.CLOSED


def agree(session: Session, subscription_id: int, act: Act, agreed: Agreed) -> Moved:
    """Suspend a subscription as agreed, now or from a day to come; what is charged already is settled.

    Raises NotFound, Invalid at the faulty field, Conflict where a suspension of this reason stands or is
    planned for those days.
    """
    subscription = subscriptions.locked(session, subscription_id)
    _check(subscription, act, agreed)
    _refuse_overlap(session, subscription_id, agreed)
    if agreed.from_on <= act.today:
        return _place(session, subscription, act, agreed, owner=act.author.name)
    session.add(
        PlannedSuspension(
            subscription_id=subscription_id,
            reason=agreed.reason,
            from_on=agreed.from_on,
            to_on=agreed.to_on,
            billed_percent=agreed.billed_percent,
            effect=agreed.effect,
            note=agreed.note.strip(),
            author_id=act.author.staff_id,
            author=act.author.name,
        )
    )
    session.flush()
    return Moved()


def lift(session: Session, subscription_id: int, act: Act, reason: LockReason) -> Moved:
    """Lift the suspension of this reason: the line opens today, and today is billed in full again."""
    subscription = subscriptions.locked(session, subscription_id)
    moved = suspensions.lift(session, [subscription_id], reason, by=act.author.name, today=act.today)
    settling.settle_pending(session, act, account_id=subscription.account_id)
    return moved


def planned(session: Session, account_id: int) -> list[PlannedSuspension]:
    """Return the suspensions to come of the account's subscriptions, soonest first."""
    return list(
        session.scalars(
            select(PlannedSuspension)
            .join(Subscription, Subscription.id == PlannedSuspension.subscription_id)
            .where(Subscription.account_id == account_id)
            .order_by(PlannedSuspension.from_on, PlannedSuspension.id)
        )
    )


def find_planned(session: Session, planned_id: int) -> PlannedSuspension:
    """Return a suspension to come; raises NotFound."""
    found = session.get(PlannedSuspension, planned_id, populate_existing=True)
    if found is None:
        raise errors.NotFound("There is no such planned suspension")
    return found


def forget_planned(session: Session, planned_id: int) -> PlannedSuspension:
    """Take a suspension to come back; raises NotFound."""
    subscriptions.locked(session, find_planned(session, planned_id).subscription_id)
    found = find_planned(session, planned_id)
    session.delete(found)
    session.flush()
    return found


def _place(session: Session, subscription: Subscription, act: Act, agreed: Agreed, *, owner: str) -> Moved:
    moved = suspensions.place(
        session,
        [subscription.id],
        agreed.reason,
        owner=owner,
        note=agreed.note.strip(),
        today=act.today,
        to_on=agreed.to_on,
        billed_percent=agreed.billed_percent,
        effect=agreed.effect,
    )
    settling.settle_pending(session, act, account_id=subscription.account_id)
    return moved


def _check(subscription: Subscription, act: Act, agreed: Agreed) -> None:
    faults: dict[str, str] = {}
    if agreed.reason not in AGREED:
        faults["reason"] = N_("A suspension is agreed by hand or as a freeze")
    if agreed.effect is AccessState.OPEN:
        faults["effect"] = N_("Say what the lock does")
    if not agreed.note.strip():
        faults["note"] = N_("Say why, for those who come after")
    if not 0 <= agreed.billed_percent <= 100:
        faults["percent"] = N_("A percent is 0 to 100")
    if agreed.from_on < act.today:
        faults["from_on"] = N_("It begins today at the earliest")
    elif subscription.ends_on is not None and agreed.from_on > subscription.ends_on:
        faults["from_on"] = N_("The service ends before, on %(day)s", day=subscription.ends_on)
    if agreed.to_on is not None and agreed.to_on < agreed.from_on:
        faults["to_on"] = N_("The last day is not before the first")
    if faults:
        raise errors.Invalid("This suspension cannot be", faults)


def _refuse_overlap(session: Session, subscription_id: int, agreed: Agreed) -> None:
    standing = suspensions.standing_of(session, subscription_id, agreed.reason)
    if standing is not None and (standing.to_on is None or standing.to_on >= agreed.from_on):
        raise errors.Conflict("This service is suspended by hand already")
    same = select(PlannedSuspension).where(
        PlannedSuspension.subscription_id == subscription_id, PlannedSuspension.reason == agreed.reason
    )
    for other in session.scalars(same):
        ends_before = agreed.to_on is not None and agreed.to_on < other.from_on
        begins_after = other.to_on is not None and other.to_on < agreed.from_on
        if not (ends_before or begins_after):
            words = N_("A suspension from %(day)s on is planned already", day=other.from_on)
            raise errors.Conflict(words)
