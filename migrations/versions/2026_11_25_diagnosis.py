"""Diagnosis: its kind of run and what it keeps."""

from alembic import op

revision = "13100058e56f"
down_revision = "2f631595fe8f"
branch_labels = None
depends_on = None


_NAME = "diagnostickind"
_KINDS = "kind IN ('ping', 'mac_lookup', 'snmp_status', 'locate_mac')"
_KINDS_NOW = "kind IN ('ping', 'mac_lookup', 'snmp_status', 'locate_mac', 'diagnose')"


def upgrade() -> None:
    """Let a run be a diagnosis."""
    op.drop_constraint(op.f(f"ck_diagnostic_runs_{_NAME}"), "diagnostic_runs", type_="check")
    op.create_check_constraint(op.f(f"ck_diagnostic_runs_{_NAME}"), "diagnostic_runs", _KINDS_NOW)


def downgrade() -> None:
    """Forget the diagnoses: their kind is unknown to what ran before."""
    op.execute("DELETE FROM diagnostic_runs WHERE kind = 'diagnose'")
    op.drop_constraint(op.f(f"ck_diagnostic_runs_{_NAME}"), "diagnostic_runs", type_="check")
    op.create_check_constraint(op.f(f"ck_diagnostic_runs_{_NAME}"), "diagnostic_runs", _KINDS)
