"""The price list: changes of plans, VAT rates and discount letters, with their lines of history."""

from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from billing import discounts, plans, vat
from billing.models import Discount, Plan, VatRate
from registry import audit

_FIELDS = (
    "name",
    "price_minor",
    "period",
    "is_net",
    "vat_rate_id",
    "is_postpaid",
    "down_kbps",
    "up_kbps",
    "is_offered",
    "is_never_cut",
)


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
    return not changes.keys().isdisjoint({"price_minor", "prices", "is_net", "vat_rate_id"})


def remove(session: Session, actor: audit.Actor, plan_id: int) -> None:
    """Remove a plan nobody ever had; raises NotFound, Conflict."""
    plan = plans.get(session, plan_id)
    plans.remove(session, plan_id)
    _record(session, actor, "plan.removed", plan, {})


def add_rate(
    session: Session, actor: audit.Actor, *, name: str, valid_from: date, percent_hundredths: int
) -> VatRate:
    """Add a VAT rate with its first percent (billing.vat.create); raises Invalid."""
    rate = vat.create(session, name=name, valid_from=valid_from, percent_hundredths=percent_hundredths)
    after = {"name": rate.name, "valid_from": valid_from, "percent_hundredths": percent_hundredths}
    _record_rate(session, actor, "vat_rate.created", rate, audit.difference({}, after))
    return rate


def rename_rate(session: Session, actor: audit.Actor, rate_id: int, *, name: str) -> None:
    """Give a VAT rate another name; raises Invalid, NotFound."""
    before = vat.get(session, rate_id).name
    rate = vat.rename(session, rate_id, name=name)
    if rate.name != before:
        changes = audit.difference({"name": before}, {"name": rate.name})
        _record_rate(session, actor, "vat_rate.changed", rate, changes)


def add_percent(
    session: Session, actor: audit.Actor, rate_id: int, *, valid_from: date, percent_hundredths: int
) -> None:
    """Let a VAT rate amount to something else from a day on (billing.vat.add_percent)."""
    vat.add_percent(session, rate_id, valid_from=valid_from, percent_hundredths=percent_hundredths)
    after = {"valid_from": valid_from, "percent_hundredths": percent_hundredths}
    rate = vat.get(session, rate_id)
    _record_rate(session, actor, "vat_rate.changed", rate, audit.difference({}, after))


def remove_percent(session: Session, actor: audit.Actor, rate_id: int, valid_from: date) -> None:
    """Take back a percent nothing was charged by; raises NotFound, Conflict."""
    vat.remove_percent(session, rate_id, valid_from)
    changes = audit.difference({"valid_from": valid_from}, {"valid_from": None})
    _record_rate(session, actor, "vat_rate.changed", vat.get(session, rate_id), changes)


def remove_rate(session: Session, actor: audit.Actor, rate_id: int) -> None:
    """Remove a VAT rate nothing has; raises NotFound, Conflict."""
    rate = vat.get(session, rate_id)
    vat.remove(session, rate_id)
    _record_rate(session, actor, "vat_rate.removed", rate, {})


def add_discount(session: Session, actor: audit.Actor, letter: discounts.Letter) -> Discount:
    """Add a discount letter (billing.discounts.create); raises Invalid."""
    made = discounts.create(session, letter)
    changes = audit.difference({}, _shown_letter(made))
    _record_letter(session, actor, "discount_letter.created", made, changes)
    return made


def change_discount(session: Session, actor: audit.Actor, discount_id: int, letter: discounts.Letter) -> None:
    """Change a discount letter (billing.discounts.change); raises Invalid, NotFound."""
    before = _shown_letter(discounts.get(session, discount_id))
    found = discounts.change(session, discount_id, letter)
    if changes := audit.difference(before, _shown_letter(found)):
        _record_letter(session, actor, "discount_letter.changed", found, changes)


def remove_discount(session: Session, actor: audit.Actor, discount_id: int) -> None:
    """Remove a discount letter nobody was given; raises NotFound, Conflict."""
    found = discounts.get(session, discount_id)
    discounts.remove(session, discount_id)
    _record_letter(session, actor, "discount_letter.removed", found, {})


def _shown_letter(letter: Discount) -> dict[str, Any]:
    fields = ("name", "percent_hundredths", "amount_minor", "currency", "note", "is_offered")
    return {field: getattr(letter, field) for field in fields}


def _record_letter(
    session: Session, actor: audit.Actor, action: str, letter: Discount, changes: dict[str, list[Any]]
) -> None:
    audit.record(
        session, actor, action, object_kind="discount", object_id=letter.id, changes=changes, note=letter.name
    )


def _shown(plan: Plan) -> dict[str, Any]:
    prices = ", ".join(f"{row.from_quantity}: {row.price_minor}" for row in plan.prices)
    return {field: getattr(plan, field) for field in _FIELDS} | {"prices": prices}


def _record(
    session: Session, actor: audit.Actor, action: str, plan: Plan, changes: dict[str, list[Any]]
) -> None:
    audit.record(
        session, actor, action, object_kind="plan", object_id=plan.id, changes=changes, note=plan.name
    )


def _record_rate(
    session: Session, actor: audit.Actor, action: str, rate: VatRate, changes: dict[str, list[Any]]
) -> None:
    audit.record(
        session, actor, action, object_kind="vat_rate", object_id=rate.id, changes=changes, note=rate.name
    )
