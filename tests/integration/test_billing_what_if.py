"""What-if on PostgreSQL: what it says is what then happens, night by night, and it leaves nothing behind."""

from datetime import date, timedelta

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from sqlalchemy import func, select

from billing import (
    accounts,
    instalments,
    ledger,
    night,
    parts,
    payments,
    promises,
    subscriptions,
    suspensions,
    testing,
    what_if,
)
from billing.models import (
    Account,
    LedgerEntry,
    LockReason,
    Method,
    PeriodKind,
    Plan,
    Subscription,
    SuspensionLock,
)
from billing.rules import Rules
from core import errors
from tests import properties

TODAY = date(2026, 11, 18)  # a Wednesday
RULES = Rules(grace_days=2, minimum_debt_minor=100, brake_minimum=50)


def act(today=TODAY):
    return testing.act(today, payment_days=3)


def customer(database, *, debt_minor=0, due=0, bill_day=1, starts=0, price=3000):
    with database.transaction() as session:
        begun = TODAY + timedelta(days=starts)
        made = testing.subscriber(
            session, price_minor=price, starts_on=begun, today=TODAY, payment_days=3, bill_day=bill_day
        )
        if debt_minor:
            testing.charge(session, made.account_id, debt_minor, due_on=TODAY + timedelta(days=due))
    return made


def cut(database, account_id):
    with database.reading() as session:
        return bool(
            session.scalar(
                select(func.count())
                .select_from(SuspensionLock)
                .join(Subscription)
                .where(
                    Subscription.account_id == account_id,
                    SuspensionLock.reason == LockReason.DEBT,
                    SuspensionLock.lifted_at.is_(None),
                )
            )
        )


def first_cut(database, account_id, rules, days):
    """Close day after day for real; return the first whose night cut."""
    for number in range(days + 1):
        night.close_day(database, act(TODAY + timedelta(days=number)), rules=rules)
        if cut(database, account_id):
            return TODAY + timedelta(days=number)
    return None


def do(database, account_id, deed, rules):
    with database.transaction() as session:
        if isinstance(deed, what_if.Pay):
            payments.receive(
                session,
                account_id,
                deed.amount_minor,
                method=Method.CASH,
                dated_on=TODAY,
                reference="",
                idempotency_key=None,
                author=testing.AUTHOR,
                today=TODAY,
                rules=rules,
            )
        elif isinstance(deed, what_if.PromiseUntil):
            promises.make(
                session,
                account_id,
                until=deed.until,
                amount_minor=deed.amount_minor,
                author=testing.AUTHOR,
                today=TODAY,
                rules=rules,
            )
        elif isinstance(deed, what_if.InParts):
            owed = -session.get_one(Account, account_id).balance_minor
            agreed = parts.split(max(owed, 0), deed.count, deed.first_on, deed.every)
            instalments.make(session, account_id, agreed, author=testing.AUTHOR, today=TODAY, rules=rules)
        elif deed is not None:
            service = subscriptions.get(session, deed.subscription_id)
            choice = subscriptions.Choice(deed.plan_id, bill_day=service.bill_day)
            subscriptions.change(session, deed.subscription_id, act(), choice=choice)


scenes = st.fixed_dictionaries(
    {
        "debt_minor": st.sampled_from([0, 50, 99, 100, 2500]),
        "due": st.integers(-3, 4),
        "bill_day": st.sampled_from([1, 18, 20, 24]),
        "starts": st.sampled_from([-20, 0, 2]),
        "paid": st.sampled_from([0, 0, 1000, 6000]),
        "grace": st.sampled_from([None, None, 0, 5]),
        "credit": st.sampled_from([0, 0, 2600, 9000]),
        "credit_days": st.sampled_from([None, 1, 4]),
        "promise": st.sampled_from([None, None, 3]),
        "skip": st.sampled_from([(), (6, 7), (1, 2, 3)]),
        "deed": st.sampled_from(["none", "pay", "promise", "part", "parts", "plan"]),
    }
)


@properties.money(few=18)
@given(scene=scenes)
@properties.apart
def test_what_if_equals_what_then_happens(database, scene):
    rules = Rules(grace_days=2, minimum_debt_minor=100, brake_minimum=50, skip_weekdays=scene["skip"])
    made = customer(database, **{name: scene[name] for name in ("debt_minor", "due", "bill_day", "starts")})
    with database.transaction() as session:
        until = None if scene["credit_days"] is None else TODAY + timedelta(days=scene["credit_days"])
        accounts.set_terms(
            session,
            made.account_id,
            payment_days=None,
            grace_days=scene["grace"],
            is_never_cut=False,
            credit_limit_minor=scene["credit"],
            credit_until=until,
        )
        if scene["paid"]:
            testing.pay(session, made.account_id, scene["paid"])
        other = testing.plan(session, 900).id
    if scene["promise"] is not None:
        try:
            do(database, made.account_id, what_if.PromiseUntil(TODAY + timedelta(days=3)), rules)
        except errors.Invalid:
            scene["promise"] = None  # nothing was owed
    deed = {
        "none": None,
        "pay": what_if.Pay(2500),
        "promise": what_if.PromiseUntil(TODAY + timedelta(days=5)),
        "part": what_if.PromiseUntil(TODAY + timedelta(days=5), 50),
        "parts": what_if.InParts(3, TODAY + timedelta(days=2), PeriodKind.WEEK),
        "plan": what_if.NewPlan(made.subscription_id, other),
    }[scene["deed"]]
    try:
        told = what_if.outlook(database, made.account_id, act(), rules=rules, deed=deed)
    except (errors.Invalid, errors.Conflict) as refused:
        with pytest.raises(type(refused)):
            do(database, made.account_id, deed, rules)
        return
    with database.reading() as session:
        before = session.get_one(Account, made.account_id).balance_minor
    assert told.balance_minor - told.booked_minor == before
    do(database, made.account_id, deed, rules)
    with database.reading() as session:
        assert session.get_one(Account, made.account_id).balance_minor == told.balance_minor
    days = 16 if told.cut_on is None else min(16, (told.cut_on - TODAY).days)
    happened = first_cut(database, made.account_id, rules, days)
    event(f"cut in sight: {happened is not None}")
    assert happened == (told.cut_on if told.cut_on and (told.cut_on - TODAY).days <= 16 else None)


