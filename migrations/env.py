"""Runs migrations: one at a time (advisory lock), never waiting long for a table (lock time-out)."""

from alembic import context
from sqlalchemy import Connection, create_engine, pool, text

import billing.models  # noqa: F401 - these imports make the tables known
import desk.models  # noqa: F401
import registry.models  # noqa: F401
from core.db import Base

ADVISORY_LOCK = 7_126_041_853
LOCK_TIMEOUT_MS = 5000


def run(connection: Connection) -> None:
    """Run all wanted migrations in one transaction: all of them or none."""
    connection.execute(text(f"SET lock_timeout = {LOCK_TIMEOUT_MS}"))
    connection.execute(text("SET timezone = 'UTC'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
    )
    with context.begin_transaction():
        connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
        context.run_migrations()


def main() -> None:
    """Take the connection or the URL that linecard.migrate left in the config."""
    given = context.config.attributes
    if (connection := given.get("connection")) is not None:
        run(connection)
        return
    engine = create_engine(given["url"], poolclass=pool.NullPool)
    with engine.connect() as connection:
        run(connection)
    engine.dispose()


main()
