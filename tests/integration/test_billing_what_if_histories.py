"""What-if after any history: the balance, the lines that open, the sum that reconnects and the next cut come true.

The nights to come are really passed by, one after another, by the functions of the night (tests.money_life).
"""

from dataclasses import replace
from datetime import timedelta

from hypothesis import event, given
from hypothesis import strategies as st

from billing import debt, instalments, parts, payments, promises, subscriptions, suspensions, what_if
from billing.models import DecisionAction, LockReason, Method, PeriodKind, Subscription
from core import db, errors
from tests import money_checks, money_life, properties
from tests.money_world import DRAWN, FIRST, Doer, make_world

HORIZON = 20
histories = st.lists(st.one_of(money_life.acts, money_life.days), max_size=6)
deeds = st.one_of(
    st.just(("nothing",)),
    st.tuples(st.just("pay"), st.integers(1, 9000)),
    st.tuples(st.just("promise"), st.integers(0, 15), st.none() | st.integers(1, 4500)),
    st.tuples(st.just("parts"), st.integers(2, 4), st.integers(0, 9)),
    st.tuples(st.just("plan"), st.integers(0, 1), st.integers(0, 9)),
)
sold = (("start", 0, None, 1, 9), ("start", 2, 15, 1, 3), ("charge", 900))
# A telephone that is never cut, and the internet that is.
beside = (("start", 9, None, 1, 9), ("start", 0, None, 1, 3))


def deed_of(by, name, *values):
    match name:
        case "pay":
            return what_if.Pay(*values)
        case "promise":
            ahead, part = values
            return what_if.PromiseUntil(by.today + timedelta(days=ahead), part)
        case "parts":
            count, ahead = values
            return what_if.InParts(count, by.today + timedelta(days=ahead), PeriodKind.WEEK)
        case "plan":
            place, plan = values
            return what_if.NewPlan(by.at(Subscription, place), by.world.plans[plan][0])
    return None


def do(by, deed):
    """Do the deed as the pages do; return the lines it opens."""
    match deed:
        case what_if.Pay(minor):
            return payments.receive(
                by.session,
                by.account_id,
                minor,
                method=Method.CASH,
                dated_on=by.today,
                idempotency_key=by.key,
                rules=by.rules,
                **by.money,
            ).reopened
        case what_if.PromiseUntil(until, part):
            how = {"until": until, "amount_minor": part, "rules": by.rules}
            return promises.make(by.session, by.account_id, **how, **by.money).reopened
        case what_if.InParts(count, first_on, every):
            owed = debt.of(by.session, by.account_id, today=by.today).debt_minor
            agreed = parts.split(owed, count, first_on, every)
            return instalments.make(by.session, by.account_id, agreed, rules=by.rules, **by.money).reopened
        case what_if.NewPlan(service, plan):
            agreed = subscriptions.agreed_on(subscriptions.get(by.session, service))
            choice = subscriptions.Choice(
                plan,
                None,
                agreed.quantity,
                agreed.bill_day,
                agreed.bill_month,
                agreed.is_postpaid,
            )
            subscriptions.change(by.session, service, by.act, choice=choice)
    return ()


def live(session, world, begun, history):
    """Let the history happen; return its last day."""
    today = FIRST
    for number, (name, *values) in enumerate((*begun, *history)):
        if name == "days":
            for count in range(1, values[0] + 1):
                today += timedelta(days=1)
                if count % values[1] == 0 or count == values[0]:
                    money_life.close(Doer(session, world, today, f"night {today}"), is_alone=True)
            continue
        try:
            with db.part(session):
                money_life.ACTS[name](Doer(session, world, today, f"act {number}"), *values)
        except errors.LinecardError:
            session.expire_all()
    return today


def check_reconnect(by, told):
    """The sum that reconnects opens the lines that only debt holds, and a unit less opens none."""
    if not told.is_cut:
        assert told.reconnect_minor == 0
        return
    for minor in (told.reconnect_minor - 1, told.reconnect_minor):
        with db.tried(by.session):
            payer = replace(by, key=f"reconnect by {minor}")
            opened = do(payer, what_if.Pay(minor)) if minor > 0 else None
            stand = suspensions.standing(by.session, by.account_id)
            is_cut = any(lock.reason is LockReason.DEBT for lock in stand)
            assert opened is None or is_cut == (minor < told.reconnect_minor)
        by.session.expire_all()
    event("what reconnects was paid")


def first_cut(session, world, today, days):
    for number in range(days + 1):
        day = today + timedelta(days=number)
        verdicts = money_life.close(Doer(session, world, day, f"night {day}"), is_alone=True)
        if any(one.action is DecisionAction.CUT for one in verdicts):
            return day
    return None


@properties.money(8)
@given(begun=st.sampled_from((sold, beside)), history=histories, deed=deeds, rules=st.sampled_from(DRAWN))
@properties.undone
def test_after_any_history_what_if_equals_what_then_happens(session, begun, history, deed, rules):
    world = make_world(session, rules=rules)
    today = live(session, world, begun, history)
    by = Doer(session, world, today, "the deed")
    wanted = deed_of(by, *deed)
    session.flush()
    database = db.Database(session.connection())
    try:
        told = what_if.outlook(database, world.account_id, by.act, rules=by.rules, deed=wanted)
    except errors.LinecardError as refused:
        session.expire_all()
        with db.tried(session):
            try:
                do(by, wanted)
            except type(refused):
                return
        raise AssertionError("refused only when it was asked about") from refused
    session.expire_all()
    assert tuple(sorted(do(by, wanted))) == tuple(sorted(told.opened))
    entries = money_checks.entries_of(session, world.account_id)
    assert sum(entry.amount_minor for entry in entries) == told.balance_minor
    check_reconnect(by, told)
    far = None if told.cut_on is None else (told.cut_on - today).days
    happened = first_cut(session, world, today, HORIZON if far is None else min(HORIZON, far))
    event(f"cut in sight: {happened is not None}")
    assert happened == (told.cut_on if far is not None and far <= HORIZON else None)
