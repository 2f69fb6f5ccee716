"""The table of warnings: a flag on a customer or on one of his lines, apart from access."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import CreatedAt, Id
from core.db import Base


class WarningFlag(Base):
    """A warning on one line of a customer, or (no line) on all he has and will have.

    It opens and closes nothing. `content` is what the customer reads where it leads him to his page; empty:
    the usual words.
    """

    __tablename__ = "warning_flags"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    line_id: Mapped[int | None] = mapped_column(ForeignKey("lines.id", ondelete="CASCADE"), index=True)
    content: Mapped[str] = mapped_column(Text, default="", server_default="")
    set_by: Mapped[str] = mapped_column(String(120))
    set_at: Mapped[CreatedAt]
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    withdrawn_by: Mapped[str] = mapped_column(String(120), default="", server_default="")

    __table_args__ = (
        Index(
            "uq_warning_flags_standing",
            "customer_id",
            "line_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )
