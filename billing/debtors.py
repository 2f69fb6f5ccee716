"""Debtors: every account that is past due or cut for debt, with all a verdict needs, in seven queries."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Select, case, func, or_, select
from sqlalchemy.orm import Session

from billing import access, debt, instalments, pauses
from billing.models import (
    Account,
    AccountGroup,
    LockReason,
    Promise,
    PromiseStatus,
    Subscription,
    SuspensionLock,
)
from billing.rules import Rules
from billing.verdicts import Debtor, Service
from core.columns import any_of


def gather(
    session: Session, on: date, *, rules: Rules, account_ids: Sequence[int] | None = None
) -> list[Debtor]:
    """Return the debtors on that day, by account id; of the named accounts only, when some are named."""
    rows = session.execute(_query(on, rules, account_ids)).mappings().all()
    ids = [row["account_id"] for row in rows]
    services = _services(session, ids, on)
    paused = pauses.notes(session, ids)
    agreed = instalments.standing(session, on, rules=rules, account_ids=ids)
    broken = instalments.broken_words(session, ids)
    oldest = debt.oldest_due(session, {row["account_id"]: row["balance_minor"] for row in rows})
    return [
        Debtor(
            **row,
            oldest_due_on=oldest.get(account_id),
            days_overdue=debt.days_over(oldest.get(account_id), on),
            pause_note=paused.get(account_id, ""),
            services=tuple(services[account_id]),
            instalments=agreed.get(account_id),
            broken_words=broken.get(account_id, ""),
        )
        for account_id, row in zip(ids, rows, strict=True)
    ]


def _query(on: date, rules: Rules, account_ids: Sequence[int] | None) -> Select[Any]:
    """Return the query of the debtors: what a Debtor has that stands in one row."""
    overdue = debt.overdue_by_account(on, rules.grace_days, account_ids=account_ids)
    past_due = func.coalesce(overdue.c.past_due_minor, 0)
    query = (
        select(
            Account.id.label("account_id"),
            Account.currency,
            Account.balance_minor,
            func.coalesce(overdue.c.overdue_minor, 0).label("overdue_minor"),
            past_due.label("past_due_minor"),
            func.coalesce(Account.grace_days, AccountGroup.grace_days, rules.grace_days).label("grace_days"),
            Account.is_never_cut,
            Account.never_cut_note,
            case((AccountGroup.is_never_cut, AccountGroup.name), else_="").label("exempt_group"),
            debt.credit_of(on).label("credit_minor"),
            Account.credit_until,
            Promise.until.label("promise_until"),
        )
        .outerjoin(overdue, overdue.c.account_id == Account.id)
        .outerjoin(AccountGroup, AccountGroup.id == Account.group_id)
        .outerjoin(Promise, (Promise.account_id == Account.id) & (Promise.status == PromiseStatus.ACTIVE))
        .where(or_(past_due > 0, Account.id.in_(_cut_accounts())))
        .order_by(Account.id)
    )
    return query if account_ids is None else query.where(Account.id == any_of(account_ids))


def grace_of(account: Account, group: AccountGroup | None, default: int) -> int:
    """Return what debt.grace_of() says, of rows that are loaded: own, else the group's, else the default."""
    if account.grace_days is not None:
        return account.grace_days
    return default if group is None or group.grace_days is None else group.grace_days


def count_running(session: Session, on: date) -> int:
    """Return how many subscriptions run on that day: what the brake's share is measured on."""
    return session.scalar(select(func.count()).select_from(Subscription).where(access.is_running(on))) or 0


def _cut_accounts() -> Select[int]:
    return (
        select(Subscription.account_id)
        .join(SuspensionLock, SuspensionLock.subscription_id == Subscription.id)
        .where(SuspensionLock.reason == LockReason.DEBT, SuspensionLock.lifted_at.is_(None))
    )


def _services(session: Session, account_ids: Sequence[int], on: date) -> dict[int, list[Service]]:
    rows = session.execute(
        select(
            Subscription.account_id,
            Subscription.id,
            access.is_running(on).label("is_running"),
            SuspensionLock.id.is_not(None).label("is_cut"),
        )
        .outerjoin(
            SuspensionLock,
            (SuspensionLock.subscription_id == Subscription.id)
            & (SuspensionLock.reason == LockReason.DEBT)
            & SuspensionLock.lifted_at.is_(None),
        )
        .where(Subscription.account_id == any_of(account_ids))
        .order_by(Subscription.id)
    )
    found: dict[int, list[Service]] = defaultdict(list)
    for row in rows:
        found[row.account_id].append(Service(row.id, row.is_running, row.is_cut))
    return found
