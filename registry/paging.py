"""Keyset paging: a page begins after a row's own values, so deep pages cost what the first one does."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Value = int | str


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: after these values in the order of `sort`, or, going back, before them."""

    sort: str
    is_back: bool
    values: tuple[Value, ...]


def write(cursor: Cursor) -> str:
    """Return the cursor as a word for an URL; it grants nothing, so it is not signed."""
    plain = json.dumps([cursor.sort, int(cursor.is_back), *cursor.values], ensure_ascii=False)
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def read(text: str | None, sort: str, kinds: Sequence[type]) -> Cursor | None:
    """Return the cursor in the word; None, which means the first page, for another order or nonsense."""
    if not text:
        return None
    try:
        parts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):
        return None
    if not isinstance(parts, list) or len(parts) != len(kinds) + 2 or parts[0] != sort:
        return None
    values = parts[2:]
    if any(type(value) is not kind or not _fits(value) for value, kind in zip(values, kinds, strict=True)):
        return None
    return Cursor(sort, parts[1] == 1, tuple(values))


def _fits(value: Any) -> bool:
    """Say whether PostgreSQL takes the value: a bigint, or a text without NUL."""
    return "\0" not in value if isinstance(value, str) else bool(abs(value) < 2**63)
