"""What moves in, staged: temporary tables that every source fills alike, and the load reads as sets.

Amounts are minor units, percents hundredths of a percent; `ref` is the id in the other system. They end with
the transaction.
"""

from collections.abc import Iterable
from typing import Any

import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session

_DDL = """
CREATE TEMP TABLE moving_customers (
    ref text PRIMARY KEY, number text NOT NULL, kind text NOT NULL, last_name text NOT NULL,
    first_name text NOT NULL, company_name text NOT NULL, sort_name text NOT NULL, status text NOT NULL,
    note text NOT NULL, alert text NOT NULL, off_words text NOT NULL,
    payment_days integer, created_at timestamptz, tax_number text NOT NULL,
    is_known boolean NOT NULL DEFAULT false, customer_id bigint, account_id bigint
) ON COMMIT DROP;
CREATE TEMP TABLE moving_contacts (
    customer_ref text NOT NULL, name text NOT NULL, phone text NOT NULL, email text NOT NULL,
    is_primary boolean NOT NULL
) ON COMMIT DROP;
CREATE TEMP TABLE moving_addresses (
    customer_ref text NOT NULL, kind text NOT NULL, street text NOT NULL, building text NOT NULL,
    unit text NOT NULL, city text NOT NULL, region text NOT NULL, postcode text NOT NULL,
    country text NOT NULL, sort_text text NOT NULL
) ON COMMIT DROP;
CREATE TEMP TABLE moving_plans (
    ref text PRIMARY KEY, name text NOT NULL, price_minor bigint NOT NULL, is_net boolean NOT NULL,
    period text NOT NULL, vat_hundredths integer, down_kbps integer, up_kbps integer,
    is_offered boolean NOT NULL,
    is_known boolean NOT NULL DEFAULT false, plan_id bigint
) ON COMMIT DROP;
CREATE TEMP TABLE moving_services (
    ref text PRIMARY KEY, customer_ref text NOT NULL, plan_ref text NOT NULL, price_minor bigint,
    quantity integer NOT NULL, starts_on date NOT NULL, ends_on date, billed_from date NOT NULL,
    bill_day integer NOT NULL, bill_month integer NOT NULL, is_postpaid boolean,
    off_hundredths integer, off_minor bigint, is_suspended boolean NOT NULL,
    suspended_percent integer NOT NULL, suspended_to date,
    is_known boolean NOT NULL DEFAULT false, subscription_id bigint
) ON COMMIT DROP;
CREATE TEMP TABLE moving_logins (
    ref text PRIMARY KEY, login text NOT NULL
) ON COMMIT DROP;
CREATE TEMP TABLE moving_liabilities (
    ref text PRIMARY KEY, customer_ref text NOT NULL, description text NOT NULL, price_minor bigint NOT NULL,
    vat_hundredths integer, period text NOT NULL, starts_on date NOT NULL, ends_on date,
    bill_day integer NOT NULL, bill_month integer NOT NULL, is_postpaid boolean NOT NULL
) ON COMMIT DROP;
CREATE TEMP TABLE moving_networks (
    ref text PRIMARY KEY, name text NOT NULL, cidr cidr NOT NULL, vlan integer,
    is_known boolean NOT NULL DEFAULT false, network_id bigint
) ON COMMIT DROP;
CREATE TEMP TABLE moving_nodes (
    ref text PRIMARY KEY, customer_ref text NOT NULL, address inet NOT NULL, mac macaddr,
    description text NOT NULL
) ON COMMIT DROP;
CREATE TEMP TABLE moving_money (
    ref text PRIMARY KEY, customer_ref text NOT NULL, place bigint NOT NULL, dated_on date NOT NULL,
    kind text NOT NULL, minor bigint NOT NULL, due_days integer, method text NOT NULL,
    reference text NOT NULL, description text NOT NULL, author text NOT NULL
) ON COMMIT DROP;
CREATE TEMP TABLE moving_balances (
    customer_ref text PRIMARY KEY, minor bigint NOT NULL
) ON COMMIT DROP;
"""
COLUMNS = {
    "moving_customers": "ref number kind last_name first_name company_name sort_name status note alert "
    "off_words payment_days created_at tax_number",
    "moving_contacts": "customer_ref name phone email is_primary",
    "moving_addresses": "customer_ref kind street building unit city region postcode country sort_text",
    "moving_plans": "ref name price_minor is_net period vat_hundredths down_kbps up_kbps is_offered",
    "moving_services": "ref customer_ref plan_ref price_minor quantity starts_on ends_on billed_from "
    "bill_day bill_month is_postpaid off_hundredths off_minor is_suspended suspended_percent suspended_to",
    "moving_logins": "ref login",
    "moving_liabilities": "ref customer_ref description price_minor vat_hundredths period starts_on ends_on "
    "bill_day bill_month is_postpaid",
    "moving_networks": "ref name cidr vlan",
    "moving_nodes": "ref customer_ref address mac description",
    "moving_money": "ref customer_ref place dated_on kind minor due_days method reference description author",
    "moving_balances": "customer_ref minor",
}

TABLES = tuple(COLUMNS)


def make(session: Session) -> None:
    """Make the tables, empty."""
    for table in TABLES:
        session.execute(text(f"DROP TABLE IF EXISTS pg_temp.{table}"))
    for statement in _DDL.split(";"):
        if statement.strip():
            session.execute(text(statement))


def analyse(session: Session) -> None:
    """Let the planner know how much was staged."""
    for table in TABLES:
        session.execute(text(f"ANALYZE {table}"))


def raw(session: Session) -> "psycopg.Connection[Any]":
    """Return the driver's connection of the session's transaction, for COPY."""
    connection: psycopg.Connection[Any] = session.connection().connection.driver_connection  # type: ignore[assignment]
    return connection


def copy_into(table: str) -> str:
    """Return the COPY statement that fills a staged table by its columns in order."""
    return f"COPY {table} ({', '.join(COLUMNS[table].split())}) FROM STDIN"


def fill(session: Session, table: str, rows: Iterable[tuple[Any, ...]]) -> int:
    """Put the rows into a staged table and return how many there were."""
    count = 0
    with raw(session).cursor() as cursor, cursor.copy(copy_into(table)) as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
    return count
