"""What a customer's work orders hold from the start, what is charged by them, and the lines of history."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from billing import articles
from billing.acts import Act
from billing.articles import Sold, Standing
from billing.ledger import Posted
from billing.models import StandingArticle
from registry import audit, money


def give(
    session: Session, actor: audit.Actor, customer_id: int, article_id: int, wanted: Standing
) -> StandingArticle:
    """Let every new work order of the customer hold an article (see billing.articles.give)."""
    account_id = money.account_id(session, customer_id)
    made = articles.give(session, account_id, money.author(actor), article_id, wanted)
    _record(session, actor, "article.given", made, customer_id, changes=audit.difference({}, _shown(made)))
    return made


def change(session: Session, actor: audit.Actor, standing_id: int, wanted: Standing) -> int:
    """Let new work orders hold another quantity; return whose they are. Raises NotFound, Invalid."""
    found = articles.standing(session, standing_id)
    before, customer_id = _shown(found), money.customer_id_of(session, found.account_id)
    articles.change_standing(session, standing_id, wanted)
    if changes := audit.difference(before, _shown(found)):
        _record(session, actor, "article.given", found, customer_id, changes=changes)
    return customer_id


def take(session: Session, actor: audit.Actor, standing_id: int) -> int:
    """Let new work orders not hold the article any more; return whose they are. Raises NotFound."""
    found = articles.standing(session, standing_id)
    customer_id = money.customer_id_of(session, found.account_id)
    articles.take(session, standing_id)
    _record(session, actor, "article.taken", found, customer_id)
    return customer_id


def charge(
    session: Session, actor: audit.Actor, customer_id: int, sold: Sequence[Sold], act: Act
) -> list[Posted]:
    """Charge what was sold to the customer on one document (see billing.articles.charge)."""
    posted = articles.charge(session, money.account_id(session, customer_id), act, sold)
    for one in (one.entry for one in posted if one.is_new):
        facts = {"amount_minor": one.amount_minor, "currency": one.currency, "reason": one.description}
        audit.record(
            session,
            actor,
            "charge.made",
            customer_id=customer_id,
            object_kind="ledger_entry",
            object_id=one.id,
            changes=audit.difference({}, facts),
        )
    return posted


def _shown(found: StandingArticle) -> dict[str, Any]:
    return {
        "quantity": articles.in_words(found.quantity_hundredths),
        "is_on_orders": found.is_on_orders,
        "is_on_service": found.is_on_service,
    }


def _record(
    session: Session,
    actor: audit.Actor,
    action: str,
    found: StandingArticle,
    customer_id: int,
    *,
    changes: dict[str, list[Any]] | None = None,
) -> None:
    audit.record(
        session,
        actor,
        action,
        customer_id=customer_id,
        object_kind="standing_article",
        object_id=found.id,
        changes=changes,
        note=found.article.name,
    )
