"""A charge run says when its worker last gave a sign of life: a killed one stood as running for ever."""

import sqlalchemy as sa
from alembic import op

revision = "a7c05e31d8f6"
down_revision = "9e61a4b7d205"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the time."""
    op.add_column("charge_runs", sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Remove it."""
    op.drop_column("charge_runs", "seen_at")
