"""Days to come on which a verdict on an account's debt may change: the nights a look ahead has to pass by."""

from collections.abc import Iterable
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing import debt, debtors, freezes, instalments, periods
from billing.models import (
    Account,
    AccountGroup,
    LedgerEntry,
    Liability,
    PeriodKind,
    Plan,
    PlannedChange,
    Promise,
    PromiseStatus,
    Subscription,
    SuspensionLock,
)
from billing.rules import DAY, Rules


def grace_days(session: Session, account: Account, rules: Rules) -> int:
    """Return the days of grace an account has: its own, its group's or the rules'."""
    group = session.get(AccountGroup, account.group_id) if account.group_id else None
    return debtors.grace_of(account, group, rules.grace_days)


def days_after(session: Session, account_id: int, after: date, rules: Rules) -> Iterable[date]:
    """Return days after `after` on which the account's verdict may change; the soonest is among them."""
    account = session.get_one(Account, account_id)
    fee = timedelta(days=max(rules.late_fee_days, 1))
    grace = timedelta(days=grace_days(session, account, rules))
    due_on = session.scalar(
        select(func.min(LedgerEntry.due_on)).where(
            LedgerEntry.account_id == account_id, LedgerEntry.due_on >= after - grace
        )
    )
    fee_on = session.scalar(
        select(func.min(LedgerEntry.due_on)).where(
            LedgerEntry.account_id == account_id, LedgerEntry.due_on > after - fee
        )
    )
    promised = session.scalar(
        select(Promise.until).where(Promise.account_id == account_id, Promise.status == PromiseStatus.ACTIVE)
    )
    agreed = instalments.active(session, account_id)
    due = instalments.parts_of(session, [agreed.id])[agreed.id] if agreed else []
    ends = [due_on and due_on + grace, promised, account.credit_until, *(part.due_on for part in due)]
    days = [fee_on + fee] if fee_on else []
    if rules.interest_rates:  # the first night of a month charges it
        days.append((after.replace(day=28) + 4 * DAY).replace(day=1))
    days += [day + DAY for day in ends if day] + _days_of_services(session, account_id, after)
    days += _days_of_steps(session, account_id, after, rules)
    return [day for day in days if day > after]


def _days_of_steps(session: Session, account_id: int, after: date, rules: Rules) -> list[date]:
    """Return the days on which a debt that stands now reaches the policy's later steps."""
    if not any(step.days for step in rules.steps):
        return []
    owed = debt.of(
        session,
        account_id,
        today=after,
        grace_days=rules.grace_days,
        minimum_minor=rules.minimum_debt_minor,
    )
    if owed.ripe_on is None:
        return []
    first = owed.ripe_on + timedelta(days=owed.grace_days + 1)
    return [first + timedelta(days=step.days) for step in rules.steps]


def _days_of_services(session: Session, account_id: int, after: date) -> list[date]:
    """Return the days on which something is charged, begins, ends, or is billed otherwise."""
    days: list[date] = []
    services = session.execute(
        select(Subscription, Plan.period).join(Plan).where(Subscription.account_id == account_id)
    )
    for one, kind in [*services, *_liabilities(session, account_id)]:
        last = one.ends_on
        if last is not None and last < after:
            continue
        days += [one.starts_on] if last is None else [one.starts_on, last + DAY]
        if kind is not PeriodKind.ONCE or one.starts_on >= after:
            cycle = periods.Cycle(kind, one.bill_day, one.bill_month)
            days.append(cycle.whole(max(after, one.starts_on)).end + DAY)
    planned = select(PlannedChange.starts_on).join(Subscription).where(Subscription.account_id == account_id)
    days += session.scalars(planned)
    locks = (
        select(SuspensionLock.until, SuspensionLock.to_on)
        .join(Subscription)
        .where(Subscription.account_id == account_id, SuspensionLock.lifted_at.is_(None))
    )
    for until, to_on in session.execute(locks):
        days += [until.date(), until.date() + DAY] if until else []
        days += [to_on + DAY] if to_on else []
    days += [one.from_on for one in freezes.planned(session, account_id)]
    return days


def _liabilities(session: Session, account_id: int) -> list[tuple[Liability, PeriodKind]]:
    rows = session.scalars(select(Liability).where(Liability.account_id == account_id))
    return [(one, one.period) for one in rows]
