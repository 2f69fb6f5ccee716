"""The list of reminders that were sent, or could not be: narrowed, in an order, a page at a time."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from billing.models import Account, Channel, DunningNotice
from core.money import Money
from registry import keyset, search
from registry.dunning import NoticeRow
from registry.keyset import Key, Marks
from registry.models import Customer

PAGE = 50
USUAL_SORT = "-day"
STATES = ("sent", "no_address", "no_text")
KEYS = {
    "day": Key(DunningNotice.run_on, date),
    "due": Key(DunningNotice.episode_on, date),
    "step": Key(DunningNotice.days, int),
    "amount": Key(DunningNotice.amount_minor, int),
    "customer": Key(func.coalesce(Customer.sort_name, ""), str),
}


@dataclass(frozen=True, slots=True)
class NoticeFilter:
    """What the list is narrowed to; all given must hold. `state` is a word of STATES, `days` a step."""

    text: str = ""
    state: str = ""
    channel: Channel | None = None
    days: int | None = None
    first_day: date | None = None
    last_day: date | None = None


def page(
    session: Session, filters: NoticeFilter, *, sort: str, after: str | None, limit: int = PAGE
) -> tuple[list[NoticeRow], Marks]:
    """Return a page of the reminders in an order of KEYS, and the mark of the next."""
    found, mark = keyset.page(
        session,
        _narrowed(filters),
        sort=sort,
        keys=KEYS,
        id_column=DunningNotice.id,
        after=after,
        limit=limit,
    )
    return [_row(*row) for row in found], mark


def steps(session: Session) -> list[int]:
    """Return the steps of which something was sent, in days after the due date, the earliest first."""
    return list(session.scalars(select(DunningNotice.days).distinct().order_by(DunningNotice.days)))


def _narrowed(filters: NoticeFilter) -> Select[Any]:
    columns: tuple[Any, ...] = (DunningNotice, Account.currency, Customer)
    query = select(*columns).select_from(DunningNotice)
    query = query.join(Account, Account.id == DunningNotice.account_id)
    query = query.outerjoin(Customer, Customer.account_id == Account.id)
    if filters.text:
        query = query.where(Customer.id.in_(search.matching(filters.text)))
    if filters.state:
        query = query.where(DunningNotice.outcome == filters.state)
    if filters.channel is not None:
        query = query.where(DunningNotice.channel == filters.channel)
    if filters.days is not None:
        query = query.where(DunningNotice.days == filters.days)
    if filters.first_day is not None:
        query = query.where(DunningNotice.run_on >= filters.first_day)
    if filters.last_day is not None:
        query = query.where(DunningNotice.run_on <= filters.last_day)
    return query


def _row(one: Any, currency: Any, customer: Any) -> NoticeRow:
    return NoticeRow(
        id=one.id,
        customer_id=customer.id if customer else None,
        name=customer.name if customer else "",
        number=customer.number if customer else "",
        days=one.days,
        episode_on=one.episode_on,
        run_on=one.run_on,
        amount=Money(one.amount_minor, currency),
        channel=one.channel,
        outcome=one.outcome,
        address=one.address,
    )
