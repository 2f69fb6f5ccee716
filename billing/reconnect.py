"""Reconnect: after money moved, look at once whether the debt lock may go; and each minute, whoever may.

It never places a lock, and waits for no plan: who is to be let in is let in while a plan stands braked.
"""

from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing import debt, debt_locks, debtors, instalments, ledger, matter, promises, suspensions, verdicts
from billing.models import AccessState, CutoffRun, DecisionAction, LockReason, NightRun
from billing.rules import Rules
from billing.verdicts import Verdict


def review(session: Session, account_id: int, *, today: date, rules: Rules, by: str) -> tuple[int, ...]:
    """Lift the debt locks when what is overdue lets in (Rules.lets_in); call what was promised and came kept.

    A part that brings the rest back to a milder step of the policy is enough for that step, unless all must
    be paid. The caller holds the account's lock. Returns the subscriptions whose line opens, at least in
    part. Cutting again is left to the normal ladder.
    """
    if not matter.stands(session, account_id):
        return ()
    promises.settle_paid(session, account_id, rules=rules)
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
    moved = debt_locks.ease(session, account_id, step, rules=rules, by=by, today=today)
    if step is not AccessState.OPEN:
        return moved.lines
    return suspensions.opened(session, moved) if moved.lines else ()


def waiting(session: Session, today: date, *, rules: Rules) -> list[int]:
    """Return the accounts that debt has cut further than the policy of today says, by id.

    Their debt was credited, they are never to be cut from now on, or what else no payment told of. Nobody
    where the day is not to be trusted, or where the policy is newer than the newest plan: what a policy
    changes for everybody is shown by a plan first.
    """
    latest = session.scalar(select(func.max(NightRun.run_on)))
    planned = session.scalars(select(CutoffRun).order_by(CutoffRun.id.desc()).limit(1)).first()
    is_newer = planned is not None and int(planned.rules.get("version", 0)) != rules.version
    if is_newer or (latest is not None and latest > today):
        return []
    cut = session.scalars(debtors.cut_accounts().distinct()).all()
    found = debtors.gather(session, today, rules=rules, account_ids=cut) if cut else []
    return [one.account_id for one in found if _ways_in(verdicts.judge(one, today, rules))]


def let_in(session: Session, account_id: int, *, today: date, rules: Rules, by: str) -> list[Verdict]:
    """Let the account's lines in as far as the policy of today says; return what was done, and why."""
    ledger.lock_account(session, account_id)
    promises.settle_paid(session, account_id, rules=rules)
    instalments.settle_paid(session, account_id, today=today, rules=rules)
    done: list[Verdict] = []
    for debtor in debtors.gather(session, today, rules=rules, account_ids=[account_id]):
        for verdict in _ways_in(verdicts.judge(debtor, today, rules)):
            ids = [verdict.subscription_id] if verdict.subscription_id is not None else []
            if verdict.effect is AccessState.OPEN:
                suspensions.lift(session, ids, LockReason.DEBT, by=by, today=today)
            else:
                debt_locks.place(session, ids, verdict.effect, rules=rules, owner=by, today=today)
            done.append(verdict)
    return done


def _ways_in(found: list[Verdict]) -> list[Verdict]:
    return [one for one in found if one.action is DecisionAction.LIFT]
