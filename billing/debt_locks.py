"""The locks of debt: how far each cuts, and what is billed of the days on which it cuts off."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import suspensions
from billing.models import AccessState, LockReason, SuspensionLock, strictness
from billing.rules import Rules
from billing.suspensions import Moved
from core.columns import any_of

# With these effects the customer has no internet; with the others he has, and pays it in full.
OFF = (AccessState.WALLED, AccessState.CLOSED)


def place(
    session: Session,
    subscription_ids: Sequence[int],
    effect: AccessState,
    *,
    rules: Rules,
    owner: str,
    note: str = "",
    run_id: int | None = None,
    today: date,
) -> Moved:
    """Let debt cut the subscriptions so far, billed as the policy says while they are off.

    A lock that stands keeps its place and gets the effect; where other days are billed otherwise from today
    on it ends, and a new one begins (see suspensions.place).
    """
    percent = rules.debt_billed_percent if effect in OFF else 100
    if rules.debt_billed_percent < 100 and subscription_ids:
        other = session.scalars(
            select(SuspensionLock.subscription_id).where(
                SuspensionLock.subscription_id == any_of(subscription_ids),
                SuspensionLock.reason == LockReason.DEBT,
                SuspensionLock.lifted_at.is_(None),
                SuspensionLock.billed_percent != percent,
            )
        ).all()
        suspensions.lift(session, other, LockReason.DEBT, by=owner, today=today)
    return suspensions.place(
        session,
        subscription_ids,
        LockReason.DEBT,
        owner=owner,
        note=note,
        run_id=run_id,
        today=today,
        billed_percent=percent,
        effect=effect,
    )


def ease(
    session: Session, account_id: int, effect: AccessState, *, rules: Rules, by: str, today: date
) -> Moved:
    """Give the account's locks of debt that are stricter than `effect` that one; open lifts them."""
    if effect is AccessState.OPEN:
        return suspensions.lift_of_account(session, account_id, LockReason.DEBT, by=by, today=today)
    stricter = [one for one in AccessState if strictness(one) > strictness(effect)]
    query = suspensions.standing_of_account(account_id, LockReason.DEBT)
    ids = session.scalars(query.where(SuspensionLock.effect.in_(stricter))).all()
    return place(session, ids, effect, rules=rules, owner=by, today=today)
