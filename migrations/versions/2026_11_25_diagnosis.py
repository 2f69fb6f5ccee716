"""Diagnosis: its kind of run and what it keeps."""

from alembic import op

revision = "13100058e56f"
down_revision = "2f631595fe8f"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
    op.execute("SELECT 1")


def downgrade() -> None:
    """Nothing yet."""
    op.execute("SELECT 1")
