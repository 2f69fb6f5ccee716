"""Subscriptions: start, end, change a plan given to an account; what is billed and what is cut."""

from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased, joinedload

from billing import access, charges, ledger, rules
from billing.ledger import Author
from billing.models import EntryKind, LedgerEntry, Plan, Subscription
from core import errors
from core.words import N_

DAY = timedelta(days=1)


def price_minor(subscription: Subscription) -> int:
    """Return what a whole month costs: the subscription's own price, else its (loaded) plan's."""
    own = subscription.price_minor
    return subscription.plan.price_minor if own is None else own


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


def first_charge(
    plan_price_minor: int, *, starts_on: date, bill_day: int, until: date
) -> list[tuple[rules.Period, int]]:
    """Return the periods a new subscription is charged for by `until`, each with its sum in minor units."""
    return [
        (share.period, share.amount_minor(plan_price_minor))
        for share in rules.shares(starts_on, bill_day, until=max(until, starts_on))
    ]


def start(
    session: Session,
    account_id: int,
    *,
    plan_id: int,
    starts_on: date,
    today: date,
    payment_days: int,
    author: Author,
    bill_day: int = 1,
    price_minor: int | None = None,
) -> Subscription:
    """Give the account a plan from a day on: the access row is made and what has begun is charged.

    Raises NotFound, Invalid for a plan not offered, in another currency, or a bill day outside 1 to 28.
    """
    account = ledger.lock_account(session, account_id)
    plan = _offered(session, plan_id, account.currency)
    if not 1 <= bill_day <= 28:
        raise errors.Invalid("Not a bill day", {"bill_day": "Bill days are 1 to 28"})
    if price_minor is not None and price_minor < 0:
        raise errors.Invalid("Not a price", {"price": "A price is zero or more"})
    subscription = Subscription(
        account_id=account_id,
        plan_id=plan.id,
        plan=plan,
        price_minor=price_minor,
        starts_on=starts_on,
        bill_day=bill_day,
    )
    session.add(subscription)
    session.flush()
    access.ensure(session, subscription.id, today=today)
    charges.run(session, today, account_id=account_id, payment_days=payment_days, author=author)
    return subscription


def end(
    session: Session,
    subscription_id: int,
    *,
    ends_on: date,
    today: date,
    payment_days: int,
    author: Author,
) -> LedgerEntry | None:
    """Let the subscription end with that day (included): what was charged beyond it is given back.

    Returns the entry that gives it back, None when there is nothing to. Raises NotFound, Invalid, Conflict.
    """
    subscription = get(session, subscription_id)
    ledger.lock_account(session, subscription.account_id)
    session.refresh(subscription, ["ends_on"])
    if subscription.ends_on is not None:
        raise errors.Conflict(N_("This subscription ends on %(day)s already", day=subscription.ends_on))
    if ends_on < max(subscription.starts_on, today - DAY):
        raise errors.Invalid("Not an end", {"ends_on": "It may end yesterday at the earliest, once begun"})
    subscription.ends_on = ends_on
    session.flush()
    charges.run(session, today, account_id=subscription.account_id, payment_days=payment_days, author=author)
    access.refresh(session, [subscription.id], today=today)
    back = -_booked(session, subscription.id, ends_on + DAY)
    if back <= 0:
        return None
    return ledger.post(
        session,
        subscription.account_id,
        EntryKind.ADJUSTMENT,
        back,
        dated_on=today,
        author=author,
        subscription_id=subscription.id,
        period=_rest(session, subscription.id, ends_on + DAY),
        description=N_("%(plan)s: days after %(day)s given back", plan=subscription.plan.name, day=ends_on),
    )


def change(
    session: Session,
    subscription_id: int,
    *,
    plan_id: int,
    today: date,
    payment_days: int,
    author: Author,
    price_minor: int | None = None,
) -> LedgerEntry | None:
    """Change plan or price from today on; the rest of the charged period is settled by one entry.

    Returns that entry, None when the two cost the same. Raises NotFound, Invalid, Conflict when it ended.
    """
    subscription = get(session, subscription_id)
    account = ledger.lock_account(session, subscription.account_id)
    session.refresh(subscription, ["ends_on", "price_minor", "plan_id"])
    if subscription.ends_on is not None and subscription.ends_on < today:
        raise errors.Conflict("This subscription has ended")
    plan = _offered(session, plan_id, account.currency)
    if price_minor is not None and price_minor < 0:
        raise errors.Invalid("Not a price", {"price": "A price is zero or more"})
    charges.run(session, today, account_id=account.id, payment_days=payment_days, author=author)
    before, rest = subscription.plan, _rest(session, subscription.id, today)
    subscription.plan_id, subscription.plan, subscription.price_minor = plan.id, plan, price_minor
    session.flush()
    new = plan.price_minor if price_minor is None else price_minor
    cost = rules.prorate(new, rules.month_of(today, subscription.bill_day), rest) if rest else 0
    difference = -_booked(session, subscription.id, today) - cost
    if difference == 0:
        return None
    days = payment_days if account.payment_days is None else account.payment_days
    return ledger.post(
        session,
        account.id,
        EntryKind.ADJUSTMENT,
        difference,
        dated_on=today,
        author=author,
        due_on=rules.due_on(today, days) if difference < 0 else None,
        subscription_id=subscription.id,
        period=rest,
        description=N_(
            "%(before)s changed to %(plan)s from %(day)s", before=before.name, plan=plan.name, day=today
        ),
    )


def _offered(session: Session, plan_id: int, currency: str) -> Plan:
    plan = session.get(Plan, plan_id)
    if plan is None:
        raise errors.NotFound("There is no such plan")
    if not plan.is_offered:
        raise errors.Invalid("Not offered", {"plan": "This plan is not offered any more"})
    if plan.currency != currency:
        raise errors.Invalid(
            "Another currency", {"plan": N_("This plan is priced in %(currency)s", currency=plan.currency)}
        )
    return plan


def _entries(session: Session, subscription_id: int, first_day: date) -> list[LedgerEntry]:
    """Return what was booked for days from `first_day` on and not reversed."""
    reversal = aliased(LedgerEntry)
    return list(
        session.scalars(
            select(LedgerEntry)
            .outerjoin(reversal, reversal.reverses_id == LedgerEntry.id)
            .where(
                LedgerEntry.subscription_id == subscription_id,
                LedgerEntry.period_end >= first_day,
                reversal.id.is_(None),
            )
        )
    )


def _booked(session: Session, subscription_id: int, first_day: date) -> int:
    """Return the sum booked for the days from `first_day` on: every entry lies evenly on its days."""
    total = 0
    for entry in _entries(session, subscription_id, first_day):
        if entry.period_start is not None and entry.period_end is not None:
            whole = rules.Period(entry.period_start, entry.period_end)
            part = rules.Period(max(whole.start, first_day), whole.end)
            total += rules.prorate(entry.amount_minor, whole, part)
    return total


def _rest(session: Session, subscription_id: int, first_day: date) -> rules.Period | None:
    """Return the days from `first_day` to the end of what was charged; None when nothing reaches so far."""
    ends = [entry.period_end for entry in _entries(session, subscription_id, first_day) if entry.period_end]
    return rules.Period(first_day, max(ends)) if ends else None
