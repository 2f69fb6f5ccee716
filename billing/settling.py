"""Settling: what charged periods should have cost by what is known now, against what was booked for them.

One rule for every change inside a period: an end, new terms, a suspension that bills less, and its lifting;
for subscriptions, and for liabilities that end or are taken back. Only days cut off for debt wait until the
line is let in, or its service is over: given back before, they would be money against what was due before,
and would let in a debtor who paid nothing.
The period's price is the one it was charged by, so a new price list never bills what was billed before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from billing import crediting, documents, ledger, prices
from billing.acts import Act
from billing.models import (
    Documented,
    DocumentKind,
    EntryKind,
    LedgerEntry,
    Liability,
    LockReason,
    PlannedChange,
    Subscription,
    SuspensionLock,
)
from billing.periods import Cycle
from billing.rules import DAY, Period
from core.columns import any_of
from core.words import N_

Reversal = aliased(LedgerEntry)
_Standing = aliased(SuspensionLock)


@dataclass(frozen=True, slots=True)
class _Billed:
    """What is settled: whose charges, how its periods follow each other, the last day that is known.

    What is booked is brought down to what `settled` leaves, and up to what all `reductions` do.
    """

    column: Any
    id: int
    terms_no: int
    cycle: Cycle
    last_day: date | None
    reductions: Sequence[prices.Reduced] = ()
    settled: Sequence[prices.Reduced] = ()


def cycle_of(subscription: Subscription) -> Cycle:
    """Return how the subscription's periods follow each other; its plan must be loaded."""
    return Cycle(subscription.plan.period, subscription.bill_day, subscription.bill_month)


def reduced(session: Session, subscription_id: int) -> list[prices.Reduced]:
    """Return the days the subscription's suspensions bill at less than the full price."""
    return [days for days, _ in _reduced(session, subscription_id)]


def settled(
    session: Session, subscription_id: int, last_day: date | None, today: date
) -> list[prices.Reduced]:
    """Return those of reduced() that are given back by now: not days of debt while debt keeps the line off.

    What was charged when they were known already is not asked anew because of that.
    """
    found = _reduced(session, subscription_id)
    is_over = last_day is not None and last_day < today
    if is_over or not any(waits for _, waits in found):
        return [days for days, _ in found]
    stands = session.scalar(select(_stands(subscription_id)))
    return [days for days, waits in found if not (stands and waits)]


def _reduced(session: Session, subscription_id: int) -> list[tuple[prices.Reduced, bool]]:
    """Return the days billed at less, each with whether it is days of debt that are not settled yet."""
    lock = SuspensionLock
    waits = and_(lock.reason == LockReason.DEBT, lock.is_unsettled)
    rows = session.execute(
        select(lock.from_on, lock.to_on, lock.billed_percent, waits).where(
            lock.subscription_id == subscription_id, lock.billed_percent < prices.FULL
        )
    )
    return [
        (prices.Reduced(first, last, percent), is_waiting)
        for first, last, percent, is_waiting in rows
        if first
    ]


def _stands(subscription_id: Any) -> ColumnElement[bool]:
    """Whether debt has cut the subscription, now."""
    return (
        select(_Standing.id)
        .where(
            _Standing.subscription_id == subscription_id,
            _Standing.reason == LockReason.DEBT,
            _Standing.lifted_at.is_(None),
        )
        .exists()
    )


def settle(
    session: Session, subscription: Subscription, act: Act, *, since: date, words: str
) -> list[LedgerEntry]:
    """Book the difference of every charged period of the terms in force that reaches `since` or later.

    A second call finds no difference. A credit corrects the period's invoices by credit notes, and is no more
    than people left of them (see crediting.share_out); a further charge makes a document as charges do. What
    somebody reversed stays reversed: a charge, a credit, a further charge. The caller holds the account.
    """
    last_day = _last_day(session, subscription)
    billed = _Billed(
        LedgerEntry.subscription_id,
        subscription.id,
        subscription.terms_no,
        cycle_of(subscription),
        last_day,
        reduced(session, subscription.id),
        settled(session, subscription.id, last_day, act.today),
    )
    return _settle(session, billed, act, since=since, words=words)


