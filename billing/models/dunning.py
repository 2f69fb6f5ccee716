"""The tables of reminders of debt."""

from datetime import date
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from billing.models.words import Channel
from core.columns import CreatedAt, Id, Minor, choice
from core.db import Base


class DunningStep(Base):
    """A reminder so many days after the due date (before it when negative); `texts` by language."""

    __tablename__ = "dunning_steps"

    id: Mapped[Id]
    days: Mapped[int] = mapped_column(unique=True)
    channel: Mapped[Channel] = mapped_column(choice(Channel), default=Channel.EMAIL, server_default="email")
    is_on: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    texts: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)

    __table_args__ = (CheckConstraint("days BETWEEN -60 AND 365", name="days"),)


class DunningNotice(Base):
    """A step taken in an episode of debt, once: `episode_on` is the due date of the oldest unpaid charge.

    `outcome` is "sent" or why it was not; the letter itself is in the outbox. `delivered_on` is the business
    day on which a mail server or the like took it.
    """

    __tablename__ = "dunning_notices"

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    episode_on: Mapped[date]
    step_id: Mapped[int | None] = mapped_column(
        ForeignKey("dunning_steps.id", ondelete="SET NULL"), index=True
    )
    days: Mapped[int]
    run_on: Mapped[date]
    amount_minor: Mapped[Minor]
    channel: Mapped[Channel] = mapped_column(choice(Channel), default=Channel.EMAIL, server_default="email")
    outcome: Mapped[str] = mapped_column(String(20))
    address: Mapped[str] = mapped_column(String(254), default="", server_default="")
    delivered_on: Mapped[date | None]
    made_at: Mapped[CreatedAt]

    __table_args__ = (Index("uq_dunning_notices_step", "account_id", "episode_on", "days", unique=True),)
