"""The first tables of money, records and work."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0c0ad2d8a8f6"
down_revision = None
branch_labels = None
depends_on = None


APPEND_ONLY = ("ledger_entries", "audit_events")


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    _create_tables()
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only: write a new line instead', TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _create_tables() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("payment_days", sa.Integer(), nullable=True),
        sa.Column("grace_days", sa.Integer(), nullable=True),
        sa.Column("is_never_cut", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("never_cut_note", sa.String(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("grace_days BETWEEN 0 AND 365", name=op.f("ck_accounts_grace_days")),
        sa.CheckConstraint("payment_days BETWEEN 0 AND 365", name=op.f("ck_accounts_payment_days")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
    )
    op.create_index("ix_accounts_balance_minor", "accounts", ["balance_minor", "id"], unique=False)
    op.create_table(
        "audit_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        sa.Column("staff_name", sa.String(length=120), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("object_kind", sa.String(length=40), server_default="", nullable=False),
        sa.Column("object_id", sa.BigInteger(), nullable=True),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    op.create_index("ix_audit_events_at", "audit_events", ["at"], unique=False)
    op.create_index("ix_audit_events_customer_id", "audit_events", ["customer_id", "id"], unique=False)
    op.create_index("ix_audit_events_staff_id", "audit_events", ["staff_id", "id"], unique=False)
    op.create_table(
        "cable_lines",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column(
            "type",
            sa.Enum(
                "fibre",
                "copper",
                "coax",
                name="cabletype",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("fibres", sa.Integer(), nullable=True),
        sa.Column("length_m", sa.Float(), nullable=True),
        sa.Column("path", postgresql.ARRAY(sa.Float()), server_default="{}", nullable=False),
        sa.CheckConstraint("length_m >= 0", name=op.f("ck_cable_lines_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cable_lines")),
    )
    op.create_table(
        "cutoff_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("run_on", sa.Date(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "planned",
                "braked",
                "applied",
                "discarded",
                name="runstatus",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("brake_reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cut_count", sa.Integer(), nullable=False),
        sa.Column("spare_count", sa.Integer(), nullable=False),
        sa.Column("keep_count", sa.Integer(), nullable=False),
        sa.Column("lift_count", sa.Integer(), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("planned_by", sa.String(length=120), nullable=False),
        sa.Column("approved_by", sa.String(length=120), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cutoff_runs")),
    )
    op.create_index(op.f("ix_cutoff_runs_run_on"), "cutoff_runs", ["run_on"], unique=False)
    op.create_table(
        "device_types",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("vendor", sa.String(length=80), server_default="", nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "cpe",
                "onu",
                "switch",
                "olt",
                "router",
                "radio",
                "other",
                name="devicerole",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("web_scheme", sa.String(length=5), server_default="https", nullable=False),
        sa.Column("web_port", sa.Integer(), nullable=True),
        sa.CheckConstraint("web_scheme IN ('http', 'https', '')", name=op.f("ck_device_types_web_scheme")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_types")),
        sa.UniqueConstraint("name", name=op.f("uq_device_types_name")),
    )
    op.create_table(
        "geocode_answers",
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("answer", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("provider", sa.String(length=120), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("query", name=op.f("pk_geocode_answers")),
    )
    op.create_table(
        "groups",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("description", sa.String(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
        sa.UniqueConstraint("name", name=op.f("uq_groups_name")),
    )
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeats")),
    )
    op.create_table(
        "marks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("colour", sa.String(length=7), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_marks")),
        sa.UniqueConstraint("name", name=op.f("uq_marks_name")),
    )
    op.create_table(
        "plans",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("down_kbps", sa.Integer(), nullable=True),
        sa.Column("up_kbps", sa.Integer(), nullable=True),
        sa.Column("is_offered", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint("price_minor >= 0", name=op.f("ck_plans_price")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
        sa.UniqueConstraint("name", name=op.f("uq_plans_name")),
    )
    op.create_table(
        "pops",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pops")),
        sa.UniqueConstraint("code", name=op.f("uq_pops_code")),
    )
    op.create_table(
        "staff_users",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("login", sa.String(length=120), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("email", sa.String(length=254), server_default="", nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.String(length=32)), server_default="{}", nullable=False),
        sa.Column("locale", sa.String(length=12), server_default="", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_users")),
        sa.UniqueConstraint("login", name=op.f("uq_staff_users_login")),
    )
    op.create_table(
        "customers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "person", "company", name="customerkind", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("first_name", sa.String(length=120), server_default="", nullable=False),
        sa.Column("last_name", sa.String(length=120), server_default="", nullable=False),
        sa.Column("company_name", sa.String(length=200), server_default="", nullable=False),
        sa.Column("dba", sa.String(length=200), server_default="", nullable=False),
        sa.Column("sort_name", sa.String(length=400, collation="C"), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "prospect",
                "waiting",
                "connected",
                "former",
                name="customerstatus",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("alert", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "search_text",
            sa.Text(),
            sa.Computed(
                "lower(number || ' ' || last_name || ' ' || first_name || ' ' || last_name || ' ' || company_name || ' ' || dba)",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_customers_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
        sa.UniqueConstraint("account_id", name=op.f("uq_customers_account_id")),
        sa.UniqueConstraint("number", name=op.f("uq_customers_number")),
    )
    op.create_index(
        "ix_customers_search_text",
        "customers",
        ["search_text"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_customers_number_order",
        "customers",
        [sa.literal_column("length(number)"), "number"],
        unique=False,
    )
    op.create_index("ix_customers_sort_name", "customers", ["sort_name", "id"], unique=False)
    op.create_index("ix_customers_status", "customers", ["status", "id"], unique=False)
    op.create_table(
        "gates",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column(
            "options", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("secrets_sealed", sa.Text(), server_default="", nullable=False),
        sa.Column("pop_id", sa.BigInteger(), nullable=True),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["pop_id"], ["pops.id"], name=op.f("fk_gates_pop_id_pops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gates")),
        sa.UniqueConstraint("name", name=op.f("uq_gates_name")),
    )
    op.create_index(op.f("ix_gates_pop_id"), "gates", ["pop_id"], unique=False)
    op.create_index(
        "uq_gates_default", "gates", ["is_default"], unique=True, postgresql_where=sa.text("is_default")
    )
    op.create_table(
        "night_runs",
        sa.Column("run_on", sa.Date(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cutoff_run_id", sa.BigInteger(), nullable=True),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["cutoff_run_id"], ["cutoff_runs.id"], name=op.f("fk_night_runs_cutoff_run_id_cutoff_runs")
        ),
        sa.PrimaryKeyConstraint("run_on", name=op.f("pk_night_runs")),
    )
    op.create_table(
        "promises",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "active",
                "kept",
                "broken",
                "withdrawn",
                name="promisestatus",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_promises_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promises")),
    )
    op.create_index(op.f("ix_promises_account_id"), "promises", ["account_id"], unique=False)
    op.create_index(
        "uq_promises_active",
        "promises",
        ["account_id"],
        unique=True,
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_table(
        "staff_sessions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("address", postgresql.INET(), nullable=True),
        sa.Column("agent", sa.String(length=300), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"],
            ["staff_users.id"],
            name=op.f("fk_staff_sessions_staff_id_staff_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_staff_sessions_token_hash")),
    )
    op.create_index(op.f("ix_staff_sessions_staff_id"), "staff_sessions", ["staff_id"], unique=False)
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("bill_day", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("bill_day BETWEEN 1 AND 28", name=op.f("ck_subscriptions_bill_day")),
        sa.CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name=op.f("ck_subscriptions_dates")),
        sa.CheckConstraint("price_minor >= 0", name=op.f("ck_subscriptions_price")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_subscriptions_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_subscriptions_plan_id_plans")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
    )
    op.create_index(op.f("ix_subscriptions_account_id"), "subscriptions", ["account_id"], unique=False)
    op.create_index(op.f("ix_subscriptions_plan_id"), "subscriptions", ["plan_id"], unique=False)
    op.create_table(
        "addresses",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "visiting",
                "invoice",
                "mail",
                name="addresskind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("street", sa.String(length=160), nullable=False),
        sa.Column("building", sa.String(length=32), server_default="", nullable=False),
        sa.Column("entrance", sa.String(length=16), server_default="", nullable=False),
        sa.Column("floor", sa.Integer(), nullable=True),
        sa.Column("unit", sa.String(length=16), server_default="", nullable=False),
        sa.Column("city", sa.String(length=120), nullable=False),
        sa.Column("region", sa.String(length=120), server_default="", nullable=False),
        sa.Column("postcode", sa.String(length=16), server_default="", nullable=False),
        sa.Column("country", sa.String(length=2), server_default="", nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column(
            "geo_source",
            sa.Enum(
                "hand",
                "geocoder",
                "import",
                name="geosource",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column("geo_accuracy", sa.String(length=40), server_default="", nullable=False),
        sa.Column("geo_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("geo_failure", sa.Text(), server_default="", nullable=False),
        sa.Column("geo_tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sort_text", sa.String(length=400, collation="C"), nullable=False),
        sa.Column(
            "search_text",
            sa.Text(),
            sa.Computed(
                "lower(street || ' ' || building || ' ' || unit || ' ' || city || ' ' || postcode)",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name=op.f("ck_addresses_point")),
        sa.CheckConstraint(
            "latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name=op.f("ck_addresses_range")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_addresses_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_addresses")),
    )
    op.create_index("ix_addresses_city", "addresses", ["city"], unique=False)
    op.create_index(
        "ix_addresses_search_text",
        "addresses",
        ["search_text"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_addresses_without_point",
        "addresses",
        ["geo_tried_at"],
        unique=False,
        postgresql_where=sa.text("latitude IS NULL"),
    )
    op.create_index("uq_addresses_kind", "addresses", ["customer_id", "kind"], unique=True)
    op.create_table(
        "contacts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("title", sa.String(length=120), server_default="", nullable=False),
        sa.Column("phone", sa.String(length=32), server_default="", nullable=False),
        sa.Column("email", sa.String(length=254), server_default="", nullable=False),
        sa.Column("is_primary", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_contacts_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
    )
    op.create_index(op.f("ix_contacts_customer_id"), "contacts", ["customer_id"], unique=False)
    op.create_index(
        "ix_contacts_phone",
        "contacts",
        ["phone"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"phone": "gin_trgm_ops"},
    )
    op.create_table(
        "customer_groups",
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_customer_groups_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_customer_groups_group_id_groups")),
        sa.PrimaryKeyConstraint("customer_id", "group_id", name=op.f("pk_customer_groups")),
    )
    op.create_index(op.f("ix_customer_groups_group_id"), "customer_groups", ["group_id"], unique=False)
    op.create_table(
        "customer_marks",
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("mark_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_customer_marks_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["mark_id"], ["marks.id"], name=op.f("fk_customer_marks_mark_id_marks")),
        sa.PrimaryKeyConstraint("customer_id", "mark_id", name=op.f("pk_customer_marks")),
    )
    op.create_index(op.f("ix_customer_marks_mark_id"), "customer_marks", ["mark_id"], unique=False)
    op.create_table(
        "cutoff_decisions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("subscription_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "action",
            sa.Enum(
                "cut",
                "spare",
                "keep",
                "lift",
                name="decisionaction",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("overdue_minor", sa.BigInteger(), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.Column("days_overdue", sa.Integer(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=40), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_cutoff_decisions_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["cutoff_runs.id"],
            name=op.f("fk_cutoff_decisions_run_id_cutoff_runs"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_cutoff_decisions_subscription_id_subscriptions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cutoff_decisions")),
    )
    op.create_index(op.f("ix_cutoff_decisions_account_id"), "cutoff_decisions", ["account_id"], unique=False)
    op.create_index(
        "uq_cutoff_decisions_run_id", "cutoff_decisions", ["run_id", "subscription_id"], unique=True
    )
    op.create_table(
        "devices",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("type_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("pop_id", sa.BigInteger(), nullable=True),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("address", postgresql.INET(), nullable=True),
        sa.Column("mac", postgresql.MACADDR(), nullable=True),
        sa.Column("serial", sa.String(length=80), server_default="", nullable=False),
        sa.Column("software", sa.String(length=120), server_default="", nullable=False),
        sa.Column("snmp_version", sa.String(length=2), server_default="", nullable=False),
        sa.Column("snmp_port", sa.Integer(), server_default="161", nullable=False),
        sa.Column("snmp_sealed", sa.Text(), server_default="", nullable=False),
        sa.Column("login_sealed", sa.Text(), server_default="", nullable=False),
        sa.Column("is_gateway", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "answered",
                "silent",
                "refused",
                "denied",
                name="devicestate",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_status", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("last_status_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("snmp_version IN ('', '1', '2c', '3')", name=op.f("ck_devices_snmp_version")),
        sa.CheckConstraint("parent_id <> id", name=op.f("ck_devices_parent")),
        sa.CheckConstraint("snmp_port BETWEEN 1 AND 65535", name=op.f("ck_devices_snmp_port")),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_devices_customer_id_customers"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["devices.id"], name=op.f("fk_devices_parent_id_devices"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["pop_id"], ["pops.id"], name=op.f("fk_devices_pop_id_pops")),
        sa.ForeignKeyConstraint(
            ["type_id"], ["device_types.id"], name=op.f("fk_devices_type_id_device_types")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
    )
    op.create_index("ix_devices_address", "devices", ["address"], unique=False)
    op.create_index(op.f("ix_devices_customer_id"), "devices", ["customer_id"], unique=False)
    op.create_index("ix_devices_mac", "devices", ["mac"], unique=False)
    op.create_index(op.f("ix_devices_parent_id"), "devices", ["parent_id"], unique=False)
    op.create_index(op.f("ix_devices_pop_id"), "devices", ["pop_id"], unique=False)
    op.create_index(op.f("ix_devices_type_id"), "devices", ["type_id"], unique=False)
    op.create_table(
        "files",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_files_customer_id_customers"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
    )
    op.create_index(op.f("ix_files_customer_id"), "files", ["customer_id"], unique=False)
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "charge",
                "payment",
                "writeoff",
                "refund",
                "adjustment",
                "reversal",
                name="entrykind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("balance_after_minor", sa.BigInteger(), nullable=False),
        sa.Column("dated_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column(
            "method",
            sa.Enum(
                "cash",
                "bank",
                "card",
                "online",
                "none",
                name="method",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("reference", sa.String(length=200), server_default="", nullable=False),
        sa.Column("idempotency_key", sa.String(length=200), nullable=True),
        sa.Column("reverses_id", sa.BigInteger(), nullable=True),
        sa.Column("subscription_id", sa.BigInteger(), nullable=True),
        sa.Column("period_start", sa.Date(), nullable=True),
        sa.Column("period_end", sa.Date(), nullable=True),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(kind = 'reversal') = (reverses_id IS NOT NULL)", name=op.f("ck_ledger_entries_reversal")
        ),
        sa.CheckConstraint(
            "kind <> 'charge' OR (amount_minor < 0 AND due_on IS NOT NULL)",
            name=op.f("ck_ledger_entries_charge"),
        ),
        sa.CheckConstraint("kind <> 'payment' OR amount_minor > 0", name=op.f("ck_ledger_entries_payment")),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_ledger_entries_amount")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_ledger_entries_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["reverses_id"], ["ledger_entries.id"], name=op.f("fk_ledger_entries_reverses_id_ledger_entries")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_ledger_entries_subscription_id_subscriptions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_ledger_entries_idempotency_key")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_ledger_entries_reverses_id")),
    )
    op.create_index(
        "ix_ledger_entries_account_id",
        "ledger_entries",
        ["account_id", "id"],
        unique=False,
        postgresql_include=["amount_minor"],
    )
    op.create_index("ix_ledger_entries_dated_on", "ledger_entries", ["dated_on", "id"], unique=False)
    op.create_index(
        "ix_ledger_entries_due",
        "ledger_entries",
        ["account_id", "due_on"],
        unique=False,
        postgresql_include=["amount_minor"],
        postgresql_where=sa.text("due_on IS NOT NULL"),
    )
    op.create_index(
        "uq_ledger_entries_period",
        "ledger_entries",
        ["subscription_id", "period_start"],
        unique=True,
        postgresql_where=sa.text("kind = 'charge' AND subscription_id IS NOT NULL"),
    )
    op.create_table(
        "lines",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("subscription_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("pop_id", sa.BigInteger(), nullable=True),
        sa.Column("gate_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_lines_customer_id_customers"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["gate_id"], ["gates.id"], name=op.f("fk_lines_gate_id_gates")),
        sa.ForeignKeyConstraint(["pop_id"], ["pops.id"], name=op.f("fk_lines_pop_id_pops")),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name=op.f("fk_lines_subscription_id_subscriptions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lines")),
        sa.UniqueConstraint("subscription_id", name=op.f("uq_lines_subscription_id")),
    )
    op.create_index(op.f("ix_lines_customer_id"), "lines", ["customer_id"], unique=False)
    op.create_index(op.f("ix_lines_gate_id"), "lines", ["gate_id"], unique=False)
    op.create_index(op.f("ix_lines_pop_id"), "lines", ["pop_id"], unique=False)
    op.create_table(
        "subscription_access",
        sa.Column("subscription_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "wanted",
            sa.Enum("open", "closed", name="wanted", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "applied",
            sa.Enum("open", "closed", name="applied", native_enum=False, create_constraint=True, length=24),
            nullable=True,
        ),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "observed",
            sa.Enum("open", "closed", name="observed", native_enum=False, create_constraint=True, length=24),
            nullable=True,
        ),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_subscription_access_subscription_id_subscriptions"),
        ),
        sa.PrimaryKeyConstraint("subscription_id", name=op.f("pk_subscription_access")),
    )
    op.create_index(
        "ix_subscription_access_unsettled",
        "subscription_access",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("applied IS DISTINCT FROM wanted"),
    )
    op.create_table(
        "suspension_locks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("subscription_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "debt",
                "manual",
                "freeze",
                "abuse",
                "technical",
                "contract",
                "status",
                name="lockreason",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("owner", sa.String(length=120), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.String(length=120), nullable=True),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["cutoff_runs.id"], name=op.f("fk_suspension_locks_run_id_cutoff_runs")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_suspension_locks_subscription_id_subscriptions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suspension_locks")),
    )
    op.create_index(
        "ix_suspension_locks_subscription_id", "suspension_locks", ["subscription_id", "id"], unique=False
    )
    op.create_index(
        "uq_suspension_locks_standing",
        "suspension_locks",
        ["subscription_id", "reason"],
        unique=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_table(
        "tickets",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "fault",
                "request",
                "task",
                name="ticketkind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("content", sa.Text(), server_default="", nullable=False),
        sa.Column("priority", sa.Integer(), server_default="3", nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "waiting",
                "closed",
                name="ticketstatus",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("assignee_id", sa.BigInteger(), nullable=True),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(length=120), nullable=True),
        sa.CheckConstraint("(status = 'closed') = (closed_at IS NOT NULL)", name=op.f("ck_tickets_closed")),
        sa.CheckConstraint("priority BETWEEN 1 AND 4", name=op.f("ck_tickets_priority")),
        sa.ForeignKeyConstraint(
            ["assignee_id"], ["staff_users.id"], name=op.f("fk_tickets_assignee_id_staff_users")
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["staff_users.id"], name=op.f("fk_tickets_author_id_staff_users")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_tickets_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
    )
    op.create_index(op.f("ix_tickets_assignee_id"), "tickets", ["assignee_id"], unique=False)
    op.create_index("ix_tickets_customer_id", "tickets", ["customer_id", "id"], unique=False)
    op.create_index(
        "ix_tickets_open",
        "tickets",
        ["priority", "created_at"],
        unique=False,
        postgresql_where=sa.text("status <> 'closed'"),
    )
    op.create_table(
        "cable_ends",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("line_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "side",
            sa.Enum("a", "b", name="cableside", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("device_id", sa.BigInteger(), nullable=True),
        sa.Column("pop_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(customer_id, device_id, pop_id) = 1", name=op.f("ck_cable_ends_one_place")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_cable_ends_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_cable_ends_device_id_devices"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["line_id"],
            ["cable_lines.id"],
            name=op.f("fk_cable_ends_line_id_cable_lines"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["pop_id"], ["pops.id"], name=op.f("fk_cable_ends_pop_id_pops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cable_ends")),
    )
    op.create_index(op.f("ix_cable_ends_customer_id"), "cable_ends", ["customer_id"], unique=False)
    op.create_index(op.f("ix_cable_ends_device_id"), "cable_ends", ["device_id"], unique=False)
    op.create_index(op.f("ix_cable_ends_pop_id"), "cable_ends", ["pop_id"], unique=False)
    op.create_index("uq_cable_ends_side", "cable_ends", ["line_id", "side"], unique=True)
    op.create_table(
        "diagnostic_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "ping",
                "mac_lookup",
                "snmp_status",
                "locate_mac",
                name="diagnostickind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("target", sa.String(length=80), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("device_id", sa.BigInteger(), nullable=True),
        sa.Column("pop", sa.String(length=32), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "queued",
                "running",
                "done",
                "stopped",
                "failed",
                "expired",
                name="diagnosticstatus",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("staff_name", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_diagnostic_runs_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["device_id"],
            ["devices.id"],
            name=op.f("fk_diagnostic_runs_device_id_devices"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff_users.id"], name=op.f("fk_diagnostic_runs_staff_id_staff_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_diagnostic_runs")),
    )
    op.create_index("ix_diagnostic_runs_customer_id", "diagnostic_runs", ["customer_id", "id"], unique=False)
    op.create_index(op.f("ix_diagnostic_runs_device_id"), "diagnostic_runs", ["device_id"], unique=False)
    op.create_index(
        "ix_diagnostic_runs_open",
        "diagnostic_runs",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    )
    op.create_index(op.f("ix_diagnostic_runs_staff_id"), "diagnostic_runs", ["staff_id"], unique=False)
    op.create_index(
        "uq_diagnostic_runs_open",
        "diagnostic_runs",
        ["staff_id", "kind", "target"],
        unique=True,
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    )
    op.create_table(
        "networks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("cidr", postgresql.CIDR(), nullable=False),
        sa.Column("pop_id", sa.BigInteger(), nullable=True),
        sa.Column("gateway_id", sa.BigInteger(), nullable=True),
        sa.Column("colour", sa.String(length=7), server_default="#3b82c4", nullable=False),
        sa.Column("vlan", sa.Integer(), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.column("cidr"), "&&"), using="gist", name="ex_networks_cidr", ops={"cidr": "inet_ops"}
        ),
        sa.CheckConstraint("vlan BETWEEN 1 AND 4094", name=op.f("ck_networks_vlan")),
        sa.ForeignKeyConstraint(["gateway_id"], ["devices.id"], name=op.f("fk_networks_gateway_id_devices")),
        sa.ForeignKeyConstraint(["pop_id"], ["pops.id"], name=op.f("fk_networks_pop_id_pops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_networks")),
    )
    op.create_index(op.f("ix_networks_gateway_id"), "networks", ["gateway_id"], unique=False)
    op.create_index(op.f("ix_networks_pop_id"), "networks", ["pop_id"], unique=False)
    op.create_table(
        "notes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("is_urgent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["author_id"], ["staff_users.id"], name=op.f("fk_notes_author_id_staff_users")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_notes_customer_id_customers"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_notes_device_id_devices"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
    )
    op.create_index(op.f("ix_notes_customer_id"), "notes", ["customer_id"], unique=False)
    op.create_index(op.f("ix_notes_device_id"), "notes", ["device_id"], unique=False)
    op.create_table(
        "ports",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("if_index", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("is_uplink", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("if_index > 0", name=op.f("ck_ports_if_index")),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_ports_device_id_devices"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ports")),
    )
    op.create_index("uq_ports_if_index", "ports", ["device_id", "if_index"], unique=True)
    op.create_table(
        "ticket_comments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["author_id"], ["staff_users.id"], name=op.f("fk_ticket_comments_author_id_staff_users")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name=op.f("fk_ticket_comments_ticket_id_tickets"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_comments")),
    )
    op.create_index(op.f("ix_ticket_comments_ticket_id"), "ticket_comments", ["ticket_id"], unique=False)
    op.create_table(
        "connections",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("port_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("line_id", sa.BigInteger(), nullable=True),
        sa.Column("vlan", sa.Integer(), nullable=True),
        sa.CheckConstraint("vlan BETWEEN 1 AND 4094", name=op.f("ck_connections_vlan")),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_connections_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["line_id"], ["lines.id"], name=op.f("fk_connections_line_id_lines"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["port_id"], ["ports.id"], name=op.f("fk_connections_port_id_ports"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connections")),
    )
    op.create_index(op.f("ix_connections_customer_id"), "connections", ["customer_id"], unique=False)
    op.create_index(op.f("ix_connections_line_id"), "connections", ["line_id"], unique=False)
    op.create_index("uq_connections_port_id", "connections", ["port_id", "customer_id"], unique=True)
    op.create_table(
        "ip_addresses",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("address", postgresql.INET(), nullable=False),
        sa.Column("network_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("line_id", sa.BigInteger(), nullable=True),
        sa.Column("device_id", sa.BigInteger(), nullable=True),
        sa.Column("mac", postgresql.MACADDR(), nullable=True),
        sa.Column("colour", sa.String(length=7), nullable=True),
        sa.Column("description", sa.String(length=200), server_default="", nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_ip_addresses_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_ip_addresses_device_id_devices"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["line_id"], ["lines.id"], name=op.f("fk_ip_addresses_line_id_lines"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["network_id"], ["networks.id"], name=op.f("fk_ip_addresses_network_id_networks")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ip_addresses")),
        sa.UniqueConstraint("address", name=op.f("uq_ip_addresses_address")),
    )
    op.create_index(op.f("ix_ip_addresses_customer_id"), "ip_addresses", ["customer_id"], unique=False)
    op.create_index(op.f("ix_ip_addresses_device_id"), "ip_addresses", ["device_id"], unique=False)
    op.create_index(op.f("ix_ip_addresses_line_id"), "ip_addresses", ["line_id"], unique=False)
    op.create_index("ix_ip_addresses_mac", "ip_addresses", ["mac"], unique=False)
    op.create_index(op.f("ix_ip_addresses_network_id"), "ip_addresses", ["network_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_ip_addresses_network_id"), table_name="ip_addresses")
    op.drop_index("ix_ip_addresses_mac", table_name="ip_addresses")
    op.drop_index(op.f("ix_ip_addresses_line_id"), table_name="ip_addresses")
    op.drop_index(op.f("ix_ip_addresses_device_id"), table_name="ip_addresses")
    op.drop_index(op.f("ix_ip_addresses_customer_id"), table_name="ip_addresses")
    op.drop_table("ip_addresses")
    op.drop_index("uq_connections_port_id", table_name="connections")
    op.drop_index(op.f("ix_connections_line_id"), table_name="connections")
    op.drop_index(op.f("ix_connections_customer_id"), table_name="connections")
    op.drop_table("connections")
    op.drop_index(op.f("ix_ticket_comments_ticket_id"), table_name="ticket_comments")
    op.drop_table("ticket_comments")
    op.drop_index("uq_ports_if_index", table_name="ports")
    op.drop_table("ports")
    op.drop_index(op.f("ix_notes_device_id"), table_name="notes")
    op.drop_index(op.f("ix_notes_customer_id"), table_name="notes")
    op.drop_table("notes")
    op.drop_index(op.f("ix_networks_pop_id"), table_name="networks")
    op.drop_index(op.f("ix_networks_gateway_id"), table_name="networks")
    op.drop_table("networks")
    op.drop_index(
        "uq_diagnostic_runs_open",
        table_name="diagnostic_runs",
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    )
    op.drop_index(op.f("ix_diagnostic_runs_staff_id"), table_name="diagnostic_runs")
    op.drop_index(
        "ix_diagnostic_runs_open",
        table_name="diagnostic_runs",
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    )
    op.drop_index(op.f("ix_diagnostic_runs_device_id"), table_name="diagnostic_runs")
    op.drop_index("ix_diagnostic_runs_customer_id", table_name="diagnostic_runs")
    op.drop_table("diagnostic_runs")
    op.drop_index("uq_cable_ends_side", table_name="cable_ends")
    op.drop_index(op.f("ix_cable_ends_pop_id"), table_name="cable_ends")
    op.drop_index(op.f("ix_cable_ends_device_id"), table_name="cable_ends")
    op.drop_index(op.f("ix_cable_ends_customer_id"), table_name="cable_ends")
    op.drop_table("cable_ends")
    op.drop_index("ix_tickets_open", table_name="tickets", postgresql_where=sa.text("status <> 'closed'"))
    op.drop_index("ix_tickets_customer_id", table_name="tickets")
    op.drop_index(op.f("ix_tickets_assignee_id"), table_name="tickets")
    op.drop_table("tickets")
    op.drop_index(
        "uq_suspension_locks_standing",
        table_name="suspension_locks",
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.drop_index("ix_suspension_locks_subscription_id", table_name="suspension_locks")
    op.drop_table("suspension_locks")
    op.drop_index(
        "ix_subscription_access_unsettled",
        table_name="subscription_access",
        postgresql_where=sa.text("applied IS DISTINCT FROM wanted"),
    )
    op.drop_table("subscription_access")
    op.drop_index(op.f("ix_lines_pop_id"), table_name="lines")
    op.drop_index(op.f("ix_lines_gate_id"), table_name="lines")
    op.drop_index(op.f("ix_lines_customer_id"), table_name="lines")
    op.drop_table("lines")
    op.drop_index(
        "uq_ledger_entries_period",
        table_name="ledger_entries",
        postgresql_where=sa.text("kind = 'charge' AND subscription_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_ledger_entries_due",
        table_name="ledger_entries",
        postgresql_include=["amount_minor"],
        postgresql_where=sa.text("due_on IS NOT NULL"),
    )
    op.drop_index("ix_ledger_entries_dated_on", table_name="ledger_entries")
    op.drop_index(
        "ix_ledger_entries_account_id", table_name="ledger_entries", postgresql_include=["amount_minor"]
    )
    op.drop_table("ledger_entries")
    op.drop_index(op.f("ix_files_customer_id"), table_name="files")
    op.drop_table("files")
    op.drop_index(op.f("ix_devices_type_id"), table_name="devices")
    op.drop_index(op.f("ix_devices_pop_id"), table_name="devices")
    op.drop_index(op.f("ix_devices_parent_id"), table_name="devices")
    op.drop_index("ix_devices_mac", table_name="devices")
    op.drop_index(op.f("ix_devices_customer_id"), table_name="devices")
    op.drop_index("ix_devices_address", table_name="devices")
    op.drop_table("devices")
    op.drop_index("uq_cutoff_decisions_run_id", table_name="cutoff_decisions")
    op.drop_index(op.f("ix_cutoff_decisions_account_id"), table_name="cutoff_decisions")
    op.drop_table("cutoff_decisions")
    op.drop_index(op.f("ix_customer_marks_mark_id"), table_name="customer_marks")
    op.drop_table("customer_marks")
    op.drop_index(op.f("ix_customer_groups_group_id"), table_name="customer_groups")
    op.drop_table("customer_groups")
    op.drop_index(
        "ix_contacts_phone",
        table_name="contacts",
        postgresql_using="gin",
        postgresql_ops={"phone": "gin_trgm_ops"},
    )
    op.drop_index(op.f("ix_contacts_customer_id"), table_name="contacts")
    op.drop_table("contacts")
    op.drop_index("uq_addresses_kind", table_name="addresses")
    op.drop_index(
        "ix_addresses_without_point", table_name="addresses", postgresql_where=sa.text("latitude IS NULL")
    )
    op.drop_index(
        "ix_addresses_search_text",
        table_name="addresses",
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )
    op.drop_index("ix_addresses_city", table_name="addresses")
    op.drop_table("addresses")
    op.drop_index(op.f("ix_subscriptions_plan_id"), table_name="subscriptions")
    op.drop_index(op.f("ix_subscriptions_account_id"), table_name="subscriptions")
    op.drop_table("subscriptions")
    op.drop_index(op.f("ix_staff_sessions_staff_id"), table_name="staff_sessions")
    op.drop_table("staff_sessions")
    op.drop_index("uq_promises_active", table_name="promises", postgresql_where=sa.text("status = 'active'"))
    op.drop_index(op.f("ix_promises_account_id"), table_name="promises")
    op.drop_table("promises")
    op.drop_table("night_runs")
    op.drop_index("uq_gates_default", table_name="gates", postgresql_where=sa.text("is_default"))
    op.drop_index(op.f("ix_gates_pop_id"), table_name="gates")
    op.drop_table("gates")
    op.drop_index("ix_customers_status", table_name="customers")
    op.drop_index("ix_customers_sort_name", table_name="customers")
    op.drop_index("ix_customers_number_order", table_name="customers")
    op.drop_index(
        "ix_customers_search_text",
        table_name="customers",
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )
    op.drop_table("customers")
    op.drop_table("staff_users")
    op.drop_table("pops")
    op.drop_table("plans")
    op.drop_table("marks")
    op.drop_table("heartbeats")
    op.drop_table("groups")
    op.drop_table("geocode_answers")
    op.drop_table("device_types")
    op.drop_index(op.f("ix_cutoff_runs_run_on"), table_name="cutoff_runs")
    op.drop_table("cutoff_runs")
    op.drop_table("cable_lines")
    op.drop_index("ix_audit_events_staff_id", table_name="audit_events")
    op.drop_index("ix_audit_events_customer_id", table_name="audit_events")
    op.drop_index("ix_audit_events_at", table_name="audit_events")
    op.drop_table("audit_events")
    op.drop_index("ix_accounts_balance_minor", table_name="accounts")
    op.drop_table("accounts")
    op.execute("DROP FUNCTION refuse_change()")
