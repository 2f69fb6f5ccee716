"""Documents as staff handle them: each act of billing with its line of history, and sending by e-mail."""

from collections.abc import Collection, Mapping
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import document_acts, paper
from billing.models import Account, Document, DocumentKind, Payer
from core import errors
from registry import audit, document_letters, outbox, papers
from registry.models import AuditEvent, Customer
from registry.money import author


def issue(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    entries: Collection[int],
    *,
    kind: DocumentKind,
    on: date,
    idempotency_key: str | None,
) -> Document:
    """Issue an invoice or proforma of the chosen charges (see billing.document_acts.issue)."""
    account_id = session.scalar(select(Customer.account_id).where(Customer.id == customer_id))
    if account_id is None:
        raise errors.NotFound("There is no such customer")
    made = document_acts.issue(
        session,
        account_id,
        entries,
        kind=kind,
        on=on,
        author=author(actor),
        idempotency_key=idempotency_key,
    )
    _record(session, actor, "document.issued", made)
    return made


def invoice_of(session: Session, actor: audit.Actor, proforma_id: int, *, on: date) -> Document:
    """Turn a proforma into an invoice (see billing.document_acts.invoice_of)."""
    made = document_acts.invoice_of(session, proforma_id, on=on, author=author(actor))
    _record(session, actor, "document.issued", made)
    return made


def receipt(session: Session, actor: audit.Actor, entry_id: int, *, on: date) -> Document:
    """Give the receipt of a payment (see billing.document_acts.receipt)."""
    made = document_acts.receipt(session, entry_id, on=on, author=author(actor))
    _record(session, actor, "document.issued", made)
    return made


def credit(
    session: Session,
    actor: audit.Actor,
    invoice_id: int,
    sums: Mapping[int, int],
    *,
    on: date,
    reason: str,
    idempotency_key: str | None,
) -> Document:
    """Give back a part of an invoice (see billing.document_acts.credit)."""
    made = document_acts.credit(
        session,
        invoice_id,
        sums,
        on=on,
        author=author(actor),
        reason=reason,
        idempotency_key=idempotency_key,
    )
    _record(session, actor, "document.credited", made, note=reason)
    return made


def send(
    session: Session, actor: audit.Actor, document_id: int, *, locale: str, idempotency_key: str
) -> str | None:
    """Put a document into the outbox for its payer; return the address, None when this form sent it already.

    It goes to where the payer is written to now, in his language or `locale`. Raises Conflict without an
    address.
    """
    found = paper.of(session, document_id)
    document = found.document
    payer = session.scalar(
        select(Payer).join(Account, Account.payer_id == Payer.id).where(Account.id == document.account_id)
    )
    if payer is None or not payer.email:
        raise errors.Conflict("The customer has no e-mail address: add one to a contact")
    language = payer.language or document.payer.language or document.seller.language or locale
    subject, body = document_letters.words(document, document.seller, language, found.to_pay)
    customer_id = session.scalar(select(Customer.id).where(Customer.account_id == document.account_id))
    put = outbox.put(
        session,
        actor,
        unique_key=f"document {document_id} {idempotency_key}",
        kind=document_letters.KIND,
        address=payer.email,
        subject=subject,
        body=body,
        customer_id=customer_id,
        account_id=document.account_id,
        document_id=document_id,
    )
    if put is None:
        return None
    audit.record(
        session,
        actor,
        "document.sent",
        customer_id=customer_id,
        object_kind="document",
        object_id=document_id,
        note=f"{document.full_number}, {payer.email}",
    )
    return payer.email


def send_all(
    session: Session,
    actor: audit.Actor,
    filters: papers.PaperFilter,
    *,
    today: date,
    locale: str,
    limit: int,
) -> tuple[int, int]:
    """Put what the filters leave and has no letter yet into the outbox, up to `limit`, the oldest first.

    Returns how many were put and how many are left, at most `limit` + 1. Pressed twice, nothing goes twice.
    """
    wanted = papers.ids(filters, today=today)
    put = document_letters.put_many(session, actor, wanted, locale=locale, limit=limit)
    if put:
        audit.record(session, actor, "documents.sent", object_kind="document", note=str(put))
    return put, document_letters.count(session, wanted, most=limit)


def _record(session: Session, actor: audit.Actor, action: str, made: Document, *, note: str = "") -> None:
    """Write the line of history of a document; an act sent twice has one already."""
    known = select(AuditEvent.id).where(
        AuditEvent.action == action, AuditEvent.object_kind == "document", AuditEvent.object_id == made.id
    )
    customer_id = session.scalar(select(Customer.id).where(Customer.account_id == made.account_id))
    if session.scalar(known.where(AuditEvent.customer_id == customer_id).limit(1)) is not None:
        return
    facts = {"number": made.full_number, "gross_minor": made.gross_minor, "currency": made.currency}
    audit.record(
        session,
        actor,
        action,
        customer_id=customer_id,
        object_kind="document",
        object_id=made.id,
        changes=audit.difference({}, {"kind": made.kind, **facts}),
        note=note,
    )
