"""The tables of cutoff runs and of closed days."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, DateTime, ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from billing.models.words import AccessState, Approval, DecisionAction, Review, RunStatus
from core.columns import CreatedAt, Id, Instant, Minor, choice
from core.db import Base


class CutoffRun(Base):
    """One plan of the cutoff: who, why, what would change; and what became of it.

    `released_*` say who let a braked plan go and why; `agreed_*` who approved it as a whole, where `approval`
    asks for that. While it is made or applied `done_count` of `total_count` are done, accounts and then rows,
    up to `last_account_id`; `seen_at` is the worker's last sign of life. `undone_*` are of the whole run.
    """

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
    approval: Mapped[Approval] = mapped_column(
        choice(Approval), default=Approval.NONE, server_default=Approval.NONE.value
    )
    agreed_by: Mapped[str | None] = mapped_column(String(120))
    agreed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    released_by: Mapped[str | None] = mapped_column(String(120))
    released_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    release_reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    undone_by: Mapped[str | None] = mapped_column(String(120))
    undone_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    undo_reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    done_count: Mapped[int] = mapped_column(default=0, server_default="0")
    total_count: Mapped[int] = mapped_column(default=0, server_default="0")
    last_account_id: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    error: Mapped[str] = mapped_column(Text, default="", server_default="")

    decisions: Mapped[list["CutoffDecision"]] = relationship(lazy="raise", back_populates="run")


class CutoffDecision(Base):
    """What a run decided on one subscription (none: an account that has none), with the numbers it used.

    `basis` holds what it rested on: the overdue charges and the notices of this episode (see
    billing.cutoff_basis). `review` is what a person said of the row, `deferred_until` the last day of a
    deferral. `before` and `after` are the access wanted of the line without the plan and with it.
    `was` is how far debt itself had cut it, `effect` how far it is to; what is let in only in part is a lift.
    """

    __tablename__ = "cutoff_decisions"

    id: Mapped[Id]
    run_id: Mapped[int] = mapped_column(ForeignKey("cutoff_runs.id", ondelete="CASCADE"))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("subscriptions.id"))
    action: Mapped[DecisionAction] = mapped_column(choice(DecisionAction))
    reason: Mapped[str] = mapped_column(String(40))
    was: Mapped[AccessState] = mapped_column(
        choice(AccessState, "was"), default=AccessState.OPEN, server_default="open"
    )
    effect: Mapped[AccessState] = mapped_column(
        choice(AccessState, "effect"), default=AccessState.OPEN, server_default="open"
    )
    overdue_minor: Mapped[Minor]
    balance_minor: Mapped[Minor]
    days_overdue: Mapped[int] = mapped_column(default=0)
    explanation: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(String(40), default="", server_default="")
    basis: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default=text("'{}'"))
    before: Mapped[AccessState | None] = mapped_column(choice(AccessState, "before"))
    after: Mapped[AccessState | None] = mapped_column(choice(AccessState, "after"))
    review: Mapped[Review] = mapped_column(
        choice(Review), default=Review.NONE, server_default=Review.NONE.value
    )
    review_note: Mapped[str] = mapped_column(Text, default="", server_default="")
    reviewed_by: Mapped[str | None] = mapped_column(String(120))
    reviewed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    deferred_until: Mapped[date | None]
    undone_by: Mapped[str | None] = mapped_column(String(120))
    undone_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    undo_reason: Mapped[str] = mapped_column(Text, default="", server_default="")

    run: Mapped[CutoffRun] = relationship(lazy="raise", back_populates="decisions")

    __table_args__ = (Index("uq_cutoff_decisions_run_id", "run_id", "subscription_id", unique=True),)


class CutoffDeferral(Base):
    """A day until whose end a person kept an account from being cut, and why; one of an account stands."""

    __tablename__ = "cutoff_deferrals"

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    until: Mapped[date]
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    run_id: Mapped[int | None] = mapped_column(ForeignKey("cutoff_runs.id", ondelete="SET NULL"), index=True)
    author_id: Mapped[int | None] = mapped_column(BigInteger)
    author: Mapped[str] = mapped_column(String(120))
    made_at: Mapped[CreatedAt]
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_by: Mapped[str | None] = mapped_column(String(120))

    __table_args__ = (
        Index("uq_cutoff_deferrals", "account_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("ix_cutoff_deferrals_account_id", "account_id", "id"),
    )


class NightRun(Base):
    """The closing of one business day: charge, plan, brake, apply, report. One row a day."""

    __tablename__ = "night_runs"

    run_on: Mapped[date] = mapped_column(primary_key=True)
    started_at: Mapped[Instant]
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    cutoff_run_id: Mapped[int | None] = mapped_column(ForeignKey("cutoff_runs.id"))
    report: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
