"""The arithmetic of money: periods, proration, due dates, promises, cutoff rules. No database."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from billing.models.words import AccessState, Approval
from core import money
from core.settings import Settings
from core.words import N_

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """A span of days, both ends included."""

    start: date
    end: date

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.end - self.start).days + 1


@dataclass(frozen=True, slots=True)
class Share:
    """A period to charge: its days, and the whole billing month its price stands for."""

    period: Period
    whole: Period

    def amount_minor(self, price_minor: int) -> int:
        """Return what these days of the month cost, in minor units."""
        return prorate(price_minor, self.whole, self.period)


@dataclass(frozen=True, slots=True)
class Step:
    """What is done to a debtor's lines from so many days after the first day on which debt cuts him."""

    days: int
    effect: AccessState


@dataclass(frozen=True, slots=True)
class Rules:
    """When a debtor is cut and how far, and when a plan stops to ask.

    `version` is that of the stored policy they come from, 0 for the settings file (see billing.policies).
    Weekdays are ISO: 1 is Monday, 7 is Sunday. `yearly_holidays` are (month, day). With `notice_days` nobody
    is cut without a reminder delivered in so many days before; 0 asks for none. The brake compares with the
    last `brake_last_runs` applied plans, times `brake_growth`; asks whether payments of the last
    `brake_import_hours` came in as on the same weekdays before; and whether so large a share of a group, POP
    or device of at least `brake_whole_minimum` customers goes at once. A figure of 0 puts its question off.
    `debt_billed_percent` is what is billed of days on which debt keeps a line off, once it is let in.
    """

    version: int = 0
    grace_days: int = 3
    minimum_debt_minor: int = 100
    brake_share_percent: float = 10.0
    brake_minimum: int = 5
    brake_last_runs: int = 7
    brake_growth: float = 3.0
    brake_import_hours: int = 24
    brake_whole_percent: float = 80.0
    brake_whole_minimum: int = 5
    promise_days_limit: int = 14
    promise_broken_limit: int = 3
    promise_sum_limit_minor: int = 0
    promise_needs_payment: bool = True
    instalments_limit: int = 12
    skip_weekdays: tuple[int, ...] = ()
    holidays: tuple[date, ...] = ()
    yearly_holidays: tuple[tuple[int, int], ...] = ()
    excluded_groups: tuple[int, ...] = ()
    notice_days: int = 0
    steps: tuple[Step, ...] = (Step(0, AccessState.CLOSED),)
    is_automatic: bool = True
    approval: Approval = Approval.NONE
    reconnects_at_zero: bool = False
    debt_billed_percent: int = 100
    late_fee_minor: int = 0
    late_fee_percent: float = 0.0
    late_fee_days: int = 10
    late_fee_minimum_minor: int = 1000
    interest_rates: tuple[tuple[date, float], ...] = ()
    interest_minimum_minor: int = 100

    def lets_in(self, overdue_minor: int) -> bool:
        """Whether a cut line is let in again at this overdue sum: all paid, or only what cuts, as is set."""
        return overdue_minor <= 0 if self.reconnects_at_zero else not self.is_cuttable(overdue_minor)

    def is_cuttable(self, overdue_minor: int) -> bool:
        """Whether so large an overdue sum (minor units) cuts."""
        return overdue_minor > 0 and overdue_minor >= self.minimum_debt_minor

    def is_holiday(self, on: date) -> bool:
        """Whether nobody is cut on that day because it is a holiday, of that year or of every year."""
        return on in self.holidays or (on.month, on.day) in self.yearly_holidays

    def effect_after(self, days: int) -> AccessState:
        """Return how far a debtor is cut so many days after debt first cuts him; open before any step."""
        reached = [step for step in self.steps if step.days <= days]
        return max(reached, key=lambda step: step.days).effect if reached else AccessState.OPEN

    def as_json(self) -> dict[str, Any]:
        """Return the rules as plain values: they are kept with every run that used them."""
        return {
            **asdict(self),
            "skip_weekdays": list(self.skip_weekdays),
            "holidays": [day.isoformat() for day in self.holidays],
            "yearly_holidays": [list(day) for day in self.yearly_holidays],
            "excluded_groups": list(self.excluded_groups),
            "steps": [[step.days, step.effect.value] for step in self.steps],
            "interest_rates": [[from_on.isoformat(), percent] for from_on, percent in self.interest_rates],
        }


