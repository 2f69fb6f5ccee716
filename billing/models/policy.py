"""The table of cutoff policies."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import CreatedAt
from core.db import Base


class CutoffPolicy(Base):
    """A version of the policy: rows are only added (a trigger sees to it), the newest is in force.

    `content` names the fields of billing.rules.Rules that are policy (see billing.policies). `restores` is
    the version it goes back to.
    """

    __tablename__ = "cutoff_policies"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    made_at: Mapped[CreatedAt]
    author_id: Mapped[int | None] = mapped_column(BigInteger)
    author: Mapped[str] = mapped_column(String(120))
    why: Mapped[str] = mapped_column(Text)
    restores: Mapped[int | None] = mapped_column(ForeignKey("cutoff_policies.version"))
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)

    __table_args__ = (
        CheckConstraint("version > 0", name="version"),
        CheckConstraint("restores < version", name="restores"),
    )
