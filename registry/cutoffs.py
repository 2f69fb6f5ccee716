"""The cutoff as staff see it: runs, one plan with its people, debtors; and the acts with their history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, Subquery, func, literal, select, text, tuple_
from sqlalchemy.orm import Session

from billing import cutoff, debt
from billing.brake import Clock, Witness
from billing.models import (
    Account,
    CutoffDecision,
    CutoffRun,
    DecisionAction,
    LockReason,
    Plan,
    Promise,
    PromiseStatus,
    RunStatus,
    Subscription,
    SuspensionLock,
)
from billing.rules import Rules
from core import errors
from core.money import Money
from core.words import N_
from registry import audit, paging, search, wholes
from registry.models import Customer

PAGE = 100


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One decision with the person it is about; an account may belong to nobody."""

    id: int
    customer_id: int | None
    number: str
    name: str
    plan: str
    action: DecisionAction
    reason: str
    overdue: Money
    balance: Money
    days_overdue: int
    explanation: str
    outcome: str


@dataclass(frozen=True, slots=True)
class PlanPage:
    """A run, how many rows it has of each action and reason, and a page of them; the largest debts first."""

    run: CutoffRun
    counts: tuple[tuple[DecisionAction, str, int], ...]
    outcomes: dict[str, int]
    rows: tuple[PlanRow, ...]
    next: str | None

    @property
    def is_open(self) -> bool:
        """Whether it can still be applied or discarded."""
        return self.run.status in {RunStatus.PLANNED, RunStatus.BRAKED}


@dataclass(frozen=True, slots=True)
class DebtorRow:
    """Somebody who is past due."""

    customer_id: int
    number: str
    name: str
    balance: Money
    past_due: Money
    overdue: Money
    oldest_due_on: date | None
    days_overdue: int
    promise_until: date | None
    is_never_cut: bool
    is_cut: bool


@dataclass(frozen=True, slots=True)
class DebtorPage:
    """A page of debtors, the largest sum past due first; `totals` is over all of them, by currency."""

    rows: tuple[DebtorRow, ...]
    totals: tuple[tuple[int, Money], ...]
    next: str | None


def plan(session: Session, actor: audit.Actor, on: date, *, rules: Rules) -> CutoffRun:
    """Make a plan (see billing.cutoff.plan)."""
    witness = Witness(wholes.find, Clock(on))
    made = cutoff.plan(session, on, rules=rules, planned_by=actor.name, witness=witness)
    _record(session, actor, "cutoff.planned", made)
    return made


def apply(session: Session, actor: audit.Actor, run_id: int, *, force: bool, today: date) -> CutoffRun:
    """Carry out a plan (see billing.cutoff.apply), with a line in the history of everybody it touched."""
    was_applied = get(session, run_id).status is RunStatus.APPLIED
    run = cutoff.apply(session, run_id, approved_by=actor.name, force=force, today=today)
    if not was_applied:
        _record(session, actor, "cutoff.applied", run, note=N_("past the brake") if run.brake_reasons else "")
        record_outcomes(session, actor, run_id)
    return run


def discard(session: Session, actor: audit.Actor, run_id: int) -> CutoffRun:
    """Put a plan aside (see billing.cutoff.discard)."""
    run = cutoff.discard(session, run_id, by=actor.name)
    _record(session, actor, "cutoff.discarded", run)
    return run


def record_outcomes(session: Session, actor: audit.Actor, run_id: int) -> None:
    """Write into each customer's history that the run cut him or let him in; done again it adds nothing."""
    session.execute(
        text(
            """
            INSERT INTO audit_events
                (staff_id, staff_name, action, customer_id, object_kind, object_id, changes, note)
            SELECT CAST(:staff_id AS bigint), :name,
                   CASE d.outcome WHEN 'cut' THEN 'service.cut' ELSE 'service.let_in' END,
                   c.id, 'subscription', d.subscription_id,
                   jsonb_build_object('cutoff_run', jsonb_build_array(NULL, d.run_id)), d.explanation
            FROM cutoff_decisions d JOIN customers c ON c.account_id = d.account_id
            WHERE d.run_id = :run_id AND d.outcome IN ('cut', 'lifted')
              AND NOT EXISTS (
                  SELECT 1 FROM audit_events e
                  WHERE e.customer_id = c.id AND e.object_id = d.subscription_id
                    AND e.changes -> 'cutoff_run' -> 1 = to_jsonb(d.run_id)
              )
            ORDER BY d.id
            """
        ),
        {"staff_id": actor.staff_id, "name": actor.name[:120], "run_id": run_id},
    )


def get(session: Session, run_id: int) -> CutoffRun:
    """Return the run; raises NotFound."""
    found = session.get(CutoffRun, run_id)
    if found is None:
        raise errors.NotFound("There is no such cutoff run")
    return found


