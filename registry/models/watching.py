"""Watching: who is watched, how each stands, what was measured (packed), and who measures where."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import CreatedAt, Id, Inet, Instant, choice
from core.db import Base


class SeriesKind(StrEnum):
    """What a series measures: echoes, a port's octets, a customer's octets by port or by RADIUS, light."""

    PING = "ping"
    PORT = "port"
    CUSTOMER = "customer"
    RADIUS = "radius"
    LEVEL = "level"


class WatchState(StrEnum):
    """How a watched target stands; behind: it is silent because something before it is."""

    ALIVE = "alive"
    DEAD = "dead"
    BEHIND = "behind"
    UNKNOWN = "unknown"


class RoundKind(StrEnum):
    """What a POP's worker does on its own clock."""

    DEVICES = "devices"
    CUSTOMERS = "customers"
    COUNTERS = "counters"


class WatchSeries(Base):
    """One row of measurements over time, of exactly one device, address, port or customer."""

    __tablename__ = "watch_series"

    id: Mapped[Id]
    kind: Mapped[SeriesKind] = mapped_column(choice(SeriesKind))
    device_id: Mapped[int | None] = mapped_column(ForeignKey("devices.id", ondelete="CASCADE"))
    ip_id: Mapped[int | None] = mapped_column(ForeignKey("ip_addresses.id", ondelete="CASCADE"))
    port_id: Mapped[int | None] = mapped_column(ForeignKey("ports.id", ondelete="CASCADE"))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))

    __table_args__ = (
        CheckConstraint("num_nonnulls(device_id, ip_id, port_id, customer_id) = 1", name="one_subject"),
        *(
            Index(
                f"uq_watch_series_{name}",
                name,
                "kind",
                unique=True,
                postgresql_where=text(f"{name} IS NOT NULL"),
            )
            for name in ("device_id", "ip_id", "port_id", "customer_id")
        ),
    )


class WatchStatus(Base):
    """How a target of echoes stands. `died_at` is the first silent round of a dead one."""

    __tablename__ = "watch_statuses"

    series_id: Mapped[int] = mapped_column(
        ForeignKey("watch_series.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    state: Mapped[WatchState] = mapped_column(
        choice(WatchState), default=WatchState.UNKNOWN, server_default="unknown"
    )
    since: Mapped[CreatedAt]
    silent_rounds: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    silent_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    died_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    checked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    rtt_us: Mapped[int | None]
    loss_percent: Mapped[int | None] = mapped_column(SmallInteger)

    # Only what is down is looked for by state; an index on all of it would make every round's update dear.
    __table_args__ = (
        Index("ix_watch_statuses_down", "since", postgresql_where=text("state IN ('dead', 'behind')")),
    )


class WatchRound(Base):
    """The clock of one POP and kind: when it is due, who does it now, and what the last one was like."""

    __tablename__ = "watch_rounds"

    pop: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[RoundKind] = mapped_column(choice(RoundKind), primary_key=True)
    due_at: Mapped[Instant]
    asked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    leased_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    number: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lag_s: Mapped[float | None]
    targets: Mapped[int] = mapped_column(default=0, server_default="0")
    answered: Mapped[int] = mapped_column(default=0, server_default="0")
    error: Mapped[str] = mapped_column(Text, default="", server_default="")


class SeriesRound(Base):
    """What a round measured of up to 128 neighbouring series: their ids and, in that order, their moments."""

    __tablename__ = "series_rounds"

    id: Mapped[Id]
    block: Mapped[int]
    at: Mapped[Instant]
    ids: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    packed: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (Index("ix_series_rounds_block", "block", "at"), Index("ix_series_rounds_at", "at"))


class SeriesMinutes(Base):
    """A series' day (UTC), moment by moment."""

    __tablename__ = "series_minutes"

    series_id: Mapped[int] = mapped_column(
        ForeignKey("watch_series.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    packed: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (Index("ix_series_minutes_day", "day", postgresql_using="brin"),)


class SeriesDay(Base):
    """A series' day (UTC) in one figure, and its 24 hours."""

    __tablename__ = "series_days"

    series_id: Mapped[int] = mapped_column(
        ForeignKey("watch_series.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    packed: Mapped[bytes] = mapped_column(LargeBinary)
    hours: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (Index("ix_series_days_day", "day", postgresql_using="brin"),)


class PortReading(Base):
    """The last counters of a port; whole numbers in JSON, for Counter64 is larger than BIGINT."""

    __tablename__ = "port_readings"

    port_id: Mapped[int] = mapped_column(
        ForeignKey("ports.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    at: Mapped[Instant]
    reading: Mapped[dict[str, Any]] = mapped_column(JSONB)


class RadiusUsage(Base):
    """What RADIUS accounting says: FreeRADIUS inserts a row for each packet, a job folds it into usage."""

    __tablename__ = "radius_usage"

    id: Mapped[Id]
    received_at: Mapped[CreatedAt]
    status_type: Mapped[str] = mapped_column(String(32))
    session_id: Mapped[str] = mapped_column(String(128))
    nas: Mapped[str] = mapped_column(String(64), default="", server_default="")
    username: Mapped[str] = mapped_column(String(120), default="", server_default="")
    framed_ip: Mapped[str | None] = mapped_column(Inet)
    session_time_s: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    in_octets: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    out_octets: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    in_gigawords: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    out_gigawords: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")


class RadiusSession(Base):
    """Where a session's octets stood when it was folded last."""

    __tablename__ = "radius_sessions"

    session_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    nas: Mapped[str] = mapped_column(String(64), primary_key=True)
    customer_id: Mapped[int | None] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    at: Mapped[Instant]
    in_octets: Mapped[int] = mapped_column(BigInteger)
    out_octets: Mapped[int] = mapped_column(BigInteger)
    session_time_s: Mapped[int] = mapped_column(BigInteger)
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index("ix_radius_sessions_at", "at"),)
