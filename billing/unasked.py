"""Documents that hold no more though nobody paid them: cancelled, or a proforma that became an invoice."""

from sqlalchemy import SQLColumnExpression, and_, case, func, or_, select
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
    undone, given, taken = aliased(LedgerEntry), aliased(LedgerEntry), aliased(LedgerEntry)
    is_undone = select(undone.id).where(undone.reverses_id == entry.id).correlate(entry).exists()
    back = (
        select(func.coalesce(func.sum(given.amount_minor), 0))
        .where(given.corrects_id == entry.id)
        .where(~select(taken.id).where(taken.reverses_id == given.id).correlate(given).exists())
        .correlate(entry)
        .scalar_subquery()
    )
    return and_(~is_undone, entry.amount_minor + back < 0)
