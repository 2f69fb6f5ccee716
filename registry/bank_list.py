"""Bank statements as a list: by what became of their lines, when they were read in, what they are called."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from billing.models import BankBatch, BankLine, BatchStatus, LineStatus
from core.columns import day_of
from registry import bank_views, keyset
from registry.bank_views import PAGE, BatchRow
from registry.keyset import Key, Marks

USUAL_SORT = "-read"
KEYS = {
    "read": Key(BankBatch.id, int),
    "name": Key(BankBatch.file_name, str),
    "lines": Key(BankBatch.lines_total, int),
    "total": Key(BankBatch.total_minor, int),
}


@dataclass(frozen=True, slots=True)
class BatchFilter:
    """What the list is narrowed to. `state` is a word of STATES; the days are those of reading in."""

    text: str = ""
    state: str = ""
    first_day: date | None = None
    last_day: date | None = None


def page(
    session: Session, filters: BatchFilter, *, zone: str, sort: str, after: str | None, limit: int = PAGE
) -> tuple[list[BatchRow], Marks]:
    """Return a page of the statements in an order of KEYS, and the mark of the next; days are the zone's."""
    found, mark = keyset.page(
        session,
        _narrowed(filters, zone),
        sort=sort,
        keys=KEYS,
        id_column=BankBatch.id,
        after=after,
        limit=limit,
    )
    return bank_views.batch_rows(session, [row[0] for row in found]), mark


def _states() -> dict[str, Any]:
    waits = select(BankLine.id).where(
        BankLine.batch_id == BankBatch.id, BankLine.status == LineStatus.WAITING
    )
    is_over = BankBatch.status.in_([BatchStatus.READY, BatchStatus.UNDONE])
    return {
        "unsettled": waits.exists(),
        "settled": (BankBatch.status == BatchStatus.READY) & ~waits.exists(),
        "work": ~is_over,
        "undone": BankBatch.status == BatchStatus.UNDONE,
    }


STATES = tuple(_states())


def _narrowed(filters: BatchFilter, zone: str) -> Select[Any]:
    query = select(BankBatch)
    if filters.text:
        texts = (BankBatch.file_name, BankBatch.statement_number, BankBatch.own_account)
        query = query.where(or_(*(column.icontains(filters.text, autoescape=True) for column in texts)))
    if filters.state:
        query = query.where(_states()[filters.state])
    if filters.first_day is not None:
        query = query.where(day_of(BankBatch.read_at, zone) >= filters.first_day)
    if filters.last_day is not None:
        query = query.where(day_of(BankBatch.read_at, zone) <= filters.last_day)
    return query
