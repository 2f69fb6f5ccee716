"""Signs of life of the product's own parts."""

from typing import Any

from sqlalchemy import String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import Instant
from core.db import Base


class Heartbeat(Base):
    """The last sign of life of a part: `beat`, `work`, `probe.<pop>`; with what the part can do."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    at: Mapped[Instant]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
