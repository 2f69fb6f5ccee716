"""What stands behind a row of a cutoff plan, and how a plan compares with those applied before it."""

from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing import cutoff_basis, debt
from billing.models import (
    AccessState,
    Account,
    CutoffDecision,
    CutoffRun,
    DecisionAction,
    LockReason,
    RunStatus,
    SuspensionLock,
)
from billing.rules import rules_of_json
from core import errors
from core.money import Money
from registry import cutoff_lists, lines
from registry.cutoff_lists import PlanRow
from registry.models import Customer

BEFORE = 7
NAMED = 50


@dataclass(frozen=True, slots=True)
class OverdueLine:
    """A charge past due and not wholly paid, with its document where there is one."""

    description: str
    start: date | None
    end: date | None
    due_on: date
    left: Money
    document: str


@dataclass(frozen=True, slots=True)
class SentNotice:
    """A reminder of this episode; `outcome` is "sent" or why it was not."""

    days: int
    on: date
    channel: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Detail:
    """A row with all it rests on; `other_locks` keep the line off whatever the plan does."""

    row: PlanRow
    policy: int
    episode_on: date | None
    lines: tuple[OverdueLine, ...]
    more: int
    notices: tuple[SentNotice, ...]
    addresses: tuple[str, ...]
    port: str
    other_locks: tuple[tuple[LockReason, AccessState], ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a run came to."""

    run_id: int
    run_on: date
    cut: int
    lifted: int
    kept: int
    spared: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A plan beside the applied ones before it, the newest first.

    `new` of those it cuts were neither cut nor kept by the last one; `gone` of those it cut or kept are not
    to be cut or kept now. `changes` are the differences to the median of all, in percent; none without any.
    """

    now: Numbers
    before: tuple[Numbers, ...]
    new: int
    gone: int
    gone_people: tuple[tuple[int, str, str], ...]
    changes: dict[str, float | None]

    @property
    def runs(self) -> tuple[Numbers, ...]:
        """This plan and those before it."""
        return (self.now, *self.before)


def detail(session: Session, run: CutoffRun, row_id: int) -> Detail:
    """Return a row with what it rests on: as it was kept, or, where nothing was, as it is now.

    Raises NotFound.
    """
    row = cutoff_lists.one(session, run.id, row_id)
    if row is None:
        raise errors.NotFound("The plan has no such row")
    decision = session.get_one(CutoffDecision, row_id)
    basis = decision.basis or _as_now(session, decision, run)
    target = lines.targets(session, [decision.subscription_id or 0]).get(decision.subscription_id or 0)
    currency = row.overdue.currency
    return Detail(
        row=row,
        policy=int(basis.get("policy", 0)),
        episode_on=_day(basis.get("episode")),
        lines=tuple(_line(one, currency) for one in basis.get("lines", ())),
        more=int(basis.get("more", 0)),
        notices=tuple(_notice(one) for one in basis.get("notices", ())),
        addresses=target.addresses if target else (),
        port=target.port.name if target and target.port else "",
        other_locks=_other_locks(session, decision.subscription_id),
    )


def compare(session: Session, run: CutoffRun) -> Comparison:
    """Return the plan beside the applied ones before it."""
    before = session.scalars(
        select(CutoffRun)
        .where(CutoffRun.id < run.id, CutoffRun.status.in_((RunStatus.APPLIED, RunStatus.UNDONE)))
        .order_by(CutoffRun.id.desc())
        .limit(BEFORE)
    ).all()
    now, others = _numbers(run), tuple(_numbers(one) for one in before)
    new = gone = 0
    people: tuple[tuple[int, str, str], ...] = ()
    if before:
        off_now, off_then = _off(run.id), _off(before[0].id)
        cut = select(CutoffDecision.account_id).where(
            CutoffDecision.run_id == run.id, CutoffDecision.action == DecisionAction.CUT
        )
        new = _count(session, cut.except_(off_then))
        left = off_then.except_(off_now).subquery()
        gone = session.scalar(select(func.count()).select_from(left)) or 0
        found = session.scalars(
            select(Customer)
            .where(Customer.account_id.in_(select(left.c[0])))
            .order_by(Customer.sort_name, Customer.id)
            .limit(NAMED)
        )
        people = tuple((one.id, one.number, one.name) for one in found)
    fields = ("cut", "lifted", "kept", "spared")
    return Comparison(now, others, new, gone, people, {name: _change(now, others, name) for name in fields})


def _off(run_id: int) -> Any:
    """Return the query of the accounts a run cuts or leaves cut."""
    return select(CutoffDecision.account_id).where(
        CutoffDecision.run_id == run_id,
        CutoffDecision.action.in_((DecisionAction.CUT, DecisionAction.KEEP)),
    )


def _count(session: Session, query: Any) -> int:
    return session.scalar(select(func.count()).select_from(query.subquery())) or 0


def _change(now: Numbers, others: tuple[Numbers, ...], name: str) -> float | None:
    if not others:
        return None
    usual = median(getattr(one, name) for one in others)
    return None if not usual else 100 * (getattr(now, name) - usual) / usual


def _numbers(run: CutoffRun) -> Numbers:
    return Numbers(run.id, run.run_on, run.cut_count, run.lift_count, run.keep_count, run.spare_count)


def _as_now(session: Session, decision: CutoffDecision, run: CutoffRun) -> cutoff_basis.Basis:
    account = session.get_one(Account, decision.account_id)
    oldest = debt.oldest_due(session, {account.id: account.balance_minor})
    limits = rules_of_json(run.rules)
    told = {account.id: oldest.get(account.id)}
    return cutoff_basis.of_accounts(session, told, run.run_on, rules=limits)[account.id]


def _other_locks(session: Session, subscription_id: int | None) -> tuple[tuple[LockReason, AccessState], ...]:
    rows = session.execute(
        select(SuspensionLock.reason, SuspensionLock.effect)
        .where(
            SuspensionLock.subscription_id == subscription_id,
            SuspensionLock.lifted_at.is_(None),
            SuspensionLock.reason != LockReason.DEBT,
        )
        .order_by(SuspensionLock.id)
    )
    return tuple((row[0], row[1]) for row in rows)


def _line(one: dict[str, Any], currency: str) -> OverdueLine:
    return OverdueLine(
        description=one["what"],
        start=_day(one.get("from")),
        end=_day(one.get("to")),
        due_on=date.fromisoformat(one["due"]),
        left=Money(one["minor"], currency),
        document=one.get("document", ""),
    )


def _notice(one: dict[str, Any]) -> SentNotice:
    return SentNotice(one["days"], date.fromisoformat(one["on"]), one["channel"], one["outcome"])


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
