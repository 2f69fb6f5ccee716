"""Lists that stand in one of several orders: pages by keyset, each order a key with the id behind it."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, DateTime, Select, cast, literal, tuple_
from sqlalchemy.orm import Session

from registry import paging


@dataclass(frozen=True, slots=True)
class Key:
    """What a column sorts by; `kind` is the Python type of its values: int, str, date or datetime."""

    expression: Any
    kind: type


def order(asked: str, keys: Container[str], usual: str) -> str:
    """Return the order that was asked for, a word of the keys with or without a minus, else the usual one."""
    return asked if asked.removeprefix("-") in keys else usual


def page(
    session: Session,
    query: Select[Any],
    *,
    sort: str,
    keys: Mapping[str, Key],
    id_column: Any,
    after: str | None,
    limit: int,
) -> tuple[list[tuple[Any, ...]], str | None]:
    """Return the rows of a page, and the mark after which the next begins; none at the end."""
    key, is_falling = keys[sort.removeprefix("-")], sort.startswith("-")
    columns = (key.expression, id_column)
    begin = _begin(after, sort, key)
    if begin is not None:
        query = query.where(
            tuple_(*columns) < tuple_(*begin) if is_falling else tuple_(*columns) > tuple_(*begin)
        )
    query = query.add_columns(*columns).order_by(
        *(one.desc() if is_falling else one.asc() for one in columns)
    )
    found = [tuple(row) for row in session.execute(query.limit(limit + 1))]
    mark = None
    if len(found) > limit:
        word, last = found[limit - 1][-2:]
        word = word.isoformat() if isinstance(word, date) else word
        mark = paging.write(paging.Cursor(sort, is_back=False, values=(word, last)))
    return [row[:-2] for row in found[:limit]], mark


def _begin(after: str | None, sort: str, key: Key) -> tuple[Any, Any] | None:
    cursor = paging.read(after, sort, (int if key.kind is int else str, int))
    if cursor is None:
        return None
    word, last = cursor.values
    if key.kind not in (date, datetime):
        return literal(word), literal(last)
    try:
        if key.kind is datetime:
            moment = datetime.fromisoformat(str(word))
            return cast(literal(moment), DateTime(timezone=True)), literal(last)
        return cast(literal(date.fromisoformat(str(word))), Date), literal(last)
    except ValueError:
        return None
