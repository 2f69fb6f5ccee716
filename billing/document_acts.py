"""Acts on documents by hand: invoice and proforma of what is undocumented, receipts, credit notes of lines.

Each is done once: an entry stands on one document of its sort, and a form's key on one document. Correcting
is a new document, and credit notes together never give back more than their invoice asked.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, aliased

from billing import crediting, documents, ledger, returned
from billing.ledger import Author
from billing.models import (
    Account,
    Document,
    DocumentKind,
    DocumentLine,
    EntryKind,
    LedgerEntry,
)
from core import errors
from core.words import N_


def undocumented(session: Session, account_id: int, kind: DocumentKind) -> list[LedgerEntry]:
    """Return what the account is asked for on no document of this kind, oldest first.

    That are charges that stand, and what undoes a credit that stands on a credit note. A proforma is offered
    what has no proforma and no invoice.
    """
    undone = aliased(LedgerEntry)
    on_document = (
        select(DocumentLine.entry_id).where(DocumentLine.entry_id == LedgerEntry.id).correlate(LedgerEntry)
    )
    if kind is not DocumentKind.PROFORMA:
        on_document = on_document.where(DocumentLine.kind != DocumentKind.PROFORMA)
    noted = select(DocumentLine.entry_id).where(
        DocumentLine.entry_id == LedgerEntry.reverses_id, DocumentLine.kind == DocumentKind.CREDIT_NOTE
    )
    is_claim = and_(
        LedgerEntry.kind.in_((EntryKind.CHARGE, EntryKind.ADJUSTMENT)), LedgerEntry.due_on.is_not(None)
    )
    query = (
        select(LedgerEntry)
        .where(LedgerEntry.account_id == account_id, LedgerEntry.amount_minor < 0)
        .where(or_(is_claim, noted.correlate(LedgerEntry).exists()))
        .where(~select(undone.id).where(undone.reverses_id == LedgerEntry.id).exists())
        .where(~on_document.exists())
        .order_by(LedgerEntry.id)
    )
    return list(session.scalars(query))


def issue(
    session: Session,
    account_id: int,
    entries: Collection[int],
    *,
    kind: DocumentKind,
    on: date,
    author: Author,
    idempotency_key: str | None,
) -> Document:
    """Issue an invoice or proforma of charges of one account; sent twice it is one document.

    What was given back of a charge before it stood on an invoice follows at once on credit notes. Raises
    Invalid when nothing is chosen or something chosen is documented by now, Conflict when the company is not
    written down, or the account names no payer.
    """
    ledger.lock_account(session, account_id)
    if (first := _found(session, idempotency_key, account_id, kind)) is not None:
        return first
    if not entries:
        raise errors.Invalid("Nothing is chosen", {"entries": "Choose at least one charge"})
    free = {entry.id for entry in undocumented(session, account_id, kind)}
    if not set(entries) <= free:
        raise errors.Invalid(
            "Not free", {"entries": "Something chosen stands on such a document by now: choose anew"}
        )
    _ready(session, account_id)
    return _issued(session, entries, kind=kind, on=on, author=author, idempotency_key=idempotency_key)


def invoice_of(session: Session, proforma_id: int, *, on: date, author: Author) -> Document:
    """Turn a proforma into the invoice of its charges; done twice it is one invoice.

    Charges that were undone or invoiced otherwise are left out; raises Conflict when none is left.
    """
    proforma = documents.get(session, proforma_id)
    if proforma.kind is not DocumentKind.PROFORMA:
        raise errors.Invalid("Only a proforma is turned into an invoice")
    ledger.lock_account(session, proforma.account_id)
    key = f"invoice of {proforma_id}"
    if (first := _found(session, key, proforma.account_id, DocumentKind.INVOICE)) is not None:
        return first
    free = {entry.id for entry in undocumented(session, proforma.account_id, DocumentKind.INVOICE)}
    entries = [
        line.entry_id for line in proforma.lines if line.entry_id is not None and line.entry_id in free
    ]
    if not entries:
        raise errors.Conflict("Its charges are invoiced already, or undone")
    _ready(session, proforma.account_id)
    return _issued(session, entries, kind=DocumentKind.INVOICE, on=on, author=author, idempotency_key=key)


def _issued(
    session: Session,
    entries: Collection[int],
    *,
    kind: DocumentKind,
    on: date,
    author: Author,
    idempotency_key: str | None,
) -> Document:
    """Issue the document, and behind an invoice the credit notes of what its charges gave back already."""
    made = documents.issue(
        session, sorted(entries), kind=kind, on=on, author=author, idempotency_key=idempotency_key
    )
    if kind is DocumentKind.INVOICE:
        for entry_id in sorted(entries):
            claim = session.get_one(LedgerEntry, entry_id)
            for given in crediting.without_note(session, claim):
                documents.correct(session, given, claim, author=author, on=on)
    return session.get_one(Document, made[0])


def receipt(session: Session, entry_id: int, *, on: date, author: Author) -> Document:
    """Issue the receipt of a payment; a payment has one. Raises Invalid for what is no payment, Conflict."""
    entry = session.get(LedgerEntry, entry_id)
    if entry is None:
        raise errors.NotFound("There is no such entry")
    if entry.kind is not EntryKind.PAYMENT:
        raise errors.Invalid("A receipt is given for a payment")
    account = ledger.lock_account(session, entry.account_id)
    if (first := documents.document_of(session, entry_id)) is not None:
        return first
    if session.scalar(select(LedgerEntry.id).where(LedgerEntry.reverses_id == entry_id)) is not None:
        raise errors.Conflict("This payment is undone")
    _ready(session, account.id)
    text = entry.description or N_("Payment")
    return documents.receipt(session, entry, on=on, author=author, text=text)


def without_receipt(session: Session, since: datetime, *, limit: int) -> list[int]:
    """Return the payments written since then that stand and have no receipt, oldest first."""
    undone = aliased(LedgerEntry)
    query = (
        select(LedgerEntry.id)
        .join(Account, Account.id == LedgerEntry.account_id)
        .where(LedgerEntry.kind == EntryKind.PAYMENT, LedgerEntry.posted_at >= since)
        .where(LedgerEntry.dated_on >= since.date() - timedelta(days=31), Account.payer_id.is_not(None))
        .where(~select(undone.id).where(undone.reverses_id == LedgerEntry.id).exists())
        .where(~select(DocumentLine.entry_id).where(DocumentLine.entry_id == LedgerEntry.id).exists())
        .order_by(LedgerEntry.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def credit(
    session: Session,
    invoice_id: int,
    sums: Mapping[int, int],
    *,
    on: date,
    author: Author,
    reason: str,
    idempotency_key: str | None,
) -> Document:
    """Give back a part of an invoice, or all: `sums` maps its lines to gross minor units above zero.

    Each line makes an entry that raises the balance, with the line's VAT inside, and all of them one credit
    note; sent twice it is one. Raises Invalid without a reason or a sum, or for more than is left.
    """
    invoice = documents.get(session, invoice_id)
    if invoice.kind is not DocumentKind.INVOICE:
        raise errors.Invalid("Only an invoice is corrected by a credit note")
    ledger.lock_account(session, invoice.account_id)
    if (first := _found(session, idempotency_key, invoice.account_id, DocumentKind.CREDIT_NOTE)) is not None:
        return first
    _check_credit(sums, crediting.creditable(session, invoice), invoice, reason, session)
    lines = {line.position: line for line in invoice.lines}
    entries = {
        position: ledger.post(
            session,
            invoice.account_id,
            EntryKind.ADJUSTMENT,
            minor,
            dated_on=on,
            author=author,
            vat_hundredths=lines[position].vat_hundredths,
            description=lines[position].description,
            reference=invoice.full_number,
            corrects_id=lines[position].entry_id,
            idempotency_key=f"{idempotency_key}:{position}" if idempotency_key else None,
        )
        for position, minor in sorted(sums.items())
    }
    return documents.note(
        session,
        invoice,
        entries,
        how="credited",
        on=on,
        author=author,
        reason=reason.strip(),
        idempotency_key=idempotency_key,
    )


def _check_credit(
    sums: Mapping[int, int], left: Mapping[int, int], invoice: Document, reason: str, session: Session
) -> None:
    if not reason.strip():
        raise errors.Invalid("A credit note needs a reason", {"reason": "Say why it is given back"})
    if not sums:
        raise errors.Invalid("Write a sum above zero beside a line")
    _at_lines((line for line, minor in sums.items() if minor <= 0), N_("Write a sum above zero"))
    _at_lines(
        (line for line, minor in sums.items() if minor > left.get(line, 0)),
        N_("A line gives back at most what it asked and is not credited yet"),
    )
    given = sum(part.gross_minor for part in returned.by_line(session, invoice.id).values())
    if sum(sums.values()) > invoice.gross_minor - given:
        raise errors.Invalid("All together it is more than the invoice asked")


def _at_lines(faulty: Iterable[int], words: str) -> None:
    """Raise Invalid at the fields of these lines, of which `line_3` is one; nothing when there are none."""
    fields = {f"line_{position}": words for position in faulty}
    if fields:
        raise errors.Invalid("A sum is wrong", fields)


def _ready(session: Session, account_id: int) -> None:
    """Raise Conflict where a document would lack who issues it or who pays."""
    if documents.seller(session) is None:
        raise errors.Conflict("Write down your company's data first: Setup, Company")
    if session.get_one(Account, account_id).payer_id is None:
        raise errors.Conflict("The account names nobody who pays")


def _found(session: Session, key: str | None, account_id: int, kind: DocumentKind) -> Document | None:
    """Return the document of the key; raises Conflict when it is another account's or of another kind."""
    if key is None:
        return None
    first = session.scalar(select(Document).where(Document.idempotency_key == key))
    if first is not None and (first.account_id, first.kind) != (account_id, kind):
        raise errors.Conflict("This form was used already for another document; load the page again")
    return first
