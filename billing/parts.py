"""The arithmetic of instalments: a sum in parts, and how the parts stand against what is still open. Pure."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from billing.models import PeriodKind
from billing.rules import DAY, Rules
from core.words import N_

# Nobody agrees on more years than this.
LAST_DAYS = 1100
STEPS = (PeriodKind.MONTH, PeriodKind.WEEK)


@dataclass(frozen=True, slots=True)
class Part:
    """An instalment: so much by the end of that day."""

    due_on: date
    amount_minor: int


@dataclass(frozen=True, slots=True)
class PaidPart:
    """An instalment and what of it was paid."""

    part: Part
    paid_minor: int

    @property
    def open_minor(self) -> int:
        """What of it is not paid."""
        return self.part.amount_minor - self.paid_minor


@dataclass(frozen=True, slots=True)
class Standing:
    """How a plan stands on a day.

    `open_minor` is what is left of it, with newer charges that are out of grace; `missing_minor` is what of
    that should have come by the eve of the day. The parts are paid in their order.
    """

    on: date
    parts: tuple[PaidPart, ...]
    open_minor: int
    missing_minor: int

    @property
    def next(self) -> PaidPart | None:
        """The next instalment that is not over and not wholly paid."""
        return next((one for one in self.parts if one.part.due_on >= self.on and one.open_minor), None)

    @property
    def missed_on(self) -> date | None:
        """The day of the oldest instalment that is over and not wholly paid."""
        late = (one.part.due_on for one in self.parts if one.part.due_on < self.on and one.open_minor)
        return next(late, None)

    def is_kept(self, rules: Rules) -> bool:
        """Whether it is kept so far: a sum too small to cut breaks nothing."""
        return not rules.is_cuttable(self.missing_minor)

    def is_fulfilled(self, rules: Rules) -> bool:
        """Whether nothing is left of it but what is too small to cut."""
        return not rules.is_cuttable(self.open_minor)


def split(total_minor: int, count: int, first_on: date, every: PeriodKind = PeriodKind.MONTH) -> list[Part]:
    """Return the sum in equal parts, a month or a week apart; what does not divide is in the first ones.

    A month that has no such day takes its last. The parts add up to the sum.
    """
    whole, rest = divmod(total_minor, count)
    return [Part(_day(first_on, number, every), whole + (number < rest)) for number in range(count)]


def _day(first_on: date, number: int, every: PeriodKind) -> date:
    if every is PeriodKind.WEEK:
        return first_on + timedelta(weeks=number)
    years, month = divmod(first_on.month - 1 + number, 12)
    year = first_on.year + years
    return date(year, month + 1, min(first_on.day, monthrange(year, month + 1)[1]))


def faults(parts: Sequence[Part], *, total_minor: int, today: date, rules: Rules) -> dict[str, str]:
    """Return what is wrong with the parts of that sum, by field: `parts`, or `day_N` and `sum_N` from 1."""
    found: dict[str, str] = {}
    before = today - DAY
    for number, part in enumerate(parts, 1):
        if part.amount_minor <= 0:
            found[f"sum_{number}"] = N_("The amount must be above zero")
        if part.due_on <= before:
            is_first = number == 1
            found[f"day_{number}"] = (
                N_("This day is over already") if is_first else N_("Each day is after the one before it")
            )
        elif part.due_on > today + timedelta(days=LAST_DAYS):
            found[f"day_{number}"] = N_("This is too far ahead")
        before = part.due_on
    if not 2 <= len(parts) <= rules.instalments_limit:
        found["count"] = N_("Two to %(most)s instalments", most=rules.instalments_limit)
    elif not found and sum(part.amount_minor for part in parts) != total_minor:
        found["parts"] = N_("The instalments do not add up to what is owed")
    return found


def standing(parts: Sequence[Part], open_minor: int, on: date) -> Standing:
    """Return how the parts stand when so much is open: it stands in the last ones, as debt does.

    What is open beyond their sum is newer charges; it is missing too.
    """
    left, paid = max(0, open_minor), []
    for part in reversed(parts):
        unpaid = min(part.amount_minor, left)
        left -= unpaid
        paid.append(PaidPart(part, part.amount_minor - unpaid))
    to_come = sum(part.amount_minor for part in parts if part.due_on >= on)
    return Standing(on, tuple(reversed(paid)), max(0, open_minor), max(0, open_minor - to_come))
