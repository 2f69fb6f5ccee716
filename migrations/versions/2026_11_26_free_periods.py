"""Remember up to when a subscription was passed as free: a later price must not ask for those periods."""

from alembic import op

revision = "f4a1d86b30c7"
down_revision = "f1c7a93d5e20"
branch_labels = None
depends_on = None

# What the last night looked at and left without a charge was free, unless a suspension bills less still.
_PASSED = """
    UPDATE subscriptions s SET free_until = passed.day
    FROM (
        SELECT s.id, s.terms_no, CASE
                   WHEN coalesce(s.is_postpaid, p.is_postpaid) THEN billing_begin(
                       p.period, s.bill_day, billing_ordinal(p.period, s.bill_day, s.bill_month, n.run_on)
                   ) - 1
                   ELSE n.run_on END AS day
        FROM subscriptions s
        JOIN plans p ON p.id = s.plan_id
        CROSS JOIN (SELECT max(run_on) AS run_on FROM night_runs WHERE finished_at IS NOT NULL) n
        WHERE greatest(s.starts_on, s.terms_from) <= n.run_on AND NOT EXISTS (
            SELECT FROM suspension_locks k
            WHERE k.subscription_id = s.id AND k.billed_percent < 100
              AND (k.to_on IS NULL OR k.to_on >= n.run_on)
        )
    ) passed
    WHERE passed.id = s.id AND passed.day >= greatest(s.starts_on, s.terms_from) AND NOT EXISTS (
        SELECT FROM ledger_entries e
        WHERE e.subscription_id = s.id AND e.terms_no = s.terms_no AND e.kind = 'charge'
          AND e.period_end >= passed.day
    )
"""


def upgrade() -> None:
    """Add the mark, and set it where the nights so far passed periods without a charge."""
    op.execute("ALTER TABLE subscriptions ADD COLUMN free_until DATE")
    op.execute(_PASSED)


def downgrade() -> None:
    """Forget the mark."""
    op.execute("ALTER TABLE subscriptions DROP COLUMN free_until")
