"""Promises to pay as a list: whose, until when, of what sum, what became of them, who gave them."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from billing.models import Account, Promise, PromiseStatus
from core.money import Money
from registry import keyset, search
from registry.keyset import Key, Marks
from registry.models import Customer

PAGE = 50
USUAL_SORT = "-made"
STATES = tuple(status.value for status in PromiseStatus)
KEYS = {
    "made": Key(Promise.id, int),
    "until": Key(Promise.until, date),
    "amount": Key(Promise.amount_minor, int),
    "customer": Key(func.coalesce(Customer.sort_name, ""), str),
    "author": Key(Promise.author, str),
}


@dataclass(frozen=True, slots=True)
class PromiseFilter:
    """What the list is narrowed to. `state` is a word of STATES; the days are those the promises end on."""

    text: str = ""
    state: str = ""
    author: str = ""
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class PromiseRow:
    """A promise with whose it is; an account may belong to nobody."""

    promise: Promise
    customer_id: int | None
    name: str
    number: str
    amount: Money
    balance: Money


def page(
    session: Session, filters: PromiseFilter, *, sort: str, after: str | None, limit: int = PAGE
) -> tuple[list[PromiseRow], Marks]:
    """Return a page of the promises in an order of KEYS, and the mark of the next."""
    found, mark = keyset.page(
        session, _narrowed(filters), sort=sort, keys=KEYS, id_column=Promise.id, after=after, limit=limit
    )
    return [_row(*row) for row in found], mark


def _narrowed(filters: PromiseFilter) -> Select[Any]:
    columns: tuple[Any, ...] = (Promise, Customer, Account.balance_minor, Account.currency)
    query = select(*columns).select_from(Promise).join(Account, Account.id == Promise.account_id)
    query = query.outerjoin(Customer, Customer.account_id == Account.id)
    if filters.text:
        query = query.where(Customer.id.in_(search.matching(filters.text)))
    if filters.state:
        query = query.where(Promise.status == filters.state)
    if filters.author:
        query = query.where(Promise.author.icontains(filters.author, autoescape=True))
    if filters.first_day is not None:
        query = query.where(Promise.until >= filters.first_day)
    if filters.last_day is not None:
        query = query.where(Promise.until <= filters.last_day)
    return query


def _row(promise: Promise, customer: Customer | None, balance_minor: int, currency: str) -> PromiseRow:
    return PromiseRow(
        promise=promise,
        customer_id=customer.id if customer else None,
        name=customer.name if customer else "",
        number=customer.number if customer else "",
        amount=Money(promise.amount_minor, currency),
        balance=Money(balance_minor, currency),
    )
