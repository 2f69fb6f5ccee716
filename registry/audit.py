"""History: writes and reads the append-only lines of who did what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, insert, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from core.db import Base
from registry.models import AuditEvent

_COLUMNS = (
    "staff_id",
    "staff_name",
    "action",
    "customer_id",
    "object_kind",
    "object_id",
    "changes",
    "note",
)
_LINE = insert(Base.metadata.tables[AuditEvent.__tablename__]).values(
    {name: bindparam(name) for name in _COLUMNS}
)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a member of staff, or a job with no staff id and a name such as `night`."""

    staff_id: int | None
    name: str


def record(
    session: Session,
    actor: Actor,
    action: str,
    *,
    customer_id: int | None = None,
    object_kind: str = "",
    object_id: int | None = None,
    changes: Mapping[str, Any] | None = None,
    note: str = "",
) -> None:
    """Write one line of history in the caller's transaction; `changes` comes from difference()."""
    session.flush()
    line = {
        "staff_id": actor.staff_id,
        "staff_name": actor.name[:120],
        "action": action,
        "customer_id": customer_id,
        "object_kind": object_kind,
        "object_id": object_id,
        "changes": {field: _plain(value) for field, value in (changes or {}).items()},
        "note": note,
    }
    session.execute(_LINE, line)


def record_for_many(
    session: Session,
    actor: Actor,
    action: str,
    customer_ids: Select[int],
    *,
    object_kind: str,
    object_id: int | None,
    note: str,
) -> None:
    """Write the same line into the history of every customer the query names, in one statement."""
    chosen = customer_ids.subquery()
    lines = select(
        literal(actor.staff_id, BigInteger),
        literal(actor.name[:120]),
        literal(action),
        chosen.c.customer_id,
        literal(object_kind),
        literal(object_id, BigInteger),
        literal({}, JSONB),
        literal(note),
    )
    session.execute(insert(AuditEvent).from_select(_COLUMNS, lines))


def of_customer(
    session: Session, customer_id: int, *, before_id: int | None = None, limit: int = 50
) -> list[AuditEvent]:
    """Return the customer's history, newest first; `before_id` continues after the last line seen."""
    query = select(AuditEvent).where(AuditEvent.customer_id == customer_id)
    if before_id is not None:
        query = query.where(AuditEvent.id < before_id)
    return list(session.scalars(query.order_by(AuditEvent.id.desc()).limit(limit)))


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the fields of `after` whose value differs, each as [old, new] in JSON's types."""
    return {
        field: [_plain(before.get(field)), _plain(value)]
        for field, value in after.items()
        if before.get(field) != value
    }


def _plain(value: Any) -> Any:
    """Return the value as JSON knows it: words for enums, ISO 8601 for times, text for what is left."""
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        parts = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [_plain(part) for part in parts]
    return format(value, "f") if isinstance(value, Decimal) else str(value)
