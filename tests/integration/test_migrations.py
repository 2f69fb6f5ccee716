"""Migrations: one head, up, down and up again, and no difference from the models."""

from collections.abc import Callable

from sqlalchemy import create_engine, inspect

from core.db import Base
from linecard import migrate


def test_up_down_up_and_no_drift(make_database: Callable[[], str]) -> None:
    url = make_database()
    migrate.check(url)
    migrate.downgrade(url, "base")
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    migrate.upgrade(url)
    migrate.check(url)
    assert set(inspect(engine).get_table_names()) == {*Base.metadata.tables, "alembic_version"}
    engine.dispose()
