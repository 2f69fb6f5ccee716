"""Number series of documents: no gap and no double, whoever issues at the same time.

The counter's row is locked from the moment a number is taken until the transaction ends: a number that was
rolled back is given again, and nobody else has seen it.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from billing import books
from billing.models import DocumentKind, DocumentSeries, SeriesCounter
from core import errors
from core.words import N_

_NUMBER = re.compile(r"\{number(?::(\d{1,2}))?\}")
# Of the kinds that one act may issue: the counters of those before are locked first.
_BEFORE = {
    DocumentKind.PROFORMA: (DocumentKind.INVOICE,),
    DocumentKind.CREDIT_NOTE: (DocumentKind.INVOICE, DocumentKind.PROFORMA),
}
_FIELD = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class Reserved:
    """A series whose counter is locked: the last number given, and how a number is written."""

    series_id: int
    span: str
    last_number: int
    prefix: str
    width: int
    suffix: str

    def full(self, number: int) -> str:
        """Return the number as the document bears it."""
        return f"{self.prefix}{number:0{self.width}d}{self.suffix}"


def reserve(session: Session, kind: DocumentKind, on: date, *, series_id: int | None = None) -> Reserved:
    """Lock the counter of the kind's default series (or the one named) for that day.

    Raises NotFound, and Invalid for a day the books are closed for: no document bears it.
    The caller writes the documents and moves the counter by take() in the same transaction.
    """
    query = select(DocumentSeries).where(DocumentSeries.kind == kind)
    query = query.where(DocumentSeries.id == series_id if series_id else DocumentSeries.is_default)
    series = session.scalar(query)
    if series is None:
        raise errors.NotFound(f"There is no number series for documents of the kind {kind.value}")
    books.refuse(session, on)
    before, width, after = split(series.pattern)
    span = span_of(series.pattern, on)
    _wait_in_line(session, kind, on)
    session.execute(insert(SeriesCounter).values(series_id=series.id, span=span).on_conflict_do_nothing())
    last = session.scalars(
        select(SeriesCounter.last_number)
        .where(SeriesCounter.series_id == series.id, SeriesCounter.span == span)
        .with_for_update()
    ).one()
    return Reserved(series.id, span, last, _dated(before, on), width, _dated(after, on))


def _wait_in_line(session: Session, kind: DocumentKind, on: date) -> None:
    """Lock the counters that come before this kind's: one order for all.

    One act asks and then gives back, another gives back and then asks: they would wait for each other. So
    would one that asks by proforma and gives back beside one that makes invoices and proformas.
    """
    for earlier in _BEFORE.get(kind, ()):
        with suppress(errors.NotFound):
            reserve(session, earlier, on)


def take(session: Session, reserved: Reserved, count: int) -> None:
    """Move the locked counter on by so many numbers."""
    session.execute(
        update(SeriesCounter)
        .where(SeriesCounter.series_id == reserved.series_id, SeriesCounter.span == reserved.span)
        .values(last_number=SeriesCounter.last_number + count)
        .execution_options(synchronize_session=False)
    )


def span_of(pattern: str, on: date) -> str:
    """Return in which span numbers run from 1: a month if the pattern names it, else a year, else all."""
    if "{month}" in pattern:
        return f"{on.year:04d}-{on.month:02d}"
    return f"{on.year:04d}" if "{year}" in pattern else "all"


def split(pattern: str) -> tuple[str, int, str]:
    """Return what stands before the number, its least width, and what stands behind it; raises Invalid."""
    fault = pattern_fault(pattern)
    found = _NUMBER.search(pattern)
    if fault or found is None:
        raise errors.Invalid("Not a pattern of numbers", {"pattern": fault or N_("Write {number} once")})
    return pattern[: found.start()], int(found.group(1) or 1), pattern[found.end() :]


def pattern_fault(pattern: str) -> str | None:
    """Return what is wrong with a pattern, in words; None when nothing is."""
    if len(_NUMBER.findall(pattern)) != 1:
        return N_("Write {number}, or {number:6} for six digits, once")
    rest = _FIELD.sub("", _NUMBER.sub("", pattern).replace("{year}", "").replace("{month}", ""))
    if rest != _NUMBER.sub("", pattern).replace("{year}", "").replace("{month}", "") or set("{}") & set(rest):
        return N_("Only {number}, {year} and {month} are filled in")
    if "{month}" in pattern and "{year}" not in pattern:
        return N_("A month without {year} would give the same number again next year")
    return None if len(pattern) <= 40 else N_("Write at most 40 characters")


def _dated(text: str, on: date) -> str:
    return text.replace("{year}", f"{on.year:04d}").replace("{month}", f"{on.month:02d}")
