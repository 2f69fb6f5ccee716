"""What a report is made of: columns with their kinds, a statement, the days it asks for, and choices."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Subquery
from sqlalchemy.sql import ColumnElement


class Kind(StrEnum):
    """What a column holds; percents are hundredths of one."""

    TEXT = "text"
    WORD = "word"
    DAY = "day"
    COUNT = "count"
    MONEY = "money"
    PERCENT = "percent"


class Days(StrEnum):
    """Which days a report asks for: none, one, or from one to another."""

    NONE = "none"
    ONE = "one"
    SPAN = "span"


class Start(StrEnum):
    """The days a report shows when none are asked for; one day is always today."""

    TODAY = "today"
    THIS_MONTH = "this_month"
    LAST_MONTH = "last_month"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the statement by its name. `sort_by` names another one of it that holds its order."""

    name: str
    head: str
    kind: Kind = Kind.TEXT
    has_total: bool = False
    sort_by: str = ""
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter of few values: what each is called and which rows it lets through; "" lets all through."""

    name: str
    head: str
    words: Mapping[str, str]
    condition: Callable[[Subquery, str], ColumnElement[bool]]
    usual: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a report is asked: the days (both ends included), a part of a text, the values of its choices."""

    first: date
    last: date
    q: str = ""
    currency: str = ""
    chosen: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """A report: its statement gives every column, `row_id` (unique), `currency`, and what is searched."""

    name: str
    title: str
    about: str
    columns: tuple[Column, ...]
    rows: Callable[[Ask], Subquery]
    days: Days = Days.SPAN
    start: Start = Start.THIS_MONTH
    choices: tuple[Choice, ...] = ()
    searched: tuple[str, ...] = ()
    sort: str = ""
    picture: str = ""

    def column(self, name: str) -> Column | None:
        """Return the column of that name."""
        return next((one for one in self.columns if one.name == name), None)


@dataclass(frozen=True, slots=True)
class Row:
    """A row: a value a column (sums as Money), and whose it is."""

    values: tuple[Any, ...]
    customer_id: int | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """The sums of one currency over all rows asked for; None where a column is not summed."""

    currency: str
    rows: int
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ReportPage:
    """A page of a report; `next` and `previous` are cursors; totals are of all pages."""

    rows: tuple[Row, ...]
    totals: tuple[Total, ...]
    next: str | None = None
    previous: str | None = None
    is_cut: bool = False
