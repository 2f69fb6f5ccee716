"""Cable lines and what they end at."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.columns import Id, choice
from core.db import Base


class CableType(StrEnum):
    """What a cable is made of."""

    FIBRE = "fibre"
    COPPER = "copper"
    COAX = "coax"


class CableSide(StrEnum):
    """The two ends of a line."""

    A = "a"
    B = "b"


class CableLine(Base):
    """A physical path; `path` is an optional drawn route: latitude, longitude, latitude, longitude, ..."""

    __tablename__ = "cable_lines"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(120))
    type: Mapped[CableType] = mapped_column(choice(CableType))
    fibres: Mapped[int | None]
    length_m: Mapped[float | None] = mapped_column(Float)
    path: Mapped[list[float]] = mapped_column(ARRAY(Float), default=list, server_default="{}")

    ends: Mapped[list["CableEnd"]] = relationship(lazy="raise", cascade="all, delete-orphan")

    __table_args__ = (CheckConstraint("length_m >= 0", name="length"),)


class CableEnd(Base):
    """One end of a line: at a customer, a device, or a POP; exactly one of the three."""

    __tablename__ = "cable_ends"

    id: Mapped[Id]
    line_id: Mapped[int] = mapped_column(ForeignKey("cable_lines.id", ondelete="CASCADE"))
    side: Mapped[CableSide] = mapped_column(choice(CableSide))
    customer_id: Mapped[int | None] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    device_id: Mapped[int | None] = mapped_column(ForeignKey("devices.id", ondelete="CASCADE"), index=True)
    pop_id: Mapped[int | None] = mapped_column(ForeignKey("pops.id"), index=True)

    __table_args__ = (
        Index("uq_cable_ends_side", "line_id", "side", unique=True),
        CheckConstraint("num_nonnulls(customer_id, device_id, pop_id) = 1", name="one_place"),
    )
