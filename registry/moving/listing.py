"""Imports as a list: by how far they are, when they were taken in, what they are called."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from core.columns import day_of
from registry import keyset
from registry.keyset import Key, Marks
from registry.models import ImportBatch, ImportState

PAGE = 50
USUAL_SORT = "-taken"
KEYS = {
    "taken": Key(ImportBatch.id, int),
    "name": Key(ImportBatch.name, str),
    "opening": Key(ImportBatch.opening_on, date),
    "rows": Key(ImportBatch.rows_total, int),
    "wrong": Key(ImportBatch.rows_wrong, int),
}
# "work" is whatever waits for the worker.
_STATES = {
    "draft": (ImportState.DRAFT,),
    "checked": (ImportState.CHECKED,),
    "work": (ImportState.TO_CHECK, ImportState.TO_BOOK, ImportState.TO_UNDO),
    "booked": (ImportState.BOOKED,),
    "undone": (ImportState.UNDONE,),
    "failed": (ImportState.FAILED,),
}
STATES = tuple(_STATES)


@dataclass(frozen=True, slots=True)
class ImportFilter:
    """What the list is narrowed to. `state` is a word of STATES; the days are those of taking in."""

    text: str = ""
    state: str = ""
    first_day: date | None = None
    last_day: date | None = None


def page(
    session: Session,
    filters: ImportFilter,
    *,
    zone: str,
    sort: str = USUAL_SORT,
    after: str | None = None,
    limit: int = PAGE,
) -> tuple[list[ImportBatch], Marks]:
    """Return a page of the imports in an order of KEYS, and the mark of the next; days are the zone's."""
    found, mark = keyset.page(
        session,
        _narrowed(filters, zone),
        sort=sort,
        keys=KEYS,
        id_column=ImportBatch.id,
        after=after,
        limit=limit,
    )
    return [row[0] for row in found], mark


def _narrowed(filters: ImportFilter, zone: str) -> Select[Any]:
    query = select(ImportBatch)
    if filters.text:
        texts = (ImportBatch.name, ImportBatch.system, ImportBatch.author)
        query = query.where(or_(*(column.icontains(filters.text, autoescape=True) for column in texts)))
    if filters.state:
        query = query.where(ImportBatch.state.in_(_STATES[filters.state]))
    if filters.first_day is not None:
        query = query.where(day_of(ImportBatch.created_at, zone) >= filters.first_day)
    if filters.last_day is not None:
        query = query.where(day_of(ImportBatch.created_at, zone) <= filters.last_day)
    return query
