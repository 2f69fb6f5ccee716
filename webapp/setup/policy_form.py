"""The form of the cutoff's policy, and its fields as words."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from flask_babel import gettext, lazy_gettext
from wtforms import BooleanField, HiddenField, IntegerField, RadioField
from wtforms.validators import InputRequired, Length, NumberRange, Optional, Regexp

from billing.models import AccessState
from billing.policies import FIELDS
from billing.rules import Rules, Step
from core import errors
from core.money import Money
from core.words import N_
from webapp.forms import (
    REQUIRED,
    CheckListField,
    Form,
    MoneyField,
    NumberField,
    ParagraphField,
    TextField,
    choices,
    hundredths,
)

WEEKDAYS = choices(
    (1, lazy_gettext("Monday")),
    (2, lazy_gettext("Tuesday")),
    (3, lazy_gettext("Wednesday")),
    (4, lazy_gettext("Thursday")),
    (5, lazy_gettext("Friday")),
    (6, lazy_gettext("Saturday")),
    (7, lazy_gettext("Sunday")),
)
STEPS = {
    "notice_after": AccessState.NOTICE,
    "slow_after": AccessState.SLOW,
    "walled_after": AccessState.WALLED,
    "closed_after": AccessState.CLOSED,
}
_DAYS = [Optional(), NumberRange(0, 365)]
_WHOLE = [InputRequired(REQUIRED), NumberRange(0)]
_PLAIN = (
    "grace_days",
    "debt_billed_percent",
    "notice_days",
    "is_automatic",
    "brake_minimum",
    "brake_last_runs",
    "brake_import_hours",
    "brake_whole_minimum",
    "promise_days_limit",
    "promise_broken_limit",
    "promise_needs_payment",
    "instalments_limit",
    "late_fee_days",
)
_FIGURES = ("brake_share_percent", "brake_growth", "brake_whole_percent", "late_fee_percent")
_SUMS = {
    "minimum_debt": "minimum_debt_minor",
    "promise_sum_limit": "promise_sum_limit_minor",
    "late_fee": "late_fee_minor",
    "late_fee_minimum": "late_fee_minimum_minor",
    "interest_minimum": "interest_minimum_minor",
}
_YEARLY = re.compile(r"(\d{1,2})-(\d{1,2})")
_RATE = re.compile(r"(\d{4}-\d{2}-\d{2})\s*[:;]?\s+(\d{1,3}(?:[.,]\d{1,4})?)\s*%?", re.ASCII)


class PolicyForm(Form):
    """When debt cuts and how far, whom never, when a plan stops to ask; promises, late fees and interest.

    policy_form() adds the sums, which have a currency.
    """

    over = HiddenField(validators=[Regexp("^[0-9]{1,8}$")])
    restores = HiddenField(validators=[Optional(), Regexp("^[0-9]{1,8}$")])
    shown = HiddenField()
    grace_days = IntegerField(
        lazy_gettext("Days of grace"),
        _WHOLE,
        description=lazy_gettext("After the due date, for who has no grace of his own or of his group."),
    )
    notice_after = IntegerField(lazy_gettext("Shown a notice after, days"), _DAYS)
    slow_after = IntegerField(lazy_gettext("Slowed down after, days"), _DAYS)
    walled_after = IntegerField(lazy_gettext("Only the walled garden after, days"), _DAYS)
    closed_after = IntegerField(lazy_gettext("Cut off after, days"), _DAYS)
    reconnect = RadioField(
        lazy_gettext("A part of the debt is paid"),
        choices=choices(
            ("minimum", lazy_gettext("what is left decides: in again below the smallest debt")),
            ("zero", lazy_gettext("in again only when all that is overdue is paid")),
        ),
    )
    debt_billed_percent = IntegerField(
        lazy_gettext("Billed while cut off for debt, percent"),
        [InputRequired(REQUIRED), NumberRange(0, 100)],
        description=lazy_gettext(
            "100: in full. Less is given back, or not charged, by days off or in the garden."
        ),
    )
    skip_weekdays = CheckListField(lazy_gettext("Nobody is cut on"), choices=WEEKDAYS, coerce=int)
    holidays = ParagraphField(
        lazy_gettext("Nor on these days"),
        [Length(max=4000)],
        description=lazy_gettext(
            "One a line: 2027-03-29, or 12-25 for every year. Whoever is due on such a day is cut on the "
            "next that is none."
        ),
        render_kw={"rows": 5, "class": "mono", "spellcheck": "false"},
    )
    excluded_groups = CheckListField(lazy_gettext("Debt groups that are never cut"), coerce=int)
    notice_days = IntegerField(
        lazy_gettext("A reminder must have arrived in the days before"),
        _WHOLE,
        description=lazy_gettext("0: none must. Text messages arrive once there is a gateway for them."),
    )
    is_automatic = BooleanField(lazy_gettext("The night applies its plan by itself, unless it is braked"))
    brake_share_percent = NumberField(lazy_gettext("More than so many percent of all"), _WHOLE)
    brake_minimum = IntegerField(lazy_gettext("and at least so many lines"), _WHOLE)
    brake_growth = NumberField(
        lazy_gettext("More than so many times the last plans"),
        _WHOLE,
        description=lazy_gettext("0: off."),
    )
    brake_last_runs = IntegerField(lazy_gettext("as many plans are looked at"), _WHOLE)
    brake_import_hours = IntegerField(
        lazy_gettext("No bank statement for so many hours"), _WHOLE, description=lazy_gettext("0: off.")
    )
    brake_whole_percent = NumberField(
        lazy_gettext("So many percent of one group, POP or device"),
        _WHOLE,
        description=lazy_gettext("With those cut already, if a tenth is cut by this plan. 0: off."),
    )
    brake_whole_minimum = IntegerField(lazy_gettext("that has at least so many lines"), _WHOLE)
    promise_days_limit = IntegerField(
        lazy_gettext("A promise reaches at most, days"), [InputRequired(REQUIRED), NumberRange(1, 365)]
    )
    promise_broken_limit = IntegerField(
        lazy_gettext("None after so many broken in a row"),
        [InputRequired(REQUIRED), NumberRange(1, 100)],
        description=lazy_gettext("Each broken one makes the next shorter."),
    )
    promise_needs_payment = BooleanField(
        lazy_gettext("After a broken promise, or broken instalments, none before a payment came")
    )
    instalments_limit = IntegerField(
        lazy_gettext("Instalments at most"), [InputRequired(REQUIRED), NumberRange(2, 60)]
    )
    late_fee_percent = NumberField(
        lazy_gettext("and so many percent of what is past due"),
        [InputRequired(REQUIRED), NumberRange(0, 100)],
    )
    late_fee_days = IntegerField(
        lazy_gettext("Charged so many days after the due date"),
        [InputRequired(REQUIRED), NumberRange(1, 365)],
    )
    interest_rates = ParagraphField(
        lazy_gettext("Percent a year on what is late, from a day on"),
        [Length(max=4000)],
        description=lazy_gettext(
            "One a line: 2026-01-01 8.5. A rate of 0 ends it from its day on. What was charged stays as it "
            "is; with no line at all it is not corrected either."
        ),
        render_kw={"rows": 4, "class": "mono", "spellcheck": "false"},
    )
    why = TextField(lazy_gettext("Why"), [InputRequired(REQUIRED), Length(max=500)])

    def rules(self, before: Rules) -> Rules:
        """Return the rules it says, the rest as before. Raises Invalid at the faulty day."""
        plain: dict[str, Any] = {name: self[name].data for name in _PLAIN}
        figures = {name: float(self[name].data) for name in _FIGURES}
        hundredths(self.late_fee_percent)  # is charged by them
        once, yearly = _read_days(self.holidays.data or "")
        return replace(
            before,
            steps=self._steps(),
            reconnects_at_zero=self.reconnect.data == "zero",
            skip_weekdays=tuple(sorted(self.skip_weekdays.data or ())),
            holidays=once,
            yearly_holidays=yearly,
            excluded_groups=tuple(sorted(self.excluded_groups.data or ())),
            interest_rates=_read_rates(self.interest_rates.data or ""),
            **{field: self[name].data.minor for name, field in _SUMS.items()},
            **plain,
            **figures,
        )

    def _steps(self) -> tuple[Step, ...]:
        days = {name: self[name].data for name in STEPS}
        return tuple(Step(days[name], effect) for name, effect in STEPS.items() if days[name] is not None)

    def refuse(self, error: errors.Invalid) -> None:
        """Put what is wrong with the steps at the last of them, and the sums at their fields."""
        names = {"steps": "closed_after", **{field: name for name, field in _SUMS.items()}}
        super().refuse(
            errors.Invalid(
                error.message, {names.get(name, name): text for name, text in error.fields.items()}
            )
        )


def policy_form(currency: str, groups: Sequence[tuple[int, str]], values: dict[str, Any]) -> Any:
    """Return the form of a policy with these values, its sums in that currency."""

    class InCurrency(PolicyForm):
        """The policy of an ISP."""

        minimum_debt = MoneyField(
            lazy_gettext("Smallest debt that cuts"), [InputRequired(REQUIRED)], currency=currency
        )
        promise_sum_limit = MoneyField(
            lazy_gettext("Nobody who owes more may promise"),
            [InputRequired(REQUIRED)],
            currency=currency,
            description=lazy_gettext("0: whatever is owed."),
        )
        late_fee = MoneyField(
            lazy_gettext("Late fee, once in an episode of debt"),
            [InputRequired(REQUIRED)],
            currency=currency,
            description=lazy_gettext("0, and 0 percent: none."),
        )
        late_fee_minimum = MoneyField(
            lazy_gettext("No fee for less past due than"), [InputRequired(REQUIRED)], currency=currency
        )
        interest_minimum = MoneyField(
            lazy_gettext("Less interest than this is not asked for yet"),
            [InputRequired(REQUIRED)],
            currency=currency,
        )

    made = InCurrency(**values)
    made.excluded_groups.choices = choices(*groups)
    return made


def values_of(rules: Rules, currency: str) -> dict[str, Any]:
    """Return the rules as the form's fields show them."""
    days = {step.effect: step.days for step in rules.steps}
    return {
        "reconnect": "zero" if rules.reconnects_at_zero else "minimum",
        "skip_weekdays": list(rules.skip_weekdays),
        "holidays": "\n".join(written_days(rules)),
        "excluded_groups": list(rules.excluded_groups),
        "interest_rates": "\n".join(f"{day} {percent:g}" for day, percent in rules.interest_rates),
        **{name: Money(getattr(rules, field), currency) for name, field in _SUMS.items()},
        **{name: days.get(effect) for name, effect in STEPS.items()},
        **{name: getattr(rules, name) for name in _PLAIN},
        # As people write it: 10, not 10.0.
        **{name: f"{getattr(rules, name):g}" for name in _FIGURES},
    }


