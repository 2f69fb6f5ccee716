"""Number series as administrators keep them: how numbers look, and which series a kind of document takes."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from billing import series
from billing.models import Document, DocumentKind, DocumentSeries, SeriesCounter
from core import errors
from core.words import N_
from registry import audit


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A series with the number it would give next today, and how many it has given."""

    series: DocumentSeries
    next_number: str
    given: int


def list_all(session: Session, today: date) -> list[SeriesRow]:
    """Return the series by kind, the default of each first."""
    counted = session.execute(select(Document.series_id, func.count()).group_by(Document.series_id))
    given = {row[0]: row[1] for row in counted}
    last = {
        (row.series_id, row.span): row.last_number for row in session.scalars(select(SeriesCounter)).all()
    }
    order = list(DocumentKind)
    rows = session.scalars(select(DocumentSeries)).all()
    return [
        SeriesRow(
            row,
            preview(row.pattern, today, last.get((row.id, series.span_of(row.pattern, today)), 0) + 1),
            given.get(row.id, 0),
        )
        for row in sorted(rows, key=lambda row: (order.index(row.kind), not row.is_default, row.name))
    ]


def preview(pattern: str, on: date, number: int = 1) -> str:
    """Return how a number of the pattern looks on that day; raises Invalid at `pattern`."""
    before, width, after = series.split(pattern)
    text = f"{before}{number:0{width}d}{after}"
    return text.replace("{year}", f"{on.year:04d}").replace("{month}", f"{on.month:02d}")


def get(session: Session, series_id: int) -> DocumentSeries:
    """Return the series; raises NotFound."""
    found = session.get(DocumentSeries, series_id)
    if found is None:
        raise errors.NotFound("There is no such number series")
    return found


def given(session: Session, series_id: int) -> int:
    """Return how many documents bear a number of the series."""
    query = select(func.count()).select_from(Document).where(Document.series_id == series_id)
    return session.scalar(query) or 0


def create(
    session: Session,
    actor: audit.Actor,
    *,
    kind: DocumentKind,
    name: str,
    pattern: str,
    is_default: bool = False,
) -> DocumentSeries:
    """Add a series; raises Invalid at the faulty field."""
    name, pattern = " ".join(name.split()), pattern.strip()
    _check(session, None, name, pattern)
    made = DocumentSeries(kind=kind, name=name, pattern=pattern, is_default=False)
    session.add(made)
    session.flush()
    changes = audit.difference({}, {"kind": kind, "name": name, "pattern": pattern})
    _record(session, actor, "series.created", made, changes)
    if is_default:
        make_default(session, actor, made.id)
    return made


def change(
    session: Session, actor: audit.Actor, series_id: int, *, name: str, pattern: str
) -> DocumentSeries:
    """Change a series' name, and its pattern as long as it has given no number.

    Raises Invalid at the faulty field: with another pattern numbers could come twice.
    """
    found = get(session, series_id)
    name, pattern = " ".join(name.split()), pattern.strip()
    _check(session, series_id, name, pattern)
    if pattern != found.pattern and given(session, series_id):
        raise errors.Invalid(
            "The pattern is in use",
            {"pattern": "It has given numbers already: add a series with the new one"},
        )
    changes = audit.difference(
        {"name": found.name, "pattern": found.pattern}, {"name": name, "pattern": pattern}
    )
    found.name, found.pattern = name, pattern
    session.flush()
    if changes:
        _record(session, actor, "series.changed", found, changes)
    return found


def make_default(session: Session, actor: audit.Actor, series_id: int) -> None:
    """Have documents of its kind take their numbers from this series from now on; raises NotFound."""
    found = get(session, series_id)
    session.execute(
        update(DocumentSeries)
        .where(DocumentSeries.kind == found.kind, DocumentSeries.is_default)
        .values(is_default=False)
    )
    session.refresh(found)
    found.is_default = True
    session.flush()
    _record(session, actor, "series.default", found, {})


def _check(session: Session, series_id: int | None, name: str, pattern: str) -> None:
    faults = {}
    if not 0 < len(name) <= 60:
        faults["name"] = N_("Write a name of at most 60 characters")
    if fault := series.pattern_fault(pattern):
        faults["pattern"] = fault
    others = select(DocumentSeries).where(DocumentSeries.id != (series_id or 0))
    for other in session.scalars(others):
        if other.name == name:
            faults["name"] = N_("Another series has this name")
        if other.pattern.casefold() == pattern.casefold():
            faults["pattern"] = N_("The series %(name)s gives the same numbers", name=other.name)
    if faults:
        raise errors.Invalid("The number series is not complete", faults)


def _record(
    session: Session, actor: audit.Actor, action: str, found: DocumentSeries, changes: dict[str, list[object]]
) -> None:
    audit.record(
        session, actor, action, object_kind="series", object_id=found.id, changes=changes, note=found.name
    )
