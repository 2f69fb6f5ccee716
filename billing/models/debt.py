"""The tables of what is agreed about debt."""

from datetime import date, datetime

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
from sqlalchemy.orm import Mapped, mapped_column

from billing.models.words import PromiseStatus
from core.columns import CreatedAt, Id, Minor, choice
from core.db import Base


class Promise(Base):
    """An agreed day until whose end debt does not cut; about the account's ledger up to `last_entry_id`."""

    __tablename__ = "promises"

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    until: Mapped[date]
    amount_minor: Mapped[Minor]
    last_entry_id: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    status: Mapped[PromiseStatus] = mapped_column(choice(PromiseStatus), default=PromiseStatus.ACTIVE)
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    author_id: Mapped[int | None] = mapped_column(BigInteger)
    author: Mapped[str] = mapped_column(String(120))
    made_at: Mapped[CreatedAt]
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("uq_promises_active", "account_id", unique=True, postgresql_where=text("status = 'active'")),
    )


class InstalmentPlan(Base):
    """A debt in dated parts, which neither cuts nor reminds while they are kept (see billing.instalments).

    It holds the account's ledger up to `last_entry_id`, and ended after `ended_entry_id`. `reason` says why
    it broke or was ended.
    """

    __tablename__ = "instalment_plans"

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    total_minor: Mapped[Minor]
    last_entry_id: Mapped[int] = mapped_column(BigInteger)
    ended_entry_id: Mapped[int | None] = mapped_column(BigInteger)
    made_on: Mapped[date]
    status: Mapped[PromiseStatus] = mapped_column(choice(PromiseStatus), default=PromiseStatus.ACTIVE)
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    idempotency_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    author_id: Mapped[int | None] = mapped_column(BigInteger)
    author: Mapped[str] = mapped_column(String(120))
    made_at: Mapped[CreatedAt]
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index(
            "uq_instalment_plans_active",
            "account_id",
            unique=True,
            postgresql_where=text("status = 'active'"),
        ),
        CheckConstraint("total_minor > 0", name="total"),
    )


class Instalment(Base):
    """A part of a plan: so much by the end of that day."""

    __tablename__ = "instalments"

    id: Mapped[Id]
    plan_id: Mapped[int] = mapped_column(ForeignKey("instalment_plans.id"))
    position: Mapped[int]
    due_on: Mapped[date]
    amount_minor: Mapped[Minor]

    __table_args__ = (
        UniqueConstraint("plan_id", "position"),
        CheckConstraint("amount_minor > 0", name="amount"),
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
