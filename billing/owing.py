"""What of each document is to pay, and by what it was paid: the ledger's allocation, told by documents.

A credit that was undone stands in the ledger as if it had never been, and its claim is open again. On paper
two documents ask for that claim by then: the invoice that asked it first, less what the credit note gave
back, and the invoice that asks that again. The first is paid before the second. What stands on an invoice is
not asked for by its proforma.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Select, SQLColumnExpression, Subquery, and_, func, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from billing import allocation
from billing.allocation import Allocation, Share
from billing.models import Document, DocumentKind, DocumentLine, LedgerEntry
from core.columns import any_of


@dataclass(frozen=True, slots=True)
class Paid:
    """So much of a document was paid by this entry."""

    entry: LedgerEntry
    amount_minor: int


@dataclass(frozen=True, slots=True)
class PaidDocument:
    """So much of this document an entry paid; no document: of claims that stand on none."""

    document: Document | None
    amount_minor: int


def open_by_document(account_ids: Iterable[int] | None = None) -> Subquery:
    """Return the invoices and proformas not wholly paid: document_id, open_minor; a list joins it outer.

    A document that has no row here is paid, credited, or asked for nothing.
    """
    entries = allocation.open_by_entry(account_ids)
    invoiced = aliased(DocumentLine)
    is_proforma = DocumentLine.kind == DocumentKind.PROFORMA
    own = (
        select(DocumentLine.document_id, func.sum(entries.c.open_minor).cast(BigInteger).label("open_minor"))
        .join(entries, entries.c.entry_id == DocumentLine.entry_id)
        .outerjoin(
            invoiced,
            and_(
                is_proforma,
                invoiced.entry_id == DocumentLine.entry_id,
                invoiced.kind == DocumentKind.INVOICE,
            ),
        )
        .where(or_(DocumentLine.kind == DocumentKind.INVOICE, is_proforma), invoiced.document_id.is_(None))
        .group_by(DocumentLine.document_id)
        .cte("own")
    )
    again, invoice_id, entry_id = _again()
    newer = func.sum(DocumentLine.gross_minor).over(partition_by=invoice_id, order_by=entry_id.desc())
    part = func.least(
        DocumentLine.gross_minor, func.greatest(0, own.c.open_minor - newer + DocumentLine.gross_minor)
    )
    walked = (
        again.join(own, own.c.document_id == invoice_id).add_columns(part.label("open_minor")).cte("walked")
    )
    parts = union_all(
        select(own.c.document_id, own.c.open_minor),
        select(walked.c.document_id, walked.c.open_minor),
        select(walked.c.invoice_id, -walked.c.open_minor),
    ).subquery("parts")
    total = func.sum(parts.c.open_minor)
    return (
        select(parts.c.document_id, total.cast(BigInteger).label("open_minor"))
        .group_by(parts.c.document_id)
        .having(total > 0)
        .subquery("open_documents")
    )


def _again() -> tuple[Select[Any], SQLColumnExpression[Any], SQLColumnExpression[Any]]:
    """Return what invoices ask again of others: document_id, invoice_id, entry_id, gross_minor.

    Beside it the columns by which they are chosen and ordered: the first invoice's id, and the entry's.
    """
    given, undoing = aliased(DocumentLine), aliased(LedgerEntry)
    columns: tuple[Any, ...] = (
        DocumentLine.document_id,
        Document.corrects_id.label("invoice_id"),
        undoing.id.label("entry_id"),
        DocumentLine.gross_minor,
    )
    query = (
        select(*columns)
        .select_from(Document)
        .join(given, and_(given.document_id == Document.id, given.kind == DocumentKind.CREDIT_NOTE))
        .join(undoing, undoing.reverses_id == given.entry_id)
        .join(
            DocumentLine,
            and_(DocumentLine.entry_id == undoing.id, DocumentLine.kind == DocumentKind.INVOICE),
        )
    )
    return query, Document.corrects_id, undoing.id


def payments_of(session: Session, document_id: int) -> list[Paid]:
    """Return by what a document was paid, oldest first; a part of a payment is a part of its sum."""
    document = session.get_one(Document, document_id)
    again, _, _ = _again()
    here = session.execute(again.where(DocumentLine.document_id == document_id))
    invoices = {row.invoice_id for row in here}
    made = allocation.of_account(session, document.account_id)
    sums: dict[int, int] = {}
    for share, whose in _told(session, made, {document_id, *invoices}):
        if whose == document_id:
            sums[share.money_id] = sums.get(share.money_id, 0) + share.amount_minor
    entries = session.scalars(
        select(LedgerEntry).where(LedgerEntry.id == any_of(sums)).order_by(LedgerEntry.id)
    )
    return [Paid(entry, sums[entry.id]) for entry in entries]


def documents_of(session: Session, entry: LedgerEntry) -> list[PaidDocument]:
    """Return which documents this money paid, in that order; claims without a document are one row."""
    made = allocation.of_account(session, entry.account_id)
    shares = made.paid_with(entry.id)
    rows = session.execute(
        select(DocumentLine.entry_id, DocumentLine.document_id)
        .where(
            DocumentLine.entry_id == any_of(share.claim_id for share in shares),
            DocumentLine.kind != DocumentKind.CREDIT_NOTE,
        )
        # An invoice is named rather than the proforma before it.
        .order_by(DocumentLine.kind != DocumentKind.PROFORMA)
    )
    named = {row[0]: row[1] for row in rows}
    sums: dict[int | None, int] = {}
    for share, whose in _told(session, made, set(named.values())):
        if share.money_id == entry.id:
            sums[whose] = sums.get(whose, 0) + share.amount_minor
    found = session.scalars(select(Document).where(Document.id == any_of(id_ for id_ in sums if id_)))
    by_id = {document.id: document for document in found}
    return [PaidDocument(by_id[id_] if id_ else None, minor) for id_, minor in sums.items()]


def _told(
    session: Session, made: Allocation, document_ids: Collection[int]
) -> Iterator[tuple[Share, int | None]]:
    """Yield the shares in order, each cut by the documents that ask for it; None: none of these."""
    lines = select(DocumentLine.entry_id, DocumentLine.document_id).where(
        DocumentLine.document_id == any_of(document_ids), DocumentLine.kind != DocumentKind.CREDIT_NOTE
    )
    first = {row[0]: row[1] for row in session.execute(lines)}
    again: dict[int, list[tuple[int, int]]] = defaultdict(list)
    asked, invoice_id, entry_id = _again()
    asked = asked.where(invoice_id == any_of(document_ids)).order_by(entry_id)
    for row in session.execute(asked):
        again[row.invoice_id].append((row.document_id, row.gross_minor))
    total: Counter[int] = Counter()
    for claim_id, minor in made.open_minor.items():
        total[first.get(claim_id, 0)] += minor
    for share in made.shares:
        total[first.get(share.claim_id, 0)] += share.amount_minor
    queues = {
        id_: deque([(id_, total[id_] - sum(minor for _, minor in again[id_])), *again[id_]])
        for id_ in document_ids
    }
    for share in made.shares:
        queue, left = queues.get(first.get(share.claim_id, 0)), share.amount_minor
        while queue and left:
            whose, room = queue.popleft()
            if (part := min(left, room)) > 0:
                yield Share(share.money_id, share.claim_id, part), whose
                left -= part
            if room > max(part, 0):
                queue.appendleft((whose, room - part))
        if left:
            yield Share(share.money_id, share.claim_id, left), None
