"""The outbox: messages to customers as they were written, until they are delivered."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import CreatedAt, Id, Instant, choice
from core.db import Base


class OutboxChannel(StrEnum):
    """How a message travels."""

    EMAIL = "email"
    SMS = "sms"


class OutboxStatus(StrEnum):
    """Where a message stands. A failed one was tried as often as it may be, or can never be delivered."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


class OutboxMessage(Base):
    """A message to be delivered once: `unique_key` names what it is about, and no two bear the same.

    `document_id` is the document whose PDF goes with it. `next_try_at` is also the lease of whoever is
    delivering it now: a worker that died is taken over after it.
    """

    __tablename__ = "outbox"

    id: Mapped[Id]
    unique_key: Mapped[str] = mapped_column(String(200), unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id", ondelete="SET NULL"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    document_id: Mapped[int | None] = mapped_column(ForeignKey("documents.id"))
    channel: Mapped[OutboxChannel] = mapped_column(choice(OutboxChannel))
    address: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(String(200), default="", server_default="")
    body: Mapped[str] = mapped_column(Text)
    status: Mapped[OutboxStatus] = mapped_column(
        choice(OutboxStatus), default=OutboxStatus.WAITING, server_default="waiting"
    )
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    next_try_at: Mapped[Instant] = mapped_column(server_default=text("now()"))
    error: Mapped[str] = mapped_column(Text, default="", server_default="")
    author_id: Mapped[int | None] = mapped_column(BigInteger)
    author: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[CreatedAt]
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint("(status = 'sent') = (sent_at IS NOT NULL)", name="sent"),
        CheckConstraint("address <> ''", name="address"),
        Index(
            "ix_outbox_waiting",
            "channel",
            "next_try_at",
            "id",
            postgresql_where=text("status = 'waiting'"),
        ),
        Index("ix_outbox_customer_id", "customer_id", "id"),
        Index("ix_outbox_account_id", "account_id", "id"),
        Index("ix_outbox_document_id", "document_id"),
    )
