"""The tables of locks and of the access they make."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from billing.models.words import AccessState, LockReason
from core.columns import CreatedAt, Id, Instant, choice
from core.db import Base


class SuspensionLock(Base):
    """A reason why a subscription is off. The line is open when no lock stands (lifted_at is null).

    `effect` is what the lock does to the line; where locks overlap the strictest counts. `changes` are the
    effects it had before, oldest first: what it was, until when, and who changed it.
    `billed_percent` is how much of the price is asked for the days from `from_on` to `to_on` (both included;
    no `to_on`: still off). Where locks overlap the least counts. `to_on` of a lock that stands is the day it
    was agreed to; the night after it lifts the lock.
    """

    __tablename__ = "suspension_locks"

    id: Mapped[Id]
    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id"))
    reason: Mapped[LockReason] = mapped_column(choice(LockReason))
    owner: Mapped[str] = mapped_column(String(120))
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    effect: Mapped[AccessState] = mapped_column(
        choice(AccessState, "effect"), default=AccessState.CLOSED, server_default="closed"
    )
    changes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default="[]")
    billed_percent: Mapped[int] = mapped_column(default=100, server_default="100")
    from_on: Mapped[date | None]
    to_on: Mapped[date | None]
    # Charged periods do not say yet what this lock changed of them; see billing.settling.
    is_unsettled: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    placed_at: Mapped[CreatedAt]
    until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lifted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lifted_by: Mapped[str | None] = mapped_column(String(120))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("cutoff_runs.id"))

    __table_args__ = (
        CheckConstraint("effect <> 'open'", name="effect_is_one"),
        CheckConstraint("billed_percent BETWEEN 0 AND 100", name="billed_percent"),
        CheckConstraint("billed_percent = 100 OR from_on IS NOT NULL", name="from_on"),
        Index(
            "ix_suspension_locks_unsettled",
            "subscription_id",
            postgresql_where=text("is_unsettled"),
        ),
        Index(
            "ix_suspension_locks_reduced",
            "subscription_id",
            "from_on",
            postgresql_where=text("billed_percent < 100"),
        ),
        Index(
            "uq_suspension_locks_standing",
            "subscription_id",
            "reason",
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
        Index("ix_suspension_locks_subscription_id", "subscription_id", "id"),
        Index(
            "ix_suspension_locks_all_standing", "placed_at", "id", postgresql_where=text("lifted_at IS NULL")
        ),
    )


class PlannedSuspension(Base):
    """A suspension from a day to come; the night of that day places it (see billing.freezes)."""

    __tablename__ = "planned_suspensions"

    id: Mapped[Id]
    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id", ondelete="CASCADE"))
    reason: Mapped[LockReason] = mapped_column(choice(LockReason))
    from_on: Mapped[date] = mapped_column(index=True)
    to_on: Mapped[date | None]
    billed_percent: Mapped[int]
    effect: Mapped[AccessState] = mapped_column(
        choice(AccessState, "effect"), default=AccessState.CLOSED, server_default="closed"
    )
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    author_id: Mapped[int | None] = mapped_column(BigInteger)
    author: Mapped[str] = mapped_column(String(120))
    planned_at: Mapped[CreatedAt]

    __table_args__ = (
        CheckConstraint("billed_percent BETWEEN 0 AND 100", name="billed_percent"),
        CheckConstraint("to_on IS NULL OR to_on >= from_on", name="dates"),
        CheckConstraint("effect <> 'open'", name="effect_is_one"),
        UniqueConstraint("subscription_id", "reason", "from_on"),
    )


class SubscriptionAccess(Base):
    """Wanted, applied, observed: the state a line is to reach, the one the gate confirmed, the one measured.

    `version` grows with every change of `wanted`: a gate's answer to an older version settles nothing.
    `unsettled_since` is when the gate became to be told, `astray_since` when the network was first seen to do
    otherwise than it had confirmed. `reconnecting_since` stands from the end of a cut until the gate confirms
    that the line passes; the time it took stays in `reconnect_ms`. A repair is what a person asked for, over
    when the network was read to do as is wanted. `is_bare`: the gate had nothing of the line to hold, no
    address, login or port, so what it applied is nothing.
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
    unsettled_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    astray_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reconnecting_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reconnected_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reconnect_ms: Mapped[int | None] = mapped_column(BigInteger)
    repair_asked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    repair_by: Mapped[str] = mapped_column(String(120), default="", server_default="")
    repaired_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    is_bare: Mapped[bool] = mapped_column(default=False, server_default=text("false"))

    __table_args__ = (
        Index(
            "ix_subscription_access_unsettled",
            "next_attempt_at",
            postgresql_where=text("applied IS DISTINCT FROM wanted"),
        ),
        Index(
            "ix_subscription_access_astray",
            "astray_since",
            postgresql_where=text("astray_since IS NOT NULL"),
        ),
        Index(
            "ix_subscription_access_repair",
            "repair_asked_at",
            postgresql_where=text("repair_asked_at IS NOT NULL"),
        ),
    )
