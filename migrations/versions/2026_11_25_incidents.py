"""Incidents, baselines and shared links."""

from alembic import op

revision = "c17ae26edd67"
down_revision = "564e6c25dcf7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
    op.execute("SELECT 1")


def downgrade() -> None:
    """Nothing yet."""
    op.execute("SELECT 1")
