"""Lists that stand in one of several orders: pages by keyset, each order a key with the id behind it."""

from collections.abc import Container, Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class Marks:
    """Where the pages beside this one begin; none at an end of the list."""

    next: str | None = None
    previous: str | None = None


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
) -> tuple[list[tuple[Any, ...]], Marks]:
    """Return the rows of the page that begins after a mark, or ends before one, and the marks beside it."""
    key = keys[sort.removeprefix("-")]
    cursor = paging.read(after, sort, (int if key.kind is int else str, int))
    begin = _begin(cursor, key) if cursor is not None else None
    place = Place(sort, limit, begin, is_back=bool(begin and cursor and cursor.is_back))
    columns = (key.expression, id_column)
    found = [tuple(row) for row in session.execute(place.of(query, columns).add_columns(*columns))]
    if place.is_before_all(found):
        return page(session, query, sort=sort, keys=keys, id_column=id_column, after=None, limit=limit)
    rows, marks = place.cut(found)
    return [row[:-2] for row in rows], marks


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page lies in an order: behind the values it begins after, or going back, before them."""

    sort: str
    limit: int
    begin: tuple[Any, Any] | None
    is_back: bool

    def of(self, query: Select[Any], columns: tuple[Any, Any]) -> Select[Any]:
        """Return the query of the page and of one row more; going back, in the other order."""
        is_down = self.sort.startswith("-") != self.is_back
        if self.begin is not None:
            here, there = tuple_(*columns), tuple_(*self.begin)
            query = query.where(here < there if is_down else here > there)
        return query.order_by(*(one.desc() if is_down else one.asc() for one in columns)).limit(
            self.limit + 1
        )

    def is_before_all(self, found: Sequence[object]) -> bool:
        """Whether going back met the begin of the list: the first page is due, whole."""
        return self.is_back and len(found) < self.limit

    def cut(self, found: Sequence[tuple[Any, ...]]) -> tuple[list[tuple[Any, ...]], Marks]:
        """Return the rows in order and the marks beside them; the last two columns are those of the order."""
        rows, is_more = list(found[: self.limit]), len(found) > self.limit
        if self.is_back:
            rows.reverse()
        has_next, has_previous = (True, is_more) if self.is_back else (is_more, self.begin is not None)
        return rows, Marks(
            _mark(self.sort, rows[-1], is_back=False) if rows and has_next else None,
            _mark(self.sort, rows[0], is_back=True) if rows and has_previous else None,
        )


def _mark(sort: str, row: tuple[Any, ...], *, is_back: bool) -> str:
    word, last = row[-2:]
    word = word.isoformat() if isinstance(word, date) else word
    return paging.write(paging.Cursor(sort, is_back=is_back, values=(word, last)))


def _begin(cursor: paging.Cursor, key: Key) -> tuple[Any, Any] | None:
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
