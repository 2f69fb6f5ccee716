"""How far a running import is."""

from alembic import op

revision = "5e0c92d7a41f"
down_revision = "c41f8a6e2b97"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE import_batches ADD COLUMN progress JSONB DEFAULT '{}' NOT NULL")


def downgrade() -> None:
    """Take it away."""
    op.execute("ALTER TABLE import_batches DROP COLUMN progress")
