"""Nights as a list: what the closing of each business day did, what it waits for, and whom it left out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Date, cast, func, literal, or_, select
from sqlalchemy.orm import Session

from billing.models import NightRun
from registry import keyset
from registry.keyset import Key, Marks
from registry.models import Customer

PAGE = 50
USUAL_SORT = "-day"
KEYS = {"day": Key(NightRun.run_on, date), "began": Key(NightRun.started_at, date)}
_FAILING = ("lines", "charges", "promises", "instalments", "late_fees", "interest")
_OTHERS = ("plan", "applied", "mismatches", "dunning")
_IS_CLOSED = NightRun.finished_at.is_not(None)
_LEFT_OUT = or_(
    *(func.jsonb_array_length(NightRun.report[step]["failed"]) > 0 for step in _FAILING),
    NightRun.report["mismatches"]["count"].as_integer() > 0,
)
_STATES: dict[str, Any] = {"closed": _IS_CLOSED, "open": ~_IS_CLOSED, "left_out": _LEFT_OUT}
STATES = tuple(_STATES)


@dataclass(frozen=True, slots=True)
class NightFilter:
    """What nights are narrowed to: a word of STATES, and the days they closed."""

    state: str = ""
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An account for which something went wrong; it may belong to nobody. `steps` name what was not done."""

    account_id: int
    customer_id: int | None
    name: str
    number: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Night:
    """A night, its report by step ({} for a step that is not done), and whom it left out.

    `late` are those whose suspensions nights before had missed; `steps` say "late" or "missed" altogether.
    """

    run: NightRun
    report: Mapping[str, Mapping[str, Any]]
    left_out: tuple[LeftOut, ...]
    late: tuple[LeftOut, ...]

    @property
    def kept(self) -> int:
        """Promises and instalments that were kept."""
        return sum(self.report[step].get("kept", 0) for step in ("promises", "instalments"))

    @property
    def broken(self) -> int:
        """Promises and instalments that were broken."""
        return sum(self.report[step].get("broken", 0) for step in ("promises", "instalments"))


def page(
    session: Session, filters: NightFilter, *, sort: str, after: str | None, limit: int = PAGE
) -> tuple[list[Night], Marks]:
    """Return a page of the nights in an order of KEYS, and the mark of the next."""
    query = select(NightRun)
    if filters.state:
        query = query.where(_STATES[filters.state])
    if filters.first_day is not None:
        query = query.where(NightRun.run_on >= filters.first_day)
    if filters.last_day is not None:
        query = query.where(NightRun.run_on <= filters.last_day)
    day_number = NightRun.run_on - cast(literal(date(2000, 1, 1)), Date)
    found, mark = keyset.page(
        session, query, sort=sort, keys=KEYS, id_column=day_number, after=after, limit=limit
    )
    runs = [row[0] for row in found]
    owners = _owners(session, {one for run in runs for one in {**_steps_by_account(run), **_late(run)}})
    return [_night(run, owners) for run in runs], mark


def _night(run: NightRun, owners: Mapping[int, Customer]) -> Night:
    report = {**{step: {} for step in (*_FAILING, *_OTHERS)}, **run.report}
    return Night(run, report, _named(_steps_by_account(run), owners), _named(_late(run), owners))


def _named(
    steps_by_account: Mapping[int, tuple[str, ...]], owners: Mapping[int, Customer]
) -> tuple[LeftOut, ...]:
    return tuple(
        LeftOut(
            account_id,
            owner.id if (owner := owners.get(account_id)) else None,
            owner.name if owner else "",
            owner.number if owner else "",
            steps,
        )
        for account_id, steps in sorted(steps_by_account.items())
    )


def _late(run: NightRun) -> dict[int, tuple[str, ...]]:
    """Return the accounts of which suspensions were placed late, or missed."""
    found: dict[int, tuple[str, ...]] = {}
    for word in ("late", "missed"):
        for account_id in run.report.get("lines", {}).get(word, ()):
            found[account_id] = (*found.get(account_id, ()), word)
    return found


def _steps_by_account(run: NightRun) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    for step in _FAILING:
        for account_id in run.report.get(step, {}).get("failed", ()):
            found[account_id] = (*found.get(account_id, ()), step)
    for account_id in run.report.get("mismatches", {}).get("account_ids", ()):
        found[account_id] = (*found.get(account_id, ()), "mismatches")
    return found


def _owners(session: Session, account_ids: Iterable[int]) -> dict[int, Customer]:
    rows = session.scalars(select(Customer).where(Customer.account_id.in_(sorted(account_ids))))
    return {one.account_id: one for one in rows if one.account_id is not None}
