"""Let the company send invoices by e-mail as they are issued, and a payer take none."""

import sqlalchemy as sa
from alembic import op

revision = "a93e5c17d604"
down_revision = "0b7e42c9d51a"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both marks: the company sends none on its own, and every payer would take them."""
    op.add_column(
        "sellers", sa.Column("sends_documents", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column(
        "payers", sa.Column("takes_documents", sa.Boolean(), server_default=sa.text("true"), nullable=False)
    )


def downgrade() -> None:
    """Drop both: what lies in the outbox still goes."""
    op.drop_column("payers", "takes_documents")
    op.drop_column("sellers", "sends_documents")
