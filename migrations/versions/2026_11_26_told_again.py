"""Keep with an event of a gateway whose number it told, and which earlier message it contradicts."""

from alembic import op

revision = "e92c6d0b4f18"
down_revision = "d41f7a90b3ce"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; of what was told before, the number is not known."""
    op.execute(
        """
        ALTER TABLE bank_lines ADD COLUMN told_number VARCHAR(32), ADD COLUMN contradicts_id BIGINT,
            ADD CONSTRAINT fk_bank_lines_contradicts_id_bank_lines
            FOREIGN KEY (contradicts_id) REFERENCES bank_lines (id)
        """
    )


def downgrade() -> None:
    """Drop them."""
    op.execute("ALTER TABLE bank_lines DROP COLUMN contradicts_id, DROP COLUMN told_number")
