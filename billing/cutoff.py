"""The cutoff: plan, explain, brake, apply. A plan touches no lock; applying looks at every row again."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby

import structlog
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from billing import brake as brakes
from billing import cutoff_basis, debt_locks, debtors, rules, second_look, suspensions, verdicts
from billing.brake import Witness
from billing.models import (
    AccessState,
    Account,
    Approval,
    CutoffDecision,
    CutoffRun,
    DecisionAction,
    LockReason,
    Review,
    RunStatus,
    strictness,
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
# A worker that gave no sign of life for so long is taken for dead; another goes on.
LOST_S = 120
LEFT_BEHIND = N_("No worker made it wholly: those that took it up died, or none runs")

Rows = list[CutoffDecision]
# What is wanted of the line with the plan: the strictest of this verdict and of locks of other reasons.
_DECIDED = """
    INSERT INTO cutoff_decisions (
        run_id, account_id, subscription_id, action, reason, overdue_minor, balance_minor, days_overdue,
        explanation, was, effect, basis, before, after
    )
    SELECT :run_id, d.*, a.wanted,
           CASE WHEN d.action NOT IN ('cut', 'lift') THEN a.wanted
           ELSE s.words[GREATEST(
               array_position(s.words, d.effect), COALESCE(o.place, 1)
           )] END
    FROM json_to_recordset(CAST(:rows AS json)) d (
        account_id bigint, subscription_id bigint, action text, reason text, overdue bigint, balance bigint,
        days integer, words text, was text, effect text, basis jsonb
    )
    CROSS JOIN (SELECT CAST(:states AS text[]) AS words) s
    LEFT JOIN subscription_access a ON a.subscription_id = d.subscription_id
    LEFT JOIN LATERAL (
        SELECT max(array_position(s.words, CAST(l.effect AS text))) AS place
        FROM suspension_locks l
        WHERE l.subscription_id = d.subscription_id AND l.lifted_at IS NULL AND l.reason <> 'debt'
    ) o ON true
