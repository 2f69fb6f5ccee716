"""Verdicts: whether a debtor's subscription is cut, spared, left cut or let in, and why, in words. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from billing.models import DecisionAction
from billing.parts import Standing
from billing.rules import Rules
from core import money
from core.words import N_


class Reason(StrEnum):
    """Why; of the reasons to spare the first that applies is taken, in this order."""

    NOT_RUNNING = "not_running"
    NEVER_CUT = "never_cut"
    PROMISE = "promise"
    INSTALMENTS = "instalments"
    GROUP = "group"
    INCIDENT = "incident"
    PAID = "paid"
    MINIMUM = "minimum"
    GRACE = "grace"
    CREDIT = "credit"
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
    exempt_group: str = ""
    credit_minor: int = 0
    credit_until: date | None = None
    instalments: Standing | None = None
    broken_words: str = ""

    @property
    def cutting_minor(self) -> int:
        """What of the overdue sum the credit in force does not cover."""
        return max(0, self.overdue_minor - self.credit_minor)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to become of one subscription; none for a debtor who never had one."""

    subscription_id: int | None
    action: DecisionAction
    reason: Reason
    explanation: str


# These keep a line from being cut, and let none in.
_PAUSES = frozenset({Reason.INCIDENT, Reason.WEEKDAY})
# These let in only when so little is overdue as the rules say (see Rules.lets_in).
_SMALL = frozenset({Reason.MINIMUM, Reason.GRACE, Reason.CREDIT})


def judge(debtor: Debtor, on: date, rules: Rules) -> list[Verdict]:
    """Return a verdict for every running or cut subscription of the debtor, one at least."""
    exemptions = _exemptions(debtor, on, rules)
    concerned = [service for service in debtor.services if service.is_running or service.is_cut]
    if not concerned:
        newest = max((service.subscription_id for service in debtor.services), default=None)
        words = N_("No running service to cut; %(owes)s", owes=_owes(debtor))
        return [Verdict(newest, DecisionAction.SPARE, Reason.NOT_RUNNING, words)]
    decided = {
        is_cut: _decide(debtor, exemptions, on, rules, is_cut=is_cut)
        for is_cut in {service.is_cut for service in concerned}
    }
    return [Verdict(service.subscription_id, *decided[service.is_cut]) for service in concerned]


def _decide(
    debtor: Debtor, exemptions: list[Reason], on: date, rules: Rules, *, is_cut: bool
) -> tuple[DecisionAction, Reason, str]:
    """Return what becomes of a debtor's services that are cut, or of those that are not; why; in words."""
    if is_cut:
        # A pause lets nobody in: who is cut stays cut until he pays or promises.
        lets_in = rules.lets_in(min(debtor.cutting_minor, debtor.past_due_minor))
        ways_in = [one for one in exemptions if one not in _PAUSES and (lets_in or one not in _SMALL)]
        action = DecisionAction.LIFT if ways_in else DecisionAction.KEEP
        reason = next(iter(ways_in), Reason.DEBT)
    else:
        action = DecisionAction.SPARE if exemptions else DecisionAction.CUT
        reason = next(iter(exemptions), Reason.DEBT)
    return action, reason, _words(reason, debtor, on, rules)


def _exemptions(debtor: Debtor, on: date, rules: Rules) -> list[Reason]:
    """Return the reasons not to cut that apply, in the order of Reason."""
    tests = (
        (Reason.NEVER_CUT, debtor.is_never_cut),
        (Reason.PROMISE, debtor.promise_until is not None and debtor.promise_until >= on),
        (Reason.INSTALMENTS, debtor.instalments is not None and debtor.instalments.is_kept(rules)),
        (Reason.GROUP, bool(debtor.exempt_group)),
        (Reason.INCIDENT, bool(debtor.pause_note)),
        (Reason.PAID, debtor.past_due_minor <= 0),
        (Reason.MINIMUM, not rules.is_cuttable(debtor.past_due_minor)),
        (Reason.GRACE, not rules.is_cuttable(debtor.overdue_minor)),
        (Reason.CREDIT, not rules.is_cuttable(debtor.cutting_minor)),
        (Reason.WEEKDAY, on.isoweekday() in rules.skip_weekdays),
    )
    return [reason for reason, applies in tests if applies]


