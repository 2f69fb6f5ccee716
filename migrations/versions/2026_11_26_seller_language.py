"""The company says in which language its documents are issued; what is issued keeps it."""

import sqlalchemy as sa
from alembic import context, op

revision = "c7f20b8e9d13"
down_revision = "c8e4b1720fd6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the language: of what was issued until now that of the settings, which it followed."""
    own = context.config.attributes.get("locale", "")
    column = sa.Column("language", sa.String(length=20), server_default=own, nullable=False)
    op.add_column("sellers", column)
    op.alter_column("sellers", "language", server_default="")


def downgrade() -> None:
    """Remove it."""
    op.drop_column("sellers", "language")
