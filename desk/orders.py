"""Work orders: the hours and pieces of a ticket as the technician enters them, and billing what was done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import articles
from billing.acts import Act, Terms
from billing.articles import HUNDREDTHS, Sold
from billing.ledger import Posted
from billing.models import Article, ArticleUnit
from core import clock, errors
from core.words import N_
from desk import tickets
from desk.models import OrderLine, Ticket, TicketStatus
from registry import audit, money, standing_articles, tills

LONG_AGO = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Entered:
    """What was entered in a line: how much (hundredths), and of which day; no day: the one that stands."""

    quantity_hundredths: int
    worked_on: date | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """What one press changes on a ticket: lines by id, lines to remove, an article to add."""

    lines: Mapping[int, Entered] = field(default_factory=dict)
    removed: Sequence[int] = ()
    added_id: int | None = None


def edit(
    session: Session,
    actor: audit.Actor,
    ticket_id: int,
    wanted: Edit,
    *,
    today: date,
    customer_id: int | None = None,
) -> None:
    """Change the lines of a ticket that are not billed; lines that are gone already are passed over.

    The day of the work is the day the first hours are entered, and stays until it is changed itself. Raises
    Invalid at `quantity_<line>` or `worked_on_<line>`, Conflict for a billed line, NotFound.
    """
    ticket = tickets.get(session, ticket_id, customer_id=customer_id, is_locked=True)
    known = {line.id: line for line in session.scalars(_lines(ticket_id))}
    for line_id, entered in wanted.lines.items():
        if line_id in known and line_id not in wanted.removed:
            _enter(session, actor, ticket, _open(known[line_id]), entered, today=today)
    for line_id in wanted.removed:
        if line_id in known:
            _remove(session, actor, ticket, _open(known[line_id]))
    if wanted.added_id is not None:
        _add(session, actor, ticket, wanted.added_id, today=today)


def bill(
    session: Session,
    actor: audit.Actor,
    ticket_id: int,
    *,
    today: date,
    zone: str,
    terms: Terms,
    customer_id: int | None = None,
) -> list[Posted]:
    """Charge a closed ticket's lines above 0 that were not charged yet, on one document; each once.

    What has no day of its own was done on the day the ticket was closed. Raises Conflict while it is open and
    when nothing is left to charge, NotFound.
    """
    owner_id = tickets.get(session, ticket_id, customer_id=customer_id).customer_id
    # The account before the ticket, as everything that moves money takes it first.
    account = money.hold(session, owner_id)
    ticket = tickets.get(session, ticket_id, is_locked=True)
    if ticket.status is not TicketStatus.CLOSED or ticket.closed_at is None:
        raise errors.Conflict(N_("Close the ticket first: what is still worked on is not billed"))
    done = _done(session, ticket_id, clock.today(zone, at=ticket.closed_at))
    if not done:
        raise errors.Conflict(N_("Nothing is left to bill"))
    sold = [
        Sold(article, line.quantity_hundredths, line.worked_on or today, f"order line {line.id}")
        for line, article in done
    ]
    act = Act(today, terms, money.author(actor))
    posted = standing_articles.charge(session, actor, owner_id, sold, act)
    for (line, _), one in zip(done, posted, strict=True):
        line.entry_id = one.entry.id
    session.flush()
    total = -sum(one.entry.amount_minor for one in posted)
    facts = {"amount_minor": total, "currency": account.currency}
    tickets.record(session, actor, "ticket.billed", ticket, audit.difference({}, facts))
    return posted


def _done(session: Session, ticket_id: int, done_on: date) -> list[tuple[OrderLine, Article]]:
    """Return the lines there is something to charge for; what has no day yet was done on that one."""
    rows = session.execute(
        _lines(ticket_id)
        .add_columns(Article)
        .join(Article, Article.id == OrderLine.article_id)
        .where(OrderLine.entry_id.is_(None), OrderLine.quantity_hundredths > 0)
    ).all()
    known = articles.rates(session) if rows else {}
    found = []
    for line, article in rows:
        worked_on = line.worked_on or done_on
        if articles.asked(article, line.quantity_hundredths, worked_on, known)[0]:
            line.worked_on = worked_on
            found.append((line, article))
    return found


def _lines(ticket_id: int) -> Any:
    return select(OrderLine).where(OrderLine.ticket_id == ticket_id).order_by(OrderLine.id)


def _open(line: OrderLine) -> OrderLine:
    if line.entry_id is not None:
        raise errors.Conflict(N_("This line is billed: undo its charge in the ledger, and add a new line"))
    return line


def _enter(
    session: Session, actor: audit.Actor, ticket: Ticket, line: OrderLine, entered: Entered, *, today: date
) -> None:
    faults: dict[str, str] = {}
    if not 0 <= entered.quantity_hundredths <= articles.MOST_HUNDREDTHS:
        faults[f"quantity_{line.id}"] = N_("A quantity is 0 to 100 000")
    if entered.worked_on is not None and not today - LONG_AGO <= entered.worked_on <= today:
        faults[f"worked_on_{line.id}"] = N_("Work is of a day of the past year")
    if faults:
        raise errors.Invalid("This cannot be entered", faults)
    before = _shown(line)
    line.quantity_hundredths = entered.quantity_hundredths
    line.worked_on = entered.worked_on or line.worked_on
    if line.worked_on is None and line.quantity_hundredths > 0:
        line.worked_on = today
    if changes := audit.difference(before, _shown(line)):
        _record_line(session, actor, "order_line.changed", ticket, line, changes=changes)


def _add(session: Session, actor: audit.Actor, ticket: Ticket, article_id: int, *, today: date) -> None:
    article = articles.get(session, article_id)
    articles.check_currency(article, tills.account(session, ticket.customer_id).currency)
    is_piece = article.unit is ArticleUnit.PIECE
    line = OrderLine(
        ticket_id=ticket.id,
        article_id=article_id,
        quantity_hundredths=HUNDREDTHS if is_piece else 0,
        worked_on=today if is_piece else None,
        author=actor.name,
    )
    session.add(line)
    session.flush()
    _record_line(session, actor, "order_line.added", ticket, line, changes=audit.difference({}, _shown(line)))


def _remove(session: Session, actor: audit.Actor, ticket: Ticket, line: OrderLine) -> None:
    changes = audit.difference(_shown(line), {"quantity": None})
    _record_line(session, actor, "order_line.removed", ticket, line, changes=changes)
    session.delete(line)
    session.flush()


def _shown(line: OrderLine) -> dict[str, Any]:
    return {"quantity": articles.in_words(line.quantity_hundredths), "worked_on": line.worked_on}


def _record_line(
    session: Session,
    actor: audit.Actor,
    action: str,
    ticket: Ticket,
    line: OrderLine,
    *,
    changes: dict[str, list[Any]],
) -> None:
    audit.record(
        session,
        actor,
        action,
        customer_id=ticket.customer_id,
        object_kind="order_line",
        object_id=line.id,
        changes=changes,
        note=f"{articles.get(session, line.article_id).name} · {ticket.subject}",
    )
