"""Deferrals of the cutoff as a list: whose, until when, why, what became of them, who gave and ended them."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from billing.models import Account, CutoffDeferral
from core.money import Money
from registry import keyset, search
from registry.keyset import Key, Marks
from registry.models import Customer

PAGE = 50
USUAL_SORT = "-made"
STANDS, OVER, ENDED = STATES = ("stands", "over", "ended")
KEYS = {
    "made": Key(CutoffDeferral.id, int),
    "until": Key(CutoffDeferral.until, date),
    "balance": Key(Account.balance_minor, int),
    "customer": Key(func.coalesce(Customer.sort_name, ""), str),
    "author": Key(CutoffDeferral.author, str),
}


@dataclass(frozen=True, slots=True)
class DeferralFilter:
    """What the list is narrowed to. `state` is a word of STATES; the days are those the deferrals end on."""

    text: str = ""
    state: str = ""
    author: str = ""
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class DeferralRow:
    """A deferral with whose it is and a word of STATES; an account may belong to nobody."""

    deferral: CutoffDeferral
    customer_id: int | None
    name: str
    number: str
    balance: Money
    state: str


def page(
    session: Session,
    filters: DeferralFilter,
    *,
    sort: str,
    after: str | None,
    today: date,
    limit: int = PAGE,
) -> tuple[list[DeferralRow], Marks]:
    """Return a page of the deferrals in an order of KEYS, and the mark of the next."""
    found, mark = keyset.page(
        session,
        _narrowed(filters, today),
        sort=sort,
        keys=KEYS,
        id_column=CutoffDeferral.id,
        after=after,
        limit=limit,
    )
    return [_row(*row, today=today) for row in found], mark


def _narrowed(filters: DeferralFilter, today: date) -> Select[Any]:
    columns: tuple[Any, ...] = (CutoffDeferral, Customer, Account.balance_minor, Account.currency)
    query = select(*columns).select_from(CutoffDeferral)
    query = query.join(Account, Account.id == CutoffDeferral.account_id)
    query = query.outerjoin(Customer, Customer.account_id == Account.id)
    if filters.text:
        query = query.where(Customer.id.in_(search.matching(filters.text)))
    if filters.state == ENDED:
        query = query.where(CutoffDeferral.ended_at.is_not(None))
    elif filters.state:
        is_over = CutoffDeferral.until < today
        query = query.where(CutoffDeferral.ended_at.is_(None), is_over if filters.state == OVER else ~is_over)
    if filters.author:
        query = query.where(CutoffDeferral.author.icontains(filters.author, autoescape=True))
    if filters.first_day is not None:
        query = query.where(CutoffDeferral.until >= filters.first_day)
    if filters.last_day is not None:
        query = query.where(CutoffDeferral.until <= filters.last_day)
    return query


def _row(
    deferral: CutoffDeferral, customer: Customer | None, balance_minor: int, currency: str, *, today: date
) -> DeferralRow:
    is_ended, is_over = deferral.ended_at is not None, deferral.until < today
    return DeferralRow(
        deferral=deferral,
        customer_id=customer.id if customer else None,
        name=customer.name if customer else "",
        number=customer.number if customer else "",
        balance=Money(balance_minor, currency),
        state=ENDED if is_ended else OVER if is_over else STANDS,
    )
