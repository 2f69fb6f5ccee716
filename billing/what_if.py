"""What if: the sum that reconnects, the day of the next cut and why, and what an act would change of it.

Nothing is guessed: the act is really done and the nights to come are really passed by, with the functions of
the night, in a session of Database.rehearsal() that is undone. Only nights that could change the verdict are
passed: when something begins, is charged, gets out of grace, or ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import and_, func, or_, select, text
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from billing import (
    coming,
    debt,
    effects,
    instalments,
    interest,
    ledger,
    night,
    parts,
    payments,
    promises,
    subscriptions,
)
from billing.acts import Act
from billing.models import (
    AccessState,
    Account,
    DecisionAction,
    Documented,
    LockReason,
    Method,
    NightRun,
    PeriodKind,
    PlannedChange,
    PlannedSuspension,
    Subscription,
    SuspensionLock,
    strictness,
)
from billing.rules import DAY, Rules
from billing.verdicts import Reason, Verdict
from core.db import Database

HORIZON_DAYS = 400
# Beside one night for every day until what is charged today cuts: where something is charged daily, all of
# them are looked at.
NIGHTS_LIMIT = 40
# Who is spared by these is spared until a person changes it.
_FOR_GOOD = frozenset({Reason.NEVER_CUT, Reason.GROUP, Reason.INCIDENT})
_FOR_A_DAY = frozenset({Reason.WEEKDAY, Reason.HOLIDAY})


@dataclass(frozen=True, slots=True)
class Pay:
    """A payment of that sum, today."""

    amount_minor: int


@dataclass(frozen=True, slots=True)
class PromiseUntil:
    """A promise to pay by the end of that day; all that is owed unless a sum is named."""

    until: date
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True)
class InParts:
    """Instalments of the whole debt, agreed on today: so many, from that day on, a month or a week apart."""

    count: int
    first_on: date
    every: PeriodKind = PeriodKind.MONTH


@dataclass(frozen=True, slots=True)
class NewPlan:
    """A subscription's change to another plan at its list price, today."""

    subscription_id: int
    plan_id: int


Deed = Pay | PromiseUntil | InParts | NewPlan


