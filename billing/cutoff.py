"""The cutoff: plan, explain, brake, apply. A plan touches no lock; applying looks at every row again."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import Any

import structlog
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from billing import brake as brakes
from billing import debtors, rules, suspensions, verdicts
from billing.brake import Witness
from billing.models import (
    AccessState,
    Account,
    CutoffDecision,
    CutoffRun,
    DecisionAction,
    LockReason,
    RunStatus,
)
from billing.verdicts import Debtor, Verdict
from core import clock, db, errors
from core.columns import any_of
from core.words import N_

Rules = rules.Rules
rules_of = rules.rules_of

log = structlog.get_logger()

OWNER = "cutoff"
BATCH = 500
_DECIDED = """
    INSERT INTO cutoff_decisions (
        run_id, account_id, subscription_id, action, reason, overdue_minor, balance_minor, days_overdue,
        explanation, was, effect
    )
    SELECT :run_id, d.*
    FROM unnest(
        CAST(:accounts AS bigint[]), CAST(:subscriptions AS bigint[]), CAST(:actions AS text[]),
        CAST(:reasons AS text[]), CAST(:overdue AS bigint[]), CAST(:balances AS bigint[]),
        CAST(:days AS integer[]), CAST(:words AS text[]), CAST(:was AS text[]), CAST(:effects AS text[])
    ) d
