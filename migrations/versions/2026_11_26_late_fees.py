"""Find the late fees of an account without reading its ledger."""

from alembic import op

revision = "3c8e15f7a2d0"
down_revision = "a4f7c02e8d51"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index; nothing but late fees takes room in it."""
    op.execute(
        "CREATE INDEX ix_ledger_entries_late_fees ON ledger_entries (account_id) "
        "WHERE idempotency_key LIKE 'late fee %'"
    )


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP INDEX ix_ledger_entries_late_fees")
