"""The debtors: who is past due, with what keeps debt from cutting them, the largest sum first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, Subquery, func, literal, select, tuple_
from sqlalchemy.orm import Session

from billing import debt, deferrals
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
from registry import audit, money, paging
from registry.models import Customer

PAGE = 100


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
    is_never_cut: bool
    is_cut: bool
    deferred_until: date | None
    deferred_why: str


@dataclass(frozen=True, slots=True)
class DebtorPage:
    """A page of debtors, the largest sum past due first; `totals` is over all of them, by currency."""

    rows: tuple[DebtorRow, ...]
    totals: tuple[tuple[int, Money], ...]
    next: str | None


def page(
    session: Session,
    today: date,
    *,
    grace_days: int,
    excluded_groups: Sequence[int] = (),
    after: str | None = None,
    limit: int = PAGE,
) -> DebtorPage:
    """Return those who are past due on that day. Three SELECTs.

    `grace_days` and `excluded_groups` (debt never cuts them) are the policy's.
    """
    owing = debt.overdue_by_account(today, grace_days)
    query = (
        select(
            Customer,
            Account,
            owing.c.past_due_minor,
            owing.c.overdue_minor,
            Promise.until,
            _is_cut(),
            debt.never_cut(excluded_groups),
            CutoffDeferral,
        )
        .join(Account, Account.id == Customer.account_id)
        .join(owing, owing.c.account_id == Account.id)
        .outerjoin(Promise, (Promise.account_id == Account.id) & (Promise.status == PromiseStatus.ACTIVE))
        .outerjoin(CutoffDeferral, _defers(today))
        .where(owing.c.past_due_minor > 0)
    )
    keys = (owing.c.past_due_minor, Customer.id)
    rows, following = _slice(session, query, keys, sort="past", after=after, limit=limit)
    oldest = debt.oldest_due(session, {row[1].id: row[1].balance_minor for row in rows})
    return DebtorPage(
        rows=tuple(_debtor_row(row, oldest.get(row[1].id), today) for row in rows),
        totals=_totals(session, owing),
        next=following,
    )


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


def _totals(session: Session, owing: Subquery) -> tuple[tuple[int, Money], ...]:
    rows = session.execute(
        select(Account.currency, func.count(), func.sum(owing.c.past_due_minor))
        .join(owing, owing.c.account_id == Account.id)
        .join(Customer, Customer.account_id == Account.id)
        .where(owing.c.past_due_minor > 0)
        .group_by(Account.currency)
        .order_by(Account.currency)
    )
    return tuple((row[1], Money(int(row[2]), row[0])) for row in rows)


def _slice(
    session: Session,
    query: Select[Any],
    keys: tuple[Any, Any],
    *,
    sort: str,
    after: str | None,
    limit: int,
) -> tuple[Sequence[Any], str | None]:
    """Return a page of rows, largest first, and the cursor of the next one."""
    cursor = paging.read(after, sort, (int, int))
    if cursor is not None:
        query = query.where(tuple_(*keys) < tuple_(*(literal(value) for value in cursor.values)))
    query = query.add_columns(keys[0].label("key"), keys[1].label("key_id"))
    rows = session.execute(query.order_by(keys[0].desc(), keys[1].desc()).limit(limit + 1)).all()
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], paging.write(paging.Cursor(sort, False, (last.key, last.key_id)))


def _debtor_row(row: Any, oldest_due_on: date | None, today: date) -> DebtorRow:
    customer, account, past_due_minor, overdue_minor, promise_until, is_cut, is_never_cut, deferred = row[:8]
    return DebtorRow(
        customer_id=customer.id,
        number=customer.number,
        name=customer.name,
        balance=Money(account.balance_minor, account.currency),
        past_due=Money(past_due_minor, account.currency),
        overdue=Money(overdue_minor, account.currency),
        oldest_due_on=oldest_due_on,
        days_overdue=debt.days_over(oldest_due_on, today),
        promise_until=promise_until,
        is_never_cut=is_never_cut,
        is_cut=is_cut,
        deferred_until=deferred.until if deferred else None,
        deferred_why=f"{deferred.note} ({deferred.author})" if deferred else "",
    )
