"""Warnings as lists, cards and the phone show them: on whom, on which of his lines, and since when."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, exists, func, literal, select
from sqlalchemy.orm import Session

from billing import access
from billing.models import Plan, Subscription
from registry.models import Customer, Line, WarningFlag

STATES = ("off", "mixed", "on")
"""Of all lines of a customer together: none of them is warned, some are, all are."""


@dataclass(frozen=True, slots=True)
class WarningView:
    """A warning that stands. `line_id` and `plan` name the line; without them it is on all of them."""

    id: int
    line_id: int | None
    plan: str
    content: str
    set_by: str
    set_at: datetime


def standing() -> ColumnElement[bool]:
    """The condition that a warning was not taken back."""
    return WarningFlag.withdrawn_at.is_(None)


def is_warned() -> ColumnElement[bool]:
    """The condition that a customer, or one of his lines, is warned."""
    return exists().where(WarningFlag.customer_id == Customer.id, standing()).correlate(Customer)


def state(today: date) -> ColumnElement[Any]:
    """Return the word of STATES for a customer: of a warning on him, or on his running lines."""
    on_all = exists().where(WarningFlag.customer_id == Customer.id, WarningFlag.line_id.is_(None), standing())
    spared = (
        select(Line.id)
        .join(Subscription, Subscription.id == Line.subscription_id)
        .where(
            Line.customer_id == Customer.id,
            access.is_running(today),
            ~exists().where(WarningFlag.line_id == Line.id, standing()),
        )
        .correlate(Customer)
        .exists()
    )
    return case(
        (~is_warned(), literal("off")),
        (on_all.correlate(Customer), literal("on")),
        (spared, literal("mixed")),
        else_=literal("on"),
    )


def of_customer(session: Session, customer_id: int) -> tuple[WarningView, ...]:
    """Return the customer's warnings: the one on all lines first, then the oldest."""
    columns = fields()
    query = everywhere().with_only_columns(*columns.values()).where(WarningFlag.customer_id == customer_id)
    rows = session.execute(query.order_by(*order())).all()
    return tuple(WarningView(**dict(zip(columns, row, strict=True))) for row in rows)


def everywhere() -> Select[Any]:
    """Return the query of the warnings that stand, with the plan of the line each is on."""
    return (
        select(WarningFlag)
        .outerjoin(Line, Line.id == WarningFlag.line_id)
        .outerjoin(Subscription, Subscription.id == Line.subscription_id)
        .outerjoin(Plan, Plan.id == Subscription.plan_id)
        .where(standing())
    )


def fields() -> dict[str, Any]:
    """Return what of everywhere() a WarningView is made of, by name."""
    names = ("id", "line_id", "content", "set_by", "set_at")
    return {"plan": func.coalesce(Plan.name, ""), **{name: getattr(WarningFlag, name) for name in names}}


def order() -> tuple[ColumnElement[Any], ...]:
    """The one on all lines first, then the oldest."""
    return WarningFlag.line_id.is_not(None), WarningFlag.id.expression
