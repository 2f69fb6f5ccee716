"""Documents as staff find them: a list by number, customer, day and state; one with all it names."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Select, func, literal, select, union
from sqlalchemy.orm import Session

from billing import owing, paper, unasked, written_off
from billing.models import Document, DocumentKind, DocumentLine, Payer
from billing.owing import Paid
from billing.paper import Paper
from core.money import Money
from registry import keyset, outbox, search
from registry.keyset import Key, Marks
from registry.models import Customer, OutboxMessage

WRITTEN_OFF = "written_off"
STATES = ("open", "overdue", "paid", WRITTEN_OFF, unasked.INVOICED, unasked.CANCELLED)
USUAL_SORT = "-issued"
TOTAL_LIMIT = 10_000
# From so many characters on a text is looked for inside of numbers too: fewer stand in nearly all.
_LEAST_PART = 3
# Credit notes and receipts ask for nothing.
ASKING = (DocumentKind.INVOICE, DocumentKind.PROFORMA)
_NEVER = date(9999, 12, 31)
_opened = owing.open_by_document()
KEYS = {
    "issued": Key(Document.issued_on, date),
    "number": Key(Document.full_number, str),
    "kind": Key(func.concat(Document.kind), str),
    "customer": Key(func.coalesce(Customer.sort_name, ""), str),
    "due": Key(func.coalesce(Document.due_on, _NEVER), date),
    "amount": Key(Document.gross_minor, int),
    "open": Key(func.coalesce(_opened.c.open_minor, 0), int),
}


@dataclass(frozen=True, slots=True)
class PaperFilter:
    """What the list is narrowed to; everything given must hold. `state` is a word of STATES."""

    text: str = ""
    kind: DocumentKind | None = None
    customer_id: int | None = None
    first_day: date | None = None
    last_day: date | None = None
    state: str = ""


@dataclass(frozen=True, slots=True)
class PaperRow:
    """A document as the list shows it; `open_minor` is what of it is to pay.

    `closed` is as unasked.word(), or WRITTEN_OFF; `unasked_minor` as unasked.minor().
    """

    id: int
    kind: DocumentKind
    full_number: str
    account_id: int
    customer_id: int | None
    payer: str
    payer_number: str
    issued_on: date
    due_on: date | None
    net_minor: int
    vat_minor: int
    gross_minor: int
    currency: str
    closed: str
    unasked_minor: int
    open_minor: int = 0

    @property
    def gross(self) -> Money:
        """The whole sum."""
        return Money(self.gross_minor, self.currency)

    @property
    def open(self) -> Money:
        """What is left to pay."""
        return Money(self.open_minor, self.currency)

    def state(self, today: date) -> str:
        """Return whether it is paid or cancelled: a word of STATES, or "partly"; or nothing.

        What is asked for no more was not paid: by that alone nothing is paid in part.
        """
        if self.kind not in ASKING or self.gross_minor <= 0:
            return self.closed if self.kind is DocumentKind.RECEIPT else ""
        if self.open_minor <= 0:
            return self.closed or "paid"
        if self.due_on is not None and self.due_on < today:
            return "overdue"
        return "open" if self.open_minor >= self.gross_minor - self.unasked_minor else "partly"


@dataclass(frozen=True, slots=True)
class PaperPage:
    """A page of the list; `next` has the marks beside it. `total` stops at TOTAL_LIMIT + 1."""

    rows: tuple[PaperRow, ...]
    next: Marks
    total: int


@dataclass(frozen=True, slots=True)
class PaperView:
    """One document: what it says, whose it is, what paid it, what corrects it, how it was sent."""

    paper: Paper
    customer_id: int | None
    open: Money
    state: str
    paid_by: tuple[Paid, ...]
    notes: tuple[Document, ...]
    follow_ups: tuple[Document, ...]
    letters: tuple[OutboxMessage, ...]

    @property
    def document(self) -> Document:
        """The document itself."""
        return self.paper.document


def page(
    session: Session,
    filters: PaperFilter,
    *,
    sort: str = USUAL_SORT,
    after: str | None = None,
    limit: int = 50,
    today: date,
    is_counted: bool = True,
) -> PaperPage:
    """Return a page of the documents in an order of KEYS, or with a minus before it falling."""
    query = _narrowed(select(*_columns()), filters, today, is_open_joined=sort.removeprefix("-") == "open")
    found, marks = keyset.page(
        session, query, sort=sort, keys=KEYS, id_column=Document.id, after=after, limit=limit
    )
    shown = _with_open(session, [PaperRow(*row) for row in found])
    return PaperPage(shown, marks, count(session, filters, today=today) if is_counted else 0)


def count(session: Session, filters: PaperFilter, *, today: date) -> int:
    """Return how many documents the filters leave; TOTAL_LIMIT + 1 stands for more."""
    some = _narrowed(select(literal(1)), filters, today).limit(TOTAL_LIMIT + 1)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0


def sums(session: Session, filters: PaperFilter, *, today: date) -> tuple[tuple[DocumentKind, Money], ...]:
    """Return what the documents come to that the filters leave, by kind and currency."""
    columns: tuple[Any, ...] = (Document.kind, Document.currency, func.sum(Document.gross_minor))
    grouped = _narrowed(select(*columns), filters, today).group_by(Document.kind, Document.currency)
    rows = session.execute(grouped)
    return tuple(
        (kind, Money(int(minor), currency)) for kind, currency, minor in sorted(tuple(row) for row in rows)
    )


def ids(filters: PaperFilter, *, today: date) -> Select[int]:
    """Return the query of the documents the filters leave."""
    return _narrowed(select(Document.id), filters, today)


def of_account(session: Session, account_id: int, *, limit: int) -> tuple[PaperRow, ...]:
    """Return the account's last documents, newest first."""
    query = _joined(select(*_columns())).where(Document.account_id == account_id)
    found = session.execute(query.order_by(Document.id.desc()).limit(limit)).all()
    return _with_open(session, [PaperRow(*tuple(row)) for row in found])


