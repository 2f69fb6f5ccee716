"""Reconnect: after money moved, look at once whether the debt lock may go. It never places one."""

from datetime import date

from sqlalchemy.orm import Session

from billing import debt, instalments, matter, promises, suspensions
from billing.models import AccessState, LockReason
from billing.rules import Rules


def review(session: Session, account_id: int, *, today: date, rules: Rules, by: str) -> tuple[int, ...]:
    """Lift the debt locks when what is overdue lets in (Rules.lets_in); call what was promised and came kept.

    A part that brings the rest back to a milder step of the policy is enough for that step, unless all must
    be paid. The caller holds the account's lock. Returns the subscriptions whose line opens, at least in
    part. Cutting again is left to the normal ladder.
    """
    if not matter.stands(session, account_id):
        return ()
    promises.settle_paid(session, account_id, today=today, rules=rules)
    instalments.settle_paid(session, account_id, today=today, rules=rules)
    owed = debt.of(
        session,
        account_id,
        today=today,
        grace_days=rules.grace_days,
        minimum_minor=rules.minimum_debt_minor,
    )
    step = AccessState.OPEN
    if not rules.lets_in(owed.cutting_minor):
        step = rules.effect_after(owed.days_cutting(today))
        if rules.reconnects_at_zero or step is AccessState.CLOSED:
            return ()
    moved = suspensions.ease_of_account(session, account_id, LockReason.DEBT, step, by=by, today=today)
    if step is not AccessState.OPEN:
        return moved.lines
    return suspensions.opened(session, moved) if moved.lines else ()