def written_days(rules: Rules) -> list[str]:
    """Return the holidays as they are typed."""
    yearly = [f"{month:02}-{day:02}" for month, day in rules.yearly_holidays]
    return [*yearly, *(day.isoformat() for day in rules.holidays)]


def seal(rules: Rules) -> str:
    """Return what names exactly this policy, to know that what is saved is what was shown."""
    plain = {name: value for name, value in rules.as_json().items() if name in FIELDS}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:32]


def _read_days(text: str) -> tuple[tuple[date, ...], tuple[tuple[int, int], ...]]:
    once: set[date] = set()
    yearly: set[tuple[int, int]] = set()
    for word in re.split(r"[\s,;]+", text.strip()):
        if not word:
            continue
        try:
            if short := _YEARLY.fullmatch(word):
                found = date(2028, int(short[1]), int(short[2]))  # a leap year: 02-29 is a day
                yearly.add((found.month, found.day))
            else:
                once.add(date.fromisoformat(word))
        except ValueError as error:
            raise errors.Invalid("Not a day", {"holidays": N_("%(word)s is not a day", word=word)}) from error
    return tuple(sorted(once)), tuple(sorted(yearly))


def _read_rates(text: str) -> tuple[tuple[date, float], ...]:
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        fault = errors.Invalid(
            "Not a rate", {"interest_rates": N_("%(line)s is not a day and a percentage", line=line)}
        )
        if (read := _RATE.fullmatch(line)) is None:
            raise fault
        try:
            found.append((date.fromisoformat(read[1]), float(read[2].replace(",", "."))))
        except ValueError as error:
            raise fault from error
    return tuple(sorted(found))


