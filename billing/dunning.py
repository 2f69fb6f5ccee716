"""The dunning ladder: which reminder each debtor is due. Who is written to, and how, is the registry's.

An episode of debt is named by the due date of the oldest charge not wholly paid; each step is taken once in
it. A payment that covers the charge ends the episode. Days on which something of ours was broken for the
account (billing.pauses), or on which it was frozen, are no days of the ladder.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from billing import debt, instalments, pauses
from billing.models import (
    Account,
    DunningNotice,
    DunningStep,
    LockReason,
    Subscription,
    SuspensionLock,
)
from billing.rules import DAY, Rules
from core.columns import any_of

# Longer ago no stop of the ladder is looked for.
_LOOK_BACK_DAYS = 400


@dataclass(frozen=True, slots=True)
class Reminder:
    """A step due to an account; `amount_minor` is what is to be paid by the episode's day or was by now."""

    account_id: int
    currency: str
    step_id: int
    days: int
    episode_on: date
    amount_minor: int
    balance_minor: int


def steps(session: Session) -> list[DunningStep]:
    """Return the ladder, the earliest step first."""
    return list(session.scalars(select(DunningStep).order_by(DunningStep.days)))


def due(session: Session, on: date, *, rules: Rules) -> list[Reminder]:
    """Return the reminders due that day, by account id: the latest step reached, if it is still to be taken.

    Spared are who promised or keeps instalments, whose line something of ours has broken now, who owes less
    than the minimum, and steps another of the same episode has overtaken.
    """
    ladder = [step for step in steps(session) if step.is_on]
    if not ladder:
        return []
    spared = instalments.spared(session, on, rules=rules)
    owing = {row.id: row for row in session.execute(_owing()) if row.id not in spared}
    oldest = debt.oldest_due(session, {key: row.balance_minor for key, row in owing.items()})
    first = on - timedelta(days=ladder[0].days)
    oldest = {key: day for key, day in oldest.items() if day <= first}
    broken = pauses.notes(session, list(oldest))
    stopped = _stopped(session, oldest, on)
    taken = _taken(session, oldest)
    reached = {}
    for account_id, day in oldest.items():
        counted = (on - day).days - sum(day < one <= on for one in stopped[account_id])
        passed = [step for step in ladder if step.days <= counted]
        is_new = bool(passed) and passed[-1].days > taken.get(account_id, -(10**6))
        if is_new and account_id not in broken:
            reached[account_id] = passed[-1]
    amounts = _amounts(session, {key: max(oldest[key] + DAY, on) for key in reached})
    return [
        Reminder(key, owing[key].currency, step.id, step.days, oldest[key], amount, owing[key].balance_minor)
        for key, step in sorted(reached.items())
        if rules.is_cuttable(amount := amounts.get(key, 0))
    ]


def _owing() -> Select[int, int, str]:
    return select(Account.id, Account.balance_minor, Account.currency).where(Account.balance_minor < 0)


def _taken(session: Session, episodes: dict[int, date]) -> dict[int, int]:
    """Return the latest step taken in each account's episode, in days."""
    rows = session.execute(
        select(DunningNotice.account_id, DunningNotice.episode_on, func.max(DunningNotice.days))
        .where(DunningNotice.account_id == any_of(episodes))
        .group_by(DunningNotice.account_id, DunningNotice.episode_on)
    )
    return {row[0]: row[2] for row in rows if episodes[row[0]] == row[1]}


def _stopped(session: Session, episodes: dict[int, date], on: date) -> dict[int, set[date]]:
    """Return the days after each episode's begin on which the ladder stood still, by account."""
    stopped: dict[int, set[date]] = defaultdict(set)
    late = [key for key, day in episodes.items() if day < on]
    begin = max(min((episodes[key] for key in late), default=on), on - timedelta(days=_LOOK_BACK_DAYS))
    stood = pauses.stood(session, late, _start(begin), _start(on + DAY))
    for account_id, spans in stood.items():
        for placed, lifted in spans:
            stopped[account_id] |= _days(max(placed.date(), begin), min(lifted.date() if lifted else on, on))
    for row in session.execute(_freezes(late, begin)):
        stopped[row.account_id] |= _days(max(row.from_on, begin), min(row.to_on or on, on))
    return stopped


def _freezes(account_ids: Sequence[int], begin: date) -> Select[int, date | None, date | None]:
    lock = SuspensionLock
    return (
        select(Subscription.account_id, lock.from_on, lock.to_on)
        .join(Subscription, Subscription.id == lock.subscription_id)
        .where(
            Subscription.account_id == any_of(account_ids),
            lock.reason == LockReason.FREEZE,
            lock.from_on.is_not(None),
            func.coalesce(lock.to_on, begin) >= begin,
        )
    )


def _days(first: date, last: date) -> set[date]:
    return {first + timedelta(days=number) for number in range((last - first).days + 1)}


def _start(day: date) -> datetime:
    return datetime.combine(day, time(0), UTC)


def _amounts(session: Session, days: dict[int, date]) -> dict[int, int]:
    """Return what of each account's debt was due before its day."""
    by_day: dict[date, list[int]] = defaultdict(list)
    for account_id, day in days.items():
        by_day[day].append(account_id)
    amounts: dict[int, int] = {}
    for day, account_ids in by_day.items():
        found = debt.overdue_by_account(day, 0, account_ids=account_ids)
        amounts |= dict(session.execute(select(found.c.account_id, found.c.past_due_minor)).all())
    return amounts
