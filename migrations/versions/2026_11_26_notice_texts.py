"""The text of a notice in other languages than the ISP's."""

from alembic import op

revision = "d27e5b90c3f6"
down_revision = "c61d8f2a9e04"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE notices ADD COLUMN texts jsonb DEFAULT '{}' NOT NULL")


def downgrade() -> None:
    """Keep the text in the ISP's language alone."""
    op.execute("ALTER TABLE notices DROP COLUMN texts")
