"""Instalments are agreed on once by a form: its key stands on the plan it made."""

from alembic import op

revision = "3a9d51c07e64"
down_revision = "5b0e92c7d4a1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the key."""
    op.execute(
        """
        ALTER TABLE instalment_plans ADD COLUMN idempotency_key VARCHAR(200);
        ALTER TABLE instalment_plans ADD CONSTRAINT uq_instalment_plans_idempotency_key UNIQUE (idempotency_key);
        """
    )


def downgrade() -> None:
    """Remove it."""
    op.execute("ALTER TABLE instalment_plans DROP COLUMN idempotency_key")
