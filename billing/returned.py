"""What credit notes gave back of an invoice's lines, less what of it was asked again since.

A credit note names the lines it gives back in its facts: "credited" those chosen by hand, "settled" those
settling chose; its own lines stand in the same order. Where an entry of it was undone, and the undoing stands
on an invoice, what it gave back is asked again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from billing import prices
from billing.models import Document, DocumentKind, DocumentLine, LedgerEntry


@dataclass(frozen=True, slots=True)
class Returned:
    """So much of a line was given back, and the VAT inside it (positive, minor units)."""

    gross_minor: int = 0
    vat_minor: int = 0

    def __add__(self, other: "Returned") -> "Returned":
        return Returned(self.gross_minor + other.gross_minor, self.vat_minor + other.vat_minor)

    def vat_of_part(self, line: DocumentLine, gross_minor: int) -> int:
        """Return the VAT inside a further part of the (invoice's) line.

        It is what falls to all that is given back less what was given: so the last part takes the rest, and
        an invoice credited whole in parts leaves no VAT over.
        """
        after = self.gross_minor + gross_minor
        if after == line.gross_minor:
            return line.vat_minor - self.vat_minor
        vat = prices.vat_of(after, line.vat_hundredths) - self.vat_minor
        return min(max(vat, 0), gross_minor)


def notes(session: Session, invoice_id: int) -> Sequence[Document]:
    """Return the credit notes of an invoice with their lines."""
    query = select(Document).options(selectinload(Document.lines)).where(Document.corrects_id == invoice_id)
    return session.scalars(query.order_by(Document.id)).all()


def places(note: Document) -> Iterator[tuple[int, DocumentLine]]:
    """Yield the lines of a (loaded) credit note, each behind the place of what it gives back."""
    named = {*note.facts.get("credited", {}), *note.facts.get("settled", {})}
    yield from zip(sorted(int(position) for position in named), note.lines, strict=True)


def by_line(session: Session, invoice_id: int) -> dict[int, Returned]:
    """Return what is given back of the invoice, by position of its lines; lines left whole are left out."""
    given = [pair for note in notes(session, invoice_id) for pair in places(note)]
    again = _asked_again(session, [line.entry_id for _, line in given if line.entry_id is not None])
    found: dict[int, Returned] = {}
    for position, line in given:
        part = Returned(-line.gross_minor, -line.vat_minor) + again.get(line.entry_id or 0, Returned())
        found[position] = found.get(position, Returned()) + part
    return found


def _asked_again(session: Session, entry_ids: Sequence[int]) -> dict[int, Returned]:
    """Return what invoices ask again because credits were undone, as less given back, by the credit's id."""
    if not entry_ids:
        return {}
    rows = session.execute(
        select(LedgerEntry.reverses_id, DocumentLine.gross_minor, DocumentLine.vat_minor)
        .join(DocumentLine, DocumentLine.entry_id == LedgerEntry.id)
        .where(LedgerEntry.reverses_id.in_(entry_ids), DocumentLine.kind == DocumentKind.INVOICE)
    )
    return {undone_id: Returned(-gross, -vat) for undone_id, gross, vat in rows if undone_id is not None}
