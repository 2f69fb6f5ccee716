"""Plans: what is offered, at what price; a new price is asked from the next charge on."""

from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from billing import access
from billing.models import Plan, Subscription
from core import db, errors, money
from core.words import N_

# A terabit a second; above it somebody mistook the unit.
SPEED_LIMIT_KBPS = 10**9


def list_all(session: Session) -> list[Plan]:
    """Return every plan: those offered first, then by name."""
    return list(session.scalars(select(Plan).order_by(Plan.is_offered.desc(), Plan.name)))


def get(session: Session, plan_id: int) -> Plan:
    """Return the plan; raises NotFound."""
    plan = session.get(Plan, plan_id)
    if plan is None:
        raise errors.NotFound("There is no such plan")
    return plan


def running_counts(session: Session, today: date) -> dict[int, int]:
    """Return how many subscriptions of each plan run on that day, by plan id; plans without are left out."""
    query = (
        select(Subscription.plan_id, func.count())
        .where(access.is_running(today))
        .group_by(Subscription.plan_id)
    )
    return dict(session.execute(query).all())


def subscription_count(session: Session, plan_id: int) -> int:
    """Return how many subscriptions of the plan there ever were, ended ones too."""
    return session.scalar(select(func.count()).where(Subscription.plan_id == plan_id)) or 0


def create(
    session: Session,
    *,
    name: str,
    price_minor: int,
    currency: str,
    down_kbps: int | None = None,
    up_kbps: int | None = None,
    is_offered: bool = True,
) -> Plan:
    """Add a plan priced by the month, minor units of the currency; raises Invalid at the faulty field."""
    values = _checked(name, price_minor, down_kbps, up_kbps, is_offered)
    plan = Plan(currency=currency, **values)
    try:
        with db.part(session):
            session.add(plan)
    except IntegrityError as error:
        raise errors.Invalid("The name is taken", {"name": "Another plan has this name"}) from error
    return plan


def change(
    session: Session,
    plan_id: int,
    *,
    name: str,
    price_minor: int,
    down_kbps: int | None = None,
    up_kbps: int | None = None,
    is_offered: bool = True,
) -> Plan:
    """Change a plan; raises Invalid at the faulty field, NotFound. The currency stays.

    Nothing charged is touched: the new price is asked from the next charge on, of those who have none of
    their own.
    """
    plan = get(session, plan_id)
    values = _checked(name, price_minor, down_kbps, up_kbps, is_offered)
    try:
        with db.part(session):
            for field, value in values.items():
                setattr(plan, field, value)
    except IntegrityError as error:
        raise errors.Invalid("The name is taken", {"name": "Another plan has this name"}) from error
    return plan


def remove(session: Session, plan_id: int) -> None:
    """Remove a plan nobody ever had; raises NotFound, Conflict when somebody had it."""
    plan = get(session, plan_id)
    count = subscription_count(session, plan_id)
    if count:
        words = N_(
            "%(name)s is in use and cannot be removed (subscriptions: %(count)s); stop offering it",
            name=plan.name,
            count=count,
        )
        raise errors.Conflict(words)
    session.delete(plan)
    session.flush()


def _checked(
    name: str, price_minor: int, down_kbps: int | None, up_kbps: int | None, is_offered: bool
) -> dict[str, Any]:
    faults = {}
    if not 0 < len(name.strip()) <= 120:
        faults["name"] = N_("Write a name of at most 120 characters")
    if not 0 <= price_minor < money.LIMIT_MINOR:
        faults["price"] = N_("A price is zero or more")
    for field, speed in (("down_kbps", down_kbps), ("up_kbps", up_kbps)):
        if speed is not None and not 0 < speed <= SPEED_LIMIT_KBPS:
            faults[field] = N_("A speed is above zero, and at most 1 000 000 Mbit/s")
    if faults:
        raise errors.Invalid("The plan is not complete", faults)
    return {
        "name": name.strip(),
        "price_minor": price_minor,
        "down_kbps": down_kbps,
        "up_kbps": up_kbps,
        "is_offered": is_offered,
    }
