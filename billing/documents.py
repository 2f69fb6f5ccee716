"""Documents over ledger entries: invoices, proformas, credit notes, receipts; issued once, never changed."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal

from sqlalchemy import BigInteger, Date, Integer, String, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session, joinedload, selectinload

from billing import document_sql, returned, series
from billing.ledger import Author
from billing.models import (
    Account,
    Document,
    DocumentKind,
    DocumentLine,
    EntryKind,
    LedgerEntry,
    Seller,
)
from core import errors
from core.words import N_


def seller(session: Session) -> Seller | None:
    """Return the company as documents name it now; none before anybody wrote it down."""
    return session.scalar(select(Seller).order_by(Seller.id.desc()).limit(1))


def get(session: Session, document_id: int) -> Document:
    """Return the document with its lines, seller and payer; raises NotFound."""
    found = session.scalar(
        select(Document)
        .options(selectinload(Document.lines), joinedload(Document.seller), joinedload(Document.payer))
        .where(Document.id == document_id)
    )
    if found is None:
        raise errors.NotFound("There is no such document")
    return found


def issue(
    session: Session,
    entries: Sequence[int],
    *,
    kind: DocumentKind,
    on: date,
    author: Author,
    idempotency_key: str | None = None,
    note: str = "",
    due_on: date | None = None,
) -> list[int]:
    """Document the entries, one document an account and currency; return the documents' ids.

    Entries that are documented already are left out, and so are accounts that name no payer. Nothing is
    issued before the company is written down. The caller holds the accounts' locks. A key is for entries that
    make one document. Where no entry has a due date it is that one, else the day of issue.
    """
    company = seller(session)
    if not entries or company is None:
        return []
    reserved = series.reserve(session, kind, on)
    ids = session.scalars(
        text(document_sql.ISSUE).bindparams(
            bindparam("entries", list(entries), ARRAY(BigInteger)),
            bindparam("kind", kind.value, String),
            bindparam("on", on, Date),
            bindparam("series_id", reserved.series_id, BigInteger),
            bindparam("span", reserved.span, String),
            bindparam("last_number", reserved.last_number, BigInteger),
            bindparam("prefix", reserved.prefix, String),
            bindparam("suffix", reserved.suffix, String),
            bindparam("width", reserved.width, Integer),
            bindparam("seller_id", company.id, BigInteger),
            bindparam("author_id", author.staff_id, BigInteger),
            bindparam("author", author.name, String),
            bindparam("key", idempotency_key, String),
            bindparam("note", note, String),
            bindparam("due_on", due_on or on, Date),
        )
    ).all()
    series.take(session, reserved, len(ids))
    return list(ids)


def document_of(session: Session, entry_id: int) -> Document | None:
    """Return the document (not a proforma) on which the entry stands; none when it stands on none."""
    return session.scalar(
        select(Document)
        .join(DocumentLine, DocumentLine.document_id == Document.id)
        .where(DocumentLine.entry_id == entry_id, Document.kind != DocumentKind.PROFORMA)
    )


def correct(
    session: Session,
    entry: LedgerEntry,
    original: LedgerEntry,
    *,
    author: Author,
    on: date | None = None,
) -> Document | None:
    """Issue the credit note of an entry that gives back what `original` asked; none without an invoice.

    It is of that day, or of the entry's own. The caller holds the account's lock. An entry that has its
    credit note is not given another.
    """
    found = document_of(session, original.id)
    if found is None or found.kind is not DocumentKind.INVOICE or document_of(session, entry.id):
        return None
    invoice = get(session, found.id)
    (position,) = (line.position for line in invoice.lines if line.entry_id == original.id)
    return note(
        session,
        invoice,
        {position: entry},
        how="settled",
        on=entry.dated_on if on is None else on,
        author=author,
        reason=entry.description,
    )


def ask_again(session: Session, entry: LedgerEntry, undone: LedgerEntry, *, author: Author) -> None:
    """Issue the invoice of an entry that undoes a credit; nothing where the credit stands on no credit note.

    Without it the documents would still give back what the ledger does not. It is due when the claim is that
    the credit gave back of, not before its own day. The caller holds the account.
    """
    given = document_of(session, undone.id)
    if given is None or given.kind is not DocumentKind.CREDIT_NOTE:
        return
    words = N_("Asks again what %(number)s gave back", number=given.full_number)
    on = entry.dated_on
    due_on = max(session.get_one(Document, given.corrects_id).due_on or on, on)
    issue(session, [entry.id], kind=DocumentKind.INVOICE, on=on, author=author, note=words, due_on=due_on)


def cancel_receipt(session: Session, entry: LedgerEntry, undone: LedgerEntry, *, author: Author) -> None:
    """Issue the receipt that cancels the undone payment's one; nothing where that has none.

    Who holds the first has no claim by it any more, and the second says so. The caller holds the account.
    """
    given = document_of(session, undone.id)
    if given is None or given.kind is not DocumentKind.RECEIPT:
        return
    words = N_("Cancels %(number)s: the payment is undone", number=given.full_number)
    receipt(session, entry, on=entry.dated_on, author=author, text=words, cancels=given)


def receipt(
    session: Session,
    entry: LedgerEntry,
    *,
    on: date,
    author: Author,
    text: str,
    cancels: Document | None = None,
) -> Document:
    """Write the receipt of an entry, with one line of that text; the caller holds the account.

    One that `cancels` another is of what undoes the other's payment. Raises Conflict without a company or a
    payer.
    """
    company = seller(session)
    payer_id = session.get_one(Account, entry.account_id).payer_id or (cancels.payer_id if cancels else None)
    if company is None or payer_id is None:
        raise errors.Conflict("Write down your company's data first: Setup, Company")
    reserved = series.reserve(session, DocumentKind.RECEIPT, on)
    number = reserved.last_number + 1
    sums = {"net_minor": entry.amount_minor, "vat_minor": 0, "gross_minor": entry.amount_minor}
    line = DocumentLine(position=1, entry_id=entry.id, description=text, kind=DocumentKind.RECEIPT, **sums)
    made = Document(
        kind=DocumentKind.RECEIPT,
        series_id=reserved.series_id,
        span=reserved.span,
        number=number,
        full_number=reserved.full(number),
        account_id=entry.account_id,
        seller_id=company.id,
        payer_id=payer_id,
        corrects_id=cancels.id if cancels is not None else None,
        issued_on=on,
        currency=entry.currency,
        note=entry.description if cancels is not None else entry.reference,
        idempotency_key=f"receipt of {entry.id}",
        author_id=author.staff_id,
        author=author.name,
        lines=[line],
        **sums,
    )
    session.add(made)
    session.flush()
    series.take(session, reserved, 1)
    return made


def undoing(session: Session, entry: LedgerEntry) -> tuple[DocumentKind, Document] | None:
    """Return which document the undoing of an entry issues, and the one it answers; none where none."""
    given = document_of(session, entry.id)
    if given is None:
        return None
    if given.kind is DocumentKind.INVOICE and entry.due_on is not None:
        return DocumentKind.CREDIT_NOTE, given
    if given.kind is DocumentKind.CREDIT_NOTE and entry.kind is EntryKind.ADJUSTMENT:
        return DocumentKind.INVOICE, given
    if given.kind is DocumentKind.RECEIPT and entry.amount_minor > 0:
        return DocumentKind.RECEIPT, given
    return None


def note(
    session: Session,
    invoice: Document,
    entries: Mapping[int, LedgerEntry],
    *,
    how: Literal["settled", "credited"],
    on: date,
    author: Author,
    reason: str,
    idempotency_key: str | None = None,
) -> Document:
    """Issue a credit note: of these lines of the (loaded) invoice the entries give back a part, or all.

    Its facts say what of which line was given back, and `how` it came to it (see billing.returned).
    """
    company = seller(session)
    account = session.get_one(Account, invoice.account_id)
    if company is None:
        raise errors.Conflict("Write down your company's data first: Setup, Company")
    reserved = series.reserve(session, DocumentKind.CREDIT_NOTE, on)
    number = reserved.last_number + 1
    lines = _lines(session, invoice, entries)
    made = Document(
        kind=DocumentKind.CREDIT_NOTE,
        series_id=reserved.series_id,
        span=reserved.span,
        number=number,
        full_number=reserved.full(number),
        account_id=invoice.account_id,
        seller_id=company.id,
        payer_id=account.payer_id or invoice.payer_id,
        corrects_id=invoice.id,
        issued_on=on,
        currency=invoice.currency,
        net_minor=sum(line.net_minor for line in lines),
        vat_minor=sum(line.vat_minor for line in lines),
        gross_minor=sum(line.gross_minor for line in lines),
        note=reason,
        facts={how: {str(position): entries[position].amount_minor for position in sorted(entries)}},
        idempotency_key=idempotency_key,
        author_id=author.staff_id,
        author=author.name,
        lines=lines,
    )
    session.add(made)
    session.flush()
    series.take(session, reserved, 1)
    return made


def _lines(session: Session, invoice: Document, entries: Mapping[int, LedgerEntry]) -> list[DocumentLine]:
    """Return the lines of a credit note, in the order of the invoice's lines they give back."""
    given = returned.by_line(session, invoice.id)
    asked = {line.position: line for line in invoice.lines}
    return [
        _line(entries[place], number, asked[place], given.get(place, returned.Returned()))
        for number, place in enumerate(sorted(entries), 1)
    ]


def _line(entry: LedgerEntry, position: int, asked: DocumentLine, before: returned.Returned) -> DocumentLine:
    gross = entry.amount_minor
    vat = before.vat_of_part(asked, gross)
    return DocumentLine(
        position=position,
        entry_id=entry.id,
        description=entry.description,
        period_start=entry.period_start,
        period_end=entry.period_end,
        quantity=entry.quantity or 1,
        vat_hundredths=entry.vat_hundredths,
        net_minor=vat - gross,
        vat_minor=-vat,
        gross_minor=-gross,
        kind=DocumentKind.CREDIT_NOTE,
    )
