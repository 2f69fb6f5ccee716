"""A line its gate has nothing to hold for, no address, login or port, is told apart from one it failed at."""

import sqlalchemy as sa
from alembic import op

revision = "b4c19e70d2f6"
down_revision = "a93e5c17d604"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Say of each line whether its gate had nothing of it to hold."""
    op.add_column(
        "subscription_access", sa.Column("is_bare", sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def downgrade() -> None:
    """Forget it."""
    op.drop_column("subscription_access", "is_bare")
