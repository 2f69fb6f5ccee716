"""The orders the customer list can stand in: one a column, each with a key unique per customer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Integer, Select, Subquery, case, func, select
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
ACCESS_ORDER = ("failing", "closed", "walled", "mixed", "slow", "notice", "open", "none")


@dataclass(frozen=True, slots=True)
class Order:
    """How a column sorts: expressions from most to least important, the id behind them is implied."""

    keys: Sequence[Any]
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


def _by_number(_: date) -> Order:
    return Order((func.length(Customer.number), Customer.number), (int, str))


def _by_name(_: date) -> Order:
    return Order((Customer.sort_name,), (str,))


def _by_status(_: date) -> Order:
    return Order((_status_rank(), Customer.sort_name), (int, str))


def _by_address(_: date) -> Order:
    place = func.coalesce(Address.sort_text, "").collate("C")
    return Order((place, Customer.sort_name), (str, str), to_address)


def _by_balance(_: date) -> Order:
    # The account's id beside the balance lets its index deliver the order.
    return Order((Account.balance_minor, Account.id), (int, int), to_account)


def _by_service(today: date) -> Order:
    """By the first of the customer's running plans; whoever has none stands last."""
    plans = (
        select(Subscription.account_id, func.min(func.lower(Plan.name)).label("name"))
        .join(Plan, Plan.id == Subscription.plan_id)
        .where(access.is_running(today))
        .group_by(Subscription.account_id)
        .subquery()
    )
    name = func.coalesce(plans.c.name, "\U0010ffff").collate("C")
    return Order((name, Customer.sort_name), (str, str), _to_sums(plans))


def _by_access(today: date) -> Order:
    """By the place in ACCESS_ORDER of the customer's running subscriptions taken together."""
    lines = (
        select(Subscription.account_id, rank_of_many().label("rank"))
        .outerjoin(SubscriptionAccess, SubscriptionAccess.subscription_id == Subscription.id)
        .where(access.is_running(today))
        .group_by(Subscription.account_id)
        .subquery()
    )
    rank = func.coalesce(lines.c.rank, ACCESS_ORDER.index("none"))
    return Order((rank, Customer.sort_name), (int, str), _to_sums(lines))


def _to_sums(sums: Subquery) -> Callable[[Select[Any]], Select[Any]]:
    """Join what was put together once for every account: a list of everybody needs it of everybody."""
    return lambda query: query.outerjoin(sums, sums.c.account_id == Customer.account_id)


def rank_of_many() -> ColumnElement[int]:
    """Return, for a group of subscriptions with their access rows, the place in ACCESS_ORDER."""
    row = SubscriptionAccess
    wanted = func.coalesce(row.wanted, AccessState.OPEN.value)
    return case(
        (func.count() == 0, ACCESS_ORDER.index("none")),
        (func.bool_or(func.coalesce(row.error, "") != ""), ACCESS_ORDER.index("failing")),
        (func.min(wanted) != func.max(wanted), ACCESS_ORDER.index("mixed")),
        *((func.min(wanted) == state.value, ACCESS_ORDER.index(state.value)) for state in AccessState),
    ).cast(Integer)


_ORDERS: Mapping[str, Callable[[date], Order]] = {
    "number": _by_number,
    "name": _by_name,
    "status": _by_status,
    "address": _by_address,
    "service": _by_service,
    "balance": _by_balance,
    "access": _by_access,
}
# Every order there is; a minus before the word turns it round.
SORTS: tuple[str, ...] = tuple(sign + name for name in _ORDERS for sign in ("", "-"))
DEFAULT_SORT = "name"


def order_of(sort: str, today: date) -> Order:
    """Return the order a word of SORTS names, on that business day."""
    return _ORDERS[sort.removeprefix("-")](today)
