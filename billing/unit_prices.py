"""What one of a subscription costs for a period, as the charge run takes it: for all who show a price."""

from sqlalchemy import case, func, select
from sqlalchemy.sql import ColumnElement

from billing.models import Plan, PlanPrice, Subscription


def column() -> ColumnElement[int]:
    """Return the price of one in minor units, for a query of subscriptions with their plans.

    The subscription's own; else the plan's, of several that for each when at least so many are taken.
    """
    by_quantity = (
        select(PlanPrice.price_minor)
        .where(PlanPrice.plan_id == Plan.id, PlanPrice.from_quantity <= Subscription.quantity)
        .order_by(PlanPrice.from_quantity.desc())
        .limit(1)
        .correlate(Subscription, Plan)
        .scalar_subquery()
    )
    of_several = case((Subscription.quantity > 1, by_quantity))
    return func.coalesce(Subscription.price_minor, of_several, Plan.price_minor)