"""
_OPEN = (RunStatus.PLANNED, RunStatus.BRAKED)
_ALONE = Witness()


def plan(
    session: Session, on: date, *, rules: Rules, planned_by: str, witness: Witness = _ALONE
) -> CutoffRun:
    """Decide on every subscription of every account that is past due or cut for debt; change no lock.

    Plans not applied yet are discarded: this one is fresher. A plan that is not to be trusted is braked (see
    brake). Raises Busy while another plan is being made.
    """
    if not db.try_advisory_lock(session, "cutoff"):
        raise errors.Busy("A cutoff plan is being made right now")
    session.execute(
        update(CutoffRun)
        .where(CutoffRun.status.in_(_OPEN))
        .values(status=RunStatus.DISCARDED, approved_by=N_("newer plan by %(who)s", who=planned_by)),
        execution_options={"synchronize_session": "fetch"},
    )
    rows = [
        (debtor, verdict)
        for debtor in debtors.gather(session, on, rules=rules)
        for verdict in verdicts.judge(debtor, on, rules)
    ]
    counts = {action: sum(verdict.action is action for _, verdict in rows) for action in DecisionAction}
    run = CutoffRun(
        run_on=on,
        status=RunStatus.PLANNED,
        rules=rules.as_json(),
        brake_reasons=[],
        planned_by=planned_by,
        **{f"{action.value}_count": number for action, number in counts.items()},
    )
    session.add(run)
    session.flush()
    _decide(session, run.id, rows)
    brake(session, run, rules=rules, witness=witness)
    return run


def brake(session: Session, run: CutoffRun, *, rules: Rules, witness: Witness = _ALONE) -> list[str]:
    """Return in words why the plan waits for a person (see billing.brake), and mark it so."""
    reasons = brakes.reasons(session, run, rules=rules, witness=witness)
    run.brake_reasons = reasons
    run.status = RunStatus.BRAKED if reasons else RunStatus.PLANNED
    session.flush()
    return reasons


def discard(session: Session, run_id: int, *, by: str) -> CutoffRun:
    """Put a plan aside. Raises NotFound, and Conflict when it was applied."""
    run = _locked(session, run_id)
    if run.status is RunStatus.APPLIED:
        raise errors.Conflict("This plan was applied already")
    if run.status is not RunStatus.DISCARDED:
        run.status, run.approved_by = RunStatus.DISCARDED, by
        session.flush()
    return run


def apply(
    session: Session, run_id: int, *, approved_by: str, force: bool = False, today: date | None = None
) -> CutoffRun:
    """Carry out a plan: each row is judged again under its account's lock, and what came of it is noted.

    Who paid or promised since is spared. Done once: an applied plan is returned as it is. `force` releases
    the brake. `today` is the business day (the plan's own by default). An account that fails is logged, noted
    and skipped. Raises NotFound; Conflict when braked, discarded, or overtaken by a newer plan in force.
    """
    run = _locked(session, run_id)
    if run.status is RunStatus.APPLIED:
        return run
    _refuse_stale(session, run, force=force)
    wanted = session.scalars(
        select(CutoffDecision)
        .where(
            CutoffDecision.run_id == run_id,
            CutoffDecision.action.in_([DecisionAction.CUT, DecisionAction.LIFT]),
        )
        .order_by(CutoffDecision.account_id, CutoffDecision.id)
    ).all()
    accounts = [list(rows) for _, rows in groupby(wanted, key=lambda row: row.account_id)]
    for first in range(0, len(accounts), BATCH):
        _carry_out(session, run, accounts[first : first + BATCH], today or run.run_on)
    run.status, run.approved_by, run.applied_at = RunStatus.APPLIED, approved_by, clock.now()
    session.flush()
    return run


def outcomes(session: Session, run_id: int) -> dict[str, int]:
    """Return how many rows of an applied plan came to which end."""
    rows = session.execute(
        select(CutoffDecision.outcome, func.count())
        .where(CutoffDecision.run_id == run_id, CutoffDecision.outcome != "")
        .group_by(CutoffDecision.outcome)
    )
    return {row[0]: row[1] for row in rows}


def _decide(session: Session, run_id: int, rows: Sequence[tuple[Debtor, Verdict]]) -> None:
    """Write the decisions, a column an array: for tens of thousands one statement, not one each."""
    columns: dict[str, list[Any]] = {
        "accounts": [debtor.account_id for debtor, _ in rows],
        "subscriptions": [verdict.subscription_id for _, verdict in rows],
        "actions": [verdict.action.value for _, verdict in rows],
        "reasons": [verdict.reason.value for _, verdict in rows],
        "overdue": [debtor.overdue_minor for debtor, _ in rows],
        "balances": [debtor.balance_minor for debtor, _ in rows],
        "days": [debtor.days_overdue for debtor, _ in rows],
        "words": [str(verdict.explanation) for _, verdict in rows],
        "was": [verdict.was.value for _, verdict in rows],
        "effects": [verdict.effect.value for _, verdict in rows],
    }
    session.execute(text(_DECIDED), {"run_id": run_id, **columns})


def _locked(session: Session, run_id: int) -> CutoffRun:
    run = session.get(CutoffRun, run_id, with_for_update=True, populate_existing=True)
    if run is None:
        raise errors.NotFound("There is no such cutoff run")
    return run


def _refuse_stale(session: Session, run: CutoffRun, *, force: bool) -> None:
    if run.status is RunStatus.DISCARDED:
        raise errors.Conflict("This plan was discarded; make a new one")
    if run.status is RunStatus.BRAKED and not force:
        raise errors.Conflict("; ".join(run.brake_reasons))
    newer = select(CutoffRun.id).where(CutoffRun.id > run.id, CutoffRun.status == RunStatus.APPLIED)
    if session.scalar(newer.limit(1)) is not None:
        raise errors.Conflict("A newer plan was applied; make a new one")


def _carry_out(session: Session, run: CutoffRun, accounts: Sequence[list[CutoffDecision]], on: date) -> None:
    """Apply the rows of many accounts at once; when that fails, account by account."""
    try:
        with db.part(session):
            _apply_rows(session, run, [row for rows in accounts for row in rows], on)
    except Exception:
        for rows in accounts:
            try:
                with db.part(session):
                    _apply_rows(session, run, rows, on)
            except Exception:
                log.exception("debtor_not_cut", account_id=rows[0].account_id, run_id=run.id)
                _note(session, {"failed": rows})


def _apply_rows(session: Session, run: CutoffRun, rows: Sequence[CutoffDecision], on: date) -> None:
    limits = rules.rules_of_json(run.rules)
    account_ids = sorted({row.account_id for row in rows})
    session.execute(
        select(Account.id)
        .where(Account.id == any_of(account_ids))
        .order_by(Account.id)
        .with_for_update(key_share=True)
    )
    found = debtors.gather(session, on, rules=limits, account_ids=account_ids)
    now = {verdict.subscription_id: verdict for one in found for verdict in verdicts.judge(one, on, limits)}
    owing = {one.account_id for one in found}
    ended: dict[str, list[CutoffDecision]] = defaultdict(list)
    for row in rows:
        ended[_outcome(row, now.get(row.subscription_id), row.account_id in owing)].append(row)
    by_effect: dict[AccessState, list[int]] = defaultdict(list)
    for one in _ids([*ended["cut"], *ended["lowered"]]):
        by_effect[now[one].effect].append(one)
    for effect, ids in by_effect.items():
        suspensions.place(
            session,
            ids,
            LockReason.DEBT,
            owner=OWNER,
            note=N_("cutoff run %(run)s", run=run.id),
            run_id=run.id,
            today=on,
            effect=effect,
        )
    suspensions.lift(
        session, _ids(ended["lifted"]), LockReason.DEBT, by=N_("cutoff run %(run)s", run=run.id), today=on
    )
    _note(session, ended)


def _outcome(row: CutoffDecision, now: Verdict | None, is_owing: bool) -> str:
    """Return what becomes of a planned row, given the verdict of this moment."""
    if row.action is DecisionAction.CUT:
        if now is None:
            return "not_running" if is_owing else "paid"
        if now.action is DecisionAction.SPARE:
            return now.reason.value
        return "cut" if now.action is DecisionAction.CUT else "cut_already"
    if now is None or now.was is AccessState.OPEN:
        return "lifted_already"
    if now.action is not DecisionAction.LIFT:
        return "owes_again"
    return "lifted" if now.effect is AccessState.OPEN else "lowered"


def _ids(rows: Sequence[CutoffDecision]) -> list[int]:
    return [row.subscription_id for row in rows if row.subscription_id is not None]


def _note(session: Session, ended: dict[str, list[CutoffDecision]]) -> None:
    for outcome, rows in ended.items():
        for row in rows:
            row.outcome = outcome
    session.flush()
