"""What people say of a cutoff plan before it is applied: approve, remove, defer rows, release the brake."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from billing import deferrals
from billing.ledger import Author
from billing.models import CutoffDecision, CutoffRun, DecisionAction, Review, RunStatus
from core import clock, errors
from core.columns import any_of

OPEN = (RunStatus.PLANNED, RunStatus.BRAKED)
ACTS = (DecisionAction.CUT, DecisionAction.LIFT)


def open_run(session: Session, run_id: int) -> CutoffRun:
    """Return the plan, locked; raises NotFound, and Conflict when it is not open to review."""
    run = session.get(CutoffRun, run_id, with_for_update=True, populate_existing=True)
    if run is None:
        raise errors.NotFound("There is no such cutoff run")
    if run.status not in OPEN:
        raise errors.Conflict("This plan is not open any more")
    return run


def approve(session: Session, run_id: int, row_ids: Iterable[int], *, author: Author) -> list[CutoffDecision]:
    """Approve rows; return those it changed. Raises as open_run()."""
    return _say(session, run_id, row_ids, Review.APPROVED, author=author)


def remove(
    session: Session, run_id: int, row_ids: Iterable[int], *, note: str, author: Author
) -> list[CutoffDecision]:
    """Take rows out of this run, with the reason; the next plan has them again. Raises Invalid at `note`."""
    if not note.strip():
        raise errors.Invalid("No reason", {"note": "Write why"})
    return _say(session, run_id, row_ids, Review.REMOVED, author=author, note=note.strip())


def defer(
    session: Session,
    run_id: int,
    row_ids: Iterable[int],
    *,
    until: date,
    note: str,
    author: Author,
    today: date,
) -> list[CutoffDecision]:
    """Keep the rows' accounts from being cut until the end of that day (see billing.deferrals).

    A row that lets somebody in cannot be deferred and is left as it is. Raises Invalid at `until`, `note`.
    """
    deferrals.check(until, note, today)
    said = _say(
        session,
        run_id,
        row_ids,
        Review.DEFERRED,
        author=author,
        note=note.strip(),
        until=until,
        only=(DecisionAction.CUT,),
    )
    accounts = {row.account_id for row in said}
    if accounts:
        deferrals.make(session, accounts, until, note=note, author=author, today=today, run_id=run_id)
    return said


def reset(session: Session, run_id: int, row_ids: Iterable[int], *, author: Author) -> list[CutoffDecision]:
    """Take back what was said of rows; a deferral made by this plan ends. Raises as open_run()."""
    before = select(CutoffDecision.account_id).where(
        CutoffDecision.run_id == run_id,
        CutoffDecision.id == any_of(list(row_ids)),
        CutoffDecision.review == Review.DEFERRED,
    )
    accounts = session.scalars(before).all()
    said = _say(session, run_id, row_ids, Review.NONE, author=author)
    if accounts:
        deferrals.end(session, accounts, by=author.name, run_id=run_id)
    return said


def agree(session: Session, run_id: int, *, author: Author) -> CutoffRun:
    """Approve the plan as a whole; done again it changes nothing. Raises as open_run()."""
    run = open_run(session, run_id)
    if run.agreed_at is None:
        run.agreed_by, run.agreed_at = author.name, clock.now()
        session.flush()
    return run


def release(session: Session, run_id: int, *, reason: str, author: Author) -> CutoffRun:
    """Let a braked plan go, with the reason, which is kept. Raises Invalid at `reason`, as open_run()."""
    run = open_run(session, run_id)
    if not reason.strip():
        raise errors.Invalid("No reason", {"reason": "Write why this plan is right"})
    if run.status is RunStatus.BRAKED:
        run.status = RunStatus.PLANNED
        run.released_by, run.released_at, run.release_reason = author.name, clock.now(), reason.strip()
        session.flush()
    return run


def _say(
    session: Session,
    run_id: int,
    row_ids: Iterable[int],
    word: Review,
    *,
    author: Author,
    note: str = "",
    until: date | None = None,
    only: tuple[DecisionAction, ...] = ACTS,
) -> list[CutoffDecision]:
    open_run(session, run_id)
    values: dict[str, Any] = {
        "review": word,
        "review_note": note,
        "deferred_until": until,
        "reviewed_by": None if word is Review.NONE else author.name,
        "reviewed_at": None if word is Review.NONE else clock.now(),
    }
    changed = session.scalars(
        update(CutoffDecision)
        .where(
            CutoffDecision.run_id == run_id,
            CutoffDecision.id == any_of(list(row_ids)),
            CutoffDecision.action.in_(only),
        )
        .values(**values)
        .returning(CutoffDecision)
        .execution_options(populate_existing=True)
    ).all()
    return sorted(changed, key=lambda row: row.id)
