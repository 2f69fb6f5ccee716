"""Saved mappings of banks' CSV columns."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from billing.models import BankMapping
from core import errors
from registry import audit


def get(session: Session, mapping_id: int) -> BankMapping:
    """Return a mapping; raises NotFound."""
    found = session.get(BankMapping, mapping_id)
    if found is None:
        raise errors.NotFound("There is no such mapping")
    return found


def save(session: Session, actor: audit.Actor, mapping_id: int | None, **values: Any) -> BankMapping:
    """Add or change a mapping; `values` as its columns. Raises Conflict when the name is in use."""
    columns: Mapping[str, int] = values["columns"]
    row = BankMapping() if mapping_id is None else get(session, mapping_id)
    for name, value in {**values, "columns": dict(columns)}.items():
        setattr(row, name, value)
    session.add(row)
    session.flush()
    audit.record(
        session, actor, "bank.mapping_saved", object_kind="bank_mapping", object_id=row.id, note=row.name
    )
    return row


def remove(session: Session, actor: audit.Actor, mapping_id: int) -> None:
    """Remove a mapping."""
    row = get(session, mapping_id)
    audit.record(
        session, actor, "bank.mapping_removed", object_kind="bank_mapping", object_id=row.id, note=row.name
    )
    session.delete(row)
    session.flush()
