"""Watching: what was swept and polled, its roll-ups and usage."""

from alembic import op

revision = "564e6c25dcf7"
down_revision = "0c0ad2d8a8f6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
    op.execute("SELECT 1")


def downgrade() -> None:
    """Nothing yet."""
    op.execute("SELECT 1")
