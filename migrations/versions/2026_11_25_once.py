"""Services and liabilities are added once by a form: its key stands on what it made."""

from alembic import op

revision = "c41f8a6e2b97"
down_revision = "b7e2c94d1a60"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the keys."""
    for table in ("subscriptions", "liabilities"):
        op.execute(
            f"""
            ALTER TABLE {table} ADD COLUMN idempotency_key VARCHAR(200);
            ALTER TABLE {table} ADD CONSTRAINT uq_{table}_idempotency_key UNIQUE (idempotency_key);
            """
        )


def downgrade() -> None:
    """Remove them."""
    for table in ("subscriptions", "liabilities"):
        op.execute(f"ALTER TABLE {table} DROP COLUMN idempotency_key")
