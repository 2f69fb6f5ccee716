"""Find what gives a part of a ledger entry back."""

from alembic import op

revision = "e5b1d94c7a30"
down_revision = "c7f20b8e9d13"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index; few entries correct another."""
    op.execute(
        "CREATE INDEX ix_ledger_entries_corrects_id ON ledger_entries (corrects_id)"
        " WHERE corrects_id IS NOT NULL"
    )


def downgrade() -> None:
    """Remove the index."""
    op.drop_index("ix_ledger_entries_corrects_id", "ledger_entries")
