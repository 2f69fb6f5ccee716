"""Debtors: every account that is past due or cut for debt, with all a verdict needs, in eight queries.

A ninth and more ask when a reminder arrived, only where the policy wants one before a cut.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from billing import access, debt, deferrals, episodes, instalments, pauses, promises
from billing.models import (
    AccessState,
    Account,
    AccountGroup,
    DunningNotice,
    LockReason,
    Plan,
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
    services, inactive = _services(session, ids, on)
    paused = pauses.notes(session, ids)
    deferred = deferrals.standing(session, on, ids)
    agreed = instalments.standing(session, on, rules=rules, account_ids=ids)
    parts = instalments.broken_words(session, ids)
    balances = {row["account_id"]: row["balance_minor"] for row in rows}
    dates = debt.due_dates(session, balances, on, rules.minimum_debt_minor)
    oldest = {key: due for key, (due, _) in dates.items()}
    promised = promises.broken_words(session, ids)
    notified = _notified(session, oldest, on, rules) if rules.notice_days else {}
    return [
        Debtor(
            **row,
            oldest_due_on=oldest.get(account_id),
            days_overdue=debt.days_over(oldest.get(account_id), on),
            pause_note=paused.get(account_id, ""),
            services=tuple(services[account_id]),
            instalments=agreed.get(account_id),
            broken_words="; ".join(found[account_id] for found in (parts, promised) if account_id in found),
            ripe_on=dates[account_id][1] if account_id in dates else None,
            notified_on=notified.get(account_id),
            inactive_note=inactive.get(account_id, ""),
            deferred=deferred.get(account_id),
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
            case((_is_excluded(rules), AccountGroup.name), else_="").label("exempt_group"),
            debt.credit_of(on).label("credit_minor"),
            Account.credit_until,
            Promise.until.label("promise_until"),
        )
        .outerjoin(overdue, overdue.c.account_id == Account.id)
        .outerjoin(AccountGroup, AccountGroup.id == Account.group_id)
        .outerjoin(Promise, (Promise.account_id == Account.id) & (Promise.status == PromiseStatus.ACTIVE))
        .where(or_(past_due > 0, Account.id.in_(cut_accounts())))
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


def cut_accounts() -> Select[int]:
    """Return the query of the accounts that are cut for debt."""
    return (
        select(Subscription.account_id)
        .join(SuspensionLock, SuspensionLock.subscription_id == Subscription.id)
        .where(SuspensionLock.reason == LockReason.DEBT, SuspensionLock.lifted_at.is_(None))
    )


def _is_excluded(rules: Rules) -> ColumnElement[bool]:
    """Whether debt cuts nobody of the AccountGroup: by its own mark, or by the policy's list."""
    return or_(AccountGroup.is_never_cut, AccountGroup.id == any_of(rules.excluded_groups))


def _services(
    session: Session, account_ids: Sequence[int], on: date
) -> tuple[dict[int, list[Service]], dict[int, str]]:
    """Return each account's services, and why those that run by their dates do not by the status."""
    status = aliased(SuspensionLock)
    rows = session.execute(
        select(
            Subscription.account_id,
            Subscription.id,
            access.is_running(on).label("is_running"),
            SuspensionLock.effect,
            status.note,
            Plan.is_never_cut,
        )
        .join(Plan, Plan.id == Subscription.plan_id)
        .outerjoin(SuspensionLock, _stands_on_it(SuspensionLock, LockReason.DEBT))
        .outerjoin(status, _stands_on_it(status, LockReason.STATUS))
        .where(Subscription.account_id == any_of(account_ids))
        .order_by(Subscription.id)
    )
    found: dict[int, list[Service]] = defaultdict(list)
    inactive: dict[int, str] = {}
    for account_id, id_, is_running, effect, note, is_never_cut in rows:
        if is_running and note is not None:
            inactive[account_id] = note
        is_active = is_running and note is None
        stands = effect or AccessState.CLOSED
        found[account_id].append(Service(id_, is_active, effect is not None, stands, is_never_cut))
    return found, inactive


def _stands_on_it(lock: type[SuspensionLock], reason: LockReason) -> ColumnElement[bool]:
    return and_(lock.subscription_id == Subscription.id, lock.reason == reason, lock.lifted_at.is_(None))


def _notified(session: Session, oldest: dict[int, date], on: date, rules: Rules) -> dict[int, date]:
    """Return on which day before `on` a reminder of each account's debt, once it was due, last arrived."""
    begun = episodes.begun(session, oldest, rules=rules)
    rows = session.execute(
        select(DunningNotice.account_id, DunningNotice.episode_on, func.max(DunningNotice.delivered_on))
        .where(
            DunningNotice.account_id == any_of(begun),
            DunningNotice.delivered_on < on,
            DunningNotice.days >= 0,
        )
        .group_by(DunningNotice.account_id, DunningNotice.episode_on)
    )
    return {row[0]: row[2] for row in rows if row[2] and begun[row[0]] == row[1]}
