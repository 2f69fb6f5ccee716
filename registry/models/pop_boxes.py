"""The box of a POP: a worker's machine that has only its own key, no database and none of ours."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import Instant
from core.db import Base


class PopBox(Base):
    """One box a POP: its public key, our key for it alone, and by which passwords the broker knows it.

    `public_key` is empty until a box has joined and after it was revoked. The broker is told hashes
    (SHA-256, hex): `invited_hash` opens while an invitation stands, `broker_hash` is the box's own.
    """

    __tablename__ = "pop_boxes"

    pop_id: Mapped[int] = mapped_column(ForeignKey("pops.id", ondelete="CASCADE"), primary_key=True)
    public_key: Mapped[str] = mapped_column(String(64), default="", server_default="")
    core_public: Mapped[str] = mapped_column(String(64))
    core_sealed: Mapped[str] = mapped_column(Text)
    broker_hash: Mapped[str] = mapped_column(String(64), default="", server_default="")
    invited_hash: Mapped[str] = mapped_column(String(64), default="", server_default="")
    invited_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    enrolled_at: Mapped[Instant]
    enrolled_by: Mapped[str] = mapped_column(String(120))
    joined_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    expired_jobs: Mapped[int] = mapped_column(default=0, server_default="0")
    last_expired_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (CheckConstraint("expired_jobs >= 0", name="expired_jobs"),)
