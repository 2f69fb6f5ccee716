"""Makes records of what is staged: customers, plans, services, networks, addresses and money, as sets."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from billing import access, moving, suspensions
from billing.acts import Act
from billing.models import LockReason
from core import errors, money
from core.words import N_
from registry import payers
from registry.models import CustomerStatus
from registry.moving import load_sql, stage
from registry.words import STATUS_WORDS


@dataclass(frozen=True, slots=True)
class Source:
    """Where it comes from, which import it is, what it is kept in, and by which of our days.

    `updates`: customers known by their id from an import before get the money they have not yet.
    """

    system: str
    batch_id: int
    currency: str
    opening_on: date
    zone: str
    updates: bool = False

    @property
    def prefix(self) -> str:
        """What the keys of this import's ledger entries begin with."""
        return f"moved:{self.system}:"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was made: counts by kind of record, and between which ids the ledger entries are."""

    made: dict[str, int]
    money: moving.Booked


def recognise(session: Session, source: Source) -> None:
    """Mark the staged customers, plans and services that are there already, and give the others their ids."""
    values = {"system": source.system, "currency": source.currency}
    for statement in load_sql.RECOGNISE:
        _run(session, statement, values)


def load(
    session: Session, act: Act, source: Source, *, tell: Callable[[int, int], None] = lambda *_: None
) -> Loaded:
    """Make everything that is staged and not known; all of it in the caller's transaction.

    Nothing is told to a gate: what is wanted of the lines is decided, and the sweep does it. Raises Conflict
    when a customer's number belongs to somebody else. `tell` is called before each step with its place.
    """
    steps = len(load_sql.MAKE) + 3
    tell(0, steps)
    stage.analyse(session)
    recognise(session, source)
    values = {
        "system": source.system,
        "batch_id": source.batch_id,
        "currency": source.currency,
        "places": money.exponent(source.currency),
        "unit": 10 ** money.exponent(source.currency),
        "author": act.author.name,
        "author_id": act.author.staff_id,
        "opening_on": source.opening_on,
    }
    made = {}
    for place, (kind, statement) in enumerate(load_sql.MAKE.items()):
        tell(place, steps)
        made[kind] = _run(session, statement, values)
    tell(steps - 3, steps)
    payers.follow(session, session.scalars(text(load_sql.NEW_CUSTOMERS)))
    _run(session, load_sql.TAX_NUMBERS, values)
    tell(steps - 2, steps)
    _set_access(session, act, source)
    tell(steps - 1, steps)
    moving.stage(session)
    _run(
        session, load_sql.MONEY, {**values, "payment_days": act.terms.payment_days, "updates": source.updates}
    )
    booked = moving.post_staged(session)
    made["entries"] = booked.entries
    return Loaded(made, booked)


def _set_access(session: Session, act: Act, source: Source) -> None:
    """Put the locks of what was off before, and decide what is wanted of each new line."""
    ids = list(session.scalars(text(load_sql.NEW_SERVICES)))
    for part in _batches(ids, 5000):
        access.lock_rows(session, part, today=act.today)
    for (status,), found in _grouped(session, load_sql.IDLE, {}):
        _place(session, act, found, LockReason.STATUS, STATUS_WORDS[CustomerStatus(status)], percent=0)
    for (words,), found in _grouped(session, load_sql.HELD, {}):
        _place(session, act, found, LockReason.MANUAL, words)
    for (percent, until), found in _grouped(session, load_sql.SUSPENDED, {}):
        end = datetime.combine(until, time.max, ZoneInfo(source.zone)) if until else None
        words = N_("Suspended in %(system)s", system=source.system)
        _place(session, act, found, LockReason.FREEZE, words, percent=percent, until=end)


def _grouped(
    session: Session, statement: str, values: dict[str, Any]
) -> list[tuple[tuple[Any, ...], list[int]]]:
    return [(tuple(row)[:-1], list(row[-1])) for row in session.execute(text(statement), values)]


def _place(
    session: Session,
    act: Act,
    ids: Iterable[int],
    reason: LockReason,
    note: str,
    *,
    percent: int = 100,
    until: datetime | None = None,
) -> None:
    for part in _batches(ids, 2000):
        suspensions.place(
            session,
            part,
            reason,
            owner=act.author.name,
            note=note,
            until=until,
            today=act.today,
            billed_percent=percent,
        )


def known_count(session: Session) -> int:
    """Return how many of the staged customers were there before."""
    return session.scalar(text(load_sql.KNOWN)) or 0


def refuse_taken(session: Session, source: Source) -> None:
    """Raise Conflict when a staged customer's number is another's already, naming the first ones."""
    taken = list(session.scalars(text(load_sql.TAKEN), {"system": source.system}))
    if taken:
        raise errors.Conflict(
            N_("These numbers belong to other customers already: %(numbers)s", numbers=", ".join(taken))
        )


def _batches(ids: Iterable[int], size: int) -> Iterator[list[int]]:
    known = list(ids)
    for first in range(0, len(known), size):
        yield known[first : first + size]


def _run(session: Session, statement: str, values: dict[str, Any]) -> int:
    bound = text(statement)
    wanted = {name: values[name] for name in values if f":{name}" in statement}
    result: Any = session.execute(bound, wanted)
    return int(result.rowcount)
