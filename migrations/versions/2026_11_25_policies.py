"""The policy of the cutoff as data, how far each decision goes, what reminders arrived, and how locks changed."""

from alembic import op

revision = "b3f60d2c8e71"
down_revision = "b3f0a6c85d27"
branch_labels = None
depends_on = None

_WORDS = "'open', 'notice', 'slow', 'walled', 'closed'"


def upgrade() -> None:
    """Add the policies, the effects of decisions, the day a reminder arrived; lines cut before were closed."""
    op.execute(
        """
        CREATE TABLE cutoff_policies (
            version INTEGER NOT NULL,
            made_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            author_id BIGINT,
            author VARCHAR(120) NOT NULL,
            why TEXT NOT NULL,
            restores INTEGER,
            content JSONB NOT NULL,
            CONSTRAINT pk_cutoff_policies PRIMARY KEY (version),
            CONSTRAINT ck_cutoff_policies_version CHECK (version > 0),
            CONSTRAINT ck_cutoff_policies_restores CHECK (restores < version),
            CONSTRAINT fk_cutoff_policies_restores_cutoff_policies FOREIGN KEY (restores)
                REFERENCES cutoff_policies (version)
        );
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON cutoff_policies
            FOR EACH ROW EXECUTE FUNCTION refuse_change();
        CREATE TRIGGER never_emptied BEFORE TRUNCATE ON cutoff_policies
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
        """
    )
    for column in ("was", "effect"):
        op.execute(
            f"""
            ALTER TABLE cutoff_decisions ADD COLUMN {column} VARCHAR(24) DEFAULT 'open' NOT NULL;
            ALTER TABLE cutoff_decisions ADD CONSTRAINT ck_cutoff_decisions_{column} CHECK ({column} IN ({_WORDS}));
            """
        )
    op.execute(
        f"""
        UPDATE cutoff_decisions SET was = CASE WHEN action IN ('keep', 'lift') THEN 'closed' ELSE 'open' END,
            effect = CASE WHEN action IN ('keep', 'cut') THEN 'closed' ELSE 'open' END;
        ALTER TABLE planned_suspensions ADD COLUMN effect VARCHAR(24) DEFAULT 'closed' NOT NULL;
        ALTER TABLE planned_suspensions ADD CONSTRAINT ck_planned_suspensions_effect CHECK (effect IN ({_WORDS}));
        ALTER TABLE planned_suspensions ADD CONSTRAINT ck_planned_suspensions_effect_is_one
            CHECK (effect <> 'open');
        ALTER TABLE suspension_locks ADD COLUMN changes JSONB DEFAULT '[]' NOT NULL;
        CREATE INDEX ix_suspension_locks_all_standing ON suspension_locks (placed_at, id)
            WHERE lifted_at IS NULL;
        ALTER TABLE dunning_notices ADD COLUMN delivered_on DATE;
        UPDATE dunning_notices n SET delivered_on = CAST(o.sent_at AS date) FROM outbox o
        WHERE o.unique_key = 'dunning ' || n.account_id || ' ' || n.episode_on || ' step ' || n.days
          AND o.status = 'sent' AND o.channel = 'email';
        """
    )


def downgrade() -> None:
    """Remove them; the settings file says the policy again."""
    op.execute(
        """
        ALTER TABLE dunning_notices DROP COLUMN delivered_on;
        DROP INDEX ix_suspension_locks_all_standing;
        ALTER TABLE suspension_locks DROP COLUMN changes;
        ALTER TABLE planned_suspensions DROP COLUMN effect CASCADE;
        ALTER TABLE cutoff_decisions DROP COLUMN was, DROP COLUMN effect;
        DROP TABLE cutoff_policies;
        """
    )
