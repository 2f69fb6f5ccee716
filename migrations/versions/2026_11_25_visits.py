"""Visits of field technicians."""

from alembic import op

revision = "2f631595fe8f"
down_revision = "c17ae26edd67"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
    op.execute("SELECT 1")


def downgrade() -> None:
    """Nothing yet."""
    op.execute("SELECT 1")
