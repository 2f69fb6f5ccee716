"""The tables of money. Columns and constraints only: nothing here queries, formats or knows the clock."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Date, DateTime, ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.columns import CreatedAt, Id, Instant, Minor, choice
from core.db import Base


class EntryKind(StrEnum):
    """What a line of the ledger is. A charge lowers the balance, a payment raises it."""

    CHARGE = "charge"
    PAYMENT = "payment"
    WRITEOFF = "writeoff"
    REFUND = "refund"
    ADJUSTMENT = "adjustment"
    REVERSAL = "reversal"


class Method(StrEnum):
    """How money came or went."""

    CASH = "cash"
    BANK = "bank"
    CARD = "card"
    ONLINE = "online"
    NONE = "none"


class LockReason(StrEnum):
    """Why a subscription is suspended. A job may place and lift only the locks of its own reason."""

    DEBT = "debt"
    MANUAL = "manual"
    FREEZE = "freeze"
    ABUSE = "abuse"
    TECHNICAL = "technical"
    CONTRACT = "contract"
    STATUS = "status"


class AccessState(StrEnum):
    """Whether packets of a line pass."""

    OPEN = "open"
    CLOSED = "closed"


class PromiseStatus(StrEnum):
    """What became of a promise to pay."""

    ACTIVE = "active"
    KEPT = "kept"
    BROKEN = "broken"
    WITHDRAWN = "withdrawn"


class RunStatus(StrEnum):
    """Where a cutoff run stands. A braked run waits for a person."""

    PLANNED = "planned"
    BRAKED = "braked"
    APPLIED = "applied"
    DISCARDED = "discarded"


class DecisionAction(StrEnum):
    """What a cutoff run does to one subscription: cut it, spare it, leave it cut, let it in again."""

    CUT = "cut"
    SPARE = "spare"
    KEEP = "keep"
    LIFT = "lift"


class Account(Base):
    """A money account with a cached balance; the row is the lock of every use-case that moves its money."""

    __tablename__ = "accounts"

    id: Mapped[Id]
    currency: Mapped[str] = mapped_column(String(3))
    balance_minor: Mapped[Minor] = mapped_column(server_default="0", default=0)
    payment_days: Mapped[int | None]
    grace_days: Mapped[int | None]
    is_never_cut: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    never_cut_note: Mapped[str] = mapped_column(default="", server_default="")
    created_at: Mapped[CreatedAt]

    __table_args__ = (
        CheckConstraint("payment_days BETWEEN 0 AND 365", name="payment_days"),
        CheckConstraint("grace_days BETWEEN 0 AND 365", name="grace_days"),
        Index("ix_accounts_balance_minor", "balance_minor", "id"),
    )


class Plan(Base):
    """A priced offer with speeds, charged by the month."""

    __tablename__ = "plans"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(120), unique=True)
    price_minor: Mapped[Minor]
    currency: Mapped[str] = mapped_column(String(3))
    down_kbps: Mapped[int | None]
    up_kbps: Mapped[int | None]
    is_offered: Mapped[bool] = mapped_column(default=True, server_default=text("true"))

    __table_args__ = (CheckConstraint("price_minor >= 0", name="price"),)


class Subscription(Base):
    """A plan given to an account from a date: what is billed and what is cut."""

    __tablename__ = "subscriptions"

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id"), index=True)
    price_minor: Mapped[int | None] = mapped_column(BigInteger)
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    bill_day: Mapped[int] = mapped_column(default=1, server_default="1")
    created_at: Mapped[CreatedAt]

    plan: Mapped[Plan] = relationship(lazy="raise")
    account: Mapped[Account] = relationship(lazy="raise")

    __table_args__ = (
        CheckConstraint("bill_day BETWEEN 1 AND 28", name="bill_day"),
        CheckConstraint("price_minor >= 0", name="price"),
        CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name="dates"),
    )


class LedgerEntry(Base):
    """One signed, dated line of money that never changes (a trigger sees to it).

    `amount_minor` > 0 raises the balance. `due_on` is set on charges, and on the reversal of a charge to the
    charge's own, so that the two cancel in the overdue balance. `idempotency_key` unites an act sent twice.
    """

    __tablename__ = "ledger_entries"

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    kind: Mapped[EntryKind] = mapped_column(choice(EntryKind))
    amount_minor: Mapped[Minor]
    currency: Mapped[str] = mapped_column(String(3))
    balance_after_minor: Mapped[Minor]
    dated_on: Mapped[date]
    due_on: Mapped[date | None]
    method: Mapped[Method] = mapped_column(choice(Method), default=Method.NONE)
    reference: Mapped[str] = mapped_column(String(200), default="", server_default="")
    idempotency_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_entries.id"), unique=True)
    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("subscriptions.id"))
    period_start: Mapped[date | None]
    period_end: Mapped[date | None]
    description: Mapped[str] = mapped_column(Text, default="", server_default="")
    author_id: Mapped[int | None] = mapped_column(BigInteger)
    author: Mapped[str] = mapped_column(String(120))
    posted_at: Mapped[CreatedAt]

    __table_args__ = (
        CheckConstraint("amount_minor <> 0", name="amount"),
        CheckConstraint("kind <> 'charge' OR (amount_minor < 0 AND due_on IS NOT NULL)", name="charge"),
        CheckConstraint("kind <> 'payment' OR amount_minor > 0", name="payment"),
        CheckConstraint("(kind = 'reversal') = (reverses_id IS NOT NULL)", name="reversal"),
        Index(
            "uq_ledger_entries_period",
            "subscription_id",
            "period_start",
            unique=True,
            postgresql_where=text("kind = 'charge' AND subscription_id IS NOT NULL"),
        ),
        Index("ix_ledger_entries_account_id", "account_id", "id", postgresql_include=["amount_minor"]),
        Index(
            "ix_ledger_entries_due",
            "account_id",
            "due_on",
            postgresql_include=["amount_minor"],
            postgresql_where=text("due_on IS NOT NULL"),
        ),
        Index("ix_ledger_entries_dated_on", "dated_on", "id"),
    )


class SuspensionLock(Base):
    """A reason why a subscription is off. The line is open when no lock stands (lifted_at is null)."""

    __tablename__ = "suspension_locks"

    id: Mapped[Id]
    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id"))
    reason: Mapped[LockReason] = mapped_column(choice(LockReason))
    owner: Mapped[str] = mapped_column(String(120))
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    placed_at: Mapped[CreatedAt]
    until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lifted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lifted_by: Mapped[str | None] = mapped_column(String(120))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("cutoff_runs.id"))

    __table_args__ = (
        Index(
            "uq_suspension_locks_standing",
            "subscription_id",
            "reason",
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
        Index("ix_suspension_locks_subscription_id", "subscription_id", "id"),
    )


class SubscriptionAccess(Base):
    """Wanted, applied, observed: the state a line is to reach, the one the gate confirmed, the one measured.

    `version` grows with every change of `wanted`: a gate's answer to an older version settles nothing.
    """

    __tablename__ = "subscription_access"

    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id"), primary_key=True)
    wanted: Mapped[AccessState] = mapped_column(choice(AccessState, "wanted"))
    wanted_at: Mapped[Instant]
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    applied: Mapped[AccessState | None] = mapped_column(choice(AccessState, "applied"))
    applied_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    observed: Mapped[AccessState | None] = mapped_column(choice(AccessState, "observed"))
    observed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    next_attempt_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    leased_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    error: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index(
            "ix_subscription_access_unsettled",
            "next_attempt_at",
            postgresql_where=text("applied IS DISTINCT FROM wanted"),
        ),
    )


class Promise(Base):
    """An agreed day until whose end debt does not cut."""

    __tablename__ = "promises"

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    until: Mapped[date]
    amount_minor: Mapped[Minor]
    status: Mapped[PromiseStatus] = mapped_column(choice(PromiseStatus), default=PromiseStatus.ACTIVE)
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    author_id: Mapped[int | None] = mapped_column(BigInteger)
    author: Mapped[str] = mapped_column(String(120))
    made_at: Mapped[CreatedAt]
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("uq_promises_active", "account_id", unique=True, postgresql_where=text("status = 'active'")),
    )


class CutoffPause(Base):
    """A time in which debt cuts nobody of this account: something of ours is broken. Stands until lifted."""

    __tablename__ = "cutoff_pauses"

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    owner: Mapped[str] = mapped_column(String(120))
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    placed_at: Mapped[CreatedAt]
    lifted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index(
            "uq_cutoff_pauses_standing",
            "account_id",
            "owner",
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
        Index("ix_cutoff_pauses_owner", "owner", postgresql_where=text("lifted_at IS NULL")),
    )


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
