"""The tables of bank statements and payment gateways: what came in, whose it is, what became of it."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from billing.models.words import BatchStatus, Certainty, LineStatus, MatchRule
from core.columns import CreatedAt, Id, Minor, choice
from core.db import Base


class BankMapping(Base):
    """How a bank writes its CSV; `columns` maps what we read to the number of its column, from 1."""

    __tablename__ = "bank_mappings"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(80), unique=True)
    delimiter: Mapped[str] = mapped_column(String(1), default=";", server_default=";")
    encoding: Mapped[str] = mapped_column(String(20), default="utf-8", server_default="utf-8")
    date_format: Mapped[str] = mapped_column(String(20), default="%d.%m.%Y")
    decimal_mark: Mapped[str] = mapped_column(String(1), default=",", server_default=",")
    skipped_rows: Mapped[int] = mapped_column(default=1, server_default="1")
    columns: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")

    __table_args__ = (CheckConstraint("skipped_rows BETWEEN 0 AND 100", name="skipped_rows"),)


class BankBatch(Base):
    """A statement as it was read in; `wanted_by_id` is who asked for what the worker does with it now."""

    __tablename__ = "bank_batches"

    id: Mapped[Id]
    file_name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(12))
    own_account: Mapped[str] = mapped_column(String(40), default="", server_default="")
    statement_number: Mapped[str] = mapped_column(String(80), default="", server_default="")
    currency: Mapped[str] = mapped_column(String(3))
    opening_minor: Mapped[int | None] = mapped_column(BigInteger)
    closing_minor: Mapped[int | None] = mapped_column(BigInteger)
    total_minor: Mapped[Minor]
    lines_total: Mapped[int]
    lines_known: Mapped[int]
    lines_done: Mapped[int] = mapped_column(default=0, server_default="0")
    status: Mapped[BatchStatus] = mapped_column(choice(BatchStatus))
    error: Mapped[str] = mapped_column(Text, default="", server_default="")
    wanted_by_id: Mapped[int | None] = mapped_column(BigInteger)
    wanted_by: Mapped[str] = mapped_column(String(120))
    read_by: Mapped[str] = mapped_column(String(120))
    read_at: Mapped[CreatedAt]

    __table_args__ = (Index("ix_bank_batches_status", "status", postgresql_where=text("status <> 'ready'")),)


class BankLine(Base):
    """A line of a statement or an event of a gateway: read once, by its hash, as long as it is not undone.

    `book_on` is the day a person chose to book it on, because the books are closed for its own. Of an event:
    `told_number` is the customer's number as the gateway told it, `contradicts_id` the event of the same id
    that said another thing before.
    """

    __tablename__ = "bank_lines"

    id: Mapped[Id]
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("bank_batches.id"))
    gateway_id: Mapped[int | None] = mapped_column(ForeignKey("payment_gateways.id"), index=True)
    position: Mapped[int]
    line_hash: Mapped[str] = mapped_column(String(64))
    booked_on: Mapped[date]
    book_on: Mapped[date | None]
    amount_minor: Mapped[Minor]
    currency: Mapped[str] = mapped_column(String(3))
    payer_name: Mapped[str] = mapped_column(String(200), default="", server_default="")
    payer_account: Mapped[str] = mapped_column(String(40), default="", server_default="")
    own_account: Mapped[str] = mapped_column(String(40), default="", server_default="")
    message: Mapped[str] = mapped_column(Text, default="", server_default="")
    reference: Mapped[str] = mapped_column(String(200), default="", server_default="")
    status: Mapped[LineStatus] = mapped_column(choice(LineStatus))
    rule: Mapped[MatchRule | None] = mapped_column(choice(MatchRule))
    certainty: Mapped[Certainty | None] = mapped_column(choice(Certainty))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    candidates: Mapped[list[int]] = mapped_column(JSONB, default=list, server_default="[]")
    entry_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_entries.id"), unique=True)
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    told_number: Mapped[str | None] = mapped_column(String(32))
    contradicts_id: Mapped[int | None] = mapped_column(ForeignKey("bank_lines.id"))
    settled_by: Mapped[str] = mapped_column(String(120), default="", server_default="")
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint("(batch_id IS NULL) <> (gateway_id IS NULL)", name="origin"),
        CheckConstraint("status <> 'booked' OR entry_id IS NOT NULL", name="booked"),
        Index(
            "uq_bank_lines_line_hash", "line_hash", unique=True, postgresql_where=text("status <> 'undone'")
        ),
        Index("ix_bank_lines_batch_id", "batch_id", "id"),
        Index("ix_bank_lines_waiting", "id", postgresql_where=text("status = 'waiting'")),
    )


class PayerSource(Base):
    """A bank account that paid for one of ours; it is known when it paid for exactly one."""

    __tablename__ = "payer_sources"

    source: Mapped[str] = mapped_column(String(40), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    times: Mapped[int] = mapped_column(default=1, server_default="1")
    last_on: Mapped[date]

    __table_args__ = (Index("ix_payer_sources_account_id", "account_id"),)


class VirtualAccount(Base):
    """A bank account number of the ISP's that belongs to one customer alone: it names who pays."""

    __tablename__ = "virtual_accounts"

    number: Mapped[str] = mapped_column(String(40), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)


class PaymentGateway(Base):
    """Who tells us of payments by a signed message; the secret is sealed."""

    __tablename__ = "payment_gateways"

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    secret_sealed: Mapped[str] = mapped_column(Text, default="", server_default="")
    tolerance_s: Mapped[int] = mapped_column(default=300, server_default="300")
    is_active: Mapped[bool] = mapped_column(default=True, server_default=text("true"))

    __table_args__ = (
        CheckConstraint("tolerance_s BETWEEN 10 AND 86400", name="tolerance"),
        CheckConstraint("slug ~ '^[a-z0-9-]{2,40}$'", name="slug"),
    )