def view(session: Session, document_id: int, *, today: date) -> PaperView:
    """Return one document with all that hangs on it; raises NotFound."""
    found = paper.of(session, document_id)
    document = found.document
    asks = document.kind in ASKING
    listed = session.execute(_joined(select(*_columns())).where(Document.id == document_id)).one()
    (row,) = _with_open(session, [PaperRow(*tuple(listed))])
    return PaperView(
        paper=found,
        customer_id=row.customer_id,
        open=row.open,
        state=row.state(today),
        paid_by=tuple(owing.payments_of(session, document_id)) if asks else (),
        notes=tuple(
            session.scalars(select(Document).where(Document.corrects_id == document_id).order_by(Document.id))
        ),
        follow_ups=_follow_ups(session, document),
        letters=tuple(outbox.of_document(session, document_id)),
    )


def _follow_ups(session: Session, document: Document) -> tuple[Document, ...]:
    """Return the invoices of a proforma, the proformas of an invoice: documents of the same entries."""
    own = select(DocumentLine.entry_id).where(
        DocumentLine.document_id == document.id, DocumentLine.entry_id.is_not(None)
    )
    others = select(DocumentLine.document_id).where(
        DocumentLine.entry_id.in_(own), DocumentLine.document_id != document.id
    )
    return tuple(session.scalars(select(Document).where(Document.id.in_(others)).order_by(Document.id)))


def _columns() -> tuple[Any, ...]:
    return (
        Document.id,
        Document.kind,
        Document.full_number,
        Document.account_id,
        Customer.id,
        Payer.name,
        Payer.number,
        Document.issued_on,
        Document.due_on,
        Document.net_minor,
        Document.vat_minor,
        Document.gross_minor,
        Document.currency,
        unasked.word(),
        unasked.minor(),
    )


def _joined(query: Select[Any]) -> Select[Any]:
    query = query.select_from(Document).join(Payer, Payer.id == Document.payer_id)
    return query.outerjoin(Customer, Customer.account_id == Document.account_id)


def _with_open(session: Session, rows: list[PaperRow]) -> tuple[PaperRow, ...]:
    """Say what of each is open or was written off: a query each for all the accounts of the page."""
    if not rows:
        return ()
    account_ids = {row.account_id for row in rows}
    opened = owing.open_by_document(account_ids)
    left = {row[0]: row[1] for row in session.execute(select(opened.c.document_id, opened.c.open_minor))}
    lost = set(session.scalars(written_off.documents(account_ids)))
    return tuple(
        replace(
            row,
            open_minor=left.get(row.id, 0),
            closed=row.closed or (WRITTEN_OFF if row.id in lost else ""),
        )
        for row in rows
    )


def _narrowed(
    query: Select[Any], filters: PaperFilter, today: date, *, is_open_joined: bool = False
) -> Select[Any]:
    query = _joined(query)
    # What is open of every document costs more than the rest together: only who asks for it pays.
    if is_open_joined or filters.state in STATES:
        query = query.outerjoin(_opened, _opened.c.document_id == Document.id)
    if filters.text:
        query = query.where(Document.id.in_(_matching(filters.text)))
    if filters.kind is not None:
        query = query.where(Document.kind == filters.kind)
    if filters.customer_id is not None:
        query = query.where(Customer.id == filters.customer_id)
    if filters.first_day is not None:
        query = query.where(Document.issued_on >= filters.first_day)
    if filters.last_day is not None:
        query = query.where(Document.issued_on <= filters.last_day)
    return _in_state(query, filters.state, today)


def _in_state(query: Select[Any], state: str, today: date) -> Select[Any]:
    if state not in STATES:
        return query
    if state in ("open", "overdue"):
        query = query.where(_opened.c.document_id.is_not(None))
        return query.where(Document.due_on < today) if state == "overdue" else query
    closed = "" if state in ("paid", WRITTEN_OFF) else state
    kinds = (*ASKING, DocumentKind.RECEIPT) if state == unasked.CANCELLED else ASKING
    query = query.where(Document.kind.in_(kinds), Document.gross_minor > 0, _opened.c.document_id.is_(None))
    query = query.where(unasked.word() == closed)
    if closed:
        return query
    lost = Document.id.in_(written_off.documents())
    return query.where(lost if state == WRITTEN_OFF else ~lost)


def _matching(text: str) -> Any:
    """Return the ids of documents with that number, a part or its digits, or of customers found by it."""
    parts = [
        select(Document.id).where(Document.full_number == text),
        select(Document.id)
        .join(Customer, Customer.account_id == Document.account_id)
        .where(Customer.id.in_(search.matching(text))),
    ]
    if len(text) >= _LEAST_PART:
        parts.append(select(Document.id).where(Document.full_number.icontains(text, autoescape=True)))
    if text.isascii() and text.isdecimal() and len(text) < 16:
        parts.append(select(Document.id).where(Document.number == int(text)))
    return union(*parts)
