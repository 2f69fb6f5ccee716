"""Baselines: how a line was on a good day, measured by a diagnosis."""

from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import CreatedAt, Id, Mac, choice
from core.db import Base


class BaselineKind(StrEnum):
    """On which occasion a baseline was taken."""

    INSTALLATION = "installation"
    REPAIR = "repair"
    OTHER = "other"


class Baseline(Base):
    """The figures of one run; what was not measured is null. The newest of a customer counts."""

    __tablename__ = "baselines"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("diagnostic_runs.id", ondelete="SET NULL"))
    kind: Mapped[BaselineKind] = mapped_column(choice(BaselineKind))
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    taken_at: Mapped[CreatedAt]
    taken_by: Mapped[str] = mapped_column(String(120))
    rtt_ms: Mapped[float | None]
    jitter_ms: Mapped[float | None]
    loss_percent: Mapped[float | None]
    rx_dbm: Mapped[float | None]
    speed_bps: Mapped[int | None] = mapped_column(BigInteger)
    duplex: Mapped[str | None] = mapped_column(String(24))
    port: Mapped[str] = mapped_column(String(240), default="", server_default="")
    mac: Mapped[str | None] = mapped_column(Mac)

    __table_args__ = (
        Index("ix_baselines_customer_id", "customer_id", "id"),
        Index("uq_baselines_run_id", "run_id", unique=True, postgresql_where=text("run_id IS NOT NULL")),
    )
