"""Let a prefix be given to a customer beside his addresses, and refuse two that overlap."""

import sqlalchemy as sa
from alembic import op

revision = "f3a86c1d27b9"
down_revision = "d81f36c5ea07"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tell prefixes from addresses. Until now every row was one address, unique: none can overlap."""
    is_prefix = "masklen(address) < CASE family(address) WHEN 4 THEN 32 ELSE 128 END"
    op.add_column(
        "ip_addresses",
        sa.Column("is_prefix", sa.Boolean(), sa.Computed(is_prefix, persisted=True), nullable=False),
    )
    op.create_exclude_constraint(
        "ex_ip_addresses_address",
        "ip_addresses",
        ("address", "&&"),
        using="gist",
        ops={"address": "inet_ops"},
    )


def downgrade() -> None:
    """Drop both; the prefixes given stay on file."""
    op.drop_constraint("ex_ip_addresses_address", "ip_addresses")
    op.drop_column("ip_addresses", "is_prefix")
