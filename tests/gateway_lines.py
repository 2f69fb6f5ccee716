"""Thousands of customers of the town behind the gateway, each with a line and an address, as records."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from billing import access, suspensions
from billing import testing as money
from billing.models import LockReason
from registry import audit, line_gates, testing
from registry.models import Line, LineGate
from tests.gateway_town import HOMES4, home

ACTOR = audit.Actor(None, "test")
# The n-th customer has the n-th account, subscription, line and home.
_TABLES = (
    "INSERT INTO accounts (id, currency) SELECT n, 'EUR' FROM generate_series(1, :count) n",
    (
        "INSERT INTO customers (id, number, sort_name, last_name, kind, version, status, account_id)"
        " SELECT n, n, n, n, 'person', 1, 'connected', n FROM generate_series(1, :count) n"
    ),
    (
        "INSERT INTO subscriptions (id, account_id, plan_id, starts_on, terms_from, bill_day)"
        " SELECT n, n, :plan, :since, :since, 1 FROM generate_series(1, :count) n"
    ),
    "INSERT INTO lines (id, subscription_id, customer_id) SELECT n, n, n FROM generate_series(1, :count) n",
    (
        "INSERT INTO ip_addresses (address, network_id, customer_id, line_id)"
        " SELECT CAST(:first AS inet) + n, :network, n, n FROM generate_series(1, :count) n"
    ),
)


def fill(session: Session, count: int, today: date, *, kind: str, options: dict[str, Any]) -> LineGate:
    """Write so many customers into an empty database, with this gate for all of them."""
    values: dict[str, Any] = {
        "count": count,
        "plan": money.plan(session, 3000).id,
        "since": today - timedelta(days=40),
        "first": home(0),
        "network": testing.network(session, str(HOMES4)).id,
    }
    for statement in _TABLES:
        used = {name: value for name, value in values.items() if f":{name}" in statement}
        session.execute(text(statement), used)
    gate = line_gates.create(session, ACTOR, name="Gateway", kind=kind, options=options, is_default=True)
    access.refresh(session, session.scalars(select(Line.subscription_id)).all(), today=today)
    return gate


def cut(session: Session, numbers: Sequence[int], today: date) -> None:
    """Place a lock on each of these."""
    suspensions.place(session, numbers, LockReason.MANUAL, owner="test", note="", today=today)


def restore(session: Session, numbers: Sequence[int], today: date) -> None:
    """Lift it again."""
    suspensions.lift(session, numbers, LockReason.MANUAL, by="test", today=today)


def look_at_gates_now(session: Session) -> None:
    """Have the next sweep ask every gate for its epoch, as it does every few seconds anyway."""
    session.execute(update(LineGate).values(epoch_read_at=None))
