"""Links by which somebody without an account reads one diagnosis for a while."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, ForeignKey, LargeBinary, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import CreatedAt, Id, Instant
from core.db import Base


class SharedRun(Base):
    """One link: the SHA-256 of its token (itself kept nowhere), its end, and the page as it was then."""

    __tablename__ = "shared_runs"

    id: Mapped[Id]
    run_id: Mapped[int] = mapped_column(ForeignKey("diagnostic_runs.id", ondelete="CASCADE"), index=True)
    token_sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    page: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str] = mapped_column(String(120))
    expires_at: Mapped[Instant]
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
