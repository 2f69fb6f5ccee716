"""The tables of documents: numbered without gaps, never changed once issued."""

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from billing.models.ledger import Payer
from billing.models.words import DocumentKind
from core.columns import CreatedAt, Id, Minor, choice
from core.db import Base


class Seller(Base):
    """The ISP as its documents name it: rows never change, the newest is the one in use.

    `language` is that of documents to payers who chose none; empty, from before it was kept: the ISP's now.
    """

    __tablename__ = "sellers"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(Text, default="", server_default="")
    country: Mapped[str] = mapped_column(String(2), default="", server_default="")
    tax_number: Mapped[str] = mapped_column(String(40), default="", server_default="")
    company_number: Mapped[str] = mapped_column(String(40), default="", server_default="")
    iban: Mapped[str] = mapped_column(String(34), default="", server_default="")
    bic: Mapped[str] = mapped_column(String(11), default="", server_default="")
    bank_name: Mapped[str] = mapped_column(String(120), default="", server_default="")
    phone: Mapped[str] = mapped_column(String(40), default="", server_default="")
    email: Mapped[str] = mapped_column(String(254), default="", server_default="")
    website: Mapped[str] = mapped_column(String(200), default="", server_default="")
    footer: Mapped[str] = mapped_column(Text, default="", server_default="")
    language: Mapped[str] = mapped_column(String(20), default="", server_default="")
    sends_documents: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    logo: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    logo_type: Mapped[str] = mapped_column(String(40), default="", server_default="")
    written_at: Mapped[CreatedAt]
    written_by: Mapped[str] = mapped_column(String(120))


class DocumentSeries(Base):
    """A run of numbers. `pattern` holds {number} or {number:6}, and may hold {year} and {month}."""

    __tablename__ = "document_series"

    id: Mapped[Id]
    kind: Mapped[DocumentKind] = mapped_column(choice(DocumentKind))
    name: Mapped[str] = mapped_column(String(60), unique=True)
    pattern: Mapped[str] = mapped_column(String(60))
    is_default: Mapped[bool] = mapped_column(default=False, server_default=text("false"))

    __table_args__ = (
        Index("uq_document_series_default", "kind", unique=True, postgresql_where=text("is_default")),
    )


class SeriesCounter(Base):
    """The last number given in a series and span (a year, a month, all); its row is the lock of issuing."""

    __tablename__ = "series_counters"

    series_id: Mapped[int] = mapped_column(ForeignKey("document_series.id"), primary_key=True)
    span: Mapped[str] = mapped_column(String(7), primary_key=True)
    last_number: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")


class Document(Base):
    """A document as issued; a trigger refuses every change. Sums are positive.

    Those of what corrects another (`corrects_id`) are negative: of credit notes, and of receipts that cancel
    the receipt of a payment that was undone.
    """

    __tablename__ = "documents"

    id: Mapped[Id]
    kind: Mapped[DocumentKind] = mapped_column(choice(DocumentKind))
    series_id: Mapped[int] = mapped_column(ForeignKey("document_series.id"))
    span: Mapped[str] = mapped_column(String(7))
    number: Mapped[int] = mapped_column(BigInteger)
    full_number: Mapped[str] = mapped_column(String(80))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    seller_id: Mapped[int] = mapped_column(ForeignKey("sellers.id"))
    payer_id: Mapped[int] = mapped_column(ForeignKey("payers.id"))
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("documents.id"), index=True)
    issued_on: Mapped[date]
    due_on: Mapped[date | None]
    currency: Mapped[str] = mapped_column(String(3))
    net_minor: Mapped[Minor]
    vat_minor: Mapped[Minor]
    gross_minor: Mapped[Minor]
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    idempotency_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    author_id: Mapped[int | None] = mapped_column(BigInteger)
    author: Mapped[str] = mapped_column(String(120))
    issued_at: Mapped[CreatedAt]

    seller: Mapped[Seller] = relationship(lazy="raise")
    payer: Mapped[Payer] = relationship(lazy="raise")
    lines: Mapped[list["DocumentLine"]] = relationship(lazy="raise", order_by="DocumentLine.position")

    __table_args__ = (
        CheckConstraint("net_minor + vat_minor = gross_minor", name="sums"),
        CheckConstraint(
            "(kind = 'credit_note' OR (kind = 'receipt' AND gross_minor < 0)) = (corrects_id IS NOT NULL)",
            name="corrects",
        ),
        Index("uq_documents_number", "series_id", "span", "number", unique=True),
        Index("ix_documents_full_number", "full_number"),
        Index("ix_documents_account_id", "account_id", "id"),
        Index("ix_documents_issued_on", "issued_on", "id"),
    )


class DocumentLine(Base):
    """A line of a document. `entry_id` is the ledger entry it documents: each is documented once."""

    __tablename__ = "document_lines"

    document_id: Mapped[int] = mapped_column(ForeignKey("documents.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    entry_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_entries.id"))
    description: Mapped[str] = mapped_column(Text)
    period_start: Mapped[date | None]
    period_end: Mapped[date | None]
    quantity: Mapped[int] = mapped_column(default=1, server_default="1")
    vat_hundredths: Mapped[int | None]
    net_minor: Mapped[Minor]
    vat_minor: Mapped[Minor]
    gross_minor: Mapped[Minor]
    kind: Mapped[DocumentKind] = mapped_column(choice(DocumentKind))

    __table_args__ = (
        CheckConstraint("net_minor + vat_minor = gross_minor", name="sums"),
        Index(
            "uq_document_lines_entry_id",
            "entry_id",
            text("(kind = 'proforma')"),
            unique=True,
            postgresql_where=text("entry_id IS NOT NULL"),
        ),
    )
