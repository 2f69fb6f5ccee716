"""The cutoff as staff see it: runs, one plan with its people, debtors; and the acts with their history."""

import contextlib
from collections.abc import Sequence
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from billing import cutoff, cutoff_review, cutoff_undo, reconnect, subscriptions
from billing.brake import Clock, Witness
from billing.models import (
    CutoffDecision,
    CutoffRun,
    RunStatus,
)
from billing.rules import Rules
from core import errors
from core.words import N_
from registry import audit, money, wholes

# A line of history for each row: the act, or what came of the row, with the numbers and the policy it used.
_EVENTS = """
    INSERT INTO audit_events
        (staff_id, staff_name, action, customer_id, object_kind, object_id, changes, note)
    SELECT CAST(:staff_id AS bigint), :name,
           COALESCE(
               CAST(:action AS text), CASE d.outcome WHEN 'cut' THEN 'service.cut' ELSE 'service.let_in' END
           ),
           c.id, 'subscription', d.subscription_id,
           jsonb_build_object(
               'cutoff_run', jsonb_build_array(NULL, d.run_id),
               'overdue_minor', jsonb_build_array(NULL, d.overdue_minor),
               'days_overdue', jsonb_build_array(NULL, d.days_overdue),
               'policy', jsonb_build_array(NULL, r.rules -> 'version')
           ), COALESCE(CAST(:note AS text), d.explanation)
    FROM cutoff_decisions d
    JOIN cutoff_runs r ON r.id = d.run_id
    JOIN customers c ON c.account_id = d.account_id
    WHERE d.id = ANY(:ids)
    ORDER BY d.id
"""
_UNTOLD = """
    SELECT d.id
    FROM cutoff_decisions d JOIN customers c ON c.account_id = d.account_id
    WHERE d.run_id = :run_id AND d.outcome IN ('cut', 'lifted', 'lowered')
      AND NOT EXISTS (
          SELECT 1 FROM audit_events e
          WHERE e.customer_id = c.id AND e.object_id = d.subscription_id
            AND e.changes -> 'cutoff_run' -> 1 = to_jsonb(d.run_id)
      )
"""


def plan(session: Session, actor: audit.Actor, on: date, *, rules: Rules, jumped_s: float = 0.0) -> CutoffRun:
    """Make a plan at once (see billing.cutoff.plan); the caller's clock jumped by so many seconds."""
    told = witness(on, jumped_s=jumped_s)
    made = cutoff.plan(session, on, rules=rules, planned_by=actor.name, witness=told)
    _record(session, actor, "cutoff.planned", made)
    return made


def begin(session: Session, actor: audit.Actor, on: date, *, rules: Rules) -> CutoffRun:
    """Open a plan that a worker makes (see billing.cutoff_runs)."""
    made = cutoff.begin(session, on, rules=rules, planned_by=actor.name)
    _record(session, actor, "cutoff.planned", made)
    return made


def witness(on: date, *, jumped_s: float = 0.0) -> Witness:
    """Return what the brake is told of the network and of the clock; `on` is the business day."""
    return Witness(wholes.find, Clock(on, jumped_s))


def apply(
    session: Session,
    actor: audit.Actor,
    run_id: int,
    *,
    today: date,
    only_approved: bool = False,
    jumped_s: float = 0.0,
) -> CutoffRun:
    """Carry out a plan (see billing.cutoff.apply), with a line in the history of everybody it touched.

    One that stood for a while may come back braked; the caller's clock jumped by so many seconds.
    """
    was_applied = get(session, run_id).status not in cutoff_review.OPEN
    told = witness(today, jumped_s=jumped_s)
    run = cutoff.apply(
        session, run_id, approved_by=actor.name, today=today, only_approved=only_approved, witness=told
    )
    if not was_applied:
        record_applied(session, actor, run)
        record_outcomes(session, actor, run_id)
    return run


def start(
    session: Session,
    actor: audit.Actor,
    run_id: int,
    *,
    today: date,
    only_approved: bool = False,
    jumped_s: float = 0.0,
) -> CutoffRun:
    """Let a worker carry a plan out; it writes the history of those it touches (see apply)."""
    was_applied = get(session, run_id).status not in cutoff_review.OPEN
    told = witness(today, jumped_s=jumped_s)
    run = cutoff.start(
        session, run_id, approved_by=actor.name, today=today, only_approved=only_approved, witness=told
    )
    if not was_applied:
        record_applied(session, actor, run)
    return run


def record_applied(session: Session, actor: audit.Actor, run: CutoffRun) -> None:
    """Write down that a plan is applied, and whether past the brake (why stands with the release).

    Or that the brake stopped it when it was to be.
    """
    if run.status is RunStatus.BRAKED:
        _record(session, actor, "cutoff.braked", run, note="; ".join(run.brake_reasons))
        return
    note = N_("past the brake") if run.release_reason else ""
    _record(session, actor, "cutoff.applied", run, note=note)


def discard(session: Session, actor: audit.Actor, run_id: int) -> CutoffRun:
    """Put a plan aside (see billing.cutoff.discard)."""
    run = cutoff.discard(session, run_id, by=actor.name)
    _record(session, actor, "cutoff.discarded", run)
    return run