@dataclass(frozen=True, slots=True)
class Outlook:
    """How an account stands, and what comes when nothing more is done; sums are minor units.

    `reconnect_minor` is the least payment that lifts the debt locks, 0 when none stands; `is_held` says that
    other locks keep a line closed even then. `cut_on` is the day whose night cuts, none when no night in
    sight does; `reason` is that night's sentence, or why there is none ("" when nothing is owed by then).
    `booked_minor` is what the deed put on the account at once, `opened` the lines it opens.
    `interest_minor` has accrued and is not charged yet.
    """

    balance_minor: int
    past_due_minor: int
    overdue_minor: int
    is_cut: bool
    reconnect_minor: int
    is_held: bool
    cut_on: date | None
    reason: str
    booked_minor: int = 0
    opened: tuple[int, ...] = ()
    interest_minor: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How an account stands now: the part of Outlook that looks at no night to come."""

    balance_minor: int
    past_due_minor: int
    overdue_minor: int
    is_cut: bool
    reconnect_minor: int
    is_held: bool


def standing(session: Session, account_id: int, *, today: date, rules: Rules) -> Standing:
    """Return how the account stands, in any session; raises NotFound."""
    stands = debt.of(session, account_id, today=today, grace_days=rules.grace_days)
    is_cut = bool(_locked(session, account_id, is_debt=True))
    return Standing(
        balance_minor=stands.balance_minor,
        past_due_minor=stands.past_due_minor,
        overdue_minor=stands.overdue_minor,
        is_cut=is_cut,
        reconnect_minor=_least(stands.cutting_minor, rules) if is_cut else 0,
        is_held=is_cut and bool(_locked(session, account_id, is_debt=False)),
    )


def outlook(
    database: Database, account_id: int, act: Act, *, rules: Rules, deed: Deed | None = None
) -> Outlook:
    """Return how the account stands and what comes, after the deed when one is asked about.

    Raises what the deed raises when it is really done, and NotFound.
    """
    quiet = replace(act, terms=replace(act.terms, documented=Documented.NONE))
    with database.rehearsal() as session:
        before = _take(session, account_id)
        opened = _do(session, account_id, deed, quiet, rules) if deed is not None else ()
        stands = standing(session, account_id, today=act.today, rules=rules)
        accrued = interest.pending_minor(session, account_id, act.today, rules=rules)
        cut_on, reason = _next_cut(session, account_id, quiet, rules)
    return Outlook(
        balance_minor=stands.balance_minor,
        past_due_minor=stands.past_due_minor,
        overdue_minor=stands.overdue_minor,
        is_cut=stands.is_cut,
        reconnect_minor=stands.reconnect_minor,
        is_held=stands.is_held,
        cut_on=cut_on,
        reason=reason,
        booked_minor=stands.balance_minor - before,
        opened=opened,
        interest_minor=accrued,
    )


def next_bill(database: Database, account_id: int, act: Act) -> effects.Bill | None:
    """Return the next day on which the account is charged, and what; none: never."""
    quiet = replace(act, terms=replace(act.terms, documented=Documented.NONE))
    with database.rehearsal() as session:
        _take(session, account_id)
        return effects.next_bill(session, account_id, quiet)


def _take(session: Session, account_id: int) -> int:
    """Lock the account for the rehearsal and return its balance; no document is made in it.

    Documents move no debt, and their counters are everybody's. Who waits longer is told to come again.
    """
    session.execute(text("SET LOCAL lock_timeout = '2s'"))
    account = ledger.lock_account(session, account_id)
    account.documented = None
    session.flush()
    return account.balance_minor


def _do(session: Session, account_id: int, deed: Deed, act: Act, rules: Rules) -> tuple[int, ...]:
    """Do the deed as it is really done; return the subscriptions whose line opens."""
    by, on = act.author, act.today
    match deed:
        case Pay(amount_minor):
            received = payments.receive(
                session,
                account_id,
                amount_minor,
                method=Method.CASH,
                dated_on=on,
                reference="",
                idempotency_key=None,
                author=by,
                today=on,
                rules=rules,
            )
            return received.reopened
        case PromiseUntil(until, part):
            made = promises.make(
                session, account_id, until=until, amount_minor=part, author=by, today=on, rules=rules
            )
            return made.reopened
        case InParts(count, first_on, every):
            owed = max(0, -session.get_one(Account, account_id).balance_minor)
            agreed = parts.split(owed, min(max(1, count), rules.instalments_limit + 1), first_on, every)
            in_parts = instalments.make(session, account_id, agreed, author=by, today=on, rules=rules)
            return in_parts.reopened
        case NewPlan(subscription_id, plan_id):
            service = subscriptions.get(session, subscription_id)
            choice = replace(subscriptions.agreed_on(service), plan_id=plan_id, price_minor=None)
            subscriptions.change(session, subscription_id, act, choice=choice)
            return ()


def _least(cutting_minor: int, rules: Rules) -> int:
    """Return the least payment after which the rules let in."""
    if rules.lets_in(cutting_minor):
        return 0
    left = 0 if rules.reconnects_at_zero else max(rules.minimum_debt_minor, 1) - 1
    return cutting_minor - left


def _locked(session: Session, account_id: int, *, is_debt: bool) -> int:
    reason = SuspensionLock.reason
    return (
        session.scalar(
            select(func.count())
            .select_from(SuspensionLock)
            .join(Subscription)
            .where(
                Subscription.account_id == account_id,
                SuspensionLock.lifted_at.is_(None),
                reason == LockReason.DEBT if is_debt else and_(reason != LockReason.DEBT, ~_passes()),
            )
        )
        or 0
    )


def _passes() -> ColumnElement[bool]:
    """A lock that only leads to a page holds nothing back."""
    return SuspensionLock.effect.in_([AccessState.OPEN, AccessState.NOTICE])


def _next_cut(session: Session, account_id: int, act: Act, rules: Rules) -> tuple[date | None, str]:
    """Pass by the nights to come until one cuts; return its day and its sentence, or why none does."""
    closed = session.scalar(select(NightRun.finished_at).where(NightRun.run_on == act.today))
    day: date | None = act.today if closed is None else act.today + DAY
    words = ""
    for _ in range(NIGHTS_LIMIT + _days_to_cut(session, account_id, act, rules)):
        if day is None or day > act.today + timedelta(days=HORIZON_DAYS):
            break
        noon = datetime.combine(day, time(12), UTC)
        found = night.pass_by(session, account_id, replace(act, today=day), rules=rules, now=noon)
        for verdict in found:
            if verdict.action is DecisionAction.CUT:
                return day, verdict.explanation
        cuttable = _cuttable(found)
        words = (cuttable or found)[0].explanation if found else ""
        if _is_spared_for_good(session, account_id, found, day):
            break
        if _is_cut_wholly(cuttable, rules) and not _comes_more_than_debt(session, account_id, day):
            break
        is_put_off = any(verdict.reason in _FOR_A_DAY for verdict in found)
        day = (
            day + DAY if is_put_off else min(coming.days_after(session, account_id, day, rules), default=None)
        )
    return None, words


def _days_to_cut(session: Session, account_id: int, act: Act, rules: Rules) -> int:
    """Return after how many days what is charged today cuts as far as it may: time to pay, grace, steps."""
    account = session.get_one(Account, account_id)
    to_pay = (act.terms.due_on(account, act.today) - act.today).days
    return (
        to_pay
        + coming.grace_days(session, account, rules)
        + max((one.days for one in rules.steps), default=0)
    )


def _cuttable(found: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts on services that debt may cut: a plan that is never cut spares only its own."""
    return [verdict for verdict in found if verdict.reason is not Reason.NEVER_CUT]


def _is_spared_for_good(session: Session, account_id: int, found: Sequence[Verdict], after: date) -> bool:
    """Whether every service, and each that is to come, is spared until a person changes it."""
    if not found or not all(verdict.reason in _FOR_GOOD for verdict in found):
        return False
    of_account = bool(_cuttable(found)) or session.get_one(Account, account_id).is_never_cut
    return of_account or not _comes_more_than_debt(session, account_id, after)


def _is_cut_wholly(found: Sequence[Verdict], rules: Rules) -> bool:
    """Whether debt has cut every service of these as far as any step of the rules does."""
    last = max((strictness(step.effect) for step in rules.steps), default=0)
    return bool(found) and all(
        verdict.action is DecisionAction.KEEP and strictness(verdict.effect) >= last for verdict in found
    )


def _comes_more_than_debt(session: Session, account_id: int, after: date) -> bool:
    """Whether anything but charges is to come: a service or a lock that begins or ends, a change of plan."""
    lock, service = SuspensionLock, Subscription
    own = service.account_id == account_id
    ends = and_(lock.lifted_at.is_(None), or_(lock.until.is_not(None), lock.to_on.is_not(None)))
    more = (
        select(service.id).where(own, or_(service.starts_on > after, service.ends_on >= after)),
        select(lock.id).join(service).where(own, ends),
        select(PlannedChange.subscription_id).join(service).where(own),
        select(PlannedSuspension.id).join(service).where(own),
    )
    return bool(session.scalar(select(or_(*(query.exists() for query in more)))))
