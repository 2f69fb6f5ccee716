"""Who works in the system, and their signed-in sessions."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.columns import CreatedAt, Id, Inet, Instant
from core.db import Base


class StaffUser(Base):
    """A person who signs in. `roles` are names of webapp/permissions.py; `login` is kept in lower case."""

    __tablename__ = "staff_users"

    id: Mapped[Id]
    login: Mapped[str] = mapped_column(String(120), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    email: Mapped[str] = mapped_column(String(254), default="", server_default="")
    password_hash: Mapped[str] = mapped_column(Text)
    roles: Mapped[list[str]] = mapped_column(ARRAY(String(32)), default=list, server_default="{}")
    locale: Mapped[str] = mapped_column(String(12), default="", server_default="")
    is_active: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    created_at: Mapped[CreatedAt]
    signed_in_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class StaffSession(Base):
    """A signed-in browser. Only the SHA-256 of the token is kept; revoking the row signs the browser out."""

    __tablename__ = "staff_sessions"

    id: Mapped[Id]
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff_users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[CreatedAt]
    seen_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    address: Mapped[str | None] = mapped_column(Inet)
    agent: Mapped[str] = mapped_column(String(300), default="", server_default="")

    staff: Mapped[StaffUser] = relationship(lazy="raise")
