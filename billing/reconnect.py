"""Reconnect: after money moved, look at once whether the debt lock may go. It never places one."""

from datetime import date

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from billing import debt, instalments, promises, suspensions
from billing.models import InstalmentPlan, LockReason, Promise, PromiseStatus
from billing.rules import Rules

_MATTER = select(
    select(Promise.id)
    .where(Promise.account_id == bindparam("account_id"), Promise.status == PromiseStatus.ACTIVE)
    .exists()
    | select(InstalmentPlan.id)
    .where(
        InstalmentPlan.account_id == bindparam("account_id"), InstalmentPlan.status == PromiseStatus.ACTIVE
    )
    .exists()
    | suspensions.standing_of_account(bindparam("account_id"), LockReason.DEBT).exists()
)


def review(session: Session, account_id: int, *, today: date, rules: Rules, by: str) -> tuple[int, ...]:
    """Lift the debt locks when what is overdue lets in (Rules.lets_in); call what was promised and came kept.

    The caller holds the account's lock. Returns the subscriptions whose line opens. Cutting again is left to
    the normal ladder.
    """
    if not _has_matter(session, account_id):
        return ()
    promises.settle_paid(session, account_id, today=today, rules=rules)
    instalments.settle_paid(session, account_id, today=today, rules=rules)
    owed = debt.of(session, account_id, today=today, grace_days=rules.grace_days)
    if not rules.lets_in(owed.cutting_minor):
        return ()
    moved = suspensions.lift_of_account(session, account_id, LockReason.DEBT, by=by, today=today)
    return suspensions.opened(session, moved) if moved.lines else ()


def _has_matter(session: Session, account_id: int) -> bool:
    """Say whether anything stands that money could settle; most payments find nothing, by one question."""
    return bool(session.scalar(_MATTER, {"account_id": account_id}))
