"""Days cut off for debt, billed at less: settled when the line is let in or its service is over, not before."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from sqlalchemy import select

from billing import daybreak, debt_locks, night, payments, subscriptions, suspensions, testing, what_if
from billing.models import (
    AccessState,
    Account,
    DecisionAction,
    EntryKind,
    LedgerEntry,
    LockReason,
    Method,
    SuspensionLock,
)
from core import clock
from tests import money_life, properties
from tests.money_world import FIRST, LENIENT, Doer, make_world

RULES = replace(testing.RULES, grace_days=18, minimum_debt_minor=500)
OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


def act(on, payment_days=14):
    return testing.act(on, payment_days=payment_days)


def nights(database, days, rules, payment_days=14):
    """Close these days; return those by which anything of the cut or of the balance changed, with both."""
    seen = []
    for on in days:
        night.close_day(database, act(on, payment_days), rules=rules)
        with database.reading() as session:
            standing = select(SuspensionLock.id).where(
                SuspensionLock.reason == LockReason.DEBT, SuspensionLock.lifted_at.is_(None)
            )
            now = (bool(session.scalars(standing).all()), session.scalar(select(Account.balance_minor)))
        if not seen or seen[-1][1:] != now:
            seen.append((on, *now))
    return seen


def november(*days):
    return [NOVEMBER.replace(day=day) for day in days]


def december(*days):
    return [date(2026, 12, day) for day in days]


def settled(session, made):
    query = select(LedgerEntry.amount_minor, LedgerEntry.period_start, LedgerEntry.period_end).where(
        LedgerEntry.account_id == made.account_id, LedgerEntry.kind == EntryKind.ADJUSTMENT
    )
    rows = session.execute(query.order_by(LedgerEntry.id)).all()
    return [(minor, first.day, last.day) for minor, first, last in rows]


@pytest.mark.parametrize(("percent", "asked", "left"), [(0, 0, 671), (50, 1500, 335)])
def test_what_a_debtor_is_not_billed_of_days_cut_off_does_not_let_him_in(database, percent, asked, left):
    """October was due on the 15th and is out of grace on 3 November; November's 30.00 are due on its 15th."""
    rules = replace(RULES, debt_billed_percent=percent)
    with database.transaction() as session:
        made = testing.subscriber(session, starts_on=OCTOBER)
    told = what_if.outlook(database, made.account_id, act(NOVEMBER), rules=rules)
    assert told.cut_on == date(2026, 11, 3)
    seen = nights(database, [*november(1, 2, 3, 4, 5, 16), *december(1, 2, 4, 5)], rules)
    in_december = [(date(2026, 12, 1), True, -6000 - asked)] if asked else []
    assert seen == [(NOVEMBER, False, -6000), (date(2026, 11, 3), True, -6000), *in_december]
    told = what_if.outlook(database, made.account_id, act(date(2026, 12, 9)), rules=rules)
    assert told.reconnect_minor == 5501
    with database.transaction() as session:
        paid = date(2026, 12, 10)
        received = payments.receive(
            session,
            made.account_id,
            6000 + asked,
            method=Method.CASH,
            dated_on=paid,
            idempotency_key=None,
            author=testing.AUTHOR,
            today=paid,
            rules=rules,
        )
        assert received.reopened == (made.subscription_id,)
        assert settled(session, made) == []
    nights(database, december(10, 11), rules)
    with database.reading() as session:
        # 28 days of November, and December's first nine, are not asked, or by half.
        assert session.get_one(Account, made.account_id).balance_minor == left


def test_a_minimum_that_days_cut_off_would_fall_below_lets_nobody_in(database):
    """Paid in advance at once: of the month only a day was used when it is cut, and that is less than cuts."""
    rules = replace(RULES, grace_days=0, debt_billed_percent=0)
    with database.transaction() as session:
        testing.subscriber(session, starts_on=NOVEMBER, payment_days=0)
    seen = nights(database, [*november(1, 2, 3, 4), *december(1, 2, 3)], rules, payment_days=0)
    assert seen == [(NOVEMBER, False, -3000), (date(2026, 11, 2), True, -3000)]


def test_days_cut_off_for_debt_are_given_back_when_the_service_is_over(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    ids = [made.subscription_id]
    suspensions.place(
        session, ids, LockReason.DEBT, owner="cutoff", today=date(2026, 11, 11), billed_percent=0
    )
    daybreak.begin(session, act(date(2026, 11, 12)), clock.now())
    subscriptions.end(session, *ids, act(date(2026, 11, 16)), ends_on=date(2026, 11, 20))
    assert settled(session, made) == [(1000, 21, 30)]
    daybreak.begin(session, act(date(2026, 11, 20)), clock.now())
    assert settled(session, made) == [(1000, 21, 30)]
    daybreak.begin(session, act(date(2026, 11, 21)), clock.now())
    assert settled(session, made) == [(1000, 21, 30), (1000, 11, 30)]
    suspensions.lift(session, ids, LockReason.DEBT, by="test", today=date(2026, 11, 25))
    assert daybreak.begin(session, act(date(2026, 11, 26)), clock.now()).settled == 0


def test_days_cut_off_for_debt_stand_in_their_period_when_new_terms_of_the_next_settle_them(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    ids, first = [made.subscription_id], date(2026, 12, 1)
    suspensions.place(
        session, ids, LockReason.DEBT, owner="cutoff", today=date(2026, 11, 11), billed_percent=0
    )
    agreed = subscriptions.agreed_on(subscriptions.get(session, *ids))
    dear = replace(agreed, plan_id=testing.plan(session, 6000).id)
    subscriptions.change(session, *ids, act(first), choice=dear, on=first)
    # Not (2000, 1, 1), the first of December: the next settling of November would not find it there.
    assert settled(session, made) == [(2000, 1, 30)]


@properties.money(4)
@given(
    rules=st.builds(
        lambda percent, grace_days, minimum: replace(
            LENIENT, debt_billed_percent=percent, grace_days=grace_days, minimum_debt_minor=minimum
        ),
        st.sampled_from((0, 0, 50)),
        st.sampled_from((0, 2)),
        st.sampled_from((500, 1500)),
    ),
    payment_days=st.sampled_from((0, 3, 14)),
    sold=st.lists(st.sampled_from((0, 1, 5)), min_size=1, max_size=2),
)
@properties.undone
def test_whom_debt_cut_stays_cut_while_he_pays_nothing(session, rules, payment_days, sold):
    world = make_world(session, rules=rules)
    session.get_one(Account, world.account_id).payment_days = payment_days
    for number, plan in enumerate(sold):
        money_life.start(Doer(session, world, FIRST, f"sold {number}"), plan, 1, 1, 9)
    actions = []
    for number in range(20):
        on = FIRST + timedelta(days=number)
        found = night.pass_by(session, world.account_id, act(on), rules=rules, now=clock.now())
        actions += [one.action for one in found]
        cut = [one.subscription_id for one in found if one.action is DecisionAction.CUT]
        debt_locks.place(session, cut, AccessState.CLOSED, rules=rules, owner="cutoff", today=on)
    event(f"cut: {DecisionAction.CUT in actions}")
    assert DecisionAction.LIFT not in actions