def settle_liability(
    session: Session, liability: Liability, act: Act, *, since: date, words: str
) -> list[LedgerEntry]:
    """Do for a liability what settle() does for a subscription: nothing suspends it."""
    cycle = Cycle(liability.period, liability.bill_day, liability.bill_month)
    billed = _Billed(LedgerEntry.liability_id, liability.id, 1, cycle, liability.ends_on)
    return _settle(session, billed, act, since=since, words=words)


def _settle(session: Session, billed: _Billed, act: Act, *, since: date, words: str) -> list[LedgerEntry]:
    made = []
    for charge in _charged(session, billed, since):
        whole = billed.cycle.whole(_period(charge).start)
        # Not the charge's own end: terms that were to come, and were taken back, had cut it short.
        end = whole.end if billed.last_day is None else min(whole.end, billed.last_day)
        due = _due_minor(charge, whole, end, billed.reductions)
        at_most = _due_minor(charge, whole, end, billed.settled)
        booked = -_booked(session, billed, charge, whole)
        difference = booked - min(max(booked, due), at_most)
        if difference < 0:
            # A credit a person undid was not given: what it left standing is not asked a second time.
            difference = -min(-difference, max(0, due - crediting.stands_minor(session, charge)))
        elif difference > 0:
            # Nor is a further charge a person undid given back: it was not taken.
            difference = min(difference, max(0, crediting.stands_minor(session, charge) - at_most))
        if difference:
            # Days of debt are settled by what begins on the morrow of their period, too: within that period,
            # or it would not be found there by the next.
            first = since if since <= whole.end else _period(charge).start
            days = Period(max(first, _period(charge).start), max(first, _period(charge).end, end))
            parts = [(charge, difference)]
            if difference > 0:
                parts = crediting.share_out(session, charge, difference)
            made += [_book(session, claim, minor, act, days=days, words=words) for claim, minor in parts]
    return made


def settle_pending(session: Session, act: Act, *, account_id: int | None = None) -> int:
    """Settle every subscription whose suspensions changed what charged days cost; return how many entries."""
    # Whose they are is held before it is looked at what they are: another may be settling the same.
    held = ledger.hold(session, unsettled_accounts(session, act.today, account_id=account_id))
    is_ripe = _is_ripe(act.today)
    query = (
        select(SuspensionLock.subscription_id, func.min(SuspensionLock.from_on))
        .join(Subscription, Subscription.id == SuspensionLock.subscription_id)
        .where(is_ripe, Subscription.account_id == any_of(held))
        .group_by(Subscription.account_id, SuspensionLock.subscription_id)
        .order_by(Subscription.account_id, SuspensionLock.subscription_id)
    )
    entries = 0
    for subscription_id, since in session.execute(query).all():
        if since is None:
            continue
        subscription = session.get_one(Subscription, subscription_id, populate_existing=True)
        session.refresh(subscription, ["plan"])
        words = N_("%(plan)s: suspension settled", plan=subscription.plan.name)
        entries += len(settle(session, subscription, act, since=since, words=words))
        session.execute(
            update(SuspensionLock)
            .where(SuspensionLock.subscription_id == subscription_id)
            .where(Subscription.id == SuspensionLock.subscription_id, is_ripe)
            .values(is_unsettled=False)
            .execution_options(synchronize_session=False)
        )
    return entries


def unsettled_accounts(session: Session, today: date, *, account_id: int | None = None) -> list[int]:
    """Return the accounts, or the one, whose suspensions changed what charged days cost by that day."""
    query = select(Subscription.account_id).join(
        SuspensionLock, SuspensionLock.subscription_id == Subscription.id
    )
    query = query.where(_is_ripe(today)).distinct()
    return list(
        session.scalars(query if account_id is None else query.where(Subscription.account_id == account_id))
    )


