"""What may still be given back: by an invoice's lines, and by what stands in the ledger for a period.

Credit notes name the lines they give back (see billing.returned), and every credit names the claim it gives a
part of back. Neither, nor the undoing of a charge, gives anything twice.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from billing import documents, returned
from billing.models import Document, DocumentKind, DocumentLine, EntryKind, LedgerEntry
from core import errors


def creditable(session: Session, invoice: Document) -> dict[int, int]:
    """Return, by position of the invoice's lines, what credit notes may still give back (minor units).

    It is what the line's claim asked less what is given back of it. A line whose charge was undone has
    nothing left, nor one that asks a credit again: that is given back on the invoice that asked it first. All
    lines together have no more than the invoice asked less what its credit notes gave back.
    """
    given = returned.by_line(session, invoice.id)
    claims = {line.entry_id: line for line in invoice.lines if line.entry_id is not None}
    undone = set(session.scalars(select(LedgerEntry.reverses_id).where(LedgerEntry.reverses_id.in_(claims))))
    left = {line.position: line.gross_minor for line in invoice.lines}
    for position, part in given.items():
        left[position] -= part.gross_minor
    for claim in session.scalars(select(LedgerEntry).where(LedgerEntry.id.in_(claims))):
        position = claims[claim.id].position
        if claim.id in undone or claim.kind is EntryKind.REVERSAL:
            left[position] = 0
        else:
            left[position] -= sum(entry.amount_minor for entry in without_note(session, claim))
    whole = invoice.gross_minor - sum(part.gross_minor for part in given.values())
    return {position: max(0, min(minor, whole)) for position, minor in left.items()}


def without_note(session: Session, claim: LedgerEntry) -> list[LedgerEntry]:
    """Return what settling gave back of the claim and stands on no credit note, oldest first.

    A credit from before credits named their claim counts as the charge's of its period.
    """
    if claim.kind is EntryKind.REVERSAL:
        return []
    named = {claim.id, None} if claim.kind is EntryKind.CHARGE else {claim.id}
    given = [
        entry for entry in _standing(session, claim) if entry.amount_minor > 0 and entry.corrects_id in named
    ]
    noted = select(DocumentLine.entry_id).where(DocumentLine.entry_id.in_(entry.id for entry in given))
    documented = set(session.scalars(noted)) if given else set()
    return [entry for entry in given if entry.id not in documented]


def share_out(session: Session, charge: LedgerEntry, minor: int) -> list[tuple[LedgerEntry, int]]:
    """Return which claims of the charge's period give back how much of `minor`, the oldest first.

    None gives back more than it asked. Less than all of it where people gave back by hand, on an invoice,
    what the period asked: the rest was given already.
    """
    standing = _standing(session, charge)
    claims = [entry for entry in standing if entry.amount_minor < 0]
    room: dict[int, int] = {}
    invoiced = set()
    by_hand = 0
    for claim in claims:
        line = _line_of(session, claim)
        if line is None:
            given = sum(entry.amount_minor for entry in without_note(session, claim))
            room[claim.id] = max(0, -claim.amount_minor - given)
        else:
            invoiced.add(claim.id)
            room[claim.id] = creditable(session, documents.get(session, line.document_id))[line.position]
            by_hand += _by_hand(session, line)
    left = min(minor, -sum(entry.amount_minor for entry in standing) - by_hand)
    shares: dict[int, int] = {}
    # What stands on no invoice is asked last: it needs no credit note.
    for claim in sorted(claims, key=lambda entry: (entry.id not in invoiced, entry.id)):
        part = min(left, room[claim.id])
        if part > 0:
            shares[claim.id] = part
            left -= part
    return [(claim, shares[claim.id]) for claim in claims if claim.id in shares]


def stands_minor(session: Session, charge: LedgerEntry) -> int:
    """Return what the charge's period asks by what stands: charged and settled, less what was undone."""
    return -sum(entry.amount_minor for entry in _standing(session, charge))


def left_of(session: Session, claim: LedgerEntry) -> int:
    """Return what of a claim may still be given back, by its invoice when it stands on one."""
    line = _line_of(session, claim)
    if line is None:
        return -claim.amount_minor - sum(entry.amount_minor for entry in without_note(session, claim))
    return creditable(session, documents.get(session, line.document_id))[line.position]


def refuse_undoing(session: Session, claim: LedgerEntry) -> None:
    """Raise Conflict when a part of the claim was given back: undoing all of it would give it twice.

    So for a period's charge while more is asked for the same days: without it that would stand alone.
    """
    standing = _standing(session, claim)
    further = [entry for entry in standing if entry.amount_minor < 0 and entry.id != claim.id]
    if further and claim.kind is EntryKind.CHARGE:
        raise errors.Conflict("More was charged for the same days since: undo that first")
    given = any(entry.corrects_id == claim.id for entry in standing)
    if given or (standing and sum(entry.amount_minor for entry in standing) > claim.amount_minor):
        raise errors.Conflict("A part of this charge is given back already: undo that first")
    line = _line_of(session, claim)
    if line is None:
        return
    invoice = documents.get(session, line.document_id)
    if creditable(session, invoice)[line.position] < -claim.amount_minor:
        raise errors.Conflict("A part of this charge is credited already: credit the rest on its invoice")


def _by_hand(session: Session, line: DocumentLine) -> int:
    """Return what people gave back of an invoice's line, and did not undo."""
    given = {
        part.entry_id: -part.gross_minor
        for note in returned.notes(session, line.document_id)
        if "credited" in note.facts
        for position, part in returned.places(note)
        if position == line.position and part.entry_id is not None
    }
    undone = session.scalars(select(LedgerEntry.reverses_id).where(LedgerEntry.reverses_id.in_(given)))
    return sum(given.values()) - sum(given[id_] for id_ in undone if id_ is not None)


def _line_of(session: Session, claim: LedgerEntry) -> DocumentLine | None:
    """Return the line of an invoice on which a claim stands; none when it stands on none."""
    return session.scalar(
        select(DocumentLine).where(
            DocumentLine.entry_id == claim.id, DocumentLine.kind == DocumentKind.INVOICE
        )
    )


def _standing(session: Session, entry: LedgerEntry) -> list[LedgerEntry]:
    """Return what stands in the ledger for the period the entry is of: its charge, and what was settled.

    From the charge's first day to the eve of the next charge's; for an entry of no period nothing, unless it
    was given back without a credit note.
    """
    if entry.period_start is None or (entry.subscription_id, entry.liability_id) == (None, None):
        return _given_back(session, entry)
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


def _given_back(session: Session, entry: LedgerEntry) -> list[LedgerEntry]:
    """Return the entry, of no period, with what names it and stands on no credit note; nothing without."""
    undone, noted = aliased(LedgerEntry), select(DocumentLine.entry_id)
    given = session.scalars(
        select(LedgerEntry)
        .outerjoin(undone, undone.reverses_id == LedgerEntry.id)
        .where(LedgerEntry.account_id == entry.account_id, LedgerEntry.corrects_id == entry.id)
        .where(undone.id.is_(None), ~noted.where(DocumentLine.entry_id == LedgerEntry.id).exists())
        .order_by(LedgerEntry.id)
    ).all()
    return [entry, *given] if given else []
