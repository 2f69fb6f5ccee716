"""Keep with an entry how many it is for and what it gives back a part of; with a run, what it refused."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "f1c7a93d5e20"
down_revision = "f2a95c03d8b1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; of what was written before, nothing is known."""
    op.add_column("ledger_entries", sa.Column("corrects_id", sa.BigInteger(), nullable=True))
    op.add_column("ledger_entries", sa.Column("quantity", sa.Integer(), nullable=True))
    op.create_foreign_key(
        "fk_ledger_entries_corrects_id_ledger_entries",
        "ledger_entries",
        "ledger_entries",
        ["corrects_id"],
        ["id"],
    )
    empty = sa.Column("refused", postgresql.JSONB(), server_default="[]", nullable=False)
    op.add_column("charge_runs", empty)


def downgrade() -> None:
    """Drop them."""
    op.drop_column("charge_runs", "refused")
    op.drop_column("ledger_entries", "quantity")
    op.drop_column("ledger_entries", "corrects_id")