def test_the_least_sum_reconnects_and_a_cent_less_does_not(database):
    made = customer(database, debt_minor=2500, due=-9, bill_day=18)
    for rules, least in ((RULES, 2401), (Rules(grace_days=2, reconnects_at_zero=True), 2500)):
        with database.transaction() as session:
            suspensions.place(session, [made.subscription_id], LockReason.DEBT, owner="cutoff", today=TODAY)
        found = what_if.outlook(database, made.account_id, act(), rules=rules)
        assert (found.is_cut, found.reconnect_minor, found.is_held) == (True, least, False)
        for minor, opened in ((least - 1, ()), (least, (made.subscription_id,))):
            then = what_if.outlook(database, made.account_id, act(), rules=rules, deed=what_if.Pay(minor))
            assert (then.opened, then.is_cut, then.booked_minor) == (opened, not opened, minor)


def test_who_is_cut_already_is_told_of_today_and_not_of_the_charges_of_a_year(database):
    made = customer(database, debt_minor=2500, due=-9, bill_day=18)
    with database.transaction() as session:
        suspensions.place(session, [made.subscription_id], LockReason.DEBT, owner="cutoff", today=TODAY)
    found = what_if.outlook(database, made.account_id, act(), rules=RULES)
    assert found.cut_on is None
    assert "25.00" in found.reason
    assert "(9 days)" in found.reason


def test_another_lock_is_said_to_hold_the_line(database):
    made = customer(database, debt_minor=2500, due=-9)
    with database.transaction() as session:
        for reason in (LockReason.DEBT, LockReason.ABUSE):
            suspensions.place(session, [made.subscription_id], reason, owner="x", today=TODAY)
    found = what_if.outlook(database, made.account_id, act(), rules=RULES, deed=what_if.Pay(9000))
    assert (found.is_cut, found.opened) == (False, ())
    assert what_if.outlook(database, made.account_id, act(), rules=RULES).is_held


def test_looking_leaves_nothing_behind(database):
    made = customer(database, debt_minor=2500, due=-1)

    def rows():
        with database.reading() as session:
            return [
                session.scalar(select(func.count()).select_from(table))
                for table in (LedgerEntry, SuspensionLock)
            ] + [session.get_one(Account, made.account_id).documented, ledger.verify(session)]

    before = rows()
    found = what_if.outlook(database, made.account_id, act(), rules=RULES)
    assert found.cut_on == TODAY + timedelta(days=2)
    assert rows() == before


def test_what_is_spared_for_good_has_no_day_and_says_why(database):
    made = customer(database, debt_minor=2500, due=-9)
    with database.transaction() as session:
        accounts.set_terms(
            session,
            made.account_id,
            payment_days=None,
            grace_days=None,
            is_never_cut=True,
            never_cut_note="us",
        )
    found = what_if.outlook(database, made.account_id, act(), rules=RULES)
    assert found.cut_on is None
    assert "never" in found.reason
    with pytest.raises(errors.NotFound):
        what_if.outlook(database, 10**9, act(), rules=RULES)


@pytest.mark.parametrize(("starts", "cut"), [(0, 6), (-5, 1), (9, 9)])
def test_beside_a_telephone_that_is_never_cut_the_internet_is_told_its_day(database, starts, cut):
    """Nothing is due yet; both are in grace; the internet begins when the telephone's bill is past due."""
    begun, internet_on = TODAY + timedelta(days=min(starts, 0)), TODAY + timedelta(days=starts)
    with database.transaction() as session:
        phone = Plan(name="Phone", price_minor=500, currency="EUR", is_never_cut=True)
        session.add(phone)
        account_id = accounts.open_account(session, currency="EUR").id
        for plan, on in ((phone, begun), (testing.plan(session, 3000), internet_on)):
            choice = subscriptions.Choice(plan.id, bill_day=None)
            subscriptions.start(session, account_id, act(begun), choice=choice, starts_on=on)
    found = what_if.outlook(database, account_id, act(), rules=RULES)
    assert found.cut_on == TODAY + timedelta(days=cut)
    assert "past due" in found.reason


def test_a_daily_plan_is_looked_at_until_its_first_day_cuts(database):
    """Forty nights are over before the thirty days to pay and fourteen of grace are."""
    rules = Rules(grace_days=14, minimum_debt_minor=100, brake_minimum=50)
    with database.transaction() as session:
        plan = Plan(name="Daily", price_minor=200, currency="EUR", period=PeriodKind.DAY)
        session.add(plan)
        account_id = accounts.open_account(session, currency="EUR", payment_days=30).id
        choice = subscriptions.Choice(plan.id, bill_day=None)
        subscriptions.start(session, account_id, act(), choice=choice, starts_on=TODAY)
    found = what_if.outlook(database, account_id, act(), rules=rules)
    assert found.cut_on == TODAY + timedelta(days=45)
