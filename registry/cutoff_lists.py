"""The rows of a cutoff plan as staff see them: narrowed, in an order, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from billing import cutoff
from billing.models import (
    AccessState,
    Account,
    CutoffDecision,
    CutoffRun,
    DecisionAction,
    Plan,
    Review,
    RunStatus,
    Subscription,
)
from core.columns import any_of
from core.money import Money
from registry import keyset, search
from registry.keyset import Key, Marks
from registry.lines import gate_of_line
from registry.models import Customer, Group, Line, LineGate, Pop, customer_groups

PAGE = 100
USUAL_SORT = "-overdue"
KEYS = {
    "overdue": Key(CutoffDecision.overdue_minor, int),
    "balance": Key(CutoffDecision.balance_minor, int),
    "days": Key(CutoffDecision.days_overdue, int),
    "customer": Key(func.coalesce(Customer.sort_name, ""), str),
    "pop": Key(func.coalesce(Pop.name, ""), str),
    "gate": Key(func.coalesce(LineGate.name, ""), str),
    "what": Key(func.concat(CutoffDecision.action), str),
    "why": Key(CutoffDecision.reason, str),
    "outcome": Key(CutoffDecision.outcome, str),
}
NEW = "new"


@dataclass(frozen=True, slots=True)
class PlanFilter:
    """What the rows are narrowed to; all given must hold. `compared` "new": was not in the plan before."""

    action: DecisionAction | None = None
    reason: str = ""
    q: str = ""
    review: Review | None = None
    outcome: str = ""
    group_id: int | None = None
    pop_id: int | None = None
    gate_id: int | None = None
    compared: str = ""


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One decision with the person it is about (an account may belong to nobody) and where his line is.

    `before` and `after` are the access wanted of the line without the plan and with it.
    """

    id: int
    account_id: int
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
    before: AccessState | None
    after: AccessState | None
    pop: str
    gate: str
    review: Review
    review_note: str
    reviewed_by: str
    deferred_until: date | None
    undone_by: str

    @property
    def is_act(self) -> bool:
        """Whether it changes a line."""
        return self.action in cutoff.ACTS


@dataclass(frozen=True, slots=True)
class PlanPage:
    """A run, how many rows it has of each action and reason, and a page of them in the order asked for."""

    run: CutoffRun
    counts: tuple[tuple[DecisionAction, str, int], ...]
    outcomes: dict[str, int]
    reviews: dict[Review, int]
    rows: tuple[PlanRow, ...]
    next: Marks

    @property
    def is_open(self) -> bool:
        """Whether it can still be reviewed, applied or discarded."""
        return self.run.status in {RunStatus.PLANNED, RunStatus.BRAKED}

    @property
    def is_going(self) -> bool:
        """Whether a worker makes or applies it now."""
        return self.run.status in {RunStatus.MAKING, RunStatus.APPLYING}


@dataclass(frozen=True, slots=True)
class Choices:
    """What the filters offer: ids and names of groups, POPs and gates."""

    groups: tuple[tuple[int, str], ...]
    pops: tuple[tuple[int, str], ...]
    gates: tuple[tuple[int, str], ...]


def page(
    session: Session,
    run: CutoffRun,
    filters: PlanFilter,
    *,
    sort: str = USUAL_SORT,
    after: str | None = None,
    limit: int = PAGE,
) -> PlanPage:
    """Return the run with a page of its rows."""
    rows, following = page_of_rows(session, run.id, filters, sort=sort, after=after, limit=limit)
    counts = session.execute(
        select(CutoffDecision.action, CutoffDecision.reason, func.count())
        .where(CutoffDecision.run_id == run.id)
        .group_by(CutoffDecision.action, CutoffDecision.reason)
        .order_by(CutoffDecision.action, CutoffDecision.reason)
    )
    said = session.execute(
        select(CutoffDecision.review, func.count())
        .where(CutoffDecision.run_id == run.id, CutoffDecision.review != Review.NONE)
        .group_by(CutoffDecision.review)
    )
    return PlanPage(
        run=run,
        counts=tuple((row[0], row[1], row[2]) for row in counts),
        outcomes=cutoff.outcomes(session, run.id),
        reviews={row[0]: row[1] for row in said},
        rows=tuple(rows),
        next=following,
    )


def page_of_rows(
    session: Session, run_id: int, filters: PlanFilter, *, sort: str, after: str | None, limit: int
) -> tuple[list[PlanRow], Marks]:
    """Return a page of rows, and the mark of the next."""
    found, mark = keyset.page(
        session,
        narrowed(rows_of(run_id), run_id, filters),
        sort=sort,
        keys=KEYS,
        id_column=CutoffDecision.id,
        after=after,
        limit=limit,
    )
    return [_row(row) for row in found], mark


