"""What a business day begins with: lift what is over, place what is planned, let new terms hold, settle.

The night does it for everybody, what looks ahead for one account; whoever charges a day by hand lets the
terms of that day hold first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing import (
    access,
    batches,
    ledger,
    settling,
    subscriptions,
    suspensions,
    suspensions_to_come,
)
from billing.acts import Act
from billing.charges import ChargeReport
from billing.models import EntryKind, LedgerEntry
from core import db
from core.columns import any_of
from core.db import Database


@dataclass(frozen=True, slots=True)
class Begun:
    """What the day began with: numbers of locks, lines, terms and entries; for which accounts it went wrong.

    `late` and `missed` are accounts of which a suspension was placed late, or was over before it was placed:
    nights were missed.
    """

    locks_expired: int = 0
    locks_placed: int = 0
    lines_changed: int = 0
    terms_changed: int = 0
    settled: int = 0
    failed: tuple[int, ...] = ()
    late: tuple[int, ...] = ()
    missed: tuple[int, ...] = ()

    def __add__(self, other: "Begun") -> "Begun":
        return Begun(
            self.locks_expired + other.locks_expired,
            self.locks_placed + other.locks_placed,
            self.lines_changed + other.lines_changed,
            self.terms_changed + other.terms_changed,
            self.settled + other.settled,
            self.failed + other.failed,
            self.late + other.late,
            self.missed + other.missed,
        )


def begin(session: Session, act: Act, now: datetime, *, account_id: int | None = None) -> Begun:
    """Begin the act's day for all accounts, or for one.

    All accounts concerned are held before any line is: a cashier holds his account first, and so do we.
    """
    ledger.hold(session, _concerned(session, act, now, account_id))
    by = act.author.name
    freed = suspensions.lift_expired(session, now, by=by, today=act.today, account_id=account_id)
    frozen = suspensions_to_come.place_due(session, act, account_id=account_id)
    terms = subscriptions.apply_planned(session, act, account_id=account_id)
    settled = settling.settle_pending(session, act, account_id=account_id)
    # Last, as its lines are of accounts that are not held.
    changed = access.refresh_dates(session, act.today) if account_id is None else {}
    return Begun(
        locks_expired=len(freed.locks),
        locks_placed=len(frozen.locks),
        lines_changed=len({*freed.lines, *frozen.lines, *changed}),
        terms_changed=terms,
        settled=settled,
        late=frozen.late,
        missed=frozen.missed,
    )


def begin_each(database: Database, act: Act, now: datetime) -> Begun:
    """Begin the act's day for every account concerned, each in a transaction of its own; say what it did.

    What is settled makes documents: in one transaction their counters would be held until all of it is done.
    Lines that only their dates change are left to begin().
    """
    with database.reading() as session:
        concerned = _concerned(session, act, now, None)
    done: list[Begun] = []

    def one(session: Session, account_ids: Sequence[int]) -> None:
        made = begin(session, act, now, account_id=account_ids[0])
        db.after_commit(session, lambda: done.append(made))

    failed = batches.each(database, sorted(concerned), 1, one)
    return sum(done, Begun(failed=failed))


def _concerned(session: Session, act: Act, now: datetime, account_id: int | None) -> set[int]:
    """Return the accounts, or the one, for which the day begins with something of money."""
    return {
        *suspensions.expired_accounts(session, now, today=act.today, account_id=account_id),
        *suspensions_to_come.accounts(session, act.today, account_id=account_id),
        *subscriptions.planned_accounts(session, act.today, account_id=account_id),
        *settling.unsettled_accounts(session, act.today, account_id=account_id),
    }


def let_each_hold(
    database: Database, act: Act, *, note: Callable[[Session], object] = lambda _: None
) -> ChargeReport:
    """Do what let_terms_hold() does for every account, each in a transaction of its own, `note` in it."""
    with database.reading() as session:
        planned = subscriptions.planned_accounts(session, act.until)
    report = ChargeReport()
    for account_id in sorted(planned):
        with database.transaction() as session:
            report += let_terms_hold(session, act, account_id=account_id)
            note(session)
    return report


def let_terms_hold(session: Session, act: Act, *, account_id: int | None = None) -> ChargeReport:
    """Let the terms hold whose day has come, before a charge run by hand; return what that charged."""
    accounts = ledger.hold(session, subscriptions.planned_accounts(session, act.until, account_id=account_id))
    if not accounts:
        return ChargeReport()
    last_id = session.scalar(select(func.max(LedgerEntry.id))) or 0
    subscriptions.apply_planned(session, act, account_id=account_id)
    rows = session.execute(
        select(
            LedgerEntry.currency,
            func.count(),
            -func.sum(LedgerEntry.amount_minor),
            func.array_agg(LedgerEntry.account_id.distinct()),
        )
        .where(
            LedgerEntry.account_id == any_of(accounts),
            LedgerEntry.kind == EntryKind.CHARGE,
            LedgerEntry.id > last_id,
        )
        .group_by(LedgerEntry.currency)
    ).all()
    totals = {currency: int(minor) for currency, _, minor, _ in rows}
    return ChargeReport(
        entries=sum(count for _, count, _, _ in rows),
        total_minor=sum(totals.values()),
        accounts=sum(len(ids) for *_, ids in rows),
        totals=totals,
    )
