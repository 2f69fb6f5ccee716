"""The login a line dials in with."""

import sqlalchemy as sa
from alembic import op

revision = "e4a61b0d93c7"
down_revision = "b8e2f60d41a7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it, each login once."""
    op.add_column("lines", sa.Column("login", sa.String(length=120), nullable=True))
    op.create_unique_constraint("uq_lines_login", "lines", ["login"])


def downgrade() -> None:
    """Forget the logins."""
    op.drop_constraint("uq_lines_login", "lines", type_="unique")
    op.drop_column("lines", "login")
