"""Reading a report: pages in any order, totals, and every row; all cut from the report's one statement."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Date, Select, Subquery, cast, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from core.money import Money
from registry import paging
from registry.report_kinds import Ask, Column, Kind, Report, ReportPage, Row, Total

_EPOCH = date(1970, 1, 1)
CHUNK = 1000


def page(
    session: Session, report: Report, ask: Ask, *, sort: str = "", after: str | None = None, limit: int = 100
) -> ReportPage:
    """Return a page in the order of `sort` (a column's name, a minus turns it round), after a cursor.

    Two SELECTs over one picture of the database: the rows, and the totals by currency of all there are.
    """
    sort, order = order_of(report, sort)
    figures = report.rows(ask)
    keys = [_key(figures, order), figures.c.row_id]
    cursor = paging.read(after, sort, (str if _is_text(order) else int, int))
    is_back = cursor is not None and cursor.is_back
    is_falling = sort.startswith("-") != is_back
    query = _filtered(
        select(figures, *(key.label(f"key_{n}") for n, key in enumerate(keys))), figures, report, ask
    )
    if cursor is not None:
        bound = tuple_(*(literal(value) for value in cursor.values))
        query = query.where(tuple_(*keys) < bound if is_falling else tuple_(*keys) > bound)
    query = query.order_by(*(key.desc() if is_falling else key.asc() for key in keys)).limit(limit + 1)
    found = list(session.execute(query))
    has_more, found = len(found) > limit, found[:limit]
    found = found[::-1] if is_back else found
    marks = [paging.Cursor(sort, back, (row.key_0, row.key_1)) for row, back in _ends(found)]
    return ReportPage(
        rows=tuple(_row(report, one) for one in found),
        totals=totals(session, report, ask),
        next=paging.write(marks[1]) if marks and (is_back or has_more) else None,
        previous=paging.write(marks[0])
        if marks and cursor is not None and (has_more or not is_back)
        else None,
        is_cut=has_more,
    )


def totals(session: Session, report: Report, ask: Ask) -> tuple[Total, ...]:
    """Return the sums of all rows asked for, a row a currency: currencies are never added up."""
    figures = report.rows(ask)
    summed = [one for one in report.columns if one.has_total]
    query = _filtered(
        select(
            figures.c.currency,
            func.count(),
            *(cast(func.sum(figures.c[one.name]), BigInteger) for one in summed),
        ),
        figures,
        report,
        ask,
    ).group_by(figures.c.currency)
    made = []
    for currency, count, *sums in session.execute(query.order_by(figures.c.currency)):
        by_name = {one.name: _value(one, total, currency) for one, total in zip(summed, sums, strict=True)}
        by_name["currency"] = currency
        made.append(Total(currency, count, tuple(by_name.get(one.name) for one in report.columns)))
    return tuple(made)


def summed(session: Session, report: Report, ask: Ask, by: Sequence[str], name: str) -> list[tuple[Any, ...]]:
    """Return (currency, what it is summed by ..., sum) of all rows asked for, in that order: for pictures."""
    figures = report.rows(ask)
    keys = [figures.c.currency, *(figures.c[one] for one in by)]
    query = select(*keys, cast(func.sum(figures.c[name]), BigInteger))
    query = _filtered(query, figures, report, ask).group_by(*keys).order_by(*keys)
    return [tuple(row) for row in session.execute(query)]


def every(session: Session, report: Report, ask: Ask, *, sort: str = "") -> Iterator[Row]:
    """Give every row in the order of `sort`, fetched in chunks: for files."""
    sort, order = order_of(report, sort)
    figures = report.rows(ask)
    keys = [_key(figures, order), figures.c.row_id]
    query = _filtered(select(figures), figures, report, ask)
    query = query.order_by(*(key.desc() if sort.startswith("-") else key.asc() for key in keys))
    for row in session.execute(query.execution_options(yield_per=CHUNK)):
        yield _row(report, row)


def order_of(report: Report, sort: str) -> tuple[str, Column]:
    """Return the order asked for, or the report's own, and the column that gives it."""
    found = report.column(sort.removeprefix("-"))
    if found is None:
        sort = report.sort or report.columns[0].name
        found = report.column(sort.removeprefix("-"))
        if found is None:
            raise ValueError(f"the report {report.name} has no column {sort}")
    return sort, found


def _ends(found: Sequence[Any]) -> list[tuple[Any, bool]]:
    return [(found[0], True), (found[-1], False)] if found else []


def _is_text(column: Column) -> bool:
    return column.kind in {Kind.TEXT, Kind.WORD}


def _key(figures: Subquery, column: Column) -> ColumnElement[Any]:
    found = figures.c[column.sort_by or column.name]
    if _is_text(column):
        return func.coalesce(func.lower(found), "").collate("C")
    if column.kind is Kind.DAY:
        return func.coalesce(found - literal(_EPOCH, Date), -1)
    return func.coalesce(found, -1)


def _filtered(query: Select[Any], figures: Subquery, report: Report, ask: Ask) -> Select[Any]:
    words = ask.q.strip()
    if words and report.searched:
        query = query.where(
            or_(*(figures.c[name].icontains(words, autoescape=True) for name in report.searched))
        )
    if ask.currency:
        query = query.where(figures.c.currency == ask.currency)
    for choice in report.choices:
        chosen = ask.chosen.get(choice.name, choice.usual)
        if chosen in choice.words and chosen:
            query = query.where(choice.condition(figures, chosen))
    return query


def _row(report: Report, row: Any) -> Row:
    found = row._mapping
    values = tuple(_value(one, found[one.name], found["currency"]) for one in report.columns)
    return Row(values, found.get("customer_id"))


def _value(column: Column, value: Any, currency: str) -> Any:
    if column.kind is Kind.MONEY and value is not None:
        return Money(int(value), currency)
    return value
