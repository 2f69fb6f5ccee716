"""Reading the ledger: statement with running balance, last lines, totals of a day."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from billing.models import EntryKind, LedgerEntry, Method


@dataclass(frozen=True, slots=True)
class Line:
    """An entry (its balance_after_minor is the running balance), and what undid it, if anything did."""

    entry: LedgerEntry
    reversed_by_id: int | None

    @property
    def is_reversible(self) -> bool:
        """Whether it can be undone: not a reversal itself, and not undone yet."""
        return self.reversed_by_id is None and self.entry.kind is not EntryKind.REVERSAL


@dataclass(frozen=True, slots=True)
class DayTotal:
    """What was booked on a day of one kind, method and currency."""

    kind: EntryKind
    method: Method
    currency: str
    entries: int
    total_minor: int


def entries(
    session: Session, account_id: int, *, before_id: int | None = None, limit: int = 50
) -> list[Line]:
    """Return a page of the statement, newest first: entries older than `before_id`."""
    undone = aliased(LedgerEntry)
    query = (
        select(LedgerEntry, undone.id)
        .outerjoin(undone, undone.reverses_id == LedgerEntry.id)
        .where(LedgerEntry.account_id == account_id)
        .order_by(LedgerEntry.id.desc())
        .limit(limit)
    )
    if before_id is not None:
        query = query.where(LedgerEntry.id < before_id)
    return [Line(entry, reversed_by_id) for entry, reversed_by_id in session.execute(query)]


def recent(session: Session, account_id: int, *, limit: int = 5) -> list[LedgerEntry]:
    """Return the last entries, newest first."""
    return list(
        session.scalars(
            select(LedgerEntry)
            .where(LedgerEntry.account_id == account_id)
            .order_by(LedgerEntry.id.desc())
            .limit(limit)
        )
    )


def day_totals(session: Session, first_day: date, last_day: date | None = None) -> list[DayTotal]:
    """Return the sums booked on a day, or from one to another, by kind, method and currency."""
    rows = session.execute(
        select(
            LedgerEntry.kind,
            LedgerEntry.method,
            LedgerEntry.currency,
            func.count(),
            func.sum(LedgerEntry.amount_minor),
        )
        .where(LedgerEntry.dated_on.between(first_day, last_day or first_day))
        .group_by(LedgerEntry.kind, LedgerEntry.method, LedgerEntry.currency)
        .order_by(LedgerEntry.currency, LedgerEntry.kind, LedgerEntry.method)
    )
    return [
        DayTotal(kind, method, currency, count, int(total)) for kind, method, currency, count, total in rows
    ]
