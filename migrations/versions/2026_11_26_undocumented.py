"""A charge run says how many of its charges stand on no document, and why."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "b41d9e60c7a2"
down_revision = "e92c6d0b4f18"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the counts, by reason."""
    column = sa.Column("undocumented", postgresql.JSONB(), server_default="{}", nullable=False)
    op.add_column("charge_runs", column)


def downgrade() -> None:
    """Remove them."""
    op.drop_column("charge_runs", "undocumented")