def release(session: Session, actor: audit.Actor, run_id: int, *, reason: str) -> CutoffRun:
    """Let a braked plan go (see billing.cutoff_review.release)."""
    run = cutoff_review.release(session, run_id, reason=reason, author=money.author(actor))
    _record(session, actor, "cutoff.released", run, note=reason.strip())
    return run


def agree(session: Session, actor: audit.Actor, run_id: int) -> CutoffRun:
    """Approve a plan as a whole."""
    run = cutoff_review.agree(session, run_id, author=money.author(actor))
    _record(session, actor, "cutoff.agreed", run)
    return run


def approve(session: Session, actor: audit.Actor, run_id: int, row_ids: Sequence[int]) -> int:
    """Approve rows; return how many."""
    return len(cutoff_review.approve(session, run_id, row_ids, author=money.author(actor)))


def reset(session: Session, actor: audit.Actor, run_id: int, row_ids: Sequence[int]) -> int:
    """Take back what was said of rows; return of how many."""
    return len(cutoff_review.reset(session, run_id, row_ids, author=money.author(actor)))


def remove(session: Session, actor: audit.Actor, run_id: int, row_ids: Sequence[int], *, note: str) -> int:
    """Take rows out of the run, with a line in the history of each; return how many."""
    rows = cutoff_review.remove(session, run_id, row_ids, note=note, author=money.author(actor))
    record_rows(session, actor, "cutoff.removed", rows, note=note.strip())
    return len(rows)


def defer(
    session: Session,
    actor: audit.Actor,
    run_id: int,
    row_ids: Sequence[int],
    *,
    until: date,
    note: str,
    today: date,
) -> int:
    """Keep the rows' accounts from being cut until a day, with a line in the history of each; how many."""
    author = money.author(actor)
    rows = cutoff_review.defer(session, run_id, row_ids, until=until, note=note, author=author, today=today)
    record_rows(session, actor, "cutoff.deferred", rows, note=note.strip())
    return len(rows)


def undo(
    session: Session,
    actor: audit.Actor,
    run_id: int,
    *,
    row_ids: Sequence[int] | None = None,
    reason: str,
    today: date,
    spare_until: date | None = None,
) -> cutoff_undo.Undone:
    """Undo rows of a run or all of it (see billing.cutoff_undo.undo), with a line in each history."""
    done = cutoff_undo.undo(
        session,
        run_id,
        row_ids=row_ids,
        reason=reason,
        author=money.author(actor),
        today=today,
        spare_until=spare_until,
    )
    for outcome, action in (("cut_undone", "service.cut_undone"), ("lift_undone", "service.put_back")):
        rows = [row for row in done.rows if row.outcome == outcome]
        record_rows(session, actor, action, rows, note=reason.strip())
    if row_ids is None and done.rows:
        _record(session, actor, "cutoff.undone", get(session, run_id), note=reason.strip())
    return done


def record_rows(
    session: Session,
    actor: audit.Actor,
    action: str | None,
    rows: Sequence[CutoffDecision],
    *,
    note: str | None = None,
) -> None:
    """Write the act on these rows into the history of their customers.

    Without an act what came of each is written, and the explanation as its note.
    """
    _write(session, actor, action, [row.id for row in rows], note)


def record_outcomes(session: Session, actor: audit.Actor, run_id: int) -> None:
    """Write into each customer's history that the run cut him or let him in; done again it adds nothing."""
    session.flush()
    _write(session, actor, None, list(session.scalars(text(_UNTOLD), {"run_id": run_id})), None)


def record_batch(session: Session, run: CutoffRun, rows: Sequence[CutoffDecision]) -> None:
    """Write what came of rows a worker carried out, in the name of who let the plan be applied."""
    touched = [row for row in rows if row.outcome in cutoff_undo.UNDONE]
    record_rows(session, audit.Actor(None, run.approved_by or ""), None, touched)


def _write(
    session: Session, actor: audit.Actor, action: str | None, ids: Sequence[int], note: str | None
) -> None:
    session.flush()
    values = {"action": action, "note": note, "ids": list(ids)}
    session.execute(text(_EVENTS), {"staff_id": actor.staff_id, "name": actor.name[:120], **values})


def let_in(session: Session, actor: audit.Actor, account_id: int, *, today: date, rules: Rules) -> int:
    """Let the account's lines in as far as the policy says, with a line of history each; return how many."""
    done = reconnect.let_in(session, account_id, today=today, rules=rules, by=actor.name)
    for one in done:
        if one.subscription_id is not None:
            service = subscriptions.get(session, one.subscription_id)
            # An account may belong to nobody: then there is no history to write it into.
            with contextlib.suppress(errors.NotFound):
                money.record_service(session, actor, "service.let_in", service, note=str(one.explanation))
    return len(done)


def get(session: Session, run_id: int) -> CutoffRun:
    """Return the run; raises NotFound."""
    found = session.get(CutoffRun, run_id)
    if found is None:
        raise errors.NotFound("There is no such cutoff run")
    return found


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
