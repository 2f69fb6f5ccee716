"""The tables of cutoff runs and of closed days."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, DateTime, ForeignKey, Index, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from billing.models.words import DecisionAction, RunStatus
from core.columns import CreatedAt, Id, Instant, Minor, choice
from core.db import Base


class CutoffRun(Base):
    """One plan of the cutoff: who, why, what would change; and what became of it."""

    __tablename__ = "cutoff_runs"

    id: Mapped[Id]
    run_on: Mapped[date] = mapped_column(Date, index=True)
    status: Mapped[RunStatus] = mapped_column(choice(RunStatus), default=RunStatus.PLANNED)
    rules: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    brake_reasons: Mapped[list[str]] = mapped_column(JSONB, default=list)
    cut_count: Mapped[int] = mapped_column(default=0)
    spare_count: Mapped[int] = mapped_column(default=0)
    keep_count: Mapped[int] = mapped_column(default=0)
    lift_count: Mapped[int] = mapped_column(default=0)
    planned_at: Mapped[CreatedAt]
    planned_by: Mapped[str] = mapped_column(String(120))
    approved_by: Mapped[str | None] = mapped_column(String(120))
    applied_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    decisions: Mapped[list["CutoffDecision"]] = relationship(lazy="raise", back_populates="run")


class CutoffDecision(Base):
    """What a run decided on one subscription (none: an account that has none), with the numbers it used."""

    __tablename__ = "cutoff_decisions"

    id: Mapped[Id]
    run_id: Mapped[int] = mapped_column(ForeignKey("cutoff_runs.id", ondelete="CASCADE"))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("subscriptions.id"))
    action: Mapped[DecisionAction] = mapped_column(choice(DecisionAction))
    reason: Mapped[str] = mapped_column(String(40))
    overdue_minor: Mapped[Minor]
    balance_minor: Mapped[Minor]
    days_overdue: Mapped[int] = mapped_column(default=0)
    explanation: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(String(40), default="", server_default="")

    run: Mapped[CutoffRun] = relationship(lazy="raise", back_populates="decisions")

    __table_args__ = (Index("uq_cutoff_decisions_run_id", "run_id", "subscription_id", unique=True),)


class NightRun(Base):
    """The closing of one business day: charge, plan, brake, apply, report. One row a day."""

    __tablename__ = "night_runs"

    run_on: Mapped[date] = mapped_column(primary_key=True)
    started_at: Mapped[Instant]
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    cutoff_run_id: Mapped[int | None] = mapped_column(ForeignKey("cutoff_runs.id"))
    report: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