def _is_ripe(today: date) -> ColumnElement[bool]:
    """Whether a lock, beside its Subscription, is to be settled: days of debt are not while debt cuts it."""
    is_over = Subscription.ends_on < today
    waits = and_(SuspensionLock.reason == LockReason.DEBT, _stands(SuspensionLock.subscription_id))
    return and_(SuspensionLock.is_unsettled, or_(is_over, ~waits))


def _due_minor(charge: LedgerEntry, whole: Period, end: date, reductions: Sequence[prices.Reduced]) -> int:
    """Return what the charge's days cost by what is known now."""
    charged = _period(charge)
    if end < charged.start:
        return 0
    if charge.whole_minor is None and end == charged.end and not reductions:
        return -charge.amount_minor
    price = _price_of(charge, whole) if charge.whole_minor is None else charge.whole_minor
    return prices.part_minor(price, whole, Period(charged.start, end), reductions)


def _price_of(charge: LedgerEntry, whole: Period) -> int:
    """Return the whole price behind a charge that does not name it: its days lie evenly."""
    return prices.round_ratio(-charge.amount_minor * whole.days, _period(charge).days)


def _period(charge: LedgerEntry) -> Period:
    """Return the days of a charge of a subscription: they are always written."""
    if charge.period_start is None or charge.period_end is None:
        raise ValueError(f"ledger entry {charge.id} names no period")
    return Period(charge.period_start, charge.period_end)


def _book(
    session: Session, charge: LedgerEntry, difference: int, act: Act, *, days: Period, words: str
) -> LedgerEntry:
    account = ledger.lock_account(session, charge.account_id)
    entry = ledger.post(
        session,
        charge.account_id,
        EntryKind.ADJUSTMENT,
        difference,
        dated_on=act.today,
        author=act.author,
        due_on=act.terms.due_on(account, act.today) if difference < 0 else None,
        subscription_id=charge.subscription_id,
        liability_id=charge.liability_id,
        terms_no=charge.terms_no,
        period=days,
        vat_hundredths=charge.vat_hundredths,
        quantity=charge.quantity,
        corrects_id=charge.id if difference > 0 else None,
        description=words,
    )
    if difference > 0:
        documents.correct(session, entry, charge, author=act.author)
    elif (mode := act.terms.documented_of(account)) is not Documented.NONE:
        kind = DocumentKind(mode.value)
        documents.issue(session, [entry.id], kind=kind, on=act.today, author=act.author)
    return entry


def _charged(session: Session, billed: _Billed, since: date) -> list[LedgerEntry]:
    """Return the charges of the terms in force that reach so far and were not reversed, oldest first."""
    return list(
        session.scalars(
            select(LedgerEntry)
            .outerjoin(Reversal, Reversal.reverses_id == LedgerEntry.id)
            .where(
                billed.column == billed.id,
                LedgerEntry.terms_no == billed.terms_no,
                LedgerEntry.kind == EntryKind.CHARGE,
                LedgerEntry.period_end >= since - DAY,
                Reversal.id.is_(None),
            )
            .order_by(LedgerEntry.period_start)
        )
    )


def _booked(session: Session, billed: _Billed, charge: LedgerEntry, whole: Period) -> int:
    """Return what stands in the ledger for the charge's period: itself, and what was settled since."""
    total = session.scalar(
        select(func.sum(LedgerEntry.amount_minor)).where(
            billed.column == billed.id,
            LedgerEntry.terms_no == charge.terms_no,
            LedgerEntry.period_start >= charge.period_start,
            LedgerEntry.period_end <= whole.end,
        )
    )
    return int(total or 0)


def _last_day(session: Session, subscription: Subscription) -> date | None:
    """Return the last day of the terms in force: the end, or the eve of terms to come."""
    planned = session.scalar(
        select(func.min(PlannedChange.starts_on)).where(PlannedChange.subscription_id == subscription.id)
    )
    days = [day for day in (subscription.ends_on, planned - DAY if planned else None) if day is not None]
    return min(days, default=None)