def rules_of(settings: Settings) -> Rules:
    """Return the rules the settings state."""
    cutoff = settings.cutoff
    return Rules(
        grace_days=cutoff.grace_days,
        minimum_debt_minor=settings.minor(cutoff.minimum_debt),
        brake_share_percent=cutoff.brake_share_percent,
        brake_minimum=cutoff.brake_minimum,
        promise_days_limit=cutoff.promise_days_limit,
        promise_broken_limit=cutoff.promise_broken_limit,
        promise_sum_limit_minor=settings.minor(cutoff.promise_sum_limit),
        promise_needs_payment=cutoff.promise_needs_payment,
        instalments_limit=cutoff.instalments_limit,
        skip_weekdays=tuple(sorted(cutoff.skip_weekdays)),
        is_automatic=cutoff.is_automatic,
        approval=Approval(cutoff.approval),
        reconnects_at_zero=cutoff.reconnect == "zero",
        late_fee_minor=settings.minor(cutoff.late_fee),
        late_fee_percent=cutoff.late_fee_percent,
        late_fee_days=cutoff.late_fee_days,
        late_fee_minimum_minor=settings.minor(cutoff.late_fee_minimum),
        interest_rates=tuple(sorted((one.from_on, one.percent) for one in cutoff.interest_rates)),
        interest_minimum_minor=settings.minor(cutoff.interest_minimum),
    )


def rules_of_json(stored: dict[str, Any]) -> Rules:
    """Return the rules a run was made with, from Rules.as_json(); what it does not name is as usual."""
    return Rules(**{name: _READ.get(name, _as_is)(value) for name, value in stored.items()})


def _as_is(value: Any) -> Any:
    return value


_READ: dict[str, Callable[[Any], Any]] = {
    "skip_weekdays": tuple,
    "holidays": lambda days: tuple(date.fromisoformat(day) for day in days),
    "yearly_holidays": lambda days: tuple((month, day) for month, day in days),
    "excluded_groups": tuple,
    "approval": Approval,
    "steps": lambda steps: tuple(Step(days, AccessState(effect)) for days, effect in steps),
    "interest_rates": lambda rates: tuple((date.fromisoformat(day), percent) for day, percent in rates),
}


def prorate(price_minor: int, whole: Period, part: Period) -> int:
    """Return what the days of `part` cost when `whole` costs `price_minor`, by real days.

    Each end is rounded by itself, so parts that fill the whole add up to its price exactly.
    """
    before = (part.start - whole.start).days
    return _share(price_minor, before + part.days, whole.days) - _share(price_minor, before, whole.days)


def _share(price_minor: int, days: int, of_days: int) -> int:
    return money.round_minor(Decimal(price_minor * days) / Decimal(of_days))


def due_on(charged_on: date, payment_days: int) -> date:
    """Return the last day to pay."""
    return charged_on + timedelta(days=payment_days)


def is_overdue(due: date, grace_days: int, today: date) -> bool:
    """Whether the time to pay is over; grace is added to the due date, not to today."""
    return today > due + timedelta(days=grace_days)


@dataclass(frozen=True, slots=True)
class Record:
    """How promises were kept: broken ones since the last kept, and whether it paid since the last."""

    broken_in_a_row: int = 0
    has_paid_since: bool = True


def promise_days(rules: Rules, record: Record) -> int:
    """Return how many days ahead the next promise may reach: each broken one in a row makes it less."""
    if record.broken_in_a_row >= rules.promise_broken_limit:
        return 0
    return max(1, rules.promise_days_limit // (1 + record.broken_in_a_row))


def promise_refusal(until: date, *, today: date, rules: Rules, owed_minor: int, record: Record) -> str | None:
    """Return why no promise until that day can be made, in words; None when it can."""
    days = promise_days(rules, record)
    limit = rules.promise_sum_limit_minor
    refusals = (
        (owed_minor <= 0, N_("Nothing is owed, so there is nothing to promise")),
        (until < today, N_("The promised day is over already")),
        (
            days == 0,
            N_("Not another promise: %(count)s in a row were broken", count=record.broken_in_a_row),
        ),
        (
            rules.promise_needs_payment and record.broken_in_a_row > 0 and not record.has_paid_since,
            N_("The last promise was broken; another only after a payment"),
        ),
        (0 < limit < owed_minor, N_("More is owed than may be promised")),
        (
            until > today + timedelta(days=days),
            N_("A promise may reach %(days)s days ahead, not more", days=days),
        ),
    )
    return next((words for applies, words in refusals if applies), None)


def brake_reasons(cut_count: int, running_count: int, rules: Rules) -> list[str]:
    """Return in words why a plan of this size waits for a person; empty when it need not."""
    if cut_count == 0 or cut_count < rules.brake_minimum:
        return []
    share = 100 * cut_count / max(running_count, 1)
    if share <= rules.brake_share_percent:
        return []
    words = N_(
        "The plan cuts %(cut)s of %(running)s running subscriptions, %(share)s %%; "
        "more than %(limit)s %% waits for a person's word",
        cut=cut_count,
        running=running_count,
        share=f"{share:.1f}",
        limit=f"{rules.brake_share_percent:g}",
    )
    return [words]
