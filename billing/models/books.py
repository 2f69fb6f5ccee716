"""The table of closings of the books."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import CreatedAt, Id
from core.db import Base


class BooksClosing(Base):
    """Through which day the books are closed: rows are only added (a trigger sees to it), the newest holds.

    `closed_through` is none where an administrator opened all of it again. The last ids say what was in the
    books by then: what has a later one was written while this closing, or one after it, held.
    """

    __tablename__ = "books_closings"

    id: Mapped[Id]
    closed_through: Mapped[date | None]
    reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    last_entry_id: Mapped[int] = mapped_column(BigInteger)
    last_document_id: Mapped[int] = mapped_column(BigInteger)
    author_id: Mapped[int | None] = mapped_column(BigInteger)
    author: Mapped[str] = mapped_column(String(120))
    made_at: Mapped[CreatedAt]

    __table_args__ = (CheckConstraint("closed_through IS NOT NULL OR reason <> ''", name="reason"),)
