"""The orders the customer list can stand in: one a column, each with a key unique per customer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Integer, Select, case, func, select
from sqlalchemy.sql import ColumnElement

from billing import access
from billing.models import AccessState, Account, Plan, Subscription, SubscriptionAccess
from registry.models import Address, AddressKind, Customer, CustomerStatus

_STATUS_ORDER = (
    CustomerStatus.CONNECTED,
    CustomerStatus.WAITING,
    CustomerStatus.PROSPECT,
    CustomerStatus.FORMER,
)
# What the sorts by several subscriptions put together; also the words a row's `access` has.
ACCESS_ORDER = ("failing", "closed", "mixed", "open", "none")


@dataclass(frozen=True, slots=True)
class Order:
    """How a column sorts: expressions from most to least important, the id behind them is implied."""

    keys: Callable[[date], Sequence[Any]]
    kinds: tuple[type, ...]
    join: Callable[[Select[Any]], Select[Any]] = lambda query: query


def to_account(query: Select[Any]) -> Select[Any]:
    """Join the customer's account."""
    return query.join(Account, Account.id == Customer.account_id)


def to_address(query: Select[Any]) -> Select[Any]:
    """Join the customer's visiting address, where there is one."""
    is_place = (Address.customer_id == Customer.id) & (Address.kind == AddressKind.VISITING)
    return query.outerjoin(Address, is_place)


def _status_rank() -> ColumnElement[int]:
    ranks = {status.value: rank for rank, status in enumerate(_STATUS_ORDER)}
    return case(ranks, value=Customer.status, else_=len(_STATUS_ORDER))


def _first_plan(today: date) -> ColumnElement[str]:
    """Return the name of the first of the customer's running plans; the last text there is without one."""
    name = (
        select(func.min(func.lower(Plan.name)))
        .join(Subscription, Subscription.plan_id == Plan.id)
        .where(Subscription.account_id == Customer.account_id, access.is_running(today))
        .correlate(Customer)
        .scalar_subquery()
    )
    return func.coalesce(name, "\U0010ffff").collate("C")


def _access_rank(today: date) -> ColumnElement[int]:
    """Return the place in ACCESS_ORDER of the customer's running subscriptions taken together."""
    rank = (
        select(rank_of_many())
        .select_from(Subscription)
        .outerjoin(SubscriptionAccess, SubscriptionAccess.subscription_id == Subscription.id)
        .where(Subscription.account_id == Customer.account_id, access.is_running(today))
        .correlate(Customer)
        .scalar_subquery()
    )
    return func.coalesce(rank, ACCESS_ORDER.index("none"))


def rank_of_many() -> ColumnElement[int]:
    """Return, for a group of subscriptions with their access rows, the place in ACCESS_ORDER."""
    row = SubscriptionAccess
    is_open = func.coalesce(row.wanted, AccessState.OPEN.value) == AccessState.OPEN.value
    return case(
        (func.count() == 0, ACCESS_ORDER.index("none")),
        (func.bool_or(func.coalesce(row.error, "") != ""), ACCESS_ORDER.index("failing")),
        (func.bool_and(is_open), ACCESS_ORDER.index("open")),
        (func.bool_or(is_open), ACCESS_ORDER.index("mixed")),
        else_=ACCESS_ORDER.index("closed"),
    ).cast(Integer)


_ORDERS: Mapping[str, Order] = {
    "number": Order(lambda _: (func.length(Customer.number), Customer.number), (int, str)),
    "name": Order(lambda _: (Customer.sort_name,), (str,)),
    "status": Order(lambda _: (_status_rank(), Customer.sort_name), (int, str)),
    "address": Order(
        lambda _: (func.coalesce(Address.sort_text, "").collate("C"), Customer.sort_name),
        (str, str),
        to_address,
    ),
    "service": Order(lambda today: (_first_plan(today), Customer.sort_name), (str, str)),
    "balance": Order(lambda _: (Account.balance_minor,), (int,), to_account),
    "access": Order(lambda today: (_access_rank(today), Customer.sort_name), (int, str)),
}
# Every order there is; a minus before the word turns it round.
SORTS: tuple[str, ...] = tuple(sign + name for name in _ORDERS for sign in ("", "-"))
DEFAULT_SORT = "name"


def order_of(sort: str) -> Order:
    """Return the order a word of SORTS names."""
    return _ORDERS[sort.removeprefix("-")]
