"""Incidents: one fault that several customers share, and who they are."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import DateTime, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import CreatedAt, Id, choice
from core.db import Base


class IncidentScope(StrEnum):
    """What is broken for everybody on it."""

    PORT = "port"
    DEVICE = "device"
    BUILDING = "building"
    POP = "pop"


class Incident(Base):
    """A fault of one element; only one is open for an element. `run_id` is the diagnosis that opened it."""

    __tablename__ = "incidents"

    id: Mapped[Id]
    scope: Mapped[IncidentScope] = mapped_column(choice(IncidentScope))
    element: Mapped[str] = mapped_column(
        String(240)
    )  # port:12, device:5, pop:2, building:<street, house, city>
    place: Mapped[str] = mapped_column(String(240))
    title: Mapped[str] = mapped_column(String(240))
    device_id: Mapped[int | None] = mapped_column(ForeignKey("devices.id", ondelete="SET NULL"), index=True)
    run_id: Mapped[int | None] = mapped_column(ForeignKey("diagnostic_runs.id", ondelete="SET NULL"))
    opened_at: Mapped[CreatedAt]
    opened_by: Mapped[str] = mapped_column(String(120))
    is_automatic: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    closed_by: Mapped[str | None] = mapped_column(String(120))
    close_note: Mapped[str] = mapped_column(Text, default="", server_default="")

    __table_args__ = (
        Index("uq_incidents_open", "element", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("ix_incidents_closed_at", "closed_at", "id"),
        Index("ix_incidents_run_id", "run_id"),
    )


class IncidentCustomer(Base):
    """A customer whom the incident hits: who was on the element when it was opened."""

    __tablename__ = "incident_customers"

    incident_id: Mapped[int] = mapped_column(
        ForeignKey("incidents.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True, autoincrement=False, index=True
    )
