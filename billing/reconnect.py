"""Reconnect: after money moved, look at once whether the debt lock may go. It never places one."""

from datetime import date

from sqlalchemy.orm import Session

from billing import debt, instalments, matter, promises, suspensions
from billing.models import LockReason
from billing.rules import Rules


def review(session: Session, account_id: int, *, today: date, rules: Rules, by: str) -> tuple[int, ...]:
    """Lift the debt locks when what is overdue lets in (Rules.lets_in); call what was promised and came kept.

    The caller holds the account's lock. Returns the subscriptions whose line opens. Cutting again is left to
    the normal ladder.
    """
    if not matter.stands(session, account_id):
        return ()
    promises.settle_paid(session, account_id, today=today, rules=rules)
    instalments.settle_paid(session, account_id, today=today, rules=rules)
    owed = debt.of(session, account_id, today=today, grace_days=rules.grace_days)
    if not rules.lets_in(owed.cutting_minor):
        return ()
    moved = suspensions.lift_of_account(session, account_id, LockReason.DEBT, by=by, today=today)
    return suspensions.opened(session, moved) if moved.lines else ()
