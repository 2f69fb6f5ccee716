"""What a document says on paper: everything read at once, so that the writer asks nothing more."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from billing import bank, documents, owing
from billing.bank import Transfer
from billing.models import Document, DocumentKind, DocumentLine, Payer, Seller
from core.money import Money


@dataclass(frozen=True, slots=True)
class VatSum:
    """What the lines of one VAT rate add up to, in minor units; no rate: VAT does not apply."""

    hundredths: int | None
    net_minor: int
    vat_minor: int
    gross_minor: int


@dataclass(frozen=True, slots=True)
class Paper:
    """A document with all it names. `corrects` is the number of the invoice a credit note corrects.

    `open_minor` is what is left to pay of a proforma when it is put on paper: it asks for that. Of all else
    nothing is told, so that a document of the books is the same paper for ever.
    """

    document: Document
    seller: Seller
    payer: Payer
    lines: tuple[DocumentLine, ...]
    logo: bytes | None
    corrects: str
    open_minor: int | None = None

    @property
    def to_pay(self) -> Money:
        """What it asks for when it is put on paper."""
        asked = self.document.gross_minor if self.open_minor is None else self.open_minor
        return Money(asked, self.document.currency)

    @property
    def language(self) -> str:
        """The language it was issued in: the payer's, else the company's as both were written then."""
        return self.payer.language or self.seller.language

    @property
    def vat(self) -> tuple[VatSum, ...]:
        """The sums by VAT rate, the highest first."""
        return vat_sums(self.lines)

    @property
    def qr_text(self) -> str | None:
        """What its bank code says; none on what asks for no transfer."""
        if self.document.kind not in (DocumentKind.INVOICE, DocumentKind.PROFORMA):
            return None
        seller, number = self.seller, self.document.full_number
        return bank.qr_text(Transfer(seller.name, seller.iban, seller.bic, self.to_pay, number))


def of(session: Session, document_id: int) -> Paper:
    """Return the document as it goes on paper; raises NotFound."""
    document = documents.get(session, document_id)
    logo = session.scalar(
        select(Seller)
        .options(undefer(Seller.logo))
        .where(Seller.id == document.seller_id)
        .execution_options(populate_existing=True)
    )
    corrects = None
    if document.corrects_id is not None:
        corrects = session.scalar(select(Document.full_number).where(Document.id == document.corrects_id))
    return Paper(
        document=document,
        seller=document.seller,
        payer=document.payer,
        lines=tuple(document.lines),
        logo=logo.logo if logo else None,
        corrects=corrects or "",
        open_minor=open_of(session, [document]).get(document.id),
    )


def open_of(session: Session, asking: Iterable[Document]) -> dict[int, int]:
    """Return by id what is left to pay of the proformas among these documents."""
    accounts = {one.id: one.account_id for one in asking if one.kind is DocumentKind.PROFORMA}
    if not accounts:
        return {}
    opened = owing.open_by_document(set(accounts.values()))
    left = {row[0]: row[1] for row in session.execute(select(opened.c.document_id, opened.c.open_minor))}
    return {id_: left.get(id_, 0) for id_ in accounts}


def vat_sums(lines: tuple[DocumentLine, ...]) -> tuple[VatSum, ...]:
    """Add the lines up by their VAT rate, the highest first, those without VAT last."""
    sums: dict[int | None, list[int]] = defaultdict(lambda: [0, 0, 0])
    for line in lines:
        for place, minor in enumerate((line.net_minor, line.vat_minor, line.gross_minor)):
            sums[line.vat_hundredths][place] += minor
    ordered = sorted(sums, key=lambda rate: (rate is None, -(rate or 0)))
    return tuple(VatSum(rate, *sums[rate]) for rate in ordered)
