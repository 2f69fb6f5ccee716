"""What if: the line on the card and the small forms on the money page; asking changes nothing."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Response, request
from flask_babel import format_date, get_locale, gettext

from billing import effects, parts, what_if
from billing.acts import Act
from core import errors
from core import money as amounts
from core.money import Money
from registry import money, tills
from webapp import identity, permissions, rendering, runtime, texts
from webapp.cashier import day

ASKED = ("pay", "until", "sum", "parts", "first", "service", "plan")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, in words, and as billing asks it."""

    words: str
    deed: what_if.Deed


@permissions.required("money.view")
def ask(customer_id: int) -> Response:
    """Show how the customer stands and what comes; with a question, what the act would change of it."""
    with runtime.current().database.reading() as session:
        till = tills.till(session, customer_id, today=day.today(), grace_days=day.grace_days(session))
        services = [one for one in tills.services(session, till.account, day.today()) if one.may_change]
        plans = tills.plans(session, till.currency)
    is_line = "line" in request.args
    shown: dict[str, Any] = {"bill": None, "found": None, "then": None, "question": "", "refusal": ""}
    try:
        shown["found"] = _outlook(till, None)
        shown["bill"] = None if is_line else _next_bill(till)
        question = None if is_line else _question(till, services, plans)
        if question is not None:
            shown |= {"question": question.words, "is_payment": isinstance(question.deed, what_if.Pay)}
            shown["then"] = _outlook(till, question.deed)
    except (errors.Invalid, errors.Conflict, errors.Unavailable) as error:
        shown["refusal"] = texts.tell(next(iter(getattr(error, "fields", {}).values()), error.message))
    return rendering.page_or_fragment(
        "cashier/what_if.html",
        "cashier/_what_if.html",
        till=till,
        services=services,
        plans=plans,
        is_line=is_line,
        as_money=Money,
        asked={name: request.args.get(name, "") for name in ASKED},
        today=day.today(),
        **shown,
    )


def _outlook(till: tills.Till, deed: what_if.Deed | None) -> what_if.Outlook:
    act = Act(day.today(), day.terms(), money.author(identity.actor()))
    database = runtime.current().database
    return what_if.outlook(database, till.account.id, act, rules=day.limits(), deed=deed)


def _next_bill(till: tills.Till) -> effects.Bill | None:
    act = Act(day.today(), day.terms(), money.author(identity.actor()))
    return what_if.next_bill(runtime.current().database, till.account.id, act)


def _question(till: tills.Till, services: list[tills.Service], plans: list[Any]) -> Question | None:
    """Read the question out of the URL; raises Invalid when it is none."""
    asked = request.args
    if asked.get("pay"):
        amount = amounts.parse(asked["pay"], till.currency, str(get_locale()))
        words = gettext("If %(sum)s is paid today", sum=rendering.format_money(amount))
        return Question(words, what_if.Pay(amount.minor))
    if asked.get("until"):
        try:
            until = date.fromisoformat(asked["until"])
        except ValueError as error:
            raise errors.Invalid(gettext("Write a day")) from error
        return _promised(until, asked.get("sum", ""), till.currency)
    if asked.get("parts"):
        return _in_parts(asked["parts"], asked.get("first", ""))
    plan = next((one for one in plans if str(one.id) == asked.get("plan")), None)
    service = next((one for one in services if str(one.id) == asked.get("service")), None)
    if plan is None or service is None:
        return None
    words = gettext("If %(old)s becomes %(new)s today", old=service.plan, new=plan.name)
    return Question(words, what_if.NewPlan(service.id, plan.id))


def _promised(until: date, sum_: str, currency: str) -> Question:
    """Read a question about a promise, of all that is owed or of a sum; raises Invalid when that is none."""
    day_words = format_date(until, "medium")
    if not sum_.strip():
        words = gettext("If payment is promised by %(day)s", day=day_words)
        return Question(words, what_if.PromiseUntil(until))
    amount = amounts.parse(sum_, currency, str(get_locale()))
    shown = rendering.format_money(amount)
    words = gettext("If %(sum)s is promised by %(day)s", sum=shown, day=day_words)
    return Question(words, what_if.PromiseUntil(until, amount.minor))


def _in_parts(count: str, first: str) -> Question:
    """Read a question about instalments; raises Invalid when it is none."""
    try:
        first_on = date.fromisoformat(first)
    except ValueError as error:
        raise errors.Invalid(gettext("Write a day")) from error
    if not (count.isascii() and count.isdecimal() and len(count) < 4):
        raise errors.Invalid(gettext("Write how many"))
    if first_on > day.today() + timedelta(days=parts.LAST_DAYS):
        raise errors.Invalid(gettext("This is too far ahead"))
    day_words = format_date(first_on, "medium")
    words = gettext("If it is paid in %(count)s instalments from %(day)s on", count=count, day=day_words)
    return Question(words, what_if.InParts(int(count), first_on))
