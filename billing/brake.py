"""The brake: why a plan waits for a person, in words, with the numbers. One that cuts nobody never does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from billing import debtors, rules
from billing.models import CutoffRun, Method, NightRun, RunStatus
from billing.rules import Rules
from core import clock
from core.words import N_

# With fewer applied plans before it a plan is not compared with them.
RUNS_LEAST = 3
# Payments are stale when fewer than a tenth came of what the same weekday had, at least so many.
STALE_WEEKS, STALE_LEAST, STALE_PERCENT = 8, 5, 10
# A month before, give or take so many days, is the same day of billing.
MONTH_DAYS, MONTH_GIVE = 30, 3
# What hangs together and is nearly all cut stops a plan only where the plan itself cuts a tenth of it.
WHOLE_STEP_PERCENT = 10
# So far clocks may differ, and so long a stored moment may lie ahead.
CLOCK_S = 300
_PAID = """
    SELECT week, method, count(e.id)
    FROM generate_series(0, :weeks) week
    JOIN ledger_entries e ON e.kind = 'payment'
     AND e.posted_at > :now - make_interval(days => 7 * week, hours => :hours)
     AND e.posted_at <= :now - make_interval(days => 7 * week)
    GROUP BY week, method
"""


@dataclass(frozen=True, slots=True)
class Whole:
    """What hangs together: a "group", "pop" or "device", with customers that have a running service.

    `cut` of them the plan would cut, `kept` are cut already and stay so.
    """

    kind: str
    name: str
    customers: int
    cut: int
    kept: int = 0


@dataclass(frozen=True, slots=True)
class Clock:
    """What whoever plans knows of the time: the business day, and how far his clock jumped, in seconds."""

    today: date
    jumped_s: float = 0.0


def nothing_whole(_session: Session, _run_id: int, _on: date) -> Sequence[Whole]:
    """Billing alone knows of nothing that hangs together."""
    return ()


@dataclass(frozen=True, slots=True)
class Witness:
    """What billing cannot see itself: what hangs together in the network, and the clock of the caller."""

    wholes: Callable[[Session, int, date], Sequence[Whole]] = nothing_whole
    clock: Clock | None = None


def reasons(session: Session, run: CutoffRun, *, rules: Rules, witness: Witness) -> list[str]:
    """Return why the plan waits for a person's word; empty when it need not."""
    if run.cut_count == 0:
        return []
    return [
        *_too_many(session, run, rules),
        *_unusual(session, run, rules),
        *_unpaid(session, rules.brake_import_hours),
        *_as_a_whole(session, run, rules, witness),
        *(_jumped(session, run, witness.clock) if witness.clock else ()),
    ]


def _too_many(session: Session, run: CutoffRun, limits: Rules) -> list[str]:
    return rules.brake_reasons(run.cut_count, debtors.count_running(session, run.run_on), limits)


def _unusual(session: Session, run: CutoffRun, limits: Rules) -> list[str]:
    """Say that the plan is far from those that were applied before it."""
    if not (limits.brake_last_runs and limits.brake_growth):
        return []
    before = session.scalars(
        select(CutoffRun.cut_count)
        .where(CutoffRun.id < run.id, CutoffRun.status == RunStatus.APPLIED)
        .order_by(CutoffRun.id.desc())
        .limit(limits.brake_last_runs)
    ).all()
    if len(before) < RUNS_LEAST or run.cut_count < limits.brake_minimum:
        return []
    usual = median(before)
    if run.cut_count <= limits.brake_growth * max(usual, _month_before(session, run), 1):
        return []
    words = N_(
        "The plan cuts %(cut)s; the last %(count)s applied plans cut %(before)s, %(usual)s in the middle. "
        "More than %(factor)s times that waits for a person's word",
        cut=run.cut_count,
        count=len(before),
        before=", ".join(str(count) for count in before),
        usual=f"{usual:g}",
        factor=f"{limits.brake_growth:g}",
    )
    return [words]


def _month_before(session: Session, run: CutoffRun) -> int:
    """Return what the largest applied plan about a month before cut: those billed on one day owe on one."""
    day, give = run.run_on - timedelta(days=MONTH_DAYS), timedelta(days=MONTH_GIVE)
    return (
        session.scalar(
            select(func.max(CutoffRun.cut_count)).where(
                CutoffRun.status == RunStatus.APPLIED, CutoffRun.run_on.between(day - give, day + give)
            )
        )
        or 0
    )


def _unpaid(session: Session, hours: int) -> list[str]:
    """Say that payments do not come in as they do on this weekday: an import may be broken."""
    if not hours:
        return []
    counted: dict[str, list[int]] = {name: [0] * (STALE_WEEKS + 1) for name in ("", *Method)}
    values = {"now": clock.now(), "weeks": STALE_WEEKS, "hours": hours}
    for week, method, count in session.execute(text(_PAID), values):
        counted[method][week] += count
        counted[""][week] += count
    stale = [name for name in (Method.BANK, Method.ONLINE) if _is_stale(counted[name])]
    if not stale and _is_stale(counted[""]):
        return [_stale_words("", counted[""], hours)]
    return [_stale_words(name, counted[name], hours) for name in stale]


