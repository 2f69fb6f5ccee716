"""Episodes of debt: how long the same debt goes on, what names it, and which days of it do not count.

An episode bears the due date of the charge it began with. It lasts until nothing that cuts is past due: who
pays a part, even all of the oldest charge, is still in it, and its steps and its late fee are not taken
again. A payment that bounced ended nothing.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, String, cast, func, literal_column, or_, select
from sqlalchemy.orm import Session

from billing import pauses
from billing.models import (
    Account,
    DunningNotice,
    EntryKind,
    LedgerEntry,
    LockReason,
    Subscription,
    SuspensionLock,
)
from billing.rules import DAY, Rules
from core import clock
from core.columns import any_of

# Longer ago no stop of the ladder is looked for.
LOOK_BACK_DAYS = 400
FEE_PREFIX = "late fee "
_DAY = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"


def fee_key(account_id: int, episode_on: date) -> str:
    """Return the idempotency key of the late fee of an episode."""
    return f"{FEE_PREFIX}{account_id} {episode_on.isoformat()}"


def begun(session: Session, oldest: Mapping[int, date], *, rules: Rules) -> dict[int, date]:
    """Return by account the day its episode bears; `oldest` is the due date of its oldest unpaid charge.

    It is that day, unless a step or a fee was taken in an episode before and that one never ended.
    """
    names: dict[int, set[date]] = defaultdict(set)
    for account_id, day in [*_noticed(session, oldest), *_fined(session, oldest)]:
        if day < oldest[account_id]:
            names[account_id].add(day)
    found = dict(oldest)
    if names:
        histories = _histories(session, {key: min(days) for key, days in names.items()})
        for account_id, days in names.items():
            lasting = [day for day in days if _lasts(histories[account_id], day, rules)]
            found[account_id] = min([*lasting, oldest[account_id]])
    return found


def stopped(
    session: Session, episodes: Mapping[int, date], on: date, *, time_zone: str
) -> dict[int, set[date]]:
    """Return the days after each episode's begin, up to `on`, that do not count, by account.

    On them something of ours was broken for the account, by the calendar of `time_zone`, or it was frozen.
    """
    found: dict[int, set[date]] = defaultdict(set)
    late = [key for key, day in episodes.items() if day < on]
    begin = max(min((episodes[key] for key in late), default=on), on - timedelta(days=LOOK_BACK_DAYS))
    stood = pauses.stood(session, late, _start(begin, time_zone), _start(on + DAY, time_zone))
    for account_id, spans in stood.items():
        for placed, lifted in spans:
            first = clock.today(time_zone, at=placed)
            last = clock.today(time_zone, at=lifted) if lifted else on
            found[account_id] |= _days(max(first, begin), min(last, on))
    for row in session.execute(_freezes(late, begin)):
        found[row.account_id] |= _days(max(row.from_on, begin), min(row.to_on or on, on))
    return {key: {day for day in days if episodes[key] < day <= on} for key, days in found.items()}


def _noticed(session: Session, account_ids: Mapping[int, date]) -> list[tuple[int, date]]:
    rows = session.execute(
        select(DunningNotice.account_id, func.max(DunningNotice.episode_on))
        .where(DunningNotice.account_id == any_of(account_ids))
        .group_by(DunningNotice.account_id)
    )
    return [(row[0], row[1]) for row in rows]


def _fined(session: Session, account_ids: Mapping[int, date]) -> list[tuple[int, date]]:
    """Return by account the episode of its newest late fee; a key that is no fee_key() of it says nothing."""
    key = LedgerEntry.idempotency_key
    episode_on = func.right(key, 10)
    rows = session.execute(
        select(LedgerEntry.account_id, func.max(episode_on))
        .where(
            LedgerEntry.account_id == any_of(account_ids),
            LedgerEntry.kind == EntryKind.CHARGE,
            key.like(literal_column(f"'{FEE_PREFIX}%'")),  # as its index says it
            key == func.concat(FEE_PREFIX, cast(LedgerEntry.account_id, String), " ", episode_on),
            episode_on.regexp_match(_DAY),
        )
        .group_by(LedgerEntry.account_id)
    )
    return [(row[0], day) for row in rows if (day := _day(row[1])) is not None]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:  # the 30th of February
        return None


Row = tuple[int, int, date | None, date, int | None]


def _histories(session: Session, begins: Mapping[int, date]) -> dict[int, tuple[int, list[Row]]]:
    """Return by account the sum of what was before its day, and the entries after it that moved the debt."""
    first = min(begins.values())
    balances = dict(
        session.execute(select(Account.id, Account.balance_minor).where(Account.id == any_of(begins))).all()
    )
    rows = session.execute(
        select(
            LedgerEntry.account_id,
            LedgerEntry.id,
            LedgerEntry.amount_minor,
            LedgerEntry.due_on,
            LedgerEntry.dated_on,
            LedgerEntry.reverses_id,
        )
        .where(
            LedgerEntry.account_id == any_of(begins),
            or_(LedgerEntry.due_on > first, LedgerEntry.dated_on > first),
        )
        .order_by(LedgerEntry.account_id, LedgerEntry.id)
    )
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[0]].append((row[1], row[2], row[3], row[4], row[5]))
    return {key: (balances[key] - sum(row[1] for row in found[key]), found[key]) for key in begins}


def _lasts(history: tuple[int, list[Row]], begin: date, rules: Rules) -> bool:
    """Whether something that cuts was past due from the day after `begin` on, at the end of each day."""
    before, rows = history
    known = {row[0] for row in rows}
    undone = {row[4] for row in rows if row[4] is not None}
    events: list[tuple[date, int]] = []
    for id_, minor, due_on, dated_on, reverses_id in rows:
        if id_ in undone or reverses_id in known:
            continue
        if reverses_id is not None:
            before += minor
        elif due_on is not None:
            events.append((due_on + DAY, minor))
        else:
            events.append((dated_on, minor))
    first = begin + DAY
    days = {first, *(day for day, minor in events if minor > 0 and day > first)}
    return all(
        rules.is_cuttable(-before - sum(minor for at, minor in events if at <= day)) for day in sorted(days)
    )


def _freezes(account_ids: Sequence[int], begin: date) -> Select[Any]:
    lock = SuspensionLock
    columns: tuple[Any, ...] = (Subscription.account_id, lock.from_on, lock.to_on)
    return (
        select(*columns)
        .select_from(lock)
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


def _start(day: date, time_zone: str) -> datetime:
    return datetime.combine(day, time(0), ZoneInfo(time_zone))
