"""Cutoff plans made and applied by a worker: in batches, each a transaction, the run's row showing how far.

What is wanted is the status of the row: a worker that was killed is followed by another, which goes on where
the rows say it stopped. A plan that cannot be made fails, with what went wrong in its row: nobody is cut by
it, and a person makes it again. One that is applied never fails so: half of it is done, it is tried again.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from billing import cutoff, debtors, rules
from billing.brake import Witness
from billing.models import Account, CutoffDecision, CutoffRun, RunStatus
from core import clock, errors
from core.db import Database

# Accounts looked at in one transaction while a plan is made.
MAKE_BATCH = 2000
# Up to so many accounts a plan is made, and up to so many rows applied, at once where it is asked for.
AT_ONCE = 1000
# A plan that so many workers died over that it is not made by then is given up.
GIVEN_UP_S = 3600

Now = Callable[[], date]
Note = Callable[[Session, CutoffRun, Sequence[CutoffDecision]], object]


def size(session: Session) -> int:
    """Return how many accounts a plan would look at."""
    return session.scalar(select(func.count()).select_from(Account).where(_concerned())) or 0


def rows_left(session: Session, run_id: int) -> int:
    """Return how many rows of the run are still to be carried out."""
    left = select(func.count()).where(
        CutoffDecision.run_id == run_id,
        CutoffDecision.action.in_(cutoff.ACTS),
        CutoffDecision.outcome == "",
    )
    return session.scalar(left) or 0


def waiting(session: Session, *, lost_s: float = cutoff.LOST_S) -> list[int]:
    """Return the runs that are to be made or applied and that no worker works at, oldest first."""
    lately = clock.now() - timedelta(seconds=lost_s)
    query = select(CutoffRun.id).where(
        CutoffRun.status.in_((RunStatus.MAKING, RunStatus.APPLYING)),
        or_(CutoffRun.seen_at.is_(None), CutoffRun.seen_at < lately),
    )
    return list(session.scalars(query.order_by(CutoffRun.id)))


def go_on(
    database: Database,
    run_id: int,
    *,
    witness: Witness,
    today: Now,
    note: Note = lambda *_: None,
) -> CutoffRun:
    """Make or apply the run, as its status says, from where it is; one that is done is returned as it is.

    `note` is given the rows of each batch that was carried out, in its transaction. What is raised is written
    into the run first (but not Unavailable: that is tried again), and a plan that was being made has failed.
    """
    with database.reading() as session:
        status = session.get_one(CutoffRun, run_id).status
    try:
        if status is RunStatus.MAKING:
            _make(database, run_id, witness)
        elif status is RunStatus.APPLYING:
            _apply(database, run_id, today, note)
    except errors.Unavailable:
        raise
    except Exception as error:
        _note_failure(database, run_id, error)
        raise
    with database.reading() as session:
        return session.get_one(CutoffRun, run_id)


def is_lost(run: CutoffRun) -> bool:
    """Whether the run is to be made or applied and no worker gave a sign of life lately."""
    lately = clock.now() - timedelta(seconds=cutoff.LOST_S)
    is_going = run.status in (RunStatus.MAKING, RunStatus.APPLYING)
    return is_going and (run.seen_at is None or run.seen_at < lately)


def give_up(session: Session) -> list[int]:
    """Call the plans failed that no worker made in GIVEN_UP_S seconds and none works at; return which."""
    now = clock.now()
    late = (
        update(CutoffRun)
        .where(
            CutoffRun.status == RunStatus.MAKING,
            CutoffRun.planned_at < now - timedelta(seconds=GIVEN_UP_S),
            or_(CutoffRun.seen_at.is_(None), CutoffRun.seen_at < now - timedelta(seconds=cutoff.LOST_S)),
        )
        .values(status=RunStatus.FAILED, error=cutoff.LEFT_BEHIND)
        .returning(CutoffRun.id)
    )
    return list(session.scalars(late, execution_options={"synchronize_session": "fetch"}))


def words_of(error: Exception) -> str:
    """Return what went wrong in a line, to be kept."""
    # Only what is said on purpose is a sentence; of anything else the kind helps whoever reads the log.
    words = str(error) if isinstance(error, errors.LinecardError) else f"{type(error).__name__}: {error}"
    return words.splitlines()[0][:500]


def _note_failure(database: Database, run_id: int, error: Exception) -> None:
    """Write what went wrong into the run; one that was being made failed."""
    with database.transaction() as session:
        run = session.get_one(CutoffRun, run_id, with_for_update=True, populate_existing=True)
        run.error = words_of(error)
        if run.status is RunStatus.MAKING:
            run.status = RunStatus.FAILED


def _make(database: Database, run_id: int, witness: Witness) -> None:
    while True:
        with database.transaction() as session:
            run = _held(session, run_id, RunStatus.MAKING)
            if run is None:
                return
            limits = rules.rules_of_json(run.rules)
            ids = _next_accounts(session, run.last_account_id)
            run.total_count = run.total_count or size(session)
            if not ids:
                run.done_count = run.total_count = run.last_account_id = 0
                cutoff.finish(session, run, rules=limits, witness=witness)
                return
            found = debtors.gather(session, run.run_on, rules=limits, account_ids=ids)
            cutoff.decide(session, run, found, rules=limits)
            run.done_count, run.last_account_id = min(run.done_count + len(ids), run.total_count), ids[-1]
            if len(ids) < MAKE_BATCH:  # all are looked at, however many they became meanwhile
                run.done_count = run.total_count


def _apply(database: Database, run_id: int, today: Now, note: Note) -> None:
    while True:
        with database.transaction() as session:
            run = _held(session, run_id, RunStatus.APPLYING)
            if run is None:
                return
            run.total_count = run.total_count or rows_left(session, run_id)
            accounts = cutoff.to_carry_out(session, run_id, limit=cutoff.BATCH)
            if not accounts:
                run.done_count = run.total_count
                cutoff.end(session, run)
                return
            cutoff.carry_out(session, run, accounts, today())
            rows = [row for of_account in accounts for row in of_account]
            note(session, run, rows)
            run.done_count = min(run.done_count + len(rows), run.total_count)


def _held(session: Session, run_id: int, status: RunStatus) -> CutoffRun | None:
    """Return the run, locked and marked as worked at, while it has that status: two workers take turns."""
    run = session.get_one(CutoffRun, run_id, with_for_update=True, populate_existing=True)
    if run.status is not status:
        return None
    run.seen_at, run.error = clock.now(), ""
    return run


def _next_accounts(session: Session, after_id: int) -> list[int]:
    query = select(Account.id).where(Account.id > after_id, _concerned())
    return list(session.scalars(query.order_by(Account.id).limit(MAKE_BATCH)))


def _concerned() -> ColumnElement[bool]:
    """Return the condition on Account that a verdict may be due: it owes something, or is cut for debt."""
    return or_(Account.balance_minor < 0, Account.id.in_(debtors.cut_accounts()))
