"""Keep with a bank line of a closed day on which day a person has it booked."""

from alembic import op

revision = "d41f7a90b3ce"
down_revision = "e5b1d94c7a30"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the day; none is chosen."""
    op.execute("ALTER TABLE bank_lines ADD COLUMN book_on DATE")


def downgrade() -> None:
    """Forget it."""
    op.execute("ALTER TABLE bank_lines DROP COLUMN book_on")
