"""Let a POP and a device have a gate of their own, where it differs from the default one."""

import sqlalchemy as sa
from alembic import op

revision = "b61d04e9c7f3"
down_revision = "e8b40f6a17d2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns: nothing chosen, so every line stays at the gate it has."""
    for table in ("pops", "devices"):
        op.add_column(table, sa.Column("gate_id", sa.BigInteger(), nullable=True))
        op.create_index(f"ix_{table}_gate_id", table, ["gate_id"])
        op.create_foreign_key(f"fk_{table}_gate_id_gates", table, "gates", ["gate_id"], ["id"])


def downgrade() -> None:
    """Drop them: the lines go back to the default gate or their own."""
    for table in ("pops", "devices"):
        op.drop_column(table, "gate_id")
