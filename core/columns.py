"""Column types that the tables share."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    Enum,
    FromClause,
    Identity,
    Select,
    TableValuedAlias,
    any_,
    column,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, CIDR, INET, MACADDR
from sqlalchemy.orm import mapped_column
from sqlalchemy.sql import ColumnElement
from sqlalchemy.types import TypeEngine

Id = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
Minor = Annotated[int, mapped_column(BigInteger)]
Instant = Annotated[datetime, mapped_column(DateTime(timezone=True))]
CreatedAt = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]

Inet = INET
Cidr = CIDR
Mac = MACADDR


def choice(kind: type[StrEnum], name: str | None = None) -> Enum:
    """Return the column type of a closed set of words: text in the table, checked by the database.

    `name` tells two columns of one table with the same words apart.
    """
    return Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        name=name or kind.__name__.lower(),
        length=24,
        values_callable=lambda members: [member.value for member in members],
    )


def any_of(ids: Iterable[int]) -> ColumnElement[Any]:
    """Return what a column of ids is compared with to be one of these: one parameter, however many."""
    return any_(literal(list(ids), ARRAY(BigInteger)))


def day_of(moment: Any, zone: str) -> ColumnElement[Any]:
    """Return the SQL of the day a moment is on by the clocks of that time zone (IANA name)."""
    return func.date(func.timezone(zone, moment))


def pairs_of(values: Mapping[int, Any], kind: type[TypeEngine[Any]]) -> TableValuedAlias:
    """Return ids with a value each as a table to join: `key`, `value`; two parameters, however many."""
    keys = literal(list(values), ARRAY(BigInteger))
    return (
        func.unnest(keys, literal(list(values.values()), ARRAY(kind)))
        .table_valued(column("key", BigInteger), column("value", kind), name="pairs")
        .render_derived()
    )


def for_each(ids: Iterable[int], table: FromClause, columns: Mapping[str, Any]) -> Select[Any]:
    """Return rows to insert: each id with the same values beside it; one parameter, however many ids.

    A statement takes 65,535, which a few thousand rows of values exceed.
    """
    same = (literal(value, table.c[name].type) for name, value in columns.items())
    return select(func.unnest(literal(list(ids), ARRAY(BigInteger))), *same)
