"""What may still be given back: by an invoice's lines, and by what stands in the ledger for a period.

Credit notes name the lines they give back: "credited" those chosen by hand, "settled" those settling chose.
Neither, nor the undoing of a charge, gives anything twice.
"""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from billing import documents
from billing.models import Document, DocumentKind, DocumentLine, EntryKind, LedgerEntry
from core import errors


def creditable(session: Session, invoice: Document) -> dict[int, int]:
    """Return, by position of the invoice's lines, what credit notes may still give back (minor units).

    A line whose charge was undone has nothing left; nor have all lines together more than the invoice asked
    less what its credit notes gave back.
    """
    given = notes(session, invoice.id)
    left = {line.position: line.gross_minor for line in invoice.lines}
    by_entry = {line.entry_id: line.position for line in invoice.lines if line.entry_id is not None}
    undone = dict.fromkeys(
        session.scalars(select(LedgerEntry.reverses_id).where(LedgerEntry.reverses_id.in_(by_entry)))
    )
    for one in given:
        for position, minor in [
            *one.facts.get("credited", {}).items(),
            *one.facts.get("settled", {}).items(),
        ]:
            left[int(position)] -= minor
    for entry_id, position in by_entry.items():
        if entry_id in undone:
            left[position] = 0
    whole = invoice.gross_minor + sum(one.gross_minor for one in given)
    return {position: max(0, min(minor, whole)) for position, minor in left.items()}


def share_out(session: Session, charge: LedgerEntry, minor: int) -> list[tuple[LedgerEntry, int]]:
    """Return which claims of the charge's period give back how much of `minor`, the oldest first.

    Less than all of it where people gave back by hand, on an invoice, what the period asked: the rest was
    given already.
    """
    standing = _standing(session, charge)
    claims = [entry for entry in standing if entry.amount_minor < 0]
    room: dict[int, int] = {}
    by_hand = 0
    for claim in claims:
        line = _line_of(session, claim)
        if line is not None:
            invoice = documents.get(session, line.document_id)
            room[claim.id] = creditable(session, invoice)[line.position]
            by_hand += _by_hand(session, line)
    left = min(minor, -sum(entry.amount_minor for entry in standing) - by_hand)
    shares: dict[int, int] = {}
    # What stands on no invoice has no bound of its own, and is asked last.
    for claim in sorted(claims, key=lambda entry: (entry.id not in room, entry.id)):
        part = min(left, room.get(claim.id, left))
        if part > 0:
            shares[claim.id] = part
            left -= part
    return [(claim, shares[claim.id]) for claim in claims if claim.id in shares]


def refuse_undoing(session: Session, claim: LedgerEntry) -> None:
    """Raise Conflict when a part of the claim was given back: undoing all of it would give it twice.

    So for a period's charge while more is asked for the same days: without it that would stand alone.
    """
    standing = _standing(session, claim)
    further = [entry for entry in standing if entry.amount_minor < 0 and entry.id != claim.id]
    if further and claim.kind is EntryKind.CHARGE:
        raise errors.Conflict("More was charged for the same days since: undo that first")
    if standing and sum(entry.amount_minor for entry in standing) > claim.amount_minor:
        raise errors.Conflict("A part of this charge is given back already: undo that first")
    line = _line_of(session, claim)
    if line is None:
        return
    invoice = documents.get(session, line.document_id)
    if creditable(session, invoice)[line.position] < -claim.amount_minor:
        raise errors.Conflict("A part of this charge is credited already: credit the rest on its invoice")


def notes(session: Session, invoice_id: int) -> Sequence[Document]:
    """Return the credit notes of an invoice."""
    return session.scalars(select(Document).where(Document.corrects_id == invoice_id)).all()


def _by_hand(session: Session, line: DocumentLine) -> int:
    """Return what people gave back of an invoice's line."""
    given = notes(session, line.document_id)
    return sum(note.facts.get("credited", {}).get(str(line.position), 0) for note in given)


def _line_of(session: Session, claim: LedgerEntry) -> DocumentLine | None:
    """Return the line of an invoice on which a claim stands; none when it stands on none."""
    return session.scalar(
        select(DocumentLine).where(
            DocumentLine.entry_id == claim.id, DocumentLine.kind == DocumentKind.INVOICE
        )
    )


def _standing(session: Session, entry: LedgerEntry) -> list[LedgerEntry]:
    """Return what stands in the ledger for the period the entry is of: its charge, and what was settled.

    From the charge's first day to the eve of the next charge's; nothing for an entry of no period.
    """
    if entry.period_start is None or (entry.subscription_id, entry.liability_id) == (None, None):
        return []
    of_terms = (
        LedgerEntry.subscription_id == entry.subscription_id
        if entry.liability_id is None
        else LedgerEntry.liability_id == entry.liability_id,
        LedgerEntry.terms_no == entry.terms_no,
    )
    is_charge = LedgerEntry.kind == EntryKind.CHARGE
    first = select(func.max(LedgerEntry.period_start)).where(
        *of_terms, is_charge, LedgerEntry.period_start <= entry.period_start
    )
    following = select(func.min(LedgerEntry.period_start)).where(
        *of_terms, is_charge, LedgerEntry.period_start > entry.period_start
    )
    until = session.scalar(following)
    undone = aliased(LedgerEntry)
    query = (
        select(LedgerEntry)
        .outerjoin(undone, undone.reverses_id == LedgerEntry.id)
        .where(*of_terms, LedgerEntry.kind != EntryKind.REVERSAL, undone.id.is_(None))
        .where(LedgerEntry.period_start >= first.scalar_subquery())
        .order_by(LedgerEntry.id)
    )
    if until is not None:
        query = query.where(LedgerEntry.period_start < until)
    return list(session.scalars(query))
