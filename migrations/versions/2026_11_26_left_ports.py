"""A switch port that a line's former gate closed is kept until it is open: no list of a switch would show it."""

from alembic import op

revision = "d81f36c5ea07"
down_revision = "b4c19e70d2f6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a stranger be a port."""
    op.execute("""
        ALTER TABLE gate_strangers
            ADD COLUMN port_id BIGINT,
            ADD CONSTRAINT fk_gate_strangers_port_id_ports FOREIGN KEY (port_id) REFERENCES ports (id)
                ON DELETE CASCADE,
            ADD CONSTRAINT uq_gate_strangers_gate_id_port_id UNIQUE (gate_id, port_id),
            DROP CONSTRAINT ck_gate_strangers_one_name,
            ADD CONSTRAINT ck_gate_strangers_one_name
                CHECK (num_nonnulls(address, nullif(login, ''), port_id) = 1);
        CREATE INDEX ix_gate_strangers_port_id ON gate_strangers (port_id);
    """)


def downgrade() -> None:
    """Forget the ports."""
    op.execute("""
        DELETE FROM gate_strangers WHERE port_id IS NOT NULL;
        DROP INDEX ix_gate_strangers_port_id;
        ALTER TABLE gate_strangers
            DROP CONSTRAINT ck_gate_strangers_one_name,
            DROP CONSTRAINT uq_gate_strangers_gate_id_port_id,
            DROP COLUMN port_id,
            ADD CONSTRAINT ck_gate_strangers_one_name CHECK ((address IS NULL) = (login <> ''));
    """)
