"""Write down about what of the ledger a promise was made: acts at once begin in any order."""

from alembic import op

revision = "0b7e42c9d51a"
down_revision = "f4a1d86b30c7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the last entry before the promise; of those there are, by the time of both."""
    op.execute("ALTER TABLE promises ADD COLUMN last_entry_id BIGINT DEFAULT '0' NOT NULL")
    op.execute(
        "UPDATE promises p SET last_entry_id = coalesce((SELECT max(e.id) FROM ledger_entries e "
        "WHERE e.account_id = p.account_id AND e.posted_at < p.made_at), 0)"
    )


def downgrade() -> None:
    """Forget it."""
    op.execute("ALTER TABLE promises DROP COLUMN last_entry_id")
