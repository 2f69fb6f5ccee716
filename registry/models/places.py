"""Places: POPs, addresses with their coordinates, and the geocoder's remembered answers."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Computed, DateTime, Float, ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import CreatedAt, Id, choice
from core.db import Base
from registry import names


class AddressKind(StrEnum):
    """What an address is for."""

    VISITING = "visiting"
    INVOICE = "invoice"
    MAIL = "mail"


class GeoSource(StrEnum):
    """Where coordinates came from; the job never overwrites a point set by hand."""

    HAND = "hand"
    GEOCODER = "geocoder"
    IMPORT = "import"


class Pop(Base):
    """A place of network gear; `code` names the queue of its workers (probe.<code>)."""

    __tablename__ = "pops"

    id: Mapped[Id]
    code: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    latitude: Mapped[float | None] = mapped_column(Float)
    longitude: Mapped[float | None] = mapped_column(Float)
    # The gate of its lines where it is not the default (see registry.gate_choice).
    gate_id: Mapped[int | None] = mapped_column(
        ForeignKey("gates.id", use_alter=True, name="fk_pops_gate_id_gates"), index=True
    )
    # How often the gear and the customers here are swept, in seconds; none means as the settings say.
    device_watch_s: Mapped[int | None]
    customer_watch_s: Mapped[int | None]

    __table_args__ = (
        CheckConstraint("device_watch_s BETWEEN 10 AND 86400", name="device_watch_s"),
        CheckConstraint("customer_watch_s BETWEEN 10 AND 86400", name="customer_watch_s"),
    )


def _sort_text(context: Any) -> str:
    """Return what a new address is sorted by, from the row that is being written."""
    row = context.get_current_parameters()
    parts = (row.get(name) or "" for name in ("city", "street", "building", "unit"))
    return names.sort_key(*parts)[:400]


class Address(Base):
    """A postal address. Floor 0 is a floor; an empty floor is unknown; no unit means a house."""

    __tablename__ = "addresses"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    kind: Mapped[AddressKind] = mapped_column(choice(AddressKind), default=AddressKind.VISITING)
    street: Mapped[str] = mapped_column(String(160))
    building: Mapped[str] = mapped_column(String(32), default="", server_default="")
    entrance: Mapped[str] = mapped_column(String(16), default="", server_default="")
    floor: Mapped[int | None]
    unit: Mapped[str] = mapped_column(String(16), default="", server_default="")
    city: Mapped[str] = mapped_column(String(120))
    region: Mapped[str] = mapped_column(String(120), default="", server_default="")
    postcode: Mapped[str] = mapped_column(String(16), default="", server_default="")
    country: Mapped[str] = mapped_column(String(2), default="", server_default="")
    latitude: Mapped[float | None] = mapped_column(Float)
    longitude: Mapped[float | None] = mapped_column(Float)
    geo_source: Mapped[GeoSource | None] = mapped_column(choice(GeoSource))
    geo_accuracy: Mapped[str] = mapped_column(String(40), default="", server_default="")
    geo_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    geo_failure: Mapped[str] = mapped_column(Text, default="", server_default="")
    geo_tried_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    # names.sort_key() of city, street, building and unit.
    sort_text: Mapped[str] = mapped_column(String(400, collation="C"), default=_sort_text)
    search_text: Mapped[str] = mapped_column(
        Text,
        Computed(
            "lower(street || ' ' || building || ' ' || unit || ' ' || city || ' ' || postcode)",
            persisted=True,
        ),
    )

    __table_args__ = (
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="point"),
        CheckConstraint("latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name="range"),
        Index("uq_addresses_kind", "customer_id", "kind", unique=True),
        Index("ix_addresses_city", "city"),
        Index(
            "ix_addresses_search_text",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        ),
        Index("ix_addresses_without_point", "geo_tried_at", postgresql_where=text("latitude IS NULL")),
    )


class GeocodeAnswer(Base):
    """What the geocoder said for a query, so that it is asked once; null when nothing was found."""

    __tablename__ = "geocode_answers"

    query: Mapped[str] = mapped_column(Text, primary_key=True)
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    provider: Mapped[str] = mapped_column(String(120))
    asked_at: Mapped[CreatedAt]
