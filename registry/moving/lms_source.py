"""Reads an LMS database: one consistent picture, nothing written, rows by server-side cursors and COPY."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql
from sqlalchemy.orm import Session

from core import errors, money
from core.words import N_
from registry.moving import lms_sql, stage

_NEEDED = (
    *("customers", "customercontacts", "customer_addresses", "addresses", "countries", "networks", "nodes"),
    *("macs", "tariffs", "taxes", "assignments", "liabilities", "cash", "documents", "users"),
)
_CHUNK = 2000
# Its password is nobody's to read.
_SHOWN = ("host", "port", "dbname")


@dataclass(frozen=True, slots=True)
class Lms:
    """An open LMS database with what its schema has, and by which day and units it is read."""

    connection: "psycopg.Connection[Any]"
    columns: frozenset[tuple[str, str]]
    opening_on: date
    zone: ZoneInfo
    scale: int

    @property
    def opening(self) -> int:
        """The first second of the opening day, as LMS counts."""
        return int(datetime.combine(self.opening_on, time.min, self.zone).timestamp())

    def rows(self, query: str, **values: Any) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query, a few thousand at a time."""
        with self.connection.cursor(name="linecard") as cursor:
            cursor.itersize = _CHUNK
            cursor.execute(self._composed(query), {"opening": self.opening, **values})
            yield from cursor

    def pour(self, query: str, session: Session, table: str) -> None:
        """Send what a COPY gives into a staged table of ours."""
        with (
            self.connection.cursor() as there,
            there.copy(self._composed(query)) as out,
            stage.raw(session).cursor() as here,
            here.copy(stage.copy_into(table)) as into,
        ):
            for block in out:
                into.write(block)

    def has(self, table: str, column: str = "") -> bool:
        """Say whether the schema has the table, or its column."""
        return any(name == table and (not column or found == column) for name, found in self.columns)

    def _composed(self, query: str) -> sql.SQL:
        """Fill in the columns this schema has; of those it has not what they would say."""
        has_variants = self.has("tariffpricevariants")
        query = query.replace("{variant}", lms_sql.VARIANT if has_variants else lms_sql.NO_VARIANT)
        for (table, column), instead in lms_sql.LATER.items():
            short = {"cash": "c", "documents": "d"}.get(table, table[0])
            named = f"{short}.{column}" if self.has(table, column) else instead
            if table == "cash" and "FROM cash c\n" not in query:
                named = named.removeprefix("c.")
            query = query.replace(f"{{{table}.{column}}}", named)
        zone = sql.Literal(str(self.zone)).as_string(self.connection)
        query = query.replace("{zone}", zone).replace("{scale}", str(self.scale))
        has_vlans = self.has("networks", "vlanid") and self.has("vlans")
        query = query.replace("{vlan}", "v.vlanid" if has_vlans else "NULL::smallint")
        query = query.replace("{vlans}", lms_sql.VLANS if has_vlans else "")
        return sql.SQL(query)


@contextmanager
def opened(url: str, *, opening_on: date, zone: str, currency: str) -> Iterator[Lms]:
    """Open the database for reading; raises Unavailable, or Invalid when it is no LMS or cannot be read."""
    try:
        connection = psycopg.connect(
            url, connect_timeout=10, application_name="linecard-import", client_encoding="UTF8"
        )
    except psycopg.Error as error:
        words = N_("The LMS database does not answer: %(words)s", words=_first(error))
        raise errors.Unavailable(words) from error
    with connection:
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        try:
            known = frozenset(connection.execute(lms_sql.COLUMNS).fetchall())
            lacking = [table for table in _NEEDED if table not in {name for name, _ in known}]
            if lacking:
                raise errors.Invalid(
                    N_("This is no LMS database: it has no table %(tables)s", tables=", ".join(lacking))
                )
            yield Lms(connection, known, opening_on, ZoneInfo(zone), 10 ** money.exponent(currency))
        except psycopg.Error as error:
            raise errors.Invalid(
                N_("The LMS database cannot be read: %(words)s", words=_first(error))
            ) from error


def shown(url: str) -> str:
    """Return what people may see of the URL: host, port, database."""
    told = psycopg.conninfo.conninfo_to_dict(url)
    return " ".join(f"{name}={told[name]}" for name in _SHOWN if told.get(name))


def suspension_percent(lms: Lms) -> int:
    """Return how much of the price LMS asks of a suspended service; 0 unless its settings say otherwise."""
    if not lms.has("uiconfig"):
        return 0
    found = next(lms.rows(lms_sql.SUSPENSION_PERCENT), None)
    try:
        return min(100, max(0, round(float(found[0])))) if found else 0
    except ValueError:
        return 0


def told(lms: Lms, percent: int) -> dict[str, Any]:
    """Return the totals the database itself tells, worked out there."""
    money_row = next(lms.rows(lms_sql.TOTAL_MONEY))
    return {
        "customers": dict(lms.rows(lms_sql.TOTAL_CUSTOMERS)),
        "money": dict(zip(("customers", "minor", "debt"), money_row, strict=True)),
        "plans": {
            ref: {"services": services, "minor": minor, "vat": vat}
            for ref, services, minor, vat in lms.rows(lms_sql.TOTAL_PLANS, percent=percent)
        },
    }


def _first(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:300]
