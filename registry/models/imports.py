"""Moving in: imports of customers and money, their rows with errors, and ids kept of other systems."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import CreatedAt, Id, choice
from core.db import Base


class ImportState(StrEnum):
    """How far an import is. `to_check`, `to_book` and `to_undo` wait for the worker."""

    DRAFT = "draft"
    TO_CHECK = "to_check"
    CHECKED = "checked"
    TO_BOOK = "to_book"
    BOOKED = "booked"
    TO_UNDO = "to_undo"
    UNDONE = "undone"
    FAILED = "failed"


class ImportBatch(Base):
    """One import: the file as it came (or the database's name), how its columns are read, what it made.

    `system` names where the ids come from. `before` are the totals as the source tells them, `after` as our
    tables do, `error` a sentence (core/sentences.py). `progress` is how far it is while it goes on
    (registry.moving.progress), empty otherwise. `entry_from` and `entry_to` bound the ledger entries,
    `event_to` the last line of history.
    """

    __tablename__ = "import_batches"

    id: Mapped[Id]
    system: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(200))
    state: Mapped[ImportState] = mapped_column(choice(ImportState), default=ImportState.DRAFT)
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True, deferred_raiseload=True)
    headings: Mapped[list[str]] = mapped_column(JSONB, default=list, server_default="[]")
    mapping: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    opening_on: Mapped[date]
    currency: Mapped[str] = mapped_column(String(3))
    rows_total: Mapped[int] = mapped_column(default=0, server_default="0")
    rows_done: Mapped[int] = mapped_column(default=0, server_default="0")
    rows_wrong: Mapped[int] = mapped_column(default=0, server_default="0")
    before: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    after: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    progress: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    notes: Mapped[list[str]] = mapped_column(JSONB, default=list, server_default="[]")
    error: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    entry_from: Mapped[int | None] = mapped_column(BigInteger)
    entry_to: Mapped[int | None] = mapped_column(BigInteger)
    event_to: Mapped[int | None] = mapped_column(BigInteger)
    author_id: Mapped[int | None] = mapped_column(BigInteger)
    author: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[CreatedAt]
    booked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    undone_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    undone_by: Mapped[str] = mapped_column(String(120), default="", server_default="")

    __table_args__ = (CheckConstraint("rows_done <= rows_total", name="done"),)


class ImportFault(Base):
    """What is wrong with one cell of an import, and what to do; `column` is the heading in the file."""

    __tablename__ = "import_faults"

    id: Mapped[Id]
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batches.id", ondelete="CASCADE"))
    row_no: Mapped[int]
    column: Mapped[str] = mapped_column(String(200))
    value: Mapped[str] = mapped_column(String(200))
    words: Mapped[dict[str, Any]] = mapped_column(JSONB)

    __table_args__ = (Index("ix_import_faults_batch_id", "batch_id", "row_no", "id"),)


class ColumnMapping(Base):
    """How the columns of files with these headings were read last time, so that it is asked once."""

    __tablename__ = "column_mappings"

    headings_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    mapping: Mapped[dict[str, Any]] = mapped_column(JSONB)
    author: Mapped[str] = mapped_column(String(120))
    saved_at: Mapped[CreatedAt]


class ExternalIdentity(Base):
    """The id a record of ours has in another system (`system`, `kind`, `external_id` -> `object_id`).

    `kind` is customer, plan, subscription, liability, network or address. `batch_id` names the import that
    made the record; none when the id was only noted.
    """

    __tablename__ = "external_identities"

    id: Mapped[Id]
    system: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(24))
    external_id: Mapped[str] = mapped_column(String(120))
    object_id: Mapped[int] = mapped_column(BigInteger)
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batches.id"), index=True)

    __table_args__ = (
        UniqueConstraint("system", "kind", "external_id", name="uq_external_identities_external_id"),
        Index("ix_external_identities_external_id", "external_id"),
        Index("ix_external_identities_object_id", "kind", "object_id"),
    )