def runs(session: Session, *, before_id: int | None = None, limit: int = 50) -> list[CutoffRun]:
    """Return the runs, newest first."""
    query = select(CutoffRun).order_by(CutoffRun.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(CutoffRun.id < before_id)
    return list(session.scalars(query))


def page(
    session: Session,
    run_id: int,
    *,
    action: DecisionAction | None = None,
    reason: str = "",
    q: str = "",
    after: str | None = None,
    limit: int = PAGE,
) -> PlanPage:
    """Return a run with a page of its rows, narrowed by what is given. Raises NotFound. Four SELECTs."""
    run = get(session, run_id)
    counts = session.execute(
        select(CutoffDecision.action, CutoffDecision.reason, func.count())
        .where(CutoffDecision.run_id == run_id)
        .group_by(CutoffDecision.action, CutoffDecision.reason)
        .order_by(CutoffDecision.action, CutoffDecision.reason)
    )
    query = _rows(run_id)
    if action is not None:
        query = query.where(CutoffDecision.action == action)
    if reason:
        query = query.where(CutoffDecision.reason == reason)
    if q.strip():
        query = query.where(Customer.id.in_(search.matching(q)))
    rows, following = _slice(
        session,
        query,
        (CutoffDecision.overdue_minor, CutoffDecision.id),
        sort="overdue",
        after=after,
        limit=limit,
    )
    return PlanPage(
        run=run,
        counts=tuple((row[0], row[1], row[2]) for row in counts),
        outcomes=cutoff.outcomes(session, run_id),
        rows=tuple(_plan_row(row) for row in rows),
        next=following,
    )


def debtors(
    session: Session, today: date, *, grace_days: int, after: str | None = None, limit: int = PAGE
) -> DebtorPage:
    """Return those who are past due on that day. Three SELECTs."""
    owing = debt.overdue_by_account(today, grace_days)
    query = (
        select(
            Customer,
            Account,
            owing.c.past_due_minor,
            owing.c.overdue_minor,
            Promise.until,
            _is_cut(),
            debt.never_cut(),
        )
        .join(Account, Account.id == Customer.account_id)
        .join(owing, owing.c.account_id == Account.id)
        .outerjoin(Promise, (Promise.account_id == Account.id) & (Promise.status == PromiseStatus.ACTIVE))
        .where(owing.c.past_due_minor > 0)
    )
    keys = (owing.c.past_due_minor, Customer.id)
    rows, following = _slice(session, query, keys, sort="past", after=after, limit=limit)
    oldest = debt.oldest_due(session, {row[1].id: row[1].balance_minor for row in rows})
    return DebtorPage(
        rows=tuple(_debtor_row(row, oldest.get(row[1].id), today) for row in rows),
        totals=_totals(session, owing),
        next=following,
    )


def _is_cut() -> Any:
    """Whether a debt lock stands on any subscription of the Account."""
    return (
        select(literal(1))
        .select_from(SuspensionLock)
        .join(Subscription, Subscription.id == SuspensionLock.subscription_id)
        .where(
            Subscription.account_id == Account.id,
            SuspensionLock.reason == LockReason.DEBT,
            SuspensionLock.lifted_at.is_(None),
        )
        .correlate(Account)
        .exists()
    )


def _totals(session: Session, owing: Subquery) -> tuple[tuple[int, Money], ...]:
    rows = session.execute(
        select(Account.currency, func.count(), func.sum(owing.c.past_due_minor))
        .join(owing, owing.c.account_id == Account.id)
        .join(Customer, Customer.account_id == Account.id)
        .where(owing.c.past_due_minor > 0)
        .group_by(Account.currency)
        .order_by(Account.currency)
    )
    return tuple((row[1], Money(int(row[2]), row[0])) for row in rows)


def _rows(run_id: int) -> Any:
    return (
        select(CutoffDecision, Account.currency, Customer, Plan.name, CutoffDecision.overdue_minor)
        .join(Account, Account.id == CutoffDecision.account_id)
        .outerjoin(Customer, Customer.account_id == CutoffDecision.account_id)
        .outerjoin(Subscription, Subscription.id == CutoffDecision.subscription_id)
        .outerjoin(Plan, Plan.id == Subscription.plan_id)
        .where(CutoffDecision.run_id == run_id)
    )


def _slice(
    session: Session,
    query: Select[Any],
    keys: tuple[Any, Any],
    *,
    sort: str,
    after: str | None,
    limit: int,
) -> tuple[Sequence[Any], str | None]:
    """Return a page of rows, largest first, and the cursor of the next one."""
    cursor = paging.read(after, sort, (int, int))
    if cursor is not None:
        query = query.where(tuple_(*keys) < tuple_(*(literal(value) for value in cursor.values)))
    query = query.add_columns(keys[0].label("key"), keys[1].label("key_id"))
    rows = session.execute(query.order_by(keys[0].desc(), keys[1].desc()).limit(limit + 1)).all()
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], paging.write(paging.Cursor(sort, False, (last.key, last.key_id)))


def _plan_row(row: Any) -> PlanRow:
    decision, currency, customer, plan_name = row[:4]
    return PlanRow(
        id=decision.id,
        customer_id=customer.id if customer else None,
        number=customer.number if customer else "",
        name=customer.name if customer else "",
        plan=plan_name or "",
        action=decision.action,
        reason=decision.reason,
        overdue=Money(decision.overdue_minor, currency),
        balance=Money(decision.balance_minor, currency),
        days_overdue=decision.days_overdue,
        explanation=decision.explanation,
        outcome=decision.outcome,
    )


def _debtor_row(row: Any, oldest_due_on: date | None, today: date) -> DebtorRow:
    customer, account, past_due_minor, overdue_minor, promise_until, is_cut, is_never_cut = row[:7]
    return DebtorRow(
        customer_id=customer.id,
        number=customer.number,
        name=customer.name,
        balance=Money(account.balance_minor, account.currency),
        past_due=Money(past_due_minor, account.currency),
        overdue=Money(overdue_minor, account.currency),
        oldest_due_on=oldest_due_on,
        days_overdue=debt.days_over(oldest_due_on, today),
        promise_until=promise_until,
        is_never_cut=is_never_cut,
        is_cut=is_cut,
    )


def _record(session: Session, actor: audit.Actor, action: str, run: CutoffRun, *, note: str = "") -> None:
    counts = {
        "run_on": run.run_on,
        "cut": run.cut_count,
        "spare": run.spare_count,
        "keep": run.keep_count,
        "lift": run.lift_count,
    }
    audit.record(
        session,
        actor,
        action,
        object_kind="cutoff_run",
        object_id=run.id,
        changes=audit.difference({}, counts),
        note=note,
    )
