"""Boxes of POPs: workers that join with a key of their own, and know nothing but their jobs."""

from alembic import op

revision = "b8e2f60d41a7"
down_revision = "7c2e9b4d6a10"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.execute(
        """
        CREATE TABLE pop_boxes (
            pop_id BIGINT NOT NULL,
            public_key VARCHAR(64) DEFAULT '' NOT NULL,
            core_public VARCHAR(64) NOT NULL,
            core_sealed TEXT NOT NULL,
            broker_hash VARCHAR(64) DEFAULT '' NOT NULL,
            invited_hash VARCHAR(64) DEFAULT '' NOT NULL,
            invited_until TIMESTAMP WITH TIME ZONE,
            enrolled_at TIMESTAMP WITH TIME ZONE NOT NULL,
            enrolled_by VARCHAR(120) NOT NULL,
            joined_at TIMESTAMP WITH TIME ZONE,
            revoked_at TIMESTAMP WITH TIME ZONE,
            expired_jobs INTEGER DEFAULT 0 NOT NULL,
            last_expired_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT pk_pop_boxes PRIMARY KEY (pop_id),
            CONSTRAINT ck_pop_boxes_expired_jobs CHECK (expired_jobs >= 0),
            CONSTRAINT fk_pop_boxes_pop_id_pops FOREIGN KEY (pop_id) REFERENCES pops (id) ON DELETE CASCADE
        )
        """
    )


def downgrade() -> None:
    """Remove it: every box has to be enrolled anew."""
    op.execute("DROP TABLE pop_boxes")
