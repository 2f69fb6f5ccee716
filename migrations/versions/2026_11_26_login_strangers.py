"""Logins that a gate restricts for nobody, beside addresses."""

from alembic import op

revision = "7d1c94e0a2b6"
down_revision = "3c8e15f7a2d0"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the login; who has one has no address."""
    op.execute(
        """
        ALTER TABLE gate_strangers
            ALTER COLUMN address DROP NOT NULL,
            ADD COLUMN login VARCHAR(253) DEFAULT '' NOT NULL,
            ADD CONSTRAINT ck_gate_strangers_one_name CHECK ((address IS NULL) = (login <> ''));
        CREATE UNIQUE INDEX uq_gate_strangers_login ON gate_strangers (gate_id, login) WHERE login <> '';
        """
    )


def downgrade() -> None:
    """Forget the logins; the next reading of the gates would find them again."""
    op.execute(
        """
        DELETE FROM gate_strangers WHERE address IS NULL;
        DROP INDEX uq_gate_strangers_login;
        ALTER TABLE gate_strangers DROP CONSTRAINT ck_gate_strangers_one_name, DROP COLUMN login,
            ALTER COLUMN address SET NOT NULL;
        """
    )
