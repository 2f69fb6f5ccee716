"""Baselines: how a line was on a good day; and the index that finds who had a MAC before."""

from alembic import op

revision = "2f631595fe8f"
down_revision = "c17ae26edd67"
branch_labels = None
depends_on = None

_TABLES = """
CREATE INDEX ix_audit_events_mac ON audit_events USING gin ((changes -> 'mac')) WHERE changes ? 'mac';
"""


def upgrade() -> None:
    """Add the index of MACs in history."""
    for statement in _TABLES.split(";"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    """Forget the index."""
    op.execute("DROP INDEX ix_audit_events_mac")
