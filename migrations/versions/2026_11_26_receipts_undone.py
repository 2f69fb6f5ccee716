"""A receipt of a payment that was undone is cancelled by another, which names it."""

from alembic import op

revision = "9e61a4b7d205"
down_revision = "b41d9e60c7a2"
branch_labels = None
depends_on = None

_RULE = """
ALTER TABLE documents DROP CONSTRAINT ck_documents_corrects;
ALTER TABLE documents ADD CONSTRAINT ck_documents_corrects CHECK (({kinds}) = (corrects_id IS NOT NULL))
"""


def upgrade() -> None:
    """Let receipts below zero correct as credit notes do."""
    op.execute(_RULE.format(kinds="kind = 'credit_note' OR (kind = 'receipt' AND gross_minor < 0)"))


def downgrade() -> None:
    """Let only credit notes correct from now on: what is issued stays."""
    op.execute(_RULE.format(kinds="kind = 'credit_note'") + " NOT VALID")