LABELS = {
    "minimum_debt_minor": lazy_gettext("Smallest debt that cuts"),
    "grace_days": lazy_gettext("Days of grace"),
    "steps": lazy_gettext("Steps, days after grace"),
    "reconnects_at_zero": lazy_gettext("A part of the debt is paid"),
    "debt_billed_percent": lazy_gettext("Billed while cut off for debt, percent"),
    "skip_weekdays": lazy_gettext("Nobody is cut on"),
    "holidays": lazy_gettext("Nor on these days"),
    "yearly_holidays": lazy_gettext("Nor on these days of every year"),
    "excluded_groups": lazy_gettext("Debt groups that are never cut"),
    "notice_days": lazy_gettext("A reminder must have arrived in the days before"),
    "is_automatic": lazy_gettext("The night applies its plan by itself"),
    "brake_share_percent": lazy_gettext("Brake: percent of all lines"),
    "brake_minimum": lazy_gettext("Brake: at least so many lines"),
    "brake_growth": lazy_gettext("Brake: times the last plans"),
    "brake_last_runs": lazy_gettext("Brake: plans looked at"),
    "brake_import_hours": lazy_gettext("Brake: hours without a bank statement"),
    "brake_whole_percent": lazy_gettext("Brake: percent of a group, POP or device"),
    "brake_whole_minimum": lazy_gettext("Brake: lines such a group has at least"),
    "promise_days_limit": lazy_gettext("A promise reaches at most, days"),
    "promise_broken_limit": lazy_gettext("No promise after so many broken in a row"),
    "promise_sum_limit_minor": lazy_gettext("Nobody who owes more may promise"),
    "promise_needs_payment": lazy_gettext("After a broken promise none before a payment"),
    "instalments_limit": lazy_gettext("Instalments at most"),
    "late_fee_minor": lazy_gettext("Late fee"),
    "late_fee_percent": lazy_gettext("Late fee: percent of what is past due"),
    "late_fee_days": lazy_gettext("Late fee: days after the due date"),
    "late_fee_minimum_minor": lazy_gettext("Late fee: none for less past due than"),
    "interest_rates": lazy_gettext("Interest: percent a year, from a day on"),
    "interest_minimum_minor": lazy_gettext("Interest: less is not asked for yet"),
}


