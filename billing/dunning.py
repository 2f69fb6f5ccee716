"""The dunning ladder: which reminder each debtor is due. Who is written to, and how, is the registry's.

Each step is taken once in an episode of debt (billing.episodes). Days on which something of ours was broken
for the account (billing.pauses), or on which it was frozen, are no days of the ladder.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from billing import debt, episodes, instalments, pauses
from billing.models import (
    Account,
    Channel,
    DunningNotice,
    DunningStep,
)
from billing.rules import DAY, Rules
from core.columns import any_of

_NAME = re.compile(r"dunning (\d+) ([0-9-]{10}) step (-?\d+)")


@dataclass(frozen=True, slots=True)
class Reminder:
    """A step due to an account; `amount_minor` is what is to be paid by `oldest_on` or was by now.

    `oldest_on` is the due date of the oldest charge not wholly paid.
    """

    account_id: int
    currency: str
    step_id: int
    channel: Channel
    days: int
    episode_on: date
    oldest_on: date
    amount_minor: int
    balance_minor: int


def steps(session: Session) -> list[DunningStep]:
    """Return the ladder, the earliest step first."""
    return list(session.scalars(select(DunningStep).order_by(DunningStep.days)))


def due(session: Session, on: date, *, rules: Rules, time_zone: str) -> list[Reminder]:
    """Return the reminders due that day, by account id: the latest step reached, if it is still to be taken.

    Spared are who promised or keeps instalments, whose line something of ours has broken now, who owes less
    than the minimum, and steps another of the same episode has overtaken. Days are those of `time_zone`.
    """
    ladder = [step for step in steps(session) if step.is_on]
    if not ladder:
        return []
    spared = instalments.spared(session, on, rules=rules)
    owing = {row.id: row for row in session.execute(_owing()) if row.id not in spared}
    oldest = debt.oldest_due(session, {key: row.balance_minor for key, row in owing.items()})
    first = on - timedelta(days=ladder[0].days)
    begun = episodes.begun(session, {key: day for key, day in oldest.items() if day <= first}, rules=rules)
    broken = pauses.notes(session, list(begun))
    stopped = episodes.stopped(session, begun, on, time_zone=time_zone)
    taken = _taken(session, begun)
    reached = {}
    for account_id, day in begun.items():
        counted = (on - day).days - len(stopped.get(account_id, ()))
        passed = [step for step in ladder if step.days <= counted]
        is_new = bool(passed) and passed[-1].days > taken.get(account_id, -(10**6))
        if is_new and account_id not in broken:
            reached[account_id] = passed[-1]
    amounts = _amounts(session, {key: max(oldest[key] + DAY, on) for key in reached})
    return [
        Reminder(
            account_id=key,
            currency=owing[key].currency,
            step_id=step.id,
            channel=step.channel,
            days=step.days,
            episode_on=begun[key],
            oldest_on=oldest[key],
            amount_minor=amount,
            balance_minor=owing[key].balance_minor,
        )
        for key, step in sorted(reached.items())
        if rules.is_cuttable(amount := amounts.get(key, 0))
    ]


def key_of(account_id: int, episode_on: date, days: int) -> str:
    """Return what names the letter of a step taken in an episode."""
    return f"dunning {account_id} {episode_on} step {days}"


def days_of(key: str) -> int:
    """Return of which step a letter of that name is, in days after it was due; 0 for other letters."""
    named = _NAME.fullmatch(key)
    return int(named[3]) if named else 0


def note_delivered(session: Session, key: str, on: date) -> None:
    """Write down that the letter of that name arrived on that day; of other letters nothing is kept."""
    named = _NAME.fullmatch(key)
    if named is not None:
        session.execute(
            update(DunningNotice)
            .where(
                DunningNotice.account_id == int(named[1]),
                DunningNotice.episode_on == date.fromisoformat(named[2]),
                DunningNotice.days == int(named[3]),
            )
            .values(delivered_on=on)
            .execution_options(synchronize_session=False)
        )


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
