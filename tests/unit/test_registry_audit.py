"""What changed between two states, in words JSON can keep."""

from datetime import UTC, date, datetime
from decimal import Decimal

from registry import audit
from registry.models import CustomerStatus


def test_only_what_differs_is_kept():
    before = {"name": "A", "floor": 0, "city": "Lviv"}
    assert audit.difference(before, {"name": "B", "floor": 0}) == {"name": ["A", "B"]}


def test_floor_zero_differs_from_no_floor():
    assert audit.difference({"floor": None}, {"floor": 0}) == {"floor": [None, 0]}


def test_every_kind_of_value_becomes_plain():
    after = {
        "status": CustomerStatus.FORMER,
        "on": date(2026, 11, 22),
        "at": datetime(2026, 11, 22, 3, tzinfo=UTC),
        "sum": Decimal("1E+2"),
        "roles": {"b", "a"},
        "options": {"deep": date(2026, 1, 1)},
        "bytes": b"x",
    }
    assert {field: new for field, (_, new) in audit.difference({}, after).items()} == {
        "status": "former",
        "on": "2026-11-22",
        "at": "2026-11-22T03:00:00+00:00",
        "sum": "100",
        "roles": ["a", "b"],
        "options": {"deep": "2026-01-01"},
        "bytes": "b'x'",
    }
