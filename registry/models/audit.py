"""History: an append-only line for every act and change (a trigger sees to it)."""

from typing import Any

from sqlalchemy import BigInteger, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import CreatedAt, Id
from core.db import Base


class AuditEvent(Base):
    """Who did what to which object; `changes` maps a field to [old, new]. No foreign key: it outlives all."""

    __tablename__ = "audit_events"

    id: Mapped[Id]
    at: Mapped[CreatedAt]
    staff_id: Mapped[int | None] = mapped_column(BigInteger)
    staff_name: Mapped[str] = mapped_column(String(120))
    action: Mapped[str] = mapped_column(String(60))
    customer_id: Mapped[int | None] = mapped_column(BigInteger)
    object_kind: Mapped[str] = mapped_column(String(40), default="", server_default="")
    object_id: Mapped[int | None] = mapped_column(BigInteger)
    changes: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    note: Mapped[str] = mapped_column(Text, default="", server_default="")

    __table_args__ = (
        Index("ix_audit_events_customer_id", "customer_id", "id"),
        Index("ix_audit_events_at", "at"),
        Index("ix_audit_events_staff_id", "staff_id", "id"),
        Index(
            "ix_audit_events_mac",
            text("(changes -> 'mac')"),
            postgresql_using="gin",
            postgresql_where=text("changes ? 'mac'"),
        ),
    )
