"""How the demo's customers pay: most of them in time, some late, every eighth not for a while. Pure."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from billing.models import LockReason, Method
from linecard.demo import plan


@dataclass(frozen=True, slots=True)
class Habit:
    """How one customer pays. `unpaid` counts the charges out of grace that he left unpaid."""

    name: str
    method: Method = Method.BANK
    after_days: tuple[int, int] = (1, 12)
    is_after_due: bool = False
    months_at_once: int = 1
    unpaid: int = 0
    short_minor: int = 0
    is_cut: bool = False
    is_walled: bool = False
    promise_days: int | None = None
    never_cut: str = ""
    grace_days: int | None = None
    lock: LockReason | None = None
    lock_note: str = ""
    is_written_off: bool = False

    @property
    def is_usual(self) -> bool:
        """Whether nothing special happens: he pays, and nothing locks his line."""
        return not (self.unpaid or self.short_minor or self.lock)


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment, in minor units."""

    on: date
    amount_minor: int
    method: Method
    is_writeoff: bool = False


PROMPT = Habit("prompt")
# How many customers have each of these; the rest pay by one of USUAL. Together 25 of 184 are debtors.
SPECIAL: tuple[tuple[int, Habit], ...] = (
    (6, Habit("due tonight", unpaid=1)),
    (4, Habit("cut, two months", unpaid=2, is_cut=True)),
    (3, Habit("cut, three months", Method.CASH, unpaid=3, is_cut=True)),
    (1, Habit("cut, five months", unpaid=5, is_cut=True)),
    (1, Habit("walled, five months", unpaid=5, is_cut=True, is_walled=True)),
    (1, Habit("broken promise", unpaid=3, is_cut=True, promise_days=-2)),
    (3, Habit("promise", Method.CASH, unpaid=2, promise_days=5)),
    (2, Habit("long grace", unpaid=1, grace_days=45)),
    (2, Habit("a little short", unpaid=0, short_minor=60)),
    (1, Habit("manual lock", lock=LockReason.MANUAL, lock_note="Sent spam; call the abuse desk first")),
    (1, Habit("freeze", lock=LockReason.FREEZE, lock_note="On holiday, asked for it by phone")),
)
NEVER_CUT = Habit("never cut", unpaid=4, never_cut="Hospital: the director decides")
# The rest, by weight.
USUAL: tuple[tuple[int, Habit], ...] = (
    (60, PROMPT),
    (14, Habit("late", Method.CASH, (0, 2), is_after_due=True)),
    (14, Habit("card", Method.CARD, (0, 1))),
    (8, Habit("online", Method.ONLINE, (2, 9))),
    (4, Habit("quarterly", months_at_once=3)),
)
FORMER = Habit("former")
WRITTEN_OFF = Habit("written off", unpaid=1, is_written_off=True)


def assign(isp: plan.Plan) -> dict[str, Habit]:
    """Return the habit of every customer, by number; the same ones every time."""
    chance = random.Random(plan.SEED + 2)  # noqa: S311 - the same story every time, no secret
    numbers = [customer.number for customer in isp.connected]
    chance.shuffle(numbers)
    names = {customer.number: customer.party.company_name for customer in isp.connected}
    found = {number: NEVER_CUT for number in numbers if "лікарня" in names[number]}
    # Companies pay: what is special happens to people.
    people = iter([number for number in numbers if not names[number]])
    for count, habit in SPECIAL:
        found |= {next(people): habit for _ in range(count)}
    usual = [habit for share, habit in USUAL for _ in range(share)]
    for number in numbers:
        found.setdefault(number, usual[int(number) * 7 % len(usual)])
    for place, customer in enumerate(each for each in isp.customers if not each.access):
        found[customer.number] = WRITTEN_OFF if place == 4 else FORMER
    return found


def payments(
    habit: Habit, charges: Sequence[tuple[date, date, int]], today: date, grace_days: int
) -> Iterator[Paid]:
    """Yield what was paid for these charges (dated, due, minor units) by today."""
    by_day: dict[date, list[tuple[date, int]]] = {}
    for dated, due, amount in charges:
        by_day.setdefault(dated, []).append((due, amount))
    days = sorted(by_day)
    overdue = [day for day in days if by_day[day][0][0] + timedelta(days=grace_days) < today]
    last_paid = overdue[-habit.unpaid - 1] if habit.unpaid and len(overdue) > habit.unpaid else None
    if habit.unpaid:
        days = [day for day in days if last_paid and day <= last_paid]
    for place in range(0, len(days), habit.months_at_once):
        group = days[place : place + habit.months_at_once]
        due = by_day[group[0]][0][0]
        amount = sum(part for day in group for _, part in by_day[day])
        if len(group) == 1 < habit.months_at_once:
            amount *= habit.months_at_once
        paid_on = _paid_on(habit, group[0], due)
        if paid_on <= today:
            yield Paid(paid_on, amount - (habit.short_minor if place == 0 else 0), habit.method)
    if habit.is_written_off:
        owed = sum(amount for dated, _, amount in charges if not last_paid or dated > last_paid)
        yield Paid(today - timedelta(days=20), owed, Method.NONE, is_writeoff=True)


def _paid_on(habit: Habit, charged_on: date, due: date) -> date:
    first, last = habit.after_days
    stray = first + charged_on.toordinal() * 7 % (last - first + 1)
    return (due if habit.is_after_due else charged_on) + timedelta(days=stray)
