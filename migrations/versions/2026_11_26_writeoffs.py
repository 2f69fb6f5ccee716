"""The accounts of which something was written off are found without reading the whole ledger."""

from alembic import op

revision = "6d2f90b3c8e1"
down_revision = "a7c05e31d8f6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.execute(
        "CREATE INDEX ix_ledger_entries_writeoffs ON ledger_entries (account_id) WHERE kind = 'writeoff'"
    )


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP INDEX ix_ledger_entries_writeoffs")
