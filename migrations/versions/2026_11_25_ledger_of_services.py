"""Find the entries of a subscription or a liability without reading the ledger."""

from alembic import op

revision = "b7d20c94e1f3"
down_revision = "7c1e40b6d2a9"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the two indexes; entries that belong to neither, as payments do, take no room in them."""
    op.execute(
        "CREATE INDEX ix_ledger_entries_subscription_id ON ledger_entries (subscription_id, period_start) "
        "WHERE subscription_id IS NOT NULL"
    )
    op.execute(
        "CREATE INDEX ix_ledger_entries_liability_id ON ledger_entries (liability_id, period_start) "
        "WHERE liability_id IS NOT NULL"
    )


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP INDEX ix_ledger_entries_subscription_id, ix_ledger_entries_liability_id")
