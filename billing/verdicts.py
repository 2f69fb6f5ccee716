"""Verdicts: whether a debtor's subscription is cut, spared, left cut or let in, and why, in words. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from billing.models import DecisionAction
from billing.rules import Rules
from core import money


class Reason(StrEnum):
    """Why; of the reasons to spare the first that applies is taken, in this order."""

    NOT_RUNNING = "not_running"
    NEVER_CUT = "never_cut"
    PROMISE = "promise"
    INCIDENT = "incident"
    PAID = "paid"
    MINIMUM = "minimum"
    GRACE = "grace"
    WEEKDAY = "weekday"
    DEBT = "debt"


@dataclass(frozen=True, slots=True)
class Service:
    """A subscription as the cutoff sees it; `is_cut` when a debt lock stands on it."""

    subscription_id: int
    is_running: bool
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Debtor:
    """An account that is past due, or cut for debt; sums are positive minor units (see billing.debt)."""

    account_id: int
    currency: str
    balance_minor: int
    overdue_minor: int
    past_due_minor: int
    oldest_due_on: date | None
    days_overdue: int
    grace_days: int
    is_never_cut: bool
    never_cut_note: str
    promise_until: date | None
    pause_note: str
    services: tuple[Service, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to become of one subscription; none for a debtor who never had one."""

    subscription_id: int | None
    action: DecisionAction
    reason: Reason
    explanation: str


# These keep a line from being cut, and let none in.
_PAUSES = frozenset({Reason.INCIDENT, Reason.WEEKDAY})


def judge(debtor: Debtor, on: date, rules: Rules) -> list[Verdict]:
    """Return a verdict for every running or cut subscription of the debtor, one at least."""
    exemptions = _exemptions(debtor, on, rules)
    concerned = [service for service in debtor.services if service.is_running or service.is_cut]
    if not concerned:
        newest = max((service.subscription_id for service in debtor.services), default=None)
        words = f"No running service to cut; {_owes(debtor)}"
        return [Verdict(newest, DecisionAction.SPARE, Reason.NOT_RUNNING, words)]
    return [_verdict(debtor, service, exemptions, on, rules) for service in concerned]


def _verdict(debtor: Debtor, service: Service, exemptions: list[Reason], on: date, rules: Rules) -> Verdict:
    if service.is_cut:
        # A pause lets nobody in: who is cut stays cut until he pays or promises.
        ways_in = [reason for reason in exemptions if reason not in _PAUSES]
        action = DecisionAction.LIFT if ways_in else DecisionAction.KEEP
        reason = next(iter(ways_in), Reason.DEBT)
    else:
        action = DecisionAction.SPARE if exemptions else DecisionAction.CUT
        reason = next(iter(exemptions), Reason.DEBT)
    return Verdict(service.subscription_id, action, reason, _words(reason, debtor, on, rules))


def _exemptions(debtor: Debtor, on: date, rules: Rules) -> list[Reason]:
    """Return the reasons not to cut that apply, in the order of Reason."""
    tests = (
        (Reason.NEVER_CUT, debtor.is_never_cut),
        (Reason.PROMISE, debtor.promise_until is not None and debtor.promise_until >= on),
        (Reason.INCIDENT, bool(debtor.pause_note)),
        (Reason.PAID, debtor.past_due_minor <= 0),
        (Reason.MINIMUM, not rules.is_cuttable(debtor.past_due_minor)),
        (Reason.GRACE, not rules.is_cuttable(debtor.overdue_minor)),
        (Reason.WEEKDAY, on.isoweekday() in rules.skip_weekdays),
    )
    return [reason for reason, applies in tests if applies]


def _words(reason: Reason, debtor: Debtor, on: date, rules: Rules) -> str:
    owes = _owes(debtor)
    match reason:
        case Reason.NEVER_CUT:
            note = f" ({debtor.never_cut_note})" if debtor.never_cut_note else ""
            words = f"Marked never to be cut{note}; {owes}"
        case Reason.PROMISE:
            words = f"Promised to pay until {debtor.promise_until}; {owes}"
        case Reason.INCIDENT:
            words = f"{debtor.pause_note}; {owes}"
        case Reason.PAID:
            words = "Nothing is past due any more"
        case Reason.MINIMUM:
            words = f"{owes}, less than {_sum(rules.minimum_debt_minor, debtor)}, from which on debt cuts"
        case Reason.GRACE:
            words = f"{owes}; the {debtor.grace_days} days of grace are not over{_grace_end(debtor)}"
        case Reason.WEEKDAY:
            words = f"{owes}; nobody is cut on a {on.strftime('%A')}"
        case _:
            words = f"{owes}; {_sum(debtor.overdue_minor, debtor)} of it out of grace"
    return words


def _owes(debtor: Debtor) -> str:
    since = f" since {debtor.oldest_due_on}" if debtor.oldest_due_on and debtor.days_overdue else ""
    days = f" ({debtor.days_overdue} days)" if since else ""
    return f"{_sum(debtor.past_due_minor, debtor)} past due{since}{days}"


def _grace_end(debtor: Debtor) -> str:
    if debtor.oldest_due_on is None:
        return ""
    end = debtor.oldest_due_on + timedelta(days=debtor.grace_days)
    return f" (for the oldest until {end})"


def _sum(minor: int, debtor: Debtor) -> str:
    return money.format_money(money.Money(minor, debtor.currency))
