"""Verdicts: whether a debtor's subscription is cut, spared, left cut or let in, and why, in words. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from billing import debt
from billing.deferrals import Deferred
from billing.models import AccessState, DecisionAction, strictness
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
    NOTICE = "notice"
    PAID = "paid"
    MINIMUM = "minimum"
    GRACE = "grace"
    CREDIT = "credit"
    STEP = "step"
    WEEKDAY = "weekday"
    HOLIDAY = "holiday"
    DEFERRED = "deferred"
    DEBT = "debt"


@dataclass(frozen=True, slots=True)
class Service:
    """A subscription as the cutoff sees it; `is_cut` when a debt lock stands on it, of that effect.

    One that the customer's own status keeps off does not run. `is_never_cut` says so of its plan.
    """

    subscription_id: int
    is_running: bool
    is_cut: bool
    effect: AccessState = AccessState.CLOSED
    is_never_cut: bool = False

    @property
    def stands(self) -> AccessState:
        """How far debt has cut it; open when it has not."""
        return self.effect if self.is_cut else AccessState.OPEN


@dataclass(frozen=True, slots=True)
class Debtor:
    """An account that is past due, or cut for debt; sums are positive minor units (see billing.debt).

    `ripe_on` is the due date from which on the debt is large enough to cut, `notified_on` the day on which a
    reminder of this debt last arrived, `inactive_note` why its running services are no customer's.
    """

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
    ripe_on: date | None = None
    notified_on: date | None = None
    inactive_note: str = ""
    deferred: Deferred | None = None

    def days_cutting(self, on: date) -> int:
        """Return for how many days debt has cut, 0 on the first; below 0 when it does not yet."""
        return debt.days_cutting(self.ripe_on, self.grace_days, on)

    @property
    def cutting_minor(self) -> int:
        """What of the overdue sum the credit in force does not cover."""
        return max(0, self.overdue_minor - self.credit_minor)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to become of one subscription; none for a debtor who never had one.

    `was` is how far debt has cut it, `effect` how far it is to: what is cut further is cut, what is let in
    only to a milder step is a lift.
    """

    subscription_id: int | None
    action: DecisionAction
    reason: Reason
    explanation: str
    was: AccessState = AccessState.OPEN
    effect: AccessState = AccessState.OPEN


# These keep a line from being cut, and let none in.
_PAUSES = frozenset(
    {Reason.INCIDENT, Reason.NOTICE, Reason.STEP, Reason.WEEKDAY, Reason.HOLIDAY, Reason.DEFERRED}
)
# Who is cut has been told so: a further step asks for no other reminder.
_BEFORE_THE_FIRST = frozenset({Reason.NOTICE})
# These let in only when so little is overdue as the rules say (see Rules.lets_in).
_SMALL = frozenset({Reason.MINIMUM, Reason.GRACE, Reason.CREDIT})


def judge(debtor: Debtor, on: date, rules: Rules) -> list[Verdict]:
    """Return a verdict for every running or cut subscription of the debtor, one at least."""
    exemptions = _exemptions(debtor, on, rules)
    concerned = [service for service in debtor.services if service.is_running or service.is_cut]
    if not concerned:
        newest = max((service.subscription_id for service in debtor.services), default=None)
        return [Verdict(newest, DecisionAction.SPARE, Reason.NOT_RUNNING, _not_running(debtor))]
    decided = {
        (kind := _kind(service)): _decide(debtor, _of(service, exemptions), on, rules, kind)
        for service in concerned
    }
    found = []
    for service in concerned:
        action, reason, effect = decided[_kind(service)]
        words = _words(reason, debtor, on, rules, effect)
        if reason is Reason.NEVER_CUT and not debtor.is_never_cut:
            words = N_("Services of this plan are never cut; %(owes)s", owes=_owes(debtor))
        found.append(Verdict(service.subscription_id, action, reason, words, service.stands, effect))
    return found


Kind = tuple[bool, AccessState, bool]


def _kind(service: Service) -> Kind:
    """Return what a verdict on a service goes by: whether it runs, how far it is cut, whether it may be."""
    return service.is_running, service.stands, service.is_never_cut


def _of(service: Service, exemptions: list[Reason]) -> list[Reason]:
    """Return the reasons not to cut this service, in order."""
    is_first = service.is_never_cut and Reason.NEVER_CUT not in exemptions
    return [Reason.NEVER_CUT, *exemptions] if is_first else exemptions


def _decide(
    debtor: Debtor, exemptions: list[Reason], on: date, rules: Rules, kind: Kind
) -> tuple[DecisionAction, Reason, AccessState]:
    """Return what becomes of a debtor's services of this kind, why, and how far they are cut then."""
    is_running, stands, _ = kind
    step = rules.effect_after(debtor.days_cutting(on))
    if stands is AccessState.OPEN:
        if exemptions:
            return DecisionAction.SPARE, exemptions[0], stands
        return DecisionAction.CUT, Reason.DEBT, step
    # A pause lets nobody in: who is cut stays cut until he pays or promises.
    lets_in = rules.lets_in(min(debtor.cutting_minor, debtor.past_due_minor))
    ways_in = [one for one in exemptions if one not in _PAUSES and (lets_in or one not in _SMALL)]
    if ways_in:
        return DecisionAction.LIFT, ways_in[0], AccessState.OPEN
    further = strictness(step) - strictness(stands)
    if further > 0 and is_running and _BEFORE_THE_FIRST.issuperset(exemptions):
        return DecisionAction.CUT, Reason.DEBT, step
    if further < 0 and not rules.reconnects_at_zero:
        return DecisionAction.LIFT, Reason.STEP, step
    return DecisionAction.KEEP, Reason.DEBT, stands


