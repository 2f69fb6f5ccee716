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
)
_FIGURES = ("brake_share_percent", "brake_growth", "brake_whole_percent")
_YEARLY = re.compile(r"(\d{1,2})-(\d{1,2})")


class PolicyForm(Form):
    """When debt cuts and how far, whom never, on which days, and when a plan stops to ask.

    policy_form() adds the smallest debt, which has a currency.
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
    why = TextField(lazy_gettext("Why"), [InputRequired(REQUIRED), Length(max=500)])

    def rules(self, before: Rules) -> Rules:
        """Return the rules it says, the rest as before. Raises Invalid at the faulty day."""
        plain: dict[str, Any] = {name: self[name].data for name in _PLAIN}
        figures = {name: float(self[name].data) for name in _FIGURES}
        once, yearly = _read_days(self.holidays.data or "")
        return replace(
            before,
            minimum_debt_minor=self.minimum_debt.data.minor,
            steps=self._steps(),
            reconnects_at_zero=self.reconnect.data == "zero",
            skip_weekdays=tuple(sorted(self.skip_weekdays.data or ())),
            holidays=once,
            yearly_holidays=yearly,
            excluded_groups=tuple(sorted(self.excluded_groups.data or ())),
            **plain,
            **figures,
        )

    def _steps(self) -> tuple[Step, ...]:
        days = {name: self[name].data for name in STEPS}
        return tuple(Step(days[name], effect) for name, effect in STEPS.items() if days[name] is not None)

    def refuse(self, error: errors.Invalid) -> None:
        """Put what is wrong with the steps at the last of them, and the money at its field."""
        names = {"steps": "closed_after", "minimum_debt_minor": "minimum_debt"}
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

    made = InCurrency(**values)
    made.excluded_groups.choices = choices(*groups)
    return made


def values_of(rules: Rules, currency: str) -> dict[str, Any]:
    """Return the rules as the form's fields show them."""
    days = {step.effect: step.days for step in rules.steps}
    return {
        "minimum_debt": Money(rules.minimum_debt_minor, currency),
        "reconnect": "zero" if rules.reconnects_at_zero else "minimum",
        "skip_weekdays": list(rules.skip_weekdays),
        "holidays": "\n".join(written_days(rules)),
        "excluded_groups": list(rules.excluded_groups),
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
}


def told(name: str, value: Any, *, currency: str, groups: dict[int, str], show: Any) -> str:
    """Return a field's value in words; `show` writes a sum."""
    effects = {
        AccessState.NOTICE: gettext("a notice"),
        AccessState.SLOW: gettext("slowed down"),
        AccessState.WALLED: gettext("walled garden"),
        AccessState.CLOSED: gettext("cut off"),
    }
    match name:
        case "minimum_debt_minor":
            words = show(Money(value, currency))
        case "steps":
            words = ", ".join(f"{step.days}: {effects[step.effect]}" for step in value)
        case "reconnects_at_zero":
            words = gettext("in again when all is paid") if value else gettext("what is left decides")
        case "is_automatic":
            words = gettext("yes") if value else gettext("no")
        case "skip_weekdays":
            words = ", ".join(str(WEEKDAYS[day - 1].label) for day in value)
        case "excluded_groups":
            words = ", ".join(groups.get(one, f"#{one}") for one in value)
        case "yearly_holidays":
            words = ", ".join(f"{month:02}-{day:02}" for month, day in value)
        case "holidays":
            words = ", ".join(day.isoformat() for day in value)
        case _:
            words = f"{value:g}"
    return str(words) or "—"
