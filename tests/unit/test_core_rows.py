"""Rows that are inserted for many ids: one parameter, however many."""

from sqlalchemy.dialects import postgresql

from billing.models import CutoffPause
from core.columns import for_each


def test_as_many_ids_as_there_are_take_one_parameter():
    query = for_each(range(100_000), CutoffPause.__table__, {"owner": "incident 4", "note": "fibre cut"})
    bound = query.compile(dialect=postgresql.dialect())
    assert len(bound.params) == 3
    assert "unnest" in str(bound)