def _exemptions(debtor: Debtor, on: date, rules: Rules) -> list[Reason]:
    """Return the reasons not to cut that apply, in the order of Reason."""
    tests = (
        (Reason.NEVER_CUT, debtor.is_never_cut),
        (Reason.PROMISE, debtor.promise_until is not None and debtor.promise_until >= on),
        (Reason.INSTALMENTS, debtor.instalments is not None and debtor.instalments.is_kept(rules)),
        (Reason.GROUP, bool(debtor.exempt_group)),
        (Reason.INCIDENT, bool(debtor.pause_note)),
        (Reason.NOTICE, not _is_notified(debtor, on, rules)),
        (Reason.PAID, debtor.past_due_minor <= 0),
        (Reason.MINIMUM, not rules.is_cuttable(debtor.past_due_minor)),
        (Reason.GRACE, not rules.is_cuttable(debtor.overdue_minor)),
        (Reason.CREDIT, not rules.is_cuttable(debtor.cutting_minor)),
        (Reason.STEP, rules.effect_after(debtor.days_cutting(on)) is AccessState.OPEN),
        (Reason.WEEKDAY, on.isoweekday() in rules.skip_weekdays),
        (Reason.HOLIDAY, rules.is_holiday(on)),
        (Reason.DEFERRED, debtor.deferred is not None and debtor.deferred.until >= on),
    )
    return [reason for reason, applies in tests if applies]


def _is_notified(debtor: Debtor, on: date, rules: Rules) -> bool:
    """Whether a reminder of this debt arrived before that day, and not too long before, if one has to."""
    if not rules.notice_days:
        return True
    return debtor.notified_on is not None and 0 < (on - debtor.notified_on).days <= rules.notice_days


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


def _at_step(why: str, effect: AccessState) -> str:
    """Say how far the step cuts, after why."""
    match effect:
        case AccessState.NOTICE:
            words = N_("%(why)s; step: a notice is shown", why=why)
        case AccessState.SLOW:
            words = N_("%(why)s; step: slowed down", why=why)
        case AccessState.WALLED:
            words = N_("%(why)s; step: only the walled garden", why=why)
        case _:
            words = N_("%(why)s; step: cut off", why=why)
    return words


def _words(reason: Reason, debtor: Debtor, on: date, rules: Rules, effect: AccessState) -> str:
    if reason in _PAUSES and reason is not Reason.INCIDENT:
        return _not_yet(reason, debtor, on, rules, effect)
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
        case Reason.DEBT:
            words = _debt(debtor, owes, rules, effect)
        case _:
            words = _exempt(reason, debtor, owes)
    return words


def _debt(debtor: Debtor, owes: str, rules: Rules, effect: AccessState) -> str:
    overdue = _sum(debtor.overdue_minor, debtor)
    words = N_("%(owes)s; %(overdue)s of it out of grace", owes=owes, overdue=overdue)
    if len(rules.steps) > 1:
        words = _at_step(words, effect)
    return f"{words}; {debtor.broken_words}" if debtor.broken_words else words


def _not_yet(reason: Reason, debtor: Debtor, on: date, rules: Rules, effect: AccessState) -> str:
    """Say what the policy waits for before it cuts, or cuts so far."""
    owes = _owes(debtor)
    match reason:
        case Reason.DEFERRED if debtor.deferred is not None:
            until = debtor.deferred
            words = N_(
                "%(owes)s; deferred until %(day)s by %(who)s (%(note)s)",
                owes=owes,
                day=until.until,
                who=until.author,
                note=until.note,
            )
        case Reason.NOTICE:
            words = _unnoticed(debtor, owes, rules)
        case Reason.WEEKDAY:
            words = N_("%(owes)s; %(weekday)s", owes=owes, weekday=WEEKDAYS[on.weekday()])
        case Reason.HOLIDAY:
            words = N_("%(owes)s; nobody is cut on this holiday", owes=owes)
        case _ if effect is not AccessState.OPEN:
            words = _at_step(owes, effect)
        case _:
            first = min((step.days for step in rules.steps), default=0)
            words = N_("%(owes)s; the first step comes %(days)s days after grace", owes=owes, days=first)
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


def _not_running(debtor: Debtor) -> str:
    if not debtor.inactive_note:
        return N_("No running service to cut; %(owes)s", owes=_owes(debtor))
    return N_("Not connected (%(note)s); %(owes)s", note=debtor.inactive_note, owes=_owes(debtor))


def _unnoticed(debtor: Debtor, owes: str, rules: Rules) -> str:
    if debtor.notified_on is None:
        return N_("%(owes)s; no reminder of this debt arrived yet, and one must before", owes=owes)
    return N_(
        "%(owes)s; the last reminder arrived on %(day)s, and one must in the %(days)s days before",
        owes=owes,
        day=debtor.notified_on,
        days=rules.notice_days,
    )


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
