"""Diagnostic runs: who asked what of which target, and what came out."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import DateTime, ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import CreatedAt, Id, choice
from core.db import Base


class DiagnosticKind(StrEnum):
    """What can be asked of the wire."""

    PING = "ping"
    MAC_LOOKUP = "mac_lookup"
    SNMP_STATUS = "snmp_status"
    LOCATE_MAC = "locate_mac"
    DIAGNOSE = "diagnose"


class DiagnosticStatus(StrEnum):
    """Where a run stands; queued and running are open, the rest is over."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    EXPIRED = "expired"


class DiagnosticRun(Base):
    """One run. `target` is an IP address, `device:<id>`, `port:<id>` or `customer:<id>`.

    One open run a person, kind and target.
    """

    __tablename__ = "diagnostic_runs"

    id: Mapped[Id]
    kind: Mapped[DiagnosticKind] = mapped_column(choice(DiagnosticKind))
    target: Mapped[str] = mapped_column(String(80))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    device_id: Mapped[int | None] = mapped_column(ForeignKey("devices.id", ondelete="CASCADE"), index=True)
    pop: Mapped[str] = mapped_column(String(32))
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    status: Mapped[DiagnosticStatus] = mapped_column(
        choice(DiagnosticStatus), default=DiagnosticStatus.QUEUED
    )
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff_users.id"), index=True)
    staff_name: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[CreatedAt]
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    error: Mapped[str] = mapped_column(Text, default="", server_default="")
    # The mark of the form that opened it: the same form sent again finds this run.
    once: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (
        Index(
            "uq_diagnostic_runs_open",
            "staff_id",
            "kind",
            "target",
            unique=True,
            postgresql_where=text("status IN ('queued', 'running')"),
        ),
        Index(
            "uq_diagnostic_runs_once",
            "staff_id",
            "once",
            unique=True,
            postgresql_where=text("once IS NOT NULL"),
        ),
        Index("ix_diagnostic_runs_customer_id", "customer_id", "id"),
        Index(
            "ix_diagnostic_runs_open",
            "created_at",
            postgresql_where=text("status IN ('queued', 'running')"),
        ),
    )
