"""Reminders by text message: a step's channel, and a consent of its own."""

from alembic import op

revision = "5a9d3c7e1f48"
down_revision = "c41f7a9e2d58"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the channel to steps and notices, and the consent to contacts."""
    for table in ("dunning_steps", "dunning_notices"):
        op.execute(
            f"""
            ALTER TABLE {table} ADD COLUMN channel VARCHAR(24) DEFAULT 'email' NOT NULL;
            ALTER TABLE {table} ADD CONSTRAINT ck_{table}_channel CHECK (channel IN ('email', 'sms'));
            """
        )
    op.execute("ALTER TABLE contacts ADD COLUMN takes_sms BOOLEAN DEFAULT false NOT NULL")


def downgrade() -> None:
    """Remove them."""
    op.execute("ALTER TABLE contacts DROP COLUMN takes_sms")
    for table in ("dunning_steps", "dunning_notices"):
        op.execute(f"ALTER TABLE {table} DROP COLUMN channel")
