"""The price list: changes of plans, VAT rates, discount letters and articles, with their lines of history."""

from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from billing import articles, discounts, plans, vat
from billing.models import Article, Discount, Plan, VatRate
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


def add_article(session: Session, actor: audit.Actor, goods: articles.Goods, *, currency: str) -> Article:
    """Add an article of work (billing.articles.create); raises Invalid."""
    made = articles.create(session, goods, currency=currency)
    _record_article(session, actor, "article.created", made, audit.difference({}, _shown_article(made)))
    return made


def change_article(session: Session, actor: audit.Actor, article_id: int, goods: articles.Goods) -> None:
    """Change an article (billing.articles.change); raises Invalid, NotFound."""
    before = _shown_article(articles.get(session, article_id))
    found = articles.change(session, article_id, goods)
    if changes := audit.difference(before, _shown_article(found)):
        _record_article(session, actor, "article.changed", found, changes)


def remove_article(session: Session, actor: audit.Actor, article_id: int) -> None:
    """Remove an article nothing has; raises NotFound, Conflict."""
    found = articles.get(session, article_id)
    articles.remove(session, article_id)
    _record_article(session, actor, "article.removed", found, {})


def _shown_article(found: Article) -> dict[str, Any]:
    fields = ("name", "unit", "price_minor", "currency", "is_net", "vat_rate_id", "is_offered")
    return {field: getattr(found, field) for field in fields}


def _record_article(
    session: Session, actor: audit.Actor, action: str, found: Article, changes: dict[str, list[Any]]
) -> None:
    audit.record(
        session, actor, action, object_kind="article", object_id=found.id, changes=changes, note=found.name
    )


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
