"""Undoing a cutoff run that was applied, a row or all of it: its own locks and no other, and once."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from billing import access, debt_locks, debtors, deferrals, rules, suspensions, verdicts
from billing.ledger import Author
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
from core import clock, errors
from core.columns import any_of
from core.words import N_

BATCH = 1000
# What a row's outcome becomes by being undone.
UNDONE = {"cut": "cut_undone", "lifted": "lift_undone", "lowered": "lift_undone"}


@dataclass(frozen=True, slots=True)
class Undone:
    """The rows that were undone, and how many of the others could not be, by outcome."""

    rows: tuple[CutoffDecision, ...]
    left: dict[str, int]


def undo(
    session: Session,
    run_id: int,
    *,
    row_ids: Iterable[int] | None = None,
    reason: str,
    author: Author,
    today: date,
    spare_until: date | None = None,
) -> Undone:
    """Undo rows of an applied run, or all of it.

    The locks this run placed are lifted, as far as they still stand; an effect it changed is given back. Who
    it let in is put back when he, seen as cut, would stay so today. With `spare_until` the accounts whose cut
    is undone are deferred until the end of that day: else the next plan may cut them again. Raises NotFound,
    Conflict when the run was not applied, Invalid at `reason` or `until`.
    """
    if not reason.strip():
        raise errors.Invalid("No reason", {"reason": N_("Write why")})
    run = session.get(CutoffRun, run_id, with_for_update=True, populate_existing=True)
    if run is None:
        raise errors.NotFound("There is no such cutoff run")
    if run.status not in {RunStatus.APPLIED, RunStatus.UNDONE}:
        raise errors.Conflict("Only a plan that was applied can be undone")
    if spare_until is not None:
        deferrals.check(spare_until, reason, today)
    rows = _undoable(session, run_id, row_ids)
    undone: list[CutoffDecision] = []
    for first in range(0, len(rows), BATCH):
        undone += _undo_rows(session, run, rows[first : first + BATCH], today, author)
    _note(session, undone, reason.strip(), author)
    if row_ids is None and run.status is RunStatus.APPLIED:
        run.status, run.undone_by, run.undone_at = RunStatus.UNDONE, author.name, clock.now()
        run.undo_reason = reason.strip()
        session.flush()
    let_in = {row.account_id for row in undone if row.outcome == "cut_undone"}
    if spare_until is not None and let_in:
        note = reason.strip()
        deferrals.make(session, let_in, spare_until, note=note, author=author, today=today, run_id=run_id)
    kept = {row.id for row in undone}
    return Undone(tuple(undone), dict(Counter(row.outcome for row in rows if row.id not in kept)))


def _undoable(session: Session, run_id: int, row_ids: Iterable[int] | None) -> Sequence[CutoffDecision]:
    query = select(CutoffDecision).where(
        CutoffDecision.run_id == run_id, CutoffDecision.outcome.in_(list(UNDONE))
    )
    if row_ids is not None:
        query = query.where(CutoffDecision.id == any_of(list(row_ids)))
    return session.scalars(query.order_by(CutoffDecision.account_id, CutoffDecision.id)).all()


def _undo_rows(
    session: Session, run: CutoffRun, rows: Sequence[CutoffDecision], today: date, author: Author
) -> list[CutoffDecision]:
    """Undo what can be of these rows, under the locks of their accounts."""
    session.execute(
        select(Account.id)
        .where(Account.id == any_of({row.account_id for row in rows}))
        .order_by(Account.id)
        .with_for_update(key_share=True)
    )
    ids = [row.subscription_id for row in rows if row.subscription_id is not None]
    access.lock_rows(session, ids, today=today)
    locks = {lock.subscription_id: lock for lock in _debt_locks(session, ids)}
    owing = _still_owing(session, run, rows, today)
    wanted: dict[AccessState, list[int]] = defaultdict(list)
    undone = []
    for row in rows:
        lock = locks.get(row.subscription_id or 0)
        if row.subscription_id is not None and _is_undoable(row, lock, run.id, owing):
            wanted[row.was].append(row.subscription_id)
            undone.append(row)
    by = N_("cutoff run %(run)s undone by %(who)s", run=run.id, who=author.name)
    for effect, chosen in wanted.items():
        if effect is AccessState.OPEN:
            suspensions.lift(session, chosen, LockReason.DEBT, by=by, today=today)
            continue
        debt_locks.place(
            session,
            chosen,
            effect,
            rules=rules.rules_of_json(run.rules),
            owner="cutoff",
            note=by,
            run_id=run.id,
            today=today,
        )
    return undone


def _is_undoable(
    row: CutoffDecision, lock: SuspensionLock | None, run_id: int, owing: dict[int, AccessState]
) -> bool:
    """Whether the line is still as this run left it, or, let in, would have to be cut again."""
    if row.outcome == "cut":
        is_as_left = lock is not None and lock.effect is row.effect
        return is_as_left and (
            row.was is not AccessState.OPEN or (lock is not None and lock.run_id == run_id)
        )
    is_as_left = (
        (lock is None) if row.outcome == "lifted" else (lock is not None and lock.effect is row.effect)
    )
    return is_as_left and row.subscription_id in owing


def _still_owing(
    session: Session, run: CutoffRun, rows: Sequence[CutoffDecision], today: date
) -> dict[int, AccessState]:
    """Return the services this run let in that, seen as cut still, would stay cut, with their effect then."""
    was = {
        row.subscription_id: row.was
        for row in rows
        if row.outcome != "cut" and row.subscription_id is not None
    }
    limits = rules.rules_of_json(run.rules)
    accounts = sorted({row.account_id for row in rows if row.subscription_id in was})
    found = {}
    for debtor in debtors.gather(session, today, rules=limits, account_ids=accounts) if accounts else ():
        services = tuple(
            replace(one, is_cut=True, effect=was[one.subscription_id]) if one.subscription_id in was else one
            for one in debtor.services
        )
        for verdict in verdicts.judge(replace(debtor, services=services), today, limits):
            if verdict.subscription_id in was and verdict.action is not DecisionAction.LIFT:
                found[verdict.subscription_id] = was[verdict.subscription_id]
    return found


def _debt_locks(session: Session, subscription_ids: Sequence[int]) -> Sequence[SuspensionLock]:
    return session.scalars(
        select(SuspensionLock)
        .where(
            SuspensionLock.subscription_id == any_of(subscription_ids),
            SuspensionLock.reason == LockReason.DEBT,
            SuspensionLock.lifted_at.is_(None),
        )
        .execution_options(populate_existing=True)
    ).all()


def _note(session: Session, rows: Sequence[CutoffDecision], reason: str, author: Author) -> None:
    for outcome, undone in UNDONE.items():
        ids = [row.id for row in rows if row.outcome == outcome]
        if ids:
            session.execute(
                update(CutoffDecision)
                .where(CutoffDecision.id == any_of(ids))
                .values(outcome=undone, undone_by=author.name, undone_at=clock.now(), undo_reason=reason)
                .execution_options(synchronize_session=False)
            )
    for row in rows:
        session.refresh(row)
