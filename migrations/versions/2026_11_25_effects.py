"""What a lock does to a line: five kinds of access instead of two."""

from alembic import op

revision = "7c2e9b4d6a10"
down_revision = "5a9d3c7e1f48"
branch_labels = None
depends_on = None

_COLUMNS = ("wanted", "applied", "observed")
_WORDS = "'open', 'notice', 'slow', 'walled', 'closed'"


def upgrade() -> None:
    """Add the effect of locks; let a line be noticed, slowed or walled."""
    op.execute(
        f"""
        ALTER TABLE suspension_locks ADD COLUMN effect VARCHAR(24) DEFAULT 'closed' NOT NULL;
        ALTER TABLE suspension_locks ADD CONSTRAINT ck_suspension_locks_effect CHECK (effect IN ({_WORDS}));
        ALTER TABLE suspension_locks ADD CONSTRAINT ck_suspension_locks_effect_is_one CHECK (effect <> 'open');
        """
    )
    _words(_WORDS)


def downgrade() -> None:
    """Close what was walled, open what was noticed or slowed, and remove the effects."""
    for column in _COLUMNS:
        op.execute(
            f"""
            UPDATE subscription_access SET {column} = CASE {column} WHEN 'walled' THEN 'closed' ELSE 'open' END
            WHERE {column} IN ('notice', 'slow', 'walled')
            """
        )
    _words("'open', 'closed'")
    op.execute("ALTER TABLE suspension_locks DROP COLUMN effect")


def _words(words: str) -> None:
    for column in _COLUMNS:
        name = f"ck_subscription_access_{column}"
        op.execute(
            f"""
            ALTER TABLE subscription_access DROP CONSTRAINT {name};
            ALTER TABLE subscription_access ADD CONSTRAINT {name} CHECK ({column} IN ({words}));
            """
        )
