"""The debtors: who is past due, with what keeps debt from cutting them; narrowed, in an order, by pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Date, Select, func, literal, select
from sqlalchemy.orm import Session

from billing import debt, deferrals, instalments
from billing.models import (
    CUT,
    Account,
    CutoffDeferral,
    LockReason,
    Promise,
    PromiseStatus,
    Subscription,
    SuspensionLock,
)
from core.money import Money
from registry import audit, keyset, money, search
from registry.keyset import Key, Marks
from registry.models import Customer, customer_groups

PAGE = 100
SORTS = ("past", "overdue", "balance", "since", "customer")
USUAL_SORT = "-past"
STATES = ("cut", "open", "promise", "instalments", "deferred", "never")
_NEVER = date(9999, 12, 31)


@dataclass(frozen=True, slots=True)
class DebtorFilter:
    """What the list is narrowed to; all given must hold. `state` is a word of STATES."""

    text: str = ""
    state: str = ""
    group_id: int | None = None
    least_days: int = 0


@dataclass(frozen=True, slots=True)
class DebtorRow:
    """Somebody who is past due."""

    customer_id: int
    number: str
    name: str
    balance: Money
    past_due: Money
    overdue: Money
    oldest_due_on: date | None
    days_overdue: int
    promise_until: date | None
    promised: Money | None
    instalments_until: date | None
    is_never_cut: bool
    is_cut: bool
    deferred_until: date | None
    deferred_why: str


@dataclass(frozen=True, slots=True)
class DebtorPage:
    """A page of debtors; `totals` is over all the filters leave, by currency."""

    rows: tuple[DebtorRow, ...]
    totals: tuple[tuple[int, Money], ...]
    next: Marks


def page(
    session: Session,
    today: date,
    filters: DebtorFilter = DebtorFilter(),
    *,
    grace_days: int,
    excluded_groups: Sequence[int] = (),
    sort: str = USUAL_SORT,
    after: str | None = None,
    limit: int = PAGE,
    is_counted: bool = True,
) -> DebtorPage:
    """Return a page of those who are past due on that day, in an order of SORTS. Three SELECTs.

    `grace_days` and `excluded_groups` (debt never cuts them) are the policy's.
    """
    owing = debt.overdue_by_account(today, grace_days)
    never_cut = debt.never_cut(excluded_groups)
    query = (
        select(
            Customer,
            Account,
            owing.c.past_due_minor,
            owing.c.overdue_minor,
            Promise,
            instalments.until_of(),
            _is_cut(),
            never_cut,
            CutoffDeferral,
        )
        .join(Account, Account.id == Customer.account_id)
        .join(owing, owing.c.account_id == Account.id)
        .outerjoin(Promise, (Promise.account_id == Account.id) & (Promise.status == PromiseStatus.ACTIVE))
        .outerjoin(CutoffDeferral, _defers(today))
        .where(owing.c.past_due_minor > 0)
    )
    query = _narrowed(query, filters, today, never_cut)
    rows, following = keyset.page(
        session, query, sort=sort, keys=_keys(owing), id_column=Customer.id, after=after, limit=limit
    )
    oldest = debt.oldest_due(session, {row[1].id: row[1].balance_minor for row in rows})
    return DebtorPage(
        rows=tuple(_debtor_row(row, oldest.get(row[1].id), today) for row in rows),
        totals=_totals(session, query, owing.c.past_due_minor) if is_counted else (),
        next=following,
    )


def _keys(owing: Any) -> dict[str, Key]:
    return {
        "past": Key(owing.c.past_due_minor, int),
        "overdue": Key(owing.c.overdue_minor, int),
        "balance": Key(Account.balance_minor, int),
        "since": Key(func.coalesce(debt.oldest_due_of(), literal(_NEVER, Date)), date),
        "customer": Key(Customer.sort_name, str),
    }


def _narrowed(query: Select[Any], filters: DebtorFilter, today: date, never_cut: Any) -> Select[Any]:
    if filters.text:
        query = query.where(Customer.id.in_(search.matching(filters.text)))
    if filters.state in STATES:
        query = query.where(_states(never_cut)[filters.state])
    if filters.group_id is not None:
        members = select(customer_groups.c.customer_id).where(customer_groups.c.group_id == filters.group_id)
        query = query.where(Customer.id.in_(members))
    if filters.least_days:
        query = query.where(debt.oldest_due_of() <= today - timedelta(days=filters.least_days))
    return query


def _states(never_cut: Any) -> dict[str, Any]:
    is_cut = _is_cut()
    return {
        "cut": is_cut,
        "open": ~is_cut,
        "promise": Promise.until.is_not(None),
        "instalments": instalments.until_of().is_not(None),
        "deferred": CutoffDeferral.id.is_not(None),
        "never": never_cut,
    }


def _defers(today: date) -> Any:
    """The deferral of the Account that holds on that day."""
    is_standing = CutoffDeferral.ended_at.is_(None) & (CutoffDeferral.until >= today)
    return (CutoffDeferral.account_id == Account.id) & is_standing


def end_deferral(session: Session, actor: audit.Actor, customer_id: int) -> bool:
    """End what keeps the customer from being cut until a day; False when nothing did. Raises NotFound."""
    ended = deferrals.end(session, [money.account_id(session, customer_id)], by=actor.name)
    if ended:
        audit.record(session, actor, "cutoff.deferral_ended", customer_id=customer_id)
    return bool(ended)


def _is_cut() -> Any:
    """Whether debt has cut any subscription of the Account off: a notice or the slow lane is no cut."""
    return (
        select(literal(1))
        .select_from(SuspensionLock)
        .join(Subscription, Subscription.id == SuspensionLock.subscription_id)
        .where(
            Subscription.account_id == Account.id,
            SuspensionLock.reason == LockReason.DEBT,
            SuspensionLock.lifted_at.is_(None),
            SuspensionLock.effect.in_(CUT),
        )
        .correlate(Account)
        .exists()
    )


def _totals(session: Session, query: Select[Any], past_due_minor: Any) -> tuple[tuple[int, Money], ...]:
    rows = session.execute(
        query.with_only_columns(Account.currency, func.count(), func.sum(past_due_minor))
        .group_by(Account.currency)
        .order_by(Account.currency)
    )
    return tuple((row[1], Money(int(row[2]), row[0])) for row in rows)


def _debtor_row(row: Any, oldest_due_on: date | None, today: date) -> DebtorRow:
    customer, account, past_due_minor, overdue_minor, promise, parts_until, *rest = row
    is_cut, is_never_cut, deferred = rest
    return DebtorRow(
        customer_id=customer.id,
        number=customer.number,
        name=customer.name,
        balance=Money(account.balance_minor, account.currency),
        past_due=Money(past_due_minor, account.currency),
        overdue=Money(overdue_minor, account.currency),
        oldest_due_on=oldest_due_on,
        days_overdue=debt.days_over(oldest_due_on, today),
        promise_until=promise.until if promise else None,
        promised=Money(promise.amount_minor, account.currency) if promise else None,
        instalments_until=parts_until,
        is_never_cut=is_never_cut,
        is_cut=is_cut,
        deferred_until=deferred.until if deferred else None,
        deferred_why=f"{deferred.note} ({deferred.author})" if deferred else "",
    )
