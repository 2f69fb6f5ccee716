"""Alembic migrations; `linecard.migrate` runs them, never the alembic command by hand."""
