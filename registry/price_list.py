"""The price list: changes of plans, with the line of history that says who made them."""

from typing import Any

from sqlalchemy.orm import Session

from billing import plans
from billing.models import Plan
from registry import audit

_FIELDS = ("name", "price_minor", "down_kbps", "up_kbps", "is_offered")


def create(session: Session, actor: audit.Actor, **fields: Any) -> Plan:
    """Add a plan (billing.plans.create); raises Invalid at the faulty field."""
    plan = plans.create(session, **fields)
    changes = audit.difference({}, _shown(plan))
    _record(session, actor, "plan.created", plan, changes)
    return plan


def change(session: Session, actor: audit.Actor, plan_id: int, **fields: Any) -> bool:
    """Change a plan (billing.plans.change); say whether its price changed. Raises Invalid, NotFound."""
    before = _shown(plans.get(session, plan_id))
    plan = plans.change(session, plan_id, **fields)
    changes = audit.difference(before, _shown(plan))
    if changes:
        _record(session, actor, "plan.changed", plan, changes)
    return "price_minor" in changes


def remove(session: Session, actor: audit.Actor, plan_id: int) -> None:
    """Remove a plan nobody ever had; raises NotFound, Conflict."""
    plan = plans.get(session, plan_id)
    plans.remove(session, plan_id)
    _record(session, actor, "plan.removed", plan, {})


def _shown(plan: Plan) -> dict[str, Any]:
    return {field: getattr(plan, field) for field in _FIELDS}


def _record(
    session: Session, actor: audit.Actor, action: str, plan: Plan, changes: dict[str, list[Any]]
) -> None:
    audit.record(
        session, actor, action, object_kind="plan", object_id=plan.id, changes=changes, note=plan.name
    )
