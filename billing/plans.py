"""Plans: what is offered, at what price; a new price is asked from the next charge on."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Required, TypedDict, Unpack

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from billing import access
from billing.models import PeriodKind, Plan, PlannedChange, PlanPrice, Subscription, VatRate
from core import db, errors, money
from core.words import N_

# A terabit a second; above it somebody mistook the unit.
SPEED_LIMIT_KBPS = 10**9


class Offer(TypedDict, total=False):
    """What a plan says; sums in minor units of its currency.

    `prices` are what one costs when at least so many are taken, by that number. What is left out is as a new
    plan has it: gross, by the month, in advance, outside VAT, offered, cut for debt.
    """

    name: Required[str]
    price_minor: Required[int]
    period: PeriodKind
    is_net: bool
    vat_rate_id: int | None
    is_postpaid: bool
    prices: Mapping[int, int]
    down_kbps: int | None
    up_kbps: int | None
    is_offered: bool
    is_never_cut: bool


def list_all(session: Session) -> list[Plan]:
    """Return every plan: those offered first, then by name."""
    query = select(Plan).options(selectinload(Plan.prices)).order_by(Plan.is_offered.desc(), Plan.name)
    return list(session.scalars(query))


def get(session: Session, plan_id: int) -> Plan:
    """Return the plan with its prices by quantity; raises NotFound."""
    plan = session.get(Plan, plan_id, options=[selectinload(Plan.prices)], populate_existing=True)
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
    """Return how many subscriptions of the plan there ever were or will be, ended ones too."""
    now = session.scalar(select(func.count()).where(Subscription.plan_id == plan_id)) or 0
    to_come = session.scalar(select(func.count()).where(PlannedChange.plan_id == plan_id)) or 0
    return now + to_come


def create(session: Session, *, currency: str, **offer: Unpack[Offer]) -> Plan:
    """Add a plan priced in that currency; raises Invalid at the faulty field."""
    plan = Plan(currency=currency)
    _save(session, plan, _checked(session, offer), offer.get("prices", {}))
    return plan


def change(session: Session, plan_id: int, **offer: Unpack[Offer]) -> Plan:
    """Change a plan; raises Invalid at the faulty field, NotFound. The currency stays.

    Nothing charged, or passed as free, is touched: the new price is asked from the next charge on, of those
    who have none of their own. The period stays once somebody has the plan: bill days go by it.
    """
    # Two who save at once take turns: the prices by quantity are written anew.
    session.execute(select(Plan.id).where(Plan.id == plan_id).with_for_update(key_share=True))
    plan = get(session, plan_id)
    values = _checked(session, offer)
    if values["period"] is not plan.period and subscription_count(session, plan_id):
        raise errors.Invalid(
            "In use", {"period": "Customers have this plan: make a new one for another period"}
        )
    _save(session, plan, values, offer.get("prices", {}))
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
    session.execute(delete(Plan).where(Plan.id == plan_id))  # the database takes its prices along


def _checked(session: Session, offer: Offer) -> dict[str, Any]:
    """Return the values of the plan's columns; raises Invalid at the faulty field."""
    faults = _price_faults(offer)
    if not 0 < len(offer["name"].strip()) <= 120:
        faults["name"] = N_("Write a name of at most 120 characters")
    for field, speed in (("down_kbps", offer.get("down_kbps")), ("up_kbps", offer.get("up_kbps"))):
        if speed is not None and not 0 < speed <= SPEED_LIMIT_KBPS:
            faults[field] = N_("A speed is above zero, and at most 1 000 000 Mbit/s")
    rate_id = offer.get("vat_rate_id")
    if rate_id is not None and session.get(VatRate, rate_id) is None:
        faults["vat_rate_id"] = N_("There is no such VAT rate")
    if offer.get("is_net", False) and rate_id is None:
        faults["vat_rate_id"] = N_("A net price needs a VAT rate")
    if faults:
        raise errors.Invalid("The plan is not complete", faults)
    return {
        "name": offer["name"].strip(),
        "price_minor": offer["price_minor"],
        "period": offer.get("period", PeriodKind.MONTH),
        "is_net": offer.get("is_net", False),
        "vat_rate_id": rate_id,
        "is_postpaid": offer.get("is_postpaid", False),
        "down_kbps": offer.get("down_kbps"),
        "up_kbps": offer.get("up_kbps"),
        "is_offered": offer.get("is_offered", True),
        "is_never_cut": offer.get("is_never_cut", False),
    }


def _price_faults(offer: Offer) -> dict[str, str]:
    faults: dict[str, str] = {}
    if not 0 <= offer["price_minor"] < money.LIMIT_MINOR:
        faults["price"] = N_("A price is zero or more")
    for number, price in offer.get("prices", {}).items():
        if not 2 <= number <= 100_000:
            faults["prices"] = N_("A price by quantity begins at 2 or more, up to 100 000")
        elif not 0 <= price < money.LIMIT_MINOR:
            faults["prices"] = N_("A price is zero or more")
    return faults


def _save(session: Session, plan: Plan, values: Mapping[str, Any], prices: Mapping[int, int]) -> None:
    """Write the plan, and its prices by quantity in place of those of before; raises Invalid."""
    try:
        with db.part(session):
            for field, value in values.items():
                setattr(plan, field, value)
            session.add(plan)
    except IntegrityError as error:
        raise errors.Invalid("The name is taken", {"name": "Another plan has this name"}) from error
    session.execute(delete(PlanPrice).where(PlanPrice.plan_id == plan.id))
    session.add_all(
        PlanPrice(plan_id=plan.id, from_quantity=number, price_minor=price)
        for number, price in sorted(prices.items())
    )
    session.flush()
    session.refresh(plan, ["prices"])
