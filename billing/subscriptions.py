"""Subscriptions: start, end, change a plan given to an account; what is billed and what is cut."""

from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload

from billing import (
    access,
    charges,
    ledger,
    periods,
    rules,
    settling,
    suspensions,
    suspensions_to_come,
)
from billing.acts import Act, Terms
from billing.ledger import Author
from billing.models import Documented, LedgerEntry, LockReason, Plan, PlannedChange, Subscription
from core import errors
from core.columns import any_of
from core.words import N_

DAY = timedelta(days=1)


class Untaxed(errors.Conflict):
    """A period cannot be charged, for its VAT rate has no percent on the day."""


def of_account(session: Session, account_id: int) -> list[Subscription]:
    """Return the account's subscriptions with their plans, running ones first, then the newest."""
    return list(
        session.scalars(
            select(Subscription)
            .options(joinedload(Subscription.plan))
            .where(Subscription.account_id == account_id)
            .order_by(Subscription.ends_on.desc().nulls_first(), Subscription.id.desc())
        )
    )


def get(session: Session, subscription_id: int) -> Subscription:
    """Return the subscription with its plan; raises NotFound."""
    found = session.scalar(
        select(Subscription)
        .options(joinedload(Subscription.plan))
        .where(Subscription.id == subscription_id)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise errors.NotFound("There is no such subscription")
    return found


def locked(session: Session, subscription_id: int) -> Subscription:
    """Return the subscription with its plan, its account locked; raises NotFound."""
    account_id = get(session, subscription_id).account_id
    ledger.lock_account(session, account_id)
    return get(session, subscription_id)


@dataclass(frozen=True, slots=True)
class Choice:
    """What is agreed for a subscription: plan, own price of one (minor units), how many, when it is billed.

    `bill_day` is 1 to 28, 0 for the last day of the month, an ISO weekday for weeks; none means that periods
    begin on the day the terms do. `is_postpaid` none means as the plan is.
    """

    plan_id: int
    price_minor: int | None = None
    quantity: int = 1
    bill_day: int | None = 1
    bill_month: int = 1
    is_postpaid: bool | None = None


def agreed_on(subscription: Subscription | PlannedChange) -> Choice:
    """Return what is agreed for the subscription now, or from a day to come."""
    return Choice(
        plan_id=subscription.plan_id,
        price_minor=subscription.price_minor,
        quantity=subscription.quantity,
        bill_day=subscription.bill_day,
        bill_month=subscription.bill_month,
        is_postpaid=subscription.is_postpaid,
    )


def first_charge(
    session: Session, account_id: int, choice: Choice, *, starts_on: date, today: date
) -> list[tuple[rules.Period, int]]:
    """Return the periods a new subscription is charged for at once, each with its sum in minor units.

    It is really started, so the caller gives a session of Database.rehearsal(): what is shown is what would
    be made. Raises what start() raises.
    """
    act = Act(today, Terms(0, Documented.NONE), Author("preview"))
    made = start(session, account_id, act, choice=choice, starts_on=starts_on)
    rows = session.execute(
        select(LedgerEntry.period_start, LedgerEntry.period_end, LedgerEntry.amount_minor)
        .where(LedgerEntry.subscription_id == made.id)
        .order_by(LedgerEntry.period_start)
    ).all()
    return [(rules.Period(begin, end), -minor) for begin, end, minor in rows if begin and end]


def started_by(session: Session, account_id: int, key: str | None) -> Subscription | None:
    """Return what an earlier act with this key started; the account must be locked, see ledger.lock_account.

    Raises Conflict when it started something for another account.
    """
    query = select(Subscription).options(joinedload(Subscription.plan))
    found = session.scalar(query.where(Subscription.idempotency_key == key)) if key else None
    if found is not None and found.account_id != account_id:
        raise errors.Conflict("This form started a service of another account")
    return found


def start(
    session: Session,
    account_id: int,
    act: Act,
    *,
    choice: Choice,
    starts_on: date,
    ends_on: date | None = None,
    is_first_free: bool = False,
    idempotency_key: str | None = None,
    idle: str = "",
) -> Subscription:
    """Give the account a plan from a day on, to a last day if one is said; what has begun is charged.

    `is_first_free`: of a first period that is not whole nothing is charged. `idle` says why nothing is billed
    yet, nor let through: its owner is not connected (see billing.idle). Raises NotFound, Invalid for a plan
    not offered, in another currency, or terms that cannot be.
    """
    account = ledger.lock_account(session, account_id)
    plan = _offered(session, choice.plan_id, account.currency)
    cycle = _cycle(plan, choice, starts_on)
    if ends_on is not None and ends_on < starts_on:
        raise errors.Invalid("Not an end", {"ends_on": N_("The last day is not before the first")})
    whole = cycle.whole(starts_on)
    subscription = Subscription(
        account_id=account_id,
        plan_id=plan.id,
        plan=plan,
        price_minor=choice.price_minor,
        quantity=choice.quantity,
        starts_on=starts_on,
        terms_from=starts_on,
        ends_on=ends_on,
        free_until=whole.end if is_first_free and whole.start < starts_on else None,
        bill_day=cycle.bill_day,
        bill_month=cycle.bill_month,
        is_postpaid=choice.is_postpaid,
        idempotency_key=idempotency_key,
    )
    session.add(subscription)
    session.flush()
    access.ensure(session, subscription.id, today=act.today)
    if idle:
        suspensions.place(
            session,
            [subscription.id],
            LockReason.STATUS,
            owner=act.author.name,
            note=idle,
            today=act.today,
            from_on=min(starts_on, act.today),
            billed_percent=0,
        )
    charges.run(session, act, account_id=account_id)
    return subscription


def end(session: Session, subscription_id: int, act: Act, *, ends_on: date | None) -> list[LedgerEntry]:
    """Let the subscription end with that day (included); none takes an end back that has not come yet.

    What was charged beyond it is given back, and what was given back before a later end is asked for again.
    Returns the entries that do so. Raises NotFound, Invalid, Conflict.
    """
    subscription = locked(session, subscription_id)
    before = subscription.ends_on
    if before is not None and before < act.today:
        raise errors.Conflict(N_("This subscription ended on %(day)s", day=before))
    if ends_on is not None and ends_on < max(subscription.starts_on, act.today - DAY):
        raise errors.Invalid("Not an end", {"ends_on": "It may end yesterday at the earliest, once begun"})
    if ends_on == before:
        return []
    subscription.ends_on = ends_on
    if before is not None:
        _forget_part(subscription, before)
    if ends_on is not None:
        session.execute(
            delete(PlannedChange).where(
                PlannedChange.subscription_id == subscription.id, PlannedChange.starts_on > ends_on
            )
        )
    session.flush()
    charges.run(session, act, account_id=subscription.account_id)
    access.refresh(session, [subscription.id], today=act.today)
    moved = min(day for day in (before, ends_on) if day is not None)
    words = N_("%(plan)s: days after %(day)s given back", plan=subscription.plan.name, day=moved)
    if moved == before:
        words = N_("%(plan)s: days after %(day)s asked for again", plan=subscription.plan.name, day=moved)
    return settling.settle(session, subscription, act, since=moved + DAY, words=words)


def _forget_part(subscription: Subscription, last_day: date) -> None:
    """Let the period of that end be charged again where only the part to it was too small to cost anything.

    A period that costs nothing by its price is passed to its own last day (see charge_sql).
    """
    whole = settling.cycle_of(subscription).whole(last_day)
    if subscription.free_until == last_day < whole.end:
        subscription.free_until = whole.start - DAY


def change(
    session: Session, subscription_id: int, act: Act, *, choice: Choice, on: date | None = None
) -> list[LedgerEntry]:
    """Let new terms hold from a day on (today, when none is said): plan, price, quantity, bill day.

    In a charged period the days from then on are given back by the old terms and charged by the new ones, by
    real days. A day to come is planned, and the night of that day does it. Returns what was booked. Raises
    NotFound, Invalid, Conflict when the subscription has ended by then.
    """
    subscription = locked(session, subscription_id)
    on = act.today if on is None else on
    _catch_up(session, subscription, min(on, act.today), act)
    if subscription.ends_on is not None and subscription.ends_on < on:
        raise errors.Conflict("This subscription has ended")
    since = subscription.terms_from or subscription.starts_on
    if on < since or (on == since and subscription.terms_no > 1 and on < act.today):
        words = N_("The terms in force began on %(day)s", day=since)
        raise errors.Invalid("Not a day for a change", {"starts_on": words})
    account = ledger.lock_account(session, subscription.account_id)
    plan = _offered(session, choice.plan_id, account.currency, kept_id=subscription.plan_id)
    cycle = _cycle(plan, choice, on)
    agreed = replace(choice, bill_day=cycle.bill_day, bill_month=cycle.bill_month)
    if agreed == _agreed_before(session, subscription, on):
        return forget_planned(session, subscription_id, act, on=on)
    values = {**asdict(agreed), "author_id": act.author.staff_id, "author": act.author.name}
    key = {"subscription_id": subscription_id, "starts_on": on}
    written = insert(PlannedChange).values(**key, **values)
    session.execute(written.on_conflict_do_update(index_elements=list(key), set_=values))
    return _adopt(session, subscription, on, act) if on <= act.today else []


def apply_planned(session: Session, act: Act, *, account_id: int | None = None) -> int:
    """Let the terms hold whose day has come, oldest first, of all or one; return how many there were."""
    # Whose they are is held before it is looked at what they are: somebody may take one back meanwhile.
    held = ledger.hold(session, planned_accounts(session, act.until, account_id=account_id))
    due = session.execute(
        select(PlannedChange.subscription_id, PlannedChange.starts_on)
        .join(Subscription, Subscription.id == PlannedChange.subscription_id)
        .where(PlannedChange.starts_on <= act.until, Subscription.account_id == any_of(held))
        .order_by(PlannedChange.starts_on, PlannedChange.subscription_id)
    ).all()
    adopted = 0
    for subscription_id, on in due:
        # Terms that cannot follow yet wait, and the line with them; the run's report says why.
        with suppress(Untaxed):
            _adopt(session, get(session, subscription_id), on, act)
            adopted += 1
    return adopted


def planned_accounts(session: Session, on: date, *, account_id: int | None = None) -> list[int]:
    """Return the accounts, or the one, of which the day of terms to come is there."""
    query = select(Subscription.account_id).join(
        PlannedChange, PlannedChange.subscription_id == Subscription.id
    )
    query = query.where(PlannedChange.starts_on <= on).distinct()
    return list(
        session.scalars(query if account_id is None else query.where(Subscription.account_id == account_id))
    )


def planned(session: Session, account_id: int) -> list[PlannedChange]:
    """Return the terms to come of the account's subscriptions, soonest first."""
    return list(
        session.scalars(
            select(PlannedChange)
            .join(Subscription, Subscription.id == PlannedChange.subscription_id)
            .where(Subscription.account_id == account_id)
            .order_by(PlannedChange.starts_on, PlannedChange.subscription_id)
        )
    )


def forget_planned(session: Session, subscription_id: int, act: Act, *, on: date) -> list[LedgerEntry]:
    """Take terms to come back; a period charged only to their eve is charged whole."""
    subscription = locked(session, subscription_id)
    taken = session.scalars(
        delete(PlannedChange)
        .where(PlannedChange.subscription_id == subscription_id, PlannedChange.starts_on == on)
        .returning(PlannedChange.subscription_id)
    ).all()
    if not taken:
        return []
    words = N_("%(plan)s: goes on after %(day)s", plan=subscription.plan.name, day=on - DAY)
    return settling.settle(session, subscription, act, since=on, words=words)


def _catch_up(session: Session, subscription: Subscription, until: date, act: Act) -> None:
    """Let terms hold whose day came before that one and whose night did not: newer ones come after."""
    days = select(PlannedChange.starts_on).where(
        PlannedChange.subscription_id == subscription.id, PlannedChange.starts_on < until
    )
    for on in session.scalars(days.order_by(PlannedChange.starts_on)).all():
        _adopt(session, subscription, on, act)


def _agreed_before(session: Session, subscription: Subscription, on: date) -> Choice:
    """Return what holds on the eve of that day, terms to come included."""
    planned = session.scalar(
        select(PlannedChange)
        .where(PlannedChange.subscription_id == subscription.id, PlannedChange.starts_on < on)
        .order_by(PlannedChange.starts_on.desc())
        .limit(1)
    )
    return agreed_on(planned or subscription)


def _adopt(session: Session, subscription: Subscription, on: date, act: Act) -> list[LedgerEntry]:
    """Charge the old terms to their eve, give back what lies behind it, and charge by the new ones.

    The planned row stands meanwhile: it is what ends the old terms. Suspensions whose night was missed come
    first: days of the old terms are settled while they are in force. Raises Untaxed while those cannot be
    charged to their end: what they left out nobody would charge any more.
    """
    suspensions_to_come.place_due(session, act, account_id=subscription.account_id)
    change_ = session.get_one(PlannedChange, (subscription.id, on), populate_existing=True)
    plan = session.get_one(Plan, change_.plan_id)
    words = N_("%(old)s changed to %(new)s from %(day)s", old=subscription.plan.name, new=plan.name, day=on)
    report = charges.run(session, act, account_id=subscription.account_id)
    # Another position of the account that is refused holds up nobody but itself.
    refused = charges.refused_since(session, act, subscription.account_id) if report.refused else {}
    if subscription.id in refused:
        rate, since = refused[subscription.id]
        raise Untaxed(N_("VAT rate %(rate)s has no percent on %(day)s: add it first", rate=rate, day=since))
    made = settling.settle(session, subscription, act, since=on, words=words)
    last = session.scalar(select(func.max(LedgerEntry.id))) or 0
    subscription.plan_id, subscription.plan = plan.id, plan
    for name in ("price_minor", "quantity", "bill_day", "bill_month", "is_postpaid"):
        setattr(subscription, name, getattr(change_, name))
    subscription.terms_no += 1
    subscription.terms_from = on
    subscription.free_until = None
    session.delete(change_)
    session.flush()
    charges.run(session, act, account_id=subscription.account_id)
    new = select(LedgerEntry).where(LedgerEntry.subscription_id == subscription.id, LedgerEntry.id > last)
    return [*made, *session.scalars(new.order_by(LedgerEntry.id))]


def _cycle(plan: Plan, choice: Choice, starts_on: date) -> periods.Cycle:
    """Return how the periods follow each other; raises Invalid at the faulty field."""
    cycle = periods.cycle(plan.period, starts_on, choice.bill_day, choice.bill_month)
    faults = periods.faults(cycle)
    if choice.price_minor is not None and choice.price_minor < 0:
        faults["price"] = N_("A price is zero or more")
    if not 1 <= choice.quantity <= 100_000:
        faults["quantity"] = N_("A quantity is 1 to 100 000")
    if faults:
        raise errors.Invalid("These terms cannot be", faults)
    return cycle


def _offered(session: Session, plan_id: int, currency: str, *, kept_id: int | None = None) -> Plan:
    """Return the plan; who has one keeps it (`kept_id`) when it is not offered any more."""
    plan = session.get(Plan, plan_id)
    if plan is None:
        raise errors.NotFound("There is no such plan")
    if not plan.is_offered and plan_id != kept_id:
        raise errors.Invalid("Not offered", {"plan": "This plan is not offered any more"})
    if plan.currency != currency:
        raise errors.Invalid(
            "Another currency", {"plan": N_("This plan is priced in %(currency)s", currency=plan.currency)}
        )
    return plan
