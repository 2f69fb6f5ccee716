"""Runs as lists: of charging, and of the cutoff; narrowed by what came of them and by the day they closed."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from billing.models import ChargeRun, CutoffRun, RunStatus
from registry import keyset
from registry.keyset import Key, Marks

PAGE = 50
USUAL_SORT = "-started"
CHARGE_KEYS = {
    "started": Key(ChargeRun.id, int),
    "day": Key(ChargeRun.run_on, date),
    "accounts": Key(ChargeRun.accounts_charged, int),
    "charges": Key(ChargeRun.entries, int),
    "documents": Key(ChargeRun.documents, int),
}
CUTOFF_KEYS = {
    "started": Key(CutoffRun.id, int),
    "day": Key(CutoffRun.run_on, date),
    "cut": Key(CutoffRun.cut_count, int),
    "spare": Key(CutoffRun.spare_count, int),
    "keep": Key(CutoffRun.keep_count, int),
    "lift": Key(CutoffRun.lift_count, int),
}
# What came of a charge run; "refused" is done, but something was not charged.
_DONE = ChargeRun.finished_at.is_not(None)
_REFUSED = func.jsonb_array_length(ChargeRun.refused) > 0
_CHARGE_STATES: dict[str, Any] = {
    "done": _DONE & ~_REFUSED,
    "refused": _DONE & _REFUSED,
    "going": ~_DONE & ChargeRun.error.is_(None),
    "failed": ~_DONE & ChargeRun.error.is_not(None),
}
CHARGE_STATES = tuple(_CHARGE_STATES)
CUTOFF_STATES = tuple(status.value for status in RunStatus)


@dataclass(frozen=True, slots=True)
class RunFilter:
    """What runs are narrowed to: a word of their states, and the days they closed."""

    state: str = ""
    first_day: date | None = None
    last_day: date | None = None


def charging(
    session: Session, filters: RunFilter, *, sort: str, after: str | None, limit: int = PAGE
) -> tuple[list[ChargeRun], Marks]:
    """Return a page of the charge runs in an order of CHARGE_KEYS, and the mark of the next."""
    query = _narrowed(select(ChargeRun), ChargeRun.run_on, filters)
    if filters.state:
        query = query.where(_CHARGE_STATES[filters.state])
    found, mark = keyset.page(
        session, query, sort=sort, keys=CHARGE_KEYS, id_column=ChargeRun.id, after=after, limit=limit
    )
    return [row[0] for row in found], mark


def cutoffs(
    session: Session, filters: RunFilter, *, sort: str, after: str | None, limit: int = PAGE
) -> tuple[list[CutoffRun], Marks]:
    """Return a page of the cutoff runs in an order of CUTOFF_KEYS, and the mark of the next."""
    query = _narrowed(select(CutoffRun), CutoffRun.run_on, filters)
    if filters.state:
        query = query.where(CutoffRun.status == RunStatus(filters.state))
    found, mark = keyset.page(
        session, query, sort=sort, keys=CUTOFF_KEYS, id_column=CutoffRun.id, after=after, limit=limit
    )
    return [row[0] for row in found], mark


def _narrowed(query: Select[Any], day: Any, filters: RunFilter) -> Select[Any]:
    if filters.first_day is not None:
        query = query.where(day >= filters.first_day)
    if filters.last_day is not None:
        query = query.where(day <= filters.last_day)
    return query