def ids(session: Session, run_id: int, filters: PlanFilter) -> list[int]:
    """Return the ids of all rows the filters leave that change a line: what "all of these" means."""
    query = narrowed(rows_of(run_id), run_id, filters).where(CutoffDecision.action.in_(cutoff.ACTS))
    return list(session.scalars(query.with_only_columns(CutoffDecision.id)))


def customers(session: Session, row_ids: Sequence[int]) -> list[int]:
    """Return whose rows these are; accounts without a customer are left out."""
    query = select(Customer.id).join(CutoffDecision, CutoffDecision.account_id == Customer.account_id)
    return list(session.scalars(query.where(CutoffDecision.id == any_of(row_ids)).distinct()))


def one(session: Session, run_id: int, row_id: int) -> PlanRow | None:
    """Return one row of the run; none when it has no such row."""
    found = session.execute(rows_of(run_id).where(CutoffDecision.id == row_id)).one_or_none()
    return _row(found) if found else None


def choices(session: Session) -> Choices:
    """Return what the filters offer."""
    return Choices(
        groups=_named(session, Group),
        pops=_named(session, Pop),
        gates=_named(session, LineGate),
    )


def _named(session: Session, kind: Any) -> tuple[tuple[int, str], ...]:
    return tuple((row[0], row[1]) for row in session.execute(select(kind.id, kind.name).order_by(kind.name)))


def rows_of(run_id: int) -> Select[Any]:
    """Return the query of a run's rows with their people and lines."""
    columns: tuple[Any, ...] = (
        CutoffDecision,
        Account.currency,
        Customer,
        Plan.name,
        Pop.name,
        LineGate.name,
    )
    return (
        select(*columns)
        .select_from(CutoffDecision)
        .join(Account, Account.id == CutoffDecision.account_id)
        .outerjoin(Customer, Customer.account_id == CutoffDecision.account_id)
        .outerjoin(Subscription, Subscription.id == CutoffDecision.subscription_id)
        .outerjoin(Plan, Plan.id == Subscription.plan_id)
        .outerjoin(Line, Line.subscription_id == CutoffDecision.subscription_id)
        .outerjoin(Pop, Pop.id == Line.pop_id)
        .outerjoin(LineGate, gate_of_line())
        .where(CutoffDecision.run_id == run_id)
    )


def narrowed(query: Select[Any], run_id: int, filters: PlanFilter) -> Select[Any]:
    """Return the query with what the filters ask for."""
    plain = (
        (CutoffDecision.action, filters.action),
        (CutoffDecision.reason, filters.reason),
        (CutoffDecision.review, filters.review),
        (CutoffDecision.outcome, filters.outcome),
        (Line.pop_id, filters.pop_id),
        (LineGate.id, filters.gate_id),
    )
    for column, value in plain:
        if value:
            query = query.where(column == value)
    if filters.q.strip():
        query = query.where(Customer.id.in_(search.matching(filters.q)))
    if filters.group_id is not None:
        members = select(customer_groups.c.customer_id).where(customer_groups.c.group_id == filters.group_id)
        query = query.where(Customer.id.in_(members))
    if filters.compared == NEW:
        before, last = aliased(CutoffDecision), latest_before(run_id).scalar_subquery()
        was_there = select(before.id).where(
            before.run_id == last,
            before.account_id == CutoffDecision.account_id,
            before.action.in_((DecisionAction.CUT, DecisionAction.KEEP)),
        )
        query = query.where(CutoffDecision.action == DecisionAction.CUT, ~was_there.exists())
    return query


def latest_before(run_id: int) -> Select[int]:
    """Return the query of the applied run that came before."""
    return (
        select(CutoffRun.id)
        .where(CutoffRun.id < run_id, CutoffRun.status.in_((RunStatus.APPLIED, RunStatus.UNDONE)))
        .order_by(CutoffRun.id.desc())
        .limit(1)
    )


def _row(row: Sequence[Any]) -> PlanRow:
    decision, currency, customer, plan, pop, gate = row[:6]
    return PlanRow(
        id=decision.id,
        account_id=decision.account_id,
        customer_id=customer.id if customer else None,
        number=customer.number if customer else "",
        name=customer.name if customer else "",
        plan=plan or "",
        action=decision.action,
        reason=decision.reason,
        overdue=Money(decision.overdue_minor, currency),
        balance=Money(decision.balance_minor, currency),
        days_overdue=decision.days_overdue,
        explanation=decision.explanation,
        outcome=decision.outcome,
        before=decision.before,
        after=decision.after,
        pop=pop or "",
        gate=gate or "",
        review=decision.review,
        review_note=decision.review_note,
        reviewed_by=decision.reviewed_by or "",
        deferred_until=decision.deferred_until,
        undone_by=decision.undone_by or "",
    )
