"""The lines of tickets: what each is billed by, as it is shown; and how a new one gets its customer's."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import bindparam, exists, insert, literal, select
from sqlalchemy.orm import Session, aliased

from billing import articles
from billing.models import Account, Article, ArticleUnit, LedgerEntry, StandingArticle
from core.money import Money
from desk.models import OrderLine, Ticket, TicketKind
from registry import audit
from registry.models import Customer


@dataclass(frozen=True, slots=True)
class LineView:
    """A line of a ticket; `sum` is what was charged, or what it would be now, gross."""

    id: int
    ticket_id: int
    article_id: int
    name: str
    unit: ArticleUnit
    quantity_hundredths: int
    worked_on: date | None
    sum: Money
    entry_id: int | None
    is_reversed: bool

    @property
    def is_billed(self) -> bool:
        """Whether it was charged, and changes no more."""
        return self.entry_id is not None

    @property
    def is_to_bill(self) -> bool:
        """Whether there is something to charge."""
        return self.entry_id is None and self.sum.minor > 0


# By kind of ticket, which of the customer's standing articles a new one holds: the others hold none.
_HELD = {TicketKind.ORDER: StandingArticle.is_on_orders, TicketKind.FAULT: StandingArticle.is_on_service}
_COPIED = ("ticket_id", "article_id", "quantity_hundredths", "author")


def copy(session: Session, actor: audit.Actor, ticket: Ticket) -> None:
    """Give a new ticket what stands for its customer; hours and the day of the work are still to come."""
    if (held := _HELD.get(ticket.kind)) is None:
        return
    standing: Any = (
        select(
            literal(ticket.id),
            StandingArticle.article_id,
            StandingArticle.quantity_hundredths,
            bindparam("author", actor.name),
        )
        .join(Customer, Customer.account_id == StandingArticle.account_id)
        .where(Customer.id == ticket.customer_id, held)
        .order_by(StandingArticle.id)
    )
    session.execute(insert(OrderLine).from_select(_COPIED, standing))


def of_tickets(
    session: Session, ticket_ids: Collection[int], *, today: date
) -> dict[int, tuple[LineView, ...]]:
    """Return the lines of tickets by ticket, in the order they came; a ticket without any has none."""
    undone = aliased(LedgerEntry)
    rows = session.execute(
        select(OrderLine, Article, LedgerEntry, exists().where(undone.reverses_id == LedgerEntry.id))
        .join(Article, Article.id == OrderLine.article_id)
        .outerjoin(LedgerEntry, LedgerEntry.id == OrderLine.entry_id)
        .where(OrderLine.ticket_id.in_(ticket_ids))
        .order_by(OrderLine.id)
    ).all()
    known = articles.rates(session) if rows else {}
    made: dict[int, tuple[LineView, ...]] = dict.fromkeys(ticket_ids, ())
    for line, article, entry, is_reversed in rows:
        amount, _ = articles.asked(article, line.quantity_hundredths, line.worked_on or today, known)
        view = LineView(
            id=line.id,
            ticket_id=line.ticket_id,
            article_id=article.id,
            name=article.name,
            unit=article.unit,
            quantity_hundredths=line.quantity_hundredths,
            worked_on=line.worked_on,
            sum=Money(-entry.amount_minor if entry else amount, article.currency),
            entry_id=line.entry_id,
            is_reversed=is_reversed,
        )
        made[line.ticket_id] = (*made[line.ticket_id], view)
    return made


def to_choose(session: Session, customer_ids: Collection[int]) -> dict[int, list[Article]]:
    """Return the articles tickets of the customers may be given, by customer and name."""
    made: dict[int, list[Article]] = {customer_id: [] for customer_id in customer_ids}
    rows = session.execute(
        select(Customer.id, Article)
        .join(Account, Account.id == Customer.account_id)
        .join(Article, Article.currency == Account.currency)
        .where(Customer.id.in_(customer_ids), Article.is_offered)
        .order_by(Article.name)
    )
    for customer_id, article in rows:
        made[customer_id].append(article)
    return made