"""
ACTS = (DecisionAction.CUT, DecisionAction.LIFT)
_ALONE = Witness()


def plan(
    session: Session, on: date, *, rules: Rules, planned_by: str, witness: Witness = _ALONE
) -> CutoffRun:
    """Decide on every subscription of every account that is past due or cut for debt; change no lock.

    Plans not applied yet are discarded: this one is fresher. A plan that is not to be trusted is braked (see
    brake). Raises Busy while another plan is being made.
    """
    run = begin(session, on, rules=rules, planned_by=planned_by)
    decide(session, run, debtors.gather(session, on, rules=rules), rules=rules)
    finish(session, run, rules=rules, witness=witness)
    return run


def begin(session: Session, on: date, *, rules: Rules, planned_by: str) -> CutoffRun:
    """Open a plan that is being made, in place of those not applied or left half made. Raises Busy."""
    if not db.try_advisory_lock(session, "cutoff") or is_busy(session):
        raise errors.Busy("A cutoff plan is being made right now")
    aside = {"status": RunStatus.DISCARDED, "approved_by": N_("newer plan by %(who)s", who=planned_by)}
    lost = {"status": RunStatus.FAILED, "error": LEFT_BEHIND}
    for former, ended in ((second_look.OPEN, aside), ((RunStatus.MAKING,), lost)):
        session.execute(
            update(CutoffRun).where(CutoffRun.status.in_(former)).values(**ended),
            execution_options={"synchronize_session": "fetch"},
        )
    run = CutoffRun(
        run_on=on,
        status=RunStatus.MAKING,
        rules=rules.as_json(),
        approval=rules.approval,
        brake_reasons=[],
        planned_by=planned_by,
        seen_at=clock.now(),
    )
    session.add(run)
    session.flush()
    return run


def is_busy(session: Session) -> bool:
    """Whether a plan is being made or applied by a worker that gave a sign of life lately."""
    lately = clock.now() - timedelta(seconds=LOST_S)
    going = select(CutoffRun.id).where(
        CutoffRun.status.in_((RunStatus.MAKING, RunStatus.APPLYING)), CutoffRun.seen_at > lately
    )
    return session.scalar(going.limit(1)) is not None


def decide(session: Session, run: CutoffRun, found: Sequence[Debtor], *, rules: Rules) -> None:
    """Write the verdicts on these debtors into the plan, with what each rests on."""
    rows = [(debtor, verdict) for debtor in found for verdict in verdicts.judge(debtor, run.run_on, rules)]
    told = {
        debtor.account_id: debtor.oldest_due_on
        for debtor, verdict in rows
        if verdict.action is not DecisionAction.KEEP and verdict.reason is not verdicts.Reason.NOT_RUNNING
    }
    bases = cutoff_basis.of_accounts(session, told, run.run_on, rules=rules)
    _decide(session, run.id, rows, bases)


def finish(session: Session, run: CutoffRun, *, rules: Rules, witness: Witness = _ALONE) -> None:
    """Count what was decided, and brake the plan when it is not to be trusted."""
    counted = dict(
        session.execute(
            select(CutoffDecision.action, func.count())
            .where(CutoffDecision.run_id == run.id)
            .group_by(CutoffDecision.action)
        ).all()
    )
    for action in DecisionAction:
        setattr(run, f"{action.value}_count", counted.get(action, 0))
    session.flush()
    brake(session, run, rules=rules, witness=witness)


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
    if run.status in second_look.IN_FORCE:
        raise errors.Conflict("This plan was applied already")
    if run.status is not RunStatus.DISCARDED:
        run.status, run.approved_by = RunStatus.DISCARDED, by
        session.flush()
    return run


def apply(
    session: Session,
    run_id: int,
    *,
    approved_by: str,
    force: bool = False,
    today: date | None = None,
    only_approved: bool = False,
    witness: Witness = _ALONE,
) -> CutoffRun:
    """Carry out a plan: each row is judged again under its account's lock, and what came of it is noted.

    Who paid or promised since is spared; so are rows that were removed or deferred, and, with
    `only_approved`, or where the policy asks for the approval of each, those that nobody approved. Nobody is
    cut further than the plan said. Done once: an applied plan is returned as it is. `force` releases the
    brake. `today` is the business day (the plan's own by default). An account that fails is logged, noted and
    skipped. One that stood for a while is looked at by the brake again, without `force`, and returned braked
    when it has a new reason (see second_look). Raises NotFound; Conflict when braked, discarded, not approved
    as the policy asks, or overtaken by a newer plan or policy.
    """
    run = start(
        session,
        run_id,
        approved_by=approved_by,
        force=force,
        only_approved=only_approved,
        today=today,
        witness=witness,
    )
    if run.status is not RunStatus.APPLYING:
        return run
    for accounts in in_batches(to_carry_out(session, run_id)):
        carry_out(session, run, accounts, today or run.run_on)
    return end(session, run)


def start(
    session: Session,
    run_id: int,
    *,
    approved_by: str,
    force: bool = False,
    only_approved: bool = False,
    today: date | None = None,
    witness: Witness = _ALONE,
) -> CutoffRun:
    """Let a plan be applied, and note what becomes of the rows that are not; or brake it: see apply()."""
    run = _locked(session, run_id)
    if run.status in second_look.IN_FORCE:
        return run
    second_look.refuse(session, run, force=force)
    if run.approval is Approval.WHOLE and run.agreed_at is None and not only_approved:
        raise errors.Conflict("This plan has to be approved as a whole first")
    if not force and second_look.stops(session, run, today=today or run.run_on, witness=witness):
        return run
    run.status, run.approved_by, run.seen_at = RunStatus.APPLYING, approved_by, clock.now()
    rows = update(CutoffDecision).where(CutoffDecision.run_id == run_id, CutoffDecision.action.in_(ACTS))
    left = {Review.REMOVED: "removed", Review.DEFERRED: "deferred"}
    if only_approved or run.approval is Approval.EACH:
        left[Review.NONE] = "not_approved"
    for review, outcome in left.items():
        session.execute(
            rows.where(CutoffDecision.review == review).values(outcome=outcome),
            execution_options={"synchronize_session": False},
        )
    session.flush()
    return run


def to_carry_out(session: Session, run_id: int, *, limit: int | None = None) -> list[Rows]:
    """Return the rows still to be carried out, by account; of `limit` accounts at most."""
    is_left = (
        CutoffDecision.run_id == run_id,
        CutoffDecision.action.in_(ACTS),
        CutoffDecision.outcome == "",
    )
    query = select(CutoffDecision).where(*is_left)
    if limit is not None:
        accounts = select(CutoffDecision.account_id).where(*is_left).distinct()
        query = query.where(
            CutoffDecision.account_id.in_(accounts.order_by(CutoffDecision.account_id).limit(limit))
        )
    wanted = session.scalars(query.order_by(CutoffDecision.account_id, CutoffDecision.id)).all()
    return [list(rows) for _, rows in groupby(wanted, key=lambda row: row.account_id)]


def in_batches(accounts: Sequence[Rows]) -> Iterator[Sequence[Rows]]:
    """Yield so many accounts as are carried out at once."""
    for first in range(0, len(accounts), BATCH):
        yield accounts[first : first + BATCH]


def end(session: Session, run: CutoffRun) -> CutoffRun:
    """Note that a plan was applied wholly."""
    run.status, run.applied_at = RunStatus.APPLIED, clock.now()
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


def _decide(
    session: Session,
    run_id: int,
    rows: Sequence[tuple[Debtor, Verdict]],
    bases: Mapping[int, cutoff_basis.Basis],
) -> None:
    """Write the decisions: for tens of thousands one statement of one parameter, not one each."""
    found = [
        {
            "account_id": debtor.account_id,
            "subscription_id": verdict.subscription_id,
            "action": verdict.action,
            "reason": verdict.reason,
            "overdue": debtor.overdue_minor,
            "balance": debtor.balance_minor,
            "days": debtor.days_overdue,
            "words": str(verdict.explanation),
            "was": verdict.was,
            "effect": verdict.effect,
            "basis": bases.get(debtor.account_id, {}),
        }
        for debtor, verdict in rows
    ]
    values = {"run_id": run_id, "states": list(AccessState), "rows": json.dumps(found)}
    session.execute(text(_DECIDED), values)


def _locked(session: Session, run_id: int) -> CutoffRun:
    run = session.get(CutoffRun, run_id, with_for_update=True, populate_existing=True)
    if run is None:
        raise errors.NotFound("There is no such cutoff run")
    return run


def carry_out(session: Session, run: CutoffRun, accounts: Sequence[Rows], on: date) -> None:
    """Apply the rows of many accounts at once; when that fails, account by account."""
    try:
        with db.part(session):
            _apply_rows(session, run, [row for rows in accounts for row in rows], on)
    except Exception as fault:
        if db.is_lost(fault):
            raise
        for rows in accounts:
            try:
                with db.part(session):
                    _apply_rows(session, run, rows, on)
            except Exception as error:
                if db.is_lost(error):
                    raise
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
    for row in (*ended["cut"], *ended["lowered"], *ended["lifted"]):
        # The row says what was done, not what was meant: by that it is undone.
        found_now = now[row.subscription_id]
        row.was, row.effect = found_now.was, _effect(row, found_now)
    for row in (*ended["cut"], *ended["lowered"]):
        by_effect[row.effect] += _ids([row])
    for effect, ids in by_effect.items():
        debt_locks.place(
            session,
            ids,
            effect,
            rules=limits,
            owner=OWNER,
            note=N_("cutoff run %(run)s", run=run.id),
            run_id=run.id,
            today=on,
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


def _effect(row: CutoffDecision, now: Verdict) -> AccessState:
    """Return how far the line is cut: as the verdict of this moment says, and no further than was planned."""
    is_cut = row.action is DecisionAction.CUT
    return min(row.effect, now.effect, key=strictness) if is_cut else now.effect


def _ids(rows: Sequence[CutoffDecision]) -> list[int]:
    return [row.subscription_id for row in rows if row.subscription_id is not None]


def _note(session: Session, ended: dict[str, list[CutoffDecision]]) -> None:
    for outcome, rows in ended.items():
        for row in rows:
            row.outcome = outcome
    session.flush()
