"""The customer list: filters, an order by any column, keyset pages, and what each row shows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, exists, func, literal, select, tuple_
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from billing import access, debt
from billing.models import Account, LockReason, Plan, Subscription, SubscriptionAccess, SuspensionLock
from core.money import Money
from registry import list_orders, names, paging, search, warned
from registry.list_orders import ACCESS_ORDER, DEFAULT_SORT, SORTS
from registry.models import (
    Address,
    Customer,
    CustomerStatus,
    Device,
    IpAddress,
    Mark,
    customer_groups,
    customer_marks,
)

TOTAL_LIMIT = 10_000
CHUNK = 1000


@dataclass(frozen=True, slots=True)
class CustomerFilter:
    """What the list is narrowed to; everything given must hold."""

    q: str = ""
    status: CustomerStatus | None = None
    group_id: int | None = None
    city: str = ""
    network_id: int | None = None
    device_type_id: int | None = None
    is_debtor: bool = False
    is_warned: bool = False


@dataclass(frozen=True, slots=True)
class MarkView:
    """A mark as lists and the card show it."""

    id: int
    name: str
    colour: str


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """One line of the list. `past_due_minor` > 0 makes a debtor; `access` is a word of ACCESS_ORDER.

    `warning` is a word of warned.STATES; `is_by_hand`: a person suspended a service.
    """

    id: int
    number: str
    name: str
    dba: str
    status: CustomerStatus
    account_id: int
    balance_minor: int
    past_due_minor: int
    currency: str
    address: str = ""
    services: tuple[str, ...] = ()
    access: str = "none"
    is_by_hand: bool = False
    has_alert: bool = False
    warning: str = "off"
    marks: tuple[MarkView, ...] = ()


@dataclass(frozen=True, slots=True)
class CustomerPage:
    """A page of the list; `next` and `previous` are cursors. `total` stops counting at TOTAL_LIMIT + 1."""

    rows: tuple[CustomerRow, ...] = ()
    next: str | None = None
    previous: str | None = None
    total: int = 0


@dataclass(frozen=True, slots=True)
class CustomerTotal:
    """What the customers of one currency come to."""

    currency: str
    customers: int
    balance: Money
    past_due: Money


def page(
    session: Session,
    filters: CustomerFilter,
    *,
    sort: str = DEFAULT_SORT,
    after: str | None = None,
    limit: int = 50,
    today: date,
) -> CustomerPage:
    """Return one page of the list in the order of `sort` (a word of SORTS), after the cursor `after`.

    A cursor of another order, or that is none, gives the first page.
    """
    sort = sort if sort in SORTS else DEFAULT_SORT
    order = list_orders.order_of(sort, today)
    cursor = paging.read(after, sort, (*order.kinds, int))
    is_back = cursor is not None and cursor.is_back
    keys = [*order.keys, Customer.id]
    query = order.join(_filtered(select(*keys).select_from(Customer), filters, today))
    found = _slice(
        session, query, keys, is_falling=sort.startswith("-") != is_back, cursor=cursor, limit=limit
    )
    has_more, found = len(found) > limit, found[:limit]
    found = found[::-1] if is_back else found
    first = _word(sort, found[0], is_back=True) if found else None
    last = _word(sort, found[-1], is_back=False) if found else None
    return CustomerPage(
        rows=_rows(session, [key[-1] for key in found], today),
        next=last if (is_back or has_more) else None,
        previous=first if cursor is not None and (has_more or not is_back) else None,
        total=_total(session, filters, today),
    )


def every(
    session: Session,
    filters: CustomerFilter,
    *,
    sort: str = DEFAULT_SORT,
    today: date,
    limit: int | None = None,
) -> Iterator[CustomerRow]:
    """Give everybody the filters let through, in the order of `sort`: for paper and files."""
    sort = sort if sort in SORTS else DEFAULT_SORT
    keys = [*list_orders.order_of(sort, today).keys, Customer.id]
    query = list_orders.order_of(sort, today).join(
        _filtered(select(Customer.id).select_from(Customer), filters, today)
    )
    query = query.order_by(*(key.desc() if sort.startswith("-") else key.asc() for key in keys))
    ids = session.scalars(query.limit(limit)).all()
    for first in range(0, len(ids), CHUNK):
        yield from _rows(session, ids[first : first + CHUNK], today)


def ids(session: Session, filters: CustomerFilter, *, today: date) -> list[int]:
    """Return everybody the filters let through: for acts on all who match."""
    return list(session.scalars(_filtered(select(Customer.id).select_from(Customer), filters, today)))


def totals(session: Session, filters: CustomerFilter, *, today: date) -> tuple[CustomerTotal, ...]:
    """Return what everybody the filters let through comes to, a row a currency."""
    sums: list[Any] = [
        Account.currency,
        func.count(),
        func.sum(Account.balance_minor),
        func.sum(debt.owed_minor(today, literal(0))),
    ]
    query = list_orders.to_account(select(*sums).select_from(Customer))
    rows = session.execute(
        _filtered(query, filters, today).group_by(Account.currency).order_by(Account.currency)
    )
    return tuple(
        CustomerTotal(currency, count, Money(int(balance), currency), Money(int(past_due), currency))
        for currency, count, balance, past_due in rows
    )


def _word(sort: str, key: Sequence[Any], *, is_back: bool) -> str:
    return paging.write(paging.Cursor(sort, is_back, tuple(key)))


def _slice(
    session: Session,
    query: Select[Any],
    keys: Sequence[Any],
    *,
    is_falling: bool,
    cursor: paging.Cursor | None,
    limit: int,
) -> list[Sequence[Any]]:
    """Return the keys of the wanted rows and of one more, counted from the cursor."""
    if cursor is not None:
        bound = tuple_(*(literal(value) for value in cursor.values))
        query = query.where(tuple_(*keys) < bound if is_falling else tuple_(*keys) > bound)
    query = query.order_by(*(key.desc() if is_falling else key.asc() for key in keys))
    return [tuple(row) for row in session.execute(query.limit(limit + 1))]


def _total(session: Session, filters: CustomerFilter, today: date) -> int:
    some = _filtered(select(literal(1)).select_from(Customer), filters, today).limit(TOTAL_LIMIT + 1)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0


def _filtered(query: Select[Any], filters: CustomerFilter, today: date) -> Select[Any]:
    if filters.q.strip():
        query = query.where(Customer.id.in_(search.matching(filters.q)))
    if filters.status is not None:
        query = query.where(Customer.status == filters.status)
    if filters.group_id is not None:
        members = select(customer_groups.c.customer_id).where(customer_groups.c.group_id == filters.group_id)
        query = query.where(Customer.id.in_(members))
    if filters.city:
        query = query.where(_has(Address.customer_id, Address.city == filters.city))
    if filters.network_id is not None:
        query = query.where(_has(IpAddress.customer_id, IpAddress.network_id == filters.network_id))
    if filters.device_type_id is not None:
        query = query.where(_has(Device.customer_id, Device.type_id == filters.device_type_id))
    if filters.is_warned:
        query = query.where(warned.is_warned())
    if filters.is_debtor:
        owing = select(Account.id).where(
            Account.id == Customer.account_id,
            Account.balance_minor < 0,
            debt.owed_minor(today, literal(0)) > 0,
        )
        query = query.where(owing.correlate(Customer).exists())
    return query


def _has(owner: ColumnElement[Any] | Any, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(owner == Customer.id, condition)


def _rows(session: Session, ids: Sequence[int], today: date) -> tuple[CustomerRow, ...]:
    """Return what the list shows of these customers, in their order: three SELECTs for any page."""
    if not ids:
        return ()
    place = func.concat_ws(
        ", ",
        func.nullif(Address.city, ""),
        func.nullif(func.concat_ws(" ", Address.street, func.nullif(Address.building, "")), ""),
        func.nullif(Address.unit, ""),
    )
    columns: tuple[Any, ...] = (
        Customer, Account, debt.owed_minor(today, literal(0)), place, warned.state(today),
    )  # fmt: skip
    query = list_orders.to_address(list_orders.to_account(select(*columns).select_from(Customer))).where(
        Customer.id.in_(ids)
    )
    services, marks = _services(session, ids, today), _marks(session, ids)
    rows = {}
    for customer, account, past_due_minor, address, warning in session.execute(query):
        plans, state, is_by_hand = services.get(account.id, ((), "none", False))
        rows[customer.id] = CustomerRow(
            id=customer.id,
            number=customer.number,
            name=customer.name,
            dba=customer.dba,
            status=customer.status,
            account_id=account.id,
            balance_minor=account.balance_minor,
            past_due_minor=past_due_minor,
            currency=account.currency,
            address=address,
            services=plans,
            access=state,
            is_by_hand=is_by_hand,
            has_alert=bool(customer.alert),
            warning=warning,
            marks=marks.get(customer.id, ()),
        )
    return tuple(rows[customer_id] for customer_id in ids)


def _services(
    session: Session, ids: Sequence[int], today: date
) -> dict[int, tuple[tuple[str, ...], str, bool]]:
    """Return by account the running plans, the word of ACCESS_ORDER, and CustomerRow.is_by_hand."""
    by_hand = exists().where(
        SuspensionLock.subscription_id == Subscription.id,
        SuspensionLock.reason == LockReason.MANUAL,
        SuspensionLock.lifted_at.is_(None),
    )
    names_of = func.array_agg(Plan.name.distinct())
    query = (
        select(Subscription.account_id, names_of, list_orders.rank_of_many(), func.bool_or(by_hand))
        .join(Plan, Plan.id == Subscription.plan_id)
        .join(Customer, Customer.account_id == Subscription.account_id)
        .outerjoin(SubscriptionAccess, SubscriptionAccess.subscription_id == Subscription.id)
        .where(Customer.id.in_(ids), access.is_running(today))
        .group_by(Subscription.account_id)
    )
    return {row[0]: (tuple(sorted(row[1])), ACCESS_ORDER[row[2]], row[3]) for row in session.execute(query)}


def _marks(session: Session, ids: Sequence[int]) -> dict[int, tuple[MarkView, ...]]:
    query = (
        select(customer_marks.c.customer_id, Mark.id, Mark.name, Mark.colour)
        .join(Mark, Mark.id == customer_marks.c.mark_id)
        .where(customer_marks.c.customer_id.in_(ids))
        .order_by(Mark.name)
    )
    marks: dict[int, tuple[MarkView, ...]] = {}
    for owner, *values in session.execute(query):
        marks[owner] = (*marks.get(owner, ()), MarkView(*values))
    return marks


def cities(session: Session) -> list[str]:
    """Return the cities customers live in, in the order of the alphabet."""
    found = session.scalars(select(Address.city).where(Address.city != "").distinct())
    return sorted(found, key=names.sort_key)
