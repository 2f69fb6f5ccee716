"""Let a plan say that debt does not cut it: voice and emergency stay while the rest is cut."""

import sqlalchemy as sa
from alembic import op

revision = "c27a9f50d3e8"
down_revision = "b61d04e9c7f3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the mark: nothing has it, so every service stays as it is."""
    op.add_column(
        "plans", sa.Column("is_never_cut", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )


def downgrade() -> None:
    """Drop it: debt cuts every service again, by the next plan."""
    op.drop_column("plans", "is_never_cut")
