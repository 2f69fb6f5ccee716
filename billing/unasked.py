"""What documents hold no more though nobody paid it: cancelled, given back, or on an invoice by now."""

from sqlalchemy import BigInteger, SQLColumnExpression, and_, case, func, or_, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement

from billing.models import Document, DocumentKind, DocumentLine, LedgerEntry

CANCELLED, INVOICED = "cancelled", "invoiced"


def word() -> ColumnElement[str]:
    """Return, for a query on Document, CANCELLED, INVOICED or nothing; it says nothing of what is open.

    Cancelled is what asks of no line any more: each was undone, or given back whole. A proforma is invoiced
    when what it asks and was not cancelled stands on invoices. A receipt is cancelled when its payment was
    undone.
    """
    line, entry = aliased(DocumentLine), aliased(LedgerEntry)
    asks_still = (
        select(line.document_id)
        .join(entry, entry.id == line.entry_id)
        .where(line.document_id == Document.id, _stands(entry))
        .correlate(Document)
    )
    is_invoiced = _is_on_invoice(line.entry_id)
    became = and_(
        Document.kind == DocumentKind.PROFORMA,
        asks_still.where(is_invoiced).exists(),
        ~asks_still.where(~is_invoiced).exists(),
    )
    asks = Document.kind.in_((DocumentKind.INVOICE, DocumentKind.PROFORMA))
    is_cancelled = or_(and_(asks, ~asks_still.exists()), _is_undone_receipt())
    return case((is_cancelled, CANCELLED), (became, INVOICED), else_="")


def _is_undone_receipt() -> ColumnElement[bool]:
    line, undone = aliased(DocumentLine), aliased(LedgerEntry)
    is_undone = (
        select(undone.id)
        .join(line, line.entry_id == undone.reverses_id)
        .where(line.document_id == Document.id)
        .correlate(Document)
        .exists()
    )
    return and_(Document.kind == DocumentKind.RECEIPT, is_undone)


def minor() -> ColumnElement[int]:
    """Return, for a query on Document, what of its sum is asked for no more.

    Of an invoice that is what credit notes gave back, though another invoice asks it again; of a proforma
    what was undone or given back of its charges.
    """
    note, line, entry = aliased(Document), aliased(DocumentLine), aliased(LedgerEntry)
    of_notes = select(-func.sum(note.gross_minor)).where(note.corrects_id == Document.id).correlate(Document)
    of_lines = (
        select(func.sum(case((_is_undone(entry), -entry.amount_minor), else_=_back(entry))))
        .join(line, line.entry_id == entry.id)
        .where(line.document_id == Document.id)
        .correlate(Document)
    )
    is_proforma = Document.kind == DocumentKind.PROFORMA
    found = case((is_proforma, of_lines.scalar_subquery()), else_=of_notes.scalar_subquery())
    return func.coalesce(found, 0).cast(BigInteger)


def _is_on_invoice(entry_id: SQLColumnExpression[int | None]) -> ColumnElement[bool]:
    """Return whether that entry stands on an invoice."""
    other = aliased(DocumentLine)
    return (
        select(other.document_id)
        .where(other.entry_id == entry_id, other.kind == DocumentKind.INVOICE)
        .correlate_except(other)
        .exists()
    )


def _stands(entry: type[LedgerEntry]) -> ColumnElement[bool]:
    """Return whether something of the entry is asked for: it was not undone, nor given back whole."""
    return and_(~_is_undone(entry), entry.amount_minor + _back(entry) < 0)


def _is_undone(entry: type[LedgerEntry]) -> ColumnElement[bool]:
    undone = aliased(LedgerEntry)
    return select(undone.id).where(undone.reverses_id == entry.id).correlate(entry).exists()


def _back(entry: type[LedgerEntry]) -> ColumnElement[int]:
    """Return what of the entry was given back by what names it and stands."""
    given, taken = aliased(LedgerEntry), aliased(LedgerEntry)
    return (
        select(func.coalesce(func.sum(given.amount_minor), 0))
        .where(given.corrects_id == entry.id)
        .where(~select(taken.id).where(taken.reverses_id == given.id).correlate(given).exists())
        .correlate(entry)
        .scalar_subquery()
    )