# The sentence is kept with the plan and told anew from its template (webapp/texts.py): what stands beside it
# is joined by ";", and a weekday is its ISO number's name.
WEEKDAYS = (
    N_("nobody is cut on a Monday"),
    N_("nobody is cut on a Tuesday"),
    N_("nobody is cut on a Wednesday"),
    N_("nobody is cut on a Thursday"),
    N_("nobody is cut on a Friday"),
    N_("nobody is cut on a Saturday"),
    N_("nobody is cut on a Sunday"),
)


def _words(reason: Reason, debtor: Debtor, on: date, rules: Rules) -> str:
    owes = _owes(debtor)
    match reason:
        case Reason.PAID:
            words = N_("Nothing is past due any more")
        case Reason.MINIMUM:
            least = _sum(rules.minimum_debt_minor, debtor)
            words = N_("%(owes)s, less than %(least)s, from which on debt cuts", owes=owes, least=least)
        case Reason.GRACE:
            words = _grace(debtor, owes)
        case Reason.CREDIT:
            words = _credit(debtor, owes)
        case Reason.WEEKDAY:
            words = N_("%(owes)s; %(weekday)s", owes=owes, weekday=WEEKDAYS[on.weekday()])
        case Reason.DEBT:
            overdue = _sum(debtor.overdue_minor, debtor)
            words = N_("%(owes)s; %(overdue)s of it out of grace", owes=owes, overdue=overdue)
            if debtor.broken_words:
                words = f"{words}; {debtor.broken_words}"
        case _:
            words = _exempt(reason, debtor, owes)
    return words


def _exempt(reason: Reason, debtor: Debtor, owes: str) -> str:
    """Say what spares the debtor whatever he owes."""
    match reason:
        case Reason.NEVER_CUT if debtor.never_cut_note:
            words = N_("Marked never to be cut (%(note)s); %(owes)s", note=debtor.never_cut_note, owes=owes)
        case Reason.NEVER_CUT:
            words = N_("Marked never to be cut; %(owes)s", owes=owes)
        case Reason.PROMISE:
            words = N_("Promised to pay until %(day)s; %(owes)s", day=debtor.promise_until, owes=owes)
        case Reason.INSTALMENTS:
            words = _instalments(debtor, owes)
        case Reason.GROUP:
            words = N_("The group %(group)s is never cut; %(owes)s", group=debtor.exempt_group, owes=owes)
        case _:
            words = N_("%(incident)s; %(owes)s", incident=debtor.pause_note, owes=owes)
    return words


def _owes(debtor: Debtor) -> str:
    past_due = _sum(debtor.past_due_minor, debtor)
    if not (debtor.oldest_due_on and debtor.days_overdue):
        return N_("%(sum)s past due", sum=past_due)
    return N_(
        "%(sum)s past due since %(day)s (%(days)s days)",
        sum=past_due,
        day=debtor.oldest_due_on,
        days=debtor.days_overdue,
    )


def _grace(debtor: Debtor, owes: str) -> str:
    if debtor.oldest_due_on is None:
        return N_("%(owes)s; the %(days)s days of grace are not over", owes=owes, days=debtor.grace_days)
    return N_(
        "%(owes)s; the %(days)s days of grace are not over (for the oldest until %(end)s)",
        owes=owes,
        days=debtor.grace_days,
        end=debtor.oldest_due_on + timedelta(days=debtor.grace_days),
    )


def _instalments(debtor: Debtor, owes: str) -> str:
    following = debtor.instalments.next if debtor.instalments else None
    if following is None:
        return N_("Pays by instalments and keeps them; %(owes)s", owes=owes)
    return N_(
        "Pays by instalments and keeps them, %(sum)s by %(day)s; %(owes)s",
        sum=_sum(following.open_minor, debtor),
        day=following.part.due_on,
        owes=owes,
    )


def _credit(debtor: Debtor, owes: str) -> str:
    limit = _sum(debtor.credit_minor, debtor)
    if debtor.credit_until is None:
        return N_("%(owes)s; a credit of %(limit)s covers it", owes=owes, limit=limit)
    return N_(
        "%(owes)s; a credit of %(limit)s until %(end)s covers it",
        owes=owes,
        limit=limit,
        end=debtor.credit_until,
    )


def _sum(minor: int, debtor: Debtor) -> str:
    return money.format_money(money.Money(minor, debtor.currency))
