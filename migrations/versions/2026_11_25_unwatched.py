"""Who said of a device or an address that it is never watched, when, and why."""

from alembic import op

revision = "8b41d6c0e2f7"
down_revision = "7d3f0b6a91c4"
branch_labels = None
depends_on = None

_TABLES = ("devices", "ip_addresses")


def upgrade() -> None:
    """Add the columns."""
    for table in _TABLES:
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN unwatched_why varchar(200) DEFAULT '' NOT NULL,"
            " ADD COLUMN unwatched_by varchar(120) DEFAULT '' NOT NULL,"
            " ADD COLUMN unwatched_at timestamptz"
        )


def downgrade() -> None:
    """Remove the columns."""
    for table in _TABLES:
        op.execute(
            f"ALTER TABLE {table} DROP COLUMN unwatched_why, DROP COLUMN unwatched_by,"
            " DROP COLUMN unwatched_at"
        )
