"""Documents on their way by e-mail: the words of the letter, and many letters at once, each document once.

An ISP may choose that invoices go out as they are issued (Seller.sends_documents); a payer may say no
(Payer.takes_documents). Nothing is sent here: a letter is a row of the outbox, written after the document
stands, so that no charge run waits for it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from billing import documents, paper
from billing.models import Account, Document, DocumentKind, Payer, Seller
from core import catalogues, money
from core.money import Money
from core.words import N_
from registry import audit
from registry.models import Customer, OutboxChannel, OutboxMessage

KIND = "document"
# What asks for money, and goes out as it is issued.
ASKING = (DocumentKind.INVOICE, DocumentKind.PROFORMA)
_SUBJECTS = {
    DocumentKind.INVOICE: N_("Invoice %(number)s from %(company)s"),
    DocumentKind.CREDIT_NOTE: N_("Credit note %(number)s from %(company)s"),
    DocumentKind.RECEIPT: N_("Receipt %(number)s from %(company)s"),
    DocumentKind.PROFORMA: N_("Proforma invoice %(number)s from %(company)s"),
}


def words(document: Document, seller: Seller, locale: str, to_pay: Money | None = None) -> tuple[str, str]:
    """Return subject and body of the letter a document goes along with, in that language.

    It asks for the document's sum, or for what is left `to_pay` of it: for nothing when that is nothing.
    """
    voice = catalogues.voice_of(locale)
    names = {"number": document.full_number, "company": seller.name}
    lines = [
        voice.gettext(N_("Good day,")),
        "",
        voice.gettext(N_("the document %(number)s is attached to this letter as PDF.")) % names,
    ]
    asked = to_pay or Money(document.gross_minor, document.currency)
    if document.kind in ASKING and document.due_on and asked.minor:
        amount = money.format_money(asked, voice.locale)
        asks = voice.gettext(N_("It asks for %(sum)s until %(day)s."))
        lines.append(asks % {"sum": amount, "day": catalogues.day(document.due_on, voice)})
    lines += ["", seller.name, seller.phone]
    return voice.gettext(_SUBJECTS[document.kind]) % names, "\n".join(lines).strip() + "\n"


def put_new(session: Session, author: audit.Actor, *, since: datetime, locale: str, limit: int) -> int:
    """Put up to `limit` invoices and proformas issued since then into the outbox; return how many.

    Only while the company wants it, and only what was issued while it did: turning it on sends nothing old.
    """
    company = documents.seller(session)
    if company is None or not company.sends_documents:
        return 0
    # Ids follow the time of issue: the search goes backwards to the first document that is too old.
    older = select(Document.id).where(Document.issued_at < since).order_by(Document.id.desc()).limit(1)
    wanted = (
        select(Document.id)
        .join(Seller, Seller.id == Document.seller_id)
        .where(Document.id > func.coalesce(older.scalar_subquery(), 0), Document.issued_at >= since)
        .where(Document.kind.in_(ASKING), Seller.sends_documents)
    )
    return put_many(session, author, wanted, locale=locale, limit=limit)


def put_many(
    session: Session, author: audit.Actor, document_ids: Select[int], *, locale: str, limit: int
) -> int:
    """Put up to `limit` of these documents into the outbox, the oldest first; return how many.

    Left out are those that have a letter, whose payer takes none, or has no address now.
    """
    found = session.execute(_unsent(document_ids).limit(limit)).all()
    if not found:
        return 0
    left = paper.open_of(session, [row.Document for row in found])
    made = [_row(author, tuple(row), locale, left) for row in found]
    statement = insert(OutboxMessage).values(made).on_conflict_do_nothing(index_elements=["unique_key"])
    return len(session.scalars(statement.returning(OutboxMessage.id)).all())


def count(session: Session, document_ids: Select[int], *, most: int) -> int:
    """Return how many of these documents put_many() would still take; `most` + 1 stands for more."""
    some = _unsent(document_ids).with_only_columns(literal(1)).order_by(None).limit(most + 1)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0


def _unsent(document_ids: Select[int]) -> Select[Any]:
    columns: Sequence[Any] = (Document, Seller, Payer.email, Payer.language, Customer.id)
    has_letter = select(OutboxMessage.id).where(OutboxMessage.document_id == Document.id).exists()
    return (
        select(*columns)
        .join(Seller, Seller.id == Document.seller_id)
        .join(Account, Account.id == Document.account_id)
        .join(Payer, Payer.id == Account.payer_id)
        .outerjoin(Customer, Customer.account_id == Document.account_id)
        .where(
            Document.id.in_(document_ids), func.trim(Payer.email) != "", Payer.takes_documents, ~has_letter
        )
        .order_by(Document.id)
    )


def _row(author: audit.Actor, found: tuple[Any, ...], locale: str, left: Mapping[int, int]) -> dict[str, Any]:
    document, seller, address, language, customer_id = found
    to_pay = Money(left.get(document.id, document.gross_minor), document.currency)
    subject, body = words(document, seller, language or seller.language or locale, to_pay)
    return {
        "unique_key": f"document {document.id}",
        "kind": KIND,
        "customer_id": customer_id,
        "account_id": document.account_id,
        "document_id": document.id,
        "channel": OutboxChannel.EMAIL,
        "address": address.strip(),
        "subject": " ".join(subject.split())[:200],
        "body": body,
        "author_id": author.staff_id,
        "author": author.name[:120],
    }
