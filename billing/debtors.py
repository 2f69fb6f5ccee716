"""Debtors: every account that is past due or cut for debt, with all a verdict needs, in seven queries."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Select, func, or_, select
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
    overdue = debt.overdue_by_account(on, rules.grace_days, account_ids=account_ids)
    past_due = func.coalesce(overdue.c.past_due_minor, 0)
    cut = _cut_accounts()
    query = (
        select(
            Account,
            func.coalesce(overdue.c.overdue_minor, 0).label("overdue"),
            past_due.label("past_due"),
            Promise.until,
            AccountGroup,
        )
        .outerjoin(overdue, overdue.c.account_id == Account.id)
        .outerjoin(AccountGroup, AccountGroup.id == Account.group_id)
        .outerjoin(Promise, (Promise.account_id == Account.id) & (Promise.status == PromiseStatus.ACTIVE))
        .where(or_(past_due > 0, Account.id.in_(cut)))
        .order_by(Account.id)
        .execution_options(populate_existing=True)
    )
    if account_ids is not None:
        query = query.where(Account.id == any_of(account_ids))
    rows = session.execute(query).all()
    ids = [row.Account.id for row in rows]
    services = _services(session, ids, on)
    paused = pauses.notes(session, ids)
    agreed = instalments.standing(session, on, rules=rules, account_ids=ids)
    broken = instalments.broken_words(session, ids)
    oldest = debt.oldest_due(session, {row.Account.id: row.Account.balance_minor for row in rows})
    return [
        _debtor(
            row,
            on,
            rules,
            oldest_due_on=oldest.get(row.Account.id),
            pause_note=paused.get(row.Account.id, ""),
            services=tuple(services[row.Account.id]),
            instalments=agreed.get(row.Account.id),
            broken_words=broken.get(row.Account.id, ""),
        )
        for row in rows
    ]


def _debtor(row: Any, on: date, rules: Rules, *, oldest_due_on: date | None, **more: Any) -> Debtor:
    account, group = row.Account, row.AccountGroup
    return Debtor(
        account_id=account.id,
        currency=account.currency,
        balance_minor=account.balance_minor,
        overdue_minor=row.overdue,
        past_due_minor=row.past_due,
        oldest_due_on=oldest_due_on,
        days_overdue=debt.days_over(oldest_due_on, on),
        grace_days=grace_of(account, group, rules.grace_days),
        is_never_cut=account.is_never_cut,
        never_cut_note=account.never_cut_note,
        exempt_group=group.name if group and group.is_never_cut else "",
        credit_minor=_credit(account, on),
        credit_until=account.credit_until,
        promise_until=row.until,
        **more,
    )


def grace_of(account: Account, group: AccountGroup | None, default: int) -> int:
    """Return what debt.grace_of() says, of rows that are loaded: own, else the group's, else the default."""
    if account.grace_days is not None:
        return account.grace_days
    return default if group is None or group.grace_days is None else group.grace_days


def _credit(account: Account, on: date) -> int:
    """Return what debt.credit_of() says, of a row that is loaded."""
    return account.credit_limit_minor if account.credit_until is None or account.credit_until >= on else 0


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
