"""Charge runs: everybody in batches with a row that shows how far it is; or rehearsed, and nothing kept."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from billing import charges, daybreak, ledger, subscriptions
from billing.acts import Act
from billing.charges import ChargeReport
from billing.models import ChargeRun, EntryKind, LedgerEntry
from core import clock
from core.columns import any_of
from core.db import Database
from core.words import N_

Show = Callable[[int, int], object]
# A run that gave no sign of life for so long is given up: each batch gives one, after seconds.
GIVEN_UP_S = 600
INTERRUPTED = N_("Interrupted; the next run goes on where it was")


@dataclass(frozen=True, slots=True)
class Charged:
    """A charge a run would make; the sum is positive."""

    account_id: int
    description: str
    start: date
    end: date
    due_on: date | None
    minor: int
    currency: str


def run(
    database: Database, act: Act, *, account_id: int | None = None, show: Show = lambda *_: None
) -> ChargeReport:
    """Charge everybody in batches, a row of charge_runs showing how far it is (see charges.run_batches).

    One account alone is charged in one transaction with its row; both let the terms of their day hold before.
    `show` is called after each batch with the accounts done and how many there are. One that fails keeps the
    reason in its row; one that was killed is called interrupted by give_up(), one beside it is left alone.
    """
    if account_id is not None:
        return _run_one(database, act, account_id)
    run_id = _open(database, act)

    def note(session: Session, report: ChargeReport, done: int, total: int) -> None:
        row = session.get_one(ChargeRun, run_id)
        _write(row, report, done, total)
        row.seen_at, row.error = clock.now(), None
        show(done, total)

    try:
        begun = daybreak.let_each_hold(database, act, note=lambda session: _beat(session, run_id))
        report = charges.run_batches(database, act, note=note, begun=begun)
    except Exception as error:
        with database.transaction() as session:
            session.get_one(ChargeRun, run_id).error = str(error)[:500]
        raise
    with database.transaction() as session:
        row = session.get_one(ChargeRun, run_id)
        row.finished_at, row.error = clock.now(), _left_out(report.failed)
    return report


def _left_out(account_ids: Sequence[int]) -> str | None:
    """Say for whom charging went wrong; nothing when it did for nobody."""
    if not account_ids:
        return None
    ids = ", ".join(str(one) for one in account_ids)
    return N_("Went wrong for these accounts: %(ids)s. The log says why; the next run tries again.", ids=ids)


def _run_one(database: Database, act: Act, account_id: int) -> ChargeReport:
    with database.transaction() as session:
        ledger.lock_account(session, account_id)
        report = daybreak.let_terms_hold(session, act, account_id=account_id)
        report += charges.run(session, act, account_id=account_id)
        row = ChargeRun(run_on=act.until, started_by=act.author.name, finished_at=clock.now())
        _write(row, report, 1, 1)
        session.add(row)
    return report


def _write(row: ChargeRun, report: ChargeReport, done: int, total: int) -> None:
    row.accounts_done, row.accounts_total = done, total
    row.entries, row.documents, row.totals = report.entries, report.documents, report.totals
    row.accounts_charged = report.accounts
    row.refused = [asdict(one) for one in report.refused]
    row.undocumented = report.undocumented


def rehearse(
    database: Database,
    act: Act,
    *,
    account_id: int | None = None,
    keep: Callable[[Sequence[Charged]], object] = lambda _: None,
    show: Show = lambda *_: None,
) -> ChargeReport:
    """Return what run() would come to, giving every charge to `keep`; each batch is done and undone.

    So no account is held longer than its batch takes. Raises NotFound for an unknown account.
    """
    with database.reading() as session:
        planned = set(subscriptions.planned_accounts(session, act.until, account_id=account_id))
        charged = [account_id] if account_id is not None else charges.candidates(session, act.until)
    accounts = sorted({*charged, *planned})
    report = ChargeReport()
    for first in range(0, len(accounts), charges.BATCH):
        batch = accounts[first : first + charges.BATCH]
        with database.rehearsal() as session:
            if account_id is not None:
                ledger.lock_account(session, account_id)
            last_id = session.scalar(select(func.max(LedgerEntry.id))) or 0
            for one in sorted(planned & set(batch)):
                report += daybreak.let_terms_hold(session, act, account_id=one)
            report += charges.run_accounts(session, act, batch)
            keep(_made(session, batch, last_id))
        show(first + len(batch), len(accounts))
    return report


def _open(database: Database, act: Act) -> int:
    with database.transaction() as session:
        give_up(session)
        row = ChargeRun(run_on=act.until, started_by=act.author.name, seen_at=clock.now())
        session.add(row)
        session.flush()
        return row.id


def _beat(session: Session, run_id: int) -> None:
    session.get_one(ChargeRun, run_id).seen_at = clock.now()


def is_lost(run: ChargeRun) -> bool:
    """Whether the run goes on by its row, but no worker gave a sign of life in GIVEN_UP_S seconds."""
    is_going = run.finished_at is None and run.error is None
    return is_going and (run.seen_at or run.started_at) < clock.now() - timedelta(seconds=GIVEN_UP_S)


def give_up(session: Session) -> list[int]:
    """Call the runs that are lost (see is_lost) interrupted; return which."""
    late = (
        update(ChargeRun)
        .where(
            ChargeRun.finished_at.is_(None),
            ChargeRun.error.is_(None),
            func.coalesce(ChargeRun.seen_at, ChargeRun.started_at)
            < clock.now() - timedelta(seconds=GIVEN_UP_S),
        )
        .values(error=str(INTERRUPTED))
        .returning(ChargeRun.id)
    )
    return list(session.scalars(late, execution_options={"synchronize_session": "fetch"}))


def _made(session: Session, accounts: Sequence[int], last_id: int) -> list[Charged]:
    """Return the charges of these accounts after that entry."""
    rows = session.scalars(
        select(LedgerEntry)
        .where(
            LedgerEntry.account_id == any_of(accounts),
            LedgerEntry.kind == EntryKind.CHARGE,
            LedgerEntry.id > last_id,
        )
        .order_by(LedgerEntry.account_id, LedgerEntry.id)
    )
    return [
        Charged(
            account_id=row.account_id,
            description=row.description,
            start=row.period_start or row.dated_on,
            end=row.period_end or row.dated_on,
            due_on=row.due_on,
            minor=-row.amount_minor,
            currency=row.currency,
        )
        for row in rows
    ]