def _is_stale(counts: Sequence[int]) -> bool:
    # Of the better half of the weeks: an import that is broken for weeks is not what is usual.
    usual = median(sorted(counts[1:])[STALE_WEEKS // 2 :])
    return usual >= STALE_LEAST and 100 * counts[0] < STALE_PERCENT * usual


def _stale_words(method: str, counts: Sequence[int], hours: int) -> str:
    values: dict[str, Any] = {
        "count": counts[0],
        "hours": hours,
        "before": ", ".join(str(count) for count in counts[1:]),
    }
    if method == Method.BANK:
        return N_(
            "%(count)s payments by bank came in within %(hours)s hours; on this weekday of the weeks before "
            "it were %(before)s. Is the import of bank statements broken?",
            **values,
        )
    if method == Method.ONLINE:
        return N_(
            "%(count)s online payments came in within %(hours)s hours; on this weekday of the weeks before "
            "it were %(before)s. Is the payment gateway broken?",
            **values,
        )
    return N_(
        "%(count)s payments came in within %(hours)s hours; on this weekday of the weeks before it "
        "were %(before)s. Are payments not booked?",
        **values,
    )


def _as_a_whole(session: Session, run: CutoffRun, limits: Rules, witness: Witness) -> list[str]:
    """Say that all, or nearly all, who hang together would be off."""
    if not limits.brake_whole_percent:
        return []
    found = witness.wholes(session, run.id, run.run_on)
    return [_whole_words(one) for one in found if _goes_whole(one, limits)]


def _goes_whole(one: Whole, limits: Rules) -> bool:
    """Whether so many would be off with the plan, whoever cut them, that it is as good as all of it.

    Where that is so for long already, one more debtor a night is no news: the plan itself has to cut a tenth,
    and more than one beside those that are cut. So it stops again only when a tenth is let in and cut anew.
    """
    step = min(WHOLE_STEP_PERCENT, limits.brake_whole_percent)
    return (
        one.customers >= max(limits.brake_whole_minimum, 1)
        and one.cut >= (2 if one.kept else 1)
        and 100 * one.cut >= step * one.customers
        and 100 * (one.cut + one.kept) >= limits.brake_whole_percent * one.customers
    )


def _whole_words(one: Whole) -> str:
    values: dict[str, Any] = {"name": one.name, "cut": one.cut, "all": one.customers, "kept": one.kept}
    if one.kind == "pop":
        return N_(
            "The POP %(name)s would go as a whole: of its %(all)s customers with a running service the plan "
            "cuts %(cut)s, and %(kept)s are cut already",
            **values,
        )
    if one.kind == "device":
        return N_(
            "The device %(name)s would go as a whole: of its %(all)s customers with a running service the "
            "plan cuts %(cut)s, and %(kept)s are cut already",
            **values,
        )
    return N_(
        "The group %(name)s would go as a whole: of its %(all)s customers with a running service the plan "
        "cuts %(cut)s, and %(kept)s are cut already",
        **values,
    )


def jump_words(jumped_s: float) -> str | None:
    """Return in words how far the clock jumped since this part was started; None when it did not."""
    if abs(jumped_s) <= CLOCK_S:
        return None
    minutes = f"{jumped_s / 60:+.0f}"
    return N_("The clock jumped by %(minutes)s minutes since this part was started", minutes=minutes)


def _jumped(session: Session, run: CutoffRun, told: Clock) -> list[str]:
    """Say that the time is not to be trusted."""
    now = clock.now()
    closed = session.scalar(
        select(func.max(NightRun.run_on)).where(
            NightRun.run_on < run.run_on, NightRun.finished_at.is_not(None)
        )
    )
    latest = _latest(session, run)
    of_database: datetime = session.scalar(select(func.clock_timestamp())) or now
    apart_s = (now - of_database).total_seconds()
    found: list[str] = []
    if run.run_on > told.today:
        found.append(N_("The plan is for %(day)s, and today is %(today)s", day=run.run_on, today=told.today))
    if closed is not None and (run.run_on - closed).days > 1:
        found.append(_gap_words(closed, run.run_on))
    if latest is not None and (latest - now).total_seconds() > CLOCK_S:
        found.append(_back_words(latest, now))
    if abs(apart_s) > CLOCK_S:
        found.append(_apart_words(now, of_database))
    if jump := jump_words(told.jumped_s):
        found.append(jump)
    return found


def _latest(session: Session, run: CutoffRun) -> datetime | None:
    """Return when the newest plan before this one was made, or the newest night begun."""
    planned = session.scalar(select(func.max(CutoffRun.planned_at)).where(CutoffRun.id < run.id))
    begun = session.scalar(select(func.max(NightRun.started_at)).where(NightRun.run_on != run.run_on))
    return max((one for one in (planned, begun) if one is not None), default=None)


def _gap_words(closed: date, on: date) -> str:
    return N_(
        "The last day that was closed is %(closed)s, and this plan is for %(day)s: %(days)s days lie "
        "between. Was the night left out, or did the clock jump?",
        closed=closed,
        day=on,
        days=(on - closed).days - 1,
    )


def _back_words(latest: datetime, now: datetime) -> str:
    return N_(
        "The clock went back: the last plan was made on %(then)s, and now it is %(now)s",
        then=_moment(latest),
        now=_moment(now),
    )


def _apart_words(now: datetime, of_database: datetime) -> str:
    return N_(
        "The clocks differ: it is %(now)s here and %(then)s in the database",
        now=_moment(now),
        then=_moment(of_database),
    )


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
