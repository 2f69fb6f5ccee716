"""What documents must say after any history of money: they add up, and say what the ledger says."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from billing import crediting, documents
from billing.models import (
    Document,
    DocumentKind,
    DocumentLine,
    DocumentSeries,
    EntryKind,
    LedgerEntry,
    SeriesCounter,
)

# What invoices ask again of what a credit note gave back of an earlier one: a person undid the credit.
_ASKED_AGAIN = text(
    "SELECT note.corrects_id, sum(l.gross_minor) FROM document_lines l"
    " JOIN ledger_entries e ON e.id = l.entry_id"
    " JOIN document_lines given ON given.entry_id = e.reverses_id AND given.kind = 'credit_note'"
    " JOIN documents note ON note.id = given.document_id"
    " WHERE l.kind = 'invoice' AND e.account_id = :account GROUP BY note.corrects_id"
)


def check_documents_tell_the_ledger(
    session: Session, account_id: int, entries: Sequence[LedgerEntry]
) -> None:
    """Of every claim that was invoiced, the documents say what the ledger does; of others they say nothing."""
    query = select(DocumentLine).join(Document).where(Document.account_id == account_id)
    kinds = (DocumentKind.INVOICE, DocumentKind.CREDIT_NOTE)
    lines = {line.entry_id: line for line in session.scalars(query.where(DocumentLine.kind.in_(kinds)))}
    undoing = {entry.reverses_id: entry for entry in entries if entry.reverses_id is not None}
    told, left_of = 0, {}
    for claim in entries:
        if claim.amount_minor > 0 or claim.due_on is None or claim.kind is EntryKind.REVERSAL:
            continue
        given = [entry for entry in entries if entry.corrects_id == claim.id]
        family = [claim, *given]
        family += [undoing[entry.id] for entry in family if entry.id in undoing]
        stated = [lines[entry.id] for entry in family if entry.id in lines]
        if claim.id not in lines:
            assert stated == [], "of a claim on no invoice something was documented"
            continue
        stands = sum(entry.amount_minor for entry in family)
        assert sum(line.gross_minor for line in stated) == -stands, "documents say other than the ledger"
        assert stands or sum(line.vat_minor for line in stated) == 0, "VAT is left over"
        told += stands
        invoice_id = lines[claim.id].document_id
        if invoice_id not in left_of:
            left_of[invoice_id] = crediting.creditable(session, documents.get(session, invoice_id))
        left = left_of[invoice_id][lines[claim.id].position]
        back = sum(entry.amount_minor for entry in given if entry.id not in undoing)
        assert left == (0 if claim.id in undoing else -claim.amount_minor - back)
    assert sum(line.gross_minor for line in lines.values()) == -told, "documented is what is no claim's"


def check_documents(session: Session, account_id: int) -> None:
    """Documents add up, number without gaps, name an entry once, and give back at most what they asked."""
    rows = session.execute(
        text(
            "SELECT d.id, d.kind, d.gross_minor, d.net_minor, d.vat_minor, d.corrects_id,"
            " sum(l.gross_minor) AS gross, sum(l.net_minor) AS net, sum(l.vat_minor) AS vat,"
            " bool_and(l.gross_minor = CASE WHEN d.kind = 'receipt' THEN e.amount_minor ELSE -e.amount_minor END)"
            " AS is_of_entries"
            " FROM documents d JOIN document_lines l ON l.document_id = d.id"
            " JOIN ledger_entries e ON e.id = l.entry_id WHERE d.account_id = :account GROUP BY d.id"
        ),
        {"account": account_id},
    ).all()
    left = {row.id: row.gross_minor for row in rows}
    for invoice_id, minor in session.execute(_ASKED_AGAIN, {"account": account_id}):
        left[invoice_id] += minor
    for row in rows:
        assert (row.gross, row.net, row.vat) == (row.gross_minor, row.net_minor, row.vat_minor)
        assert row.gross == row.net + row.vat
        assert row.is_of_entries
        if row.corrects_id is not None:
            left[row.corrects_id] += row.gross_minor
    assert min(left.values(), default=0) >= min(0, *(row.gross_minor for row in rows), 0)
    assert all(left[row.id] >= 0 for row in rows if row.kind == "invoice"), "more given back than asked"
    twice = text(
        "SELECT count(*) FROM (SELECT l.entry_id FROM document_lines l JOIN documents d ON d.id = l.document_id"
        " WHERE d.account_id = :account GROUP BY l.entry_id, l.kind = 'proforma' HAVING count(*) > 1) found"
    )
    assert session.scalar(twice, {"account": account_id}) == 0
    check_numbers(session)


def check_numbers(session: Session) -> None:
    """Numbers run from 1 to the counter's without a gap."""
    gaps = (
        select(Document.series_id, Document.span, SeriesCounter.last_number)
        .join(DocumentSeries, DocumentSeries.id == Document.series_id)
        .join(
            SeriesCounter,
            (SeriesCounter.series_id == Document.series_id) & (SeriesCounter.span == Document.span),
        )
        .group_by(Document.series_id, Document.span, SeriesCounter.last_number)
        .having(
            (func.count() != SeriesCounter.last_number)
            | (func.max(Document.number) != SeriesCounter.last_number)
        )
    )
    assert session.execute(gaps).all() == []


def papers(session: Session, account_id: int, last_id: int | None = None) -> tuple[Any, int]:
    """Return the account's documents up to one (the last there is) as one word, and that one's id."""
    if last_id is None:
        last = select(func.max(Document.id)).where(Document.account_id == account_id)
        last_id = session.scalar(last) or 0
    query = text(
        "SELECT md5(string_agg(d::text || l::text, '|' ORDER BY d.id, l.position))"
        " FROM documents d JOIN document_lines l ON l.document_id = d.id"
        " WHERE d.account_id = :account AND d.id <= :last"
    )
    return session.scalar(query, {"account": account_id, "last": last_id}), last_id
