"""A customer's ledger as staff look into it: filters, an order, keyset pages, all of it for a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from billing.models import Document, DocumentKind, DocumentLine, EntryKind, LedgerEntry, Method
from billing.statements import Line
from registry import paging

USUAL_SORT = "-booked"
PAGE, CHUNK = 50, 1000
_NEVER = date(9999, 12, 31)
# The last part of each is the entry's number, which is also the order of booking.
_KEYS: dict[str, tuple[Any, ...]] = {
    "booked": (LedgerEntry.id,),
    "date": (LedgerEntry.dated_on, LedgerEntry.id),
    "due": (func.coalesce(LedgerEntry.due_on, _NEVER), LedgerEntry.id),
    "amount": (LedgerEntry.amount_minor, LedgerEntry.id),
}
_KINDS: dict[str, tuple[type, ...]] = {
    "booked": (int,),
    "date": (str, int),
    "due": (str, int),
    "amount": (int, int),
}
SORTS = tuple(_KEYS)
# How billing.payments.payback describes its entries, by their kind.
_PAID_BACK = {EntryKind.PAYMENT: "Debt paid back", EntryKind.WRITEOFF: "Debt written off"}


@dataclass(frozen=True, slots=True)
class LedgerFilter:
    """What the ledger is narrowed to; everything given must hold. Days are business days.

    A payback is an entry that set the whole debt to zero at once: a payment, or a write-off.
    """

    text: str = ""
    kind: EntryKind | None = None
    is_payback: bool = False
    method: Method | None = None
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """A page of the ledger with the documents its entries stand on; `next` and `previous` are cursors."""

    lines: tuple[Line, ...]
    papers: dict[int, tuple[int, str]]
    next: str | None
    previous: str | None


def page(
    session: Session,
    account_id: int,
    filters: LedgerFilter,
    *,
    sort: str = USUAL_SORT,
    after: str | None = None,
    limit: int = PAGE,
) -> LedgerPage:
    """Return a page in one of SORTS, falling with a minus before it; a strange cursor gives the first."""
    word = sort.removeprefix("-")
    cursor = paging.read(after, sort, _KINDS[word])
    values = _values(word, cursor) if cursor is not None else None
    is_back = cursor is not None and values is not None and cursor.is_back
    is_falling = sort.startswith("-") != is_back
    keys = _KEYS[word]
    query = _narrowed(account_id, filters)
    if values is not None:
        bound = tuple_(*(literal(value) for value in values))
        query = query.where(tuple_(*keys) < bound if is_falling else tuple_(*keys) > bound)
    query = query.order_by(*(key.desc() if is_falling else key.asc() for key in keys)).limit(limit + 1)
    found = [Line(entry, undone) for entry, undone in session.execute(query)]
    has_more, found = len(found) > limit, found[:limit]
    found = found[::-1] if is_back else found
    return LedgerPage(
        lines=tuple(found),
        papers=papers_of(session, [line.entry.id for line in found]),
        next=_mark(sort, found[-1]) if found and (is_back or has_more) else None,
        previous=_mark(sort, found[0], is_back=True)
        if found and values is not None and (has_more or not is_back)
        else None,
    )


def every(session: Session, account_id: int, filters: LedgerFilter, *, sort: str) -> Iterator[LedgerPage]:
    """Yield all that the filters leave, a thousand entries at a time."""
    after = None
    while True:
        found = page(session, account_id, filters, sort=sort, after=after, limit=CHUNK)
        yield found
        after = found.next
        if after is None:
            return


def papers_of(session: Session, entry_ids: Sequence[int]) -> dict[int, tuple[int, str]]:
    """Return the document (id, number; not a proforma) on which each of the entries stands."""
    query = (
        select(DocumentLine.entry_id, Document.id, Document.full_number)
        .join(Document, Document.id == DocumentLine.document_id)
        .where(DocumentLine.entry_id.in_(entry_ids), Document.kind != DocumentKind.PROFORMA)
    )
    return {entry: (document, number) for entry, document, number in session.execute(query) if entry}


def _narrowed(account_id: int, filters: LedgerFilter) -> Select[LedgerEntry, int | None]:
    undone = aliased(LedgerEntry)
    query = (
        select(LedgerEntry, undone.id)
        .outerjoin(undone, undone.reverses_id == LedgerEntry.id)
        .where(LedgerEntry.account_id == account_id)
    )
    if filters.kind is not None:
        query = query.where(LedgerEntry.kind == filters.kind)
    if filters.is_payback:
        known = tuple_(LedgerEntry.kind, LedgerEntry.description)
        query = query.where(known.in_(_PAID_BACK.items()))
    if filters.method is not None:
        query = query.where(LedgerEntry.method == filters.method)
    if filters.first_day is not None:
        query = query.where(LedgerEntry.dated_on >= filters.first_day)
    if filters.last_day is not None:
        query = query.where(LedgerEntry.dated_on <= filters.last_day)
    if filters.text:
        columns = (LedgerEntry.description, LedgerEntry.reference, LedgerEntry.author)
        query = query.where(or_(*(column.icontains(filters.text, autoescape=True) for column in columns)))
    return query


def _values(word: str, cursor: paging.Cursor) -> tuple[Any, ...] | None:
    """Return the cursor's values as the keys have them; none when a day in it is none."""
    if word not in ("date", "due"):
        return cursor.values
    try:
        return date.fromisoformat(str(cursor.values[0])), *cursor.values[1:]
    except ValueError:
        return None


def _mark(sort: str, line: Line, *, is_back: bool = False) -> str:
    entry = line.entry
    values: dict[str, tuple[paging.Value, ...]] = {
        "booked": (entry.id,),
        "date": (entry.dated_on.isoformat(), entry.id),
        "due": ((entry.due_on or _NEVER).isoformat(), entry.id),
        "amount": (entry.amount_minor, entry.id),
    }
    return paging.write(paging.Cursor(sort, is_back, values[sort.removeprefix("-")]))