_EFFECTS = {
    AccessState.NOTICE: lazy_gettext("a notice"),
    AccessState.SLOW: lazy_gettext("slowed down"),
    AccessState.WALLED: lazy_gettext("walled garden"),
    AccessState.CLOSED: lazy_gettext("cut off"),
}


def told(name: str, value: Any, *, currency: str, groups: dict[int, str], show: Any) -> str:
    """Return a field's value in words; `show` writes a sum."""
    if isinstance(value, tuple):
        return ", ".join(_told_of(name, one, groups) for one in value) or "—"
    match name:
        case "promise_sum_limit_minor" if not value:
            words = gettext("whatever is owed")
        case "reconnects_at_zero":
            words = gettext("in again when all is paid") if value else gettext("what is left decides")
        case "is_automatic" | "promise_needs_payment":
            words = gettext("yes") if value else gettext("no")
        case _ if name in _SUMS.values():
            words = show(Money(value, currency))
        case _:
            words = f"{value:g}"
    return str(words)


def _told_of(name: str, one: Any, groups: dict[int, str]) -> str:
    """Return in words one of a field's several values."""
    match name:
        case "steps":
            return f"{one.days}: {_EFFECTS[one.effect]}"
        case "skip_weekdays":
            return str(WEEKDAYS[one - 1].label)
        case "excluded_groups":
            return groups.get(one, f"#{one}")
        case "yearly_holidays":
            return f"{one[0]:02}-{one[1]:02}"
        case "interest_rates":
            return f"{one[0].isoformat()}: {one[1]:g} %"
        case _:
            return str(one.isoformat())
