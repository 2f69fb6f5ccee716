"""Reading the ledger: statement with running balance, last lines."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from billing.models import EntryKind, LedgerEntry


@dataclass(frozen=True, slots=True)
class Line:
    """An entry (its balance_after_minor is the running balance), and what undid it, if anything did."""

    entry: LedgerEntry
    reversed_by_id: int | None

    @property
    def is_reversible(self) -> bool:
        """Whether it can be undone: not a reversal itself, and not undone yet."""
        return self.reversed_by_id is None and self.entry.kind is not EntryKind.REVERSAL


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
