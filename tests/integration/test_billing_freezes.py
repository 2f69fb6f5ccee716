"""Suspensions agreed from a day to a day, billed as chosen; the effect of an act shown before it is done."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from billing import (
    effects,
    freezes,
    night,
    settling,
    subscriptions,
    suspensions,
    suspensions_to_come,
    testing,
)
from billing.freezes import Agreed
from billing.models import (
    AccessState,
    Account,
    LedgerEntry,
    LockReason,
    PlannedSuspension,
    SubscriptionAccess,
)
from core import db, errors

NOVEMBER = date(2026, 11, 1)
FREEZE = LockReason.FREEZE


def day(number, month=11):
    return date(2026, month, number)


def balance(session, made):
    session.expire_all()
    return session.get_one(Account, made.account_id).balance_minor


def wanted(session, made):
    session.expire_all()
    return session.get_one(SubscriptionAccess, made.subscription_id).wanted


def pass_night(session, on):
    """Live through what the night of that day does before it charges."""
    act = testing.act(on)
    suspensions_to_come.place_due(session, act)
    now = datetime(on.year, on.month, on.day, tzinfo=UTC)
    suspensions.lift_expired(session, now, by="night", today=on)
    settling.settle_pending(session, act)


@pytest.mark.parametrize(("percent", "given_back"), [(100, 0), (50, 500), (0, 1000)])
def test_a_freeze_of_ten_days_is_billed_as_chosen(session, percent, given_back):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    agreed = Agreed(FREEZE, day(11), day(20), percent, "holiday")
    freezes.agree(session, made.subscription_id, testing.act(day(11)), agreed)
    assert wanted(session, made) is AccessState.CLOSED
    assert balance(session, made) == -3000 + given_back
    pass_night(session, day(20))
    assert wanted(session, made) is AccessState.CLOSED
    pass_night(session, day(21))
    assert wanted(session, made) is AccessState.OPEN
    assert balance(session, made) == -3000 + given_back


def test_a_freeze_to_come_is_placed_by_the_night_of_its_day(database):
    with database.transaction() as session:
        made = testing.subscriber(session, starts_on=NOVEMBER)
        agreed = Agreed(FREEZE, day(16), None, 0, "holiday")
        freezes.agree(session, made.subscription_id, testing.act(day(5)), agreed)
        assert wanted(session, made) is AccessState.OPEN
        assert balance(session, made) == -3000
    rules = replace(testing.RULES, is_automatic=False)
    for on, state, minor in ((15, AccessState.OPEN, -3000), (16, AccessState.CLOSED, -1500)):
        night.close_day(database, testing.act(day(on)), rules=rules)
        with database.transaction() as session:
            assert wanted(session, made) is state
            assert balance(session, made) == minor
    with database.transaction() as session:
        freezes.lift(session, made.subscription_id, testing.act(day(21)), FREEZE)
        assert balance(session, made) == -2500
        assert session.scalars(select(PlannedSuspension)).all() == []


def test_what_cannot_be_agreed_is_told_at_its_field(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    act = testing.act(day(5))
    good = Agreed(FREEZE, day(10), day(12), 0, "holiday")
    for wrong, field in (
        ({"note": " "}, "note"),
        ({"billed_percent": 101}, "percent"),
        ({"from_on": day(4)}, "from_on"),
        ({"to_on": day(9)}, "to_on"),
        ({"reason": LockReason.DEBT}, "reason"),
    ):
        with pytest.raises(errors.Invalid) as caught:
            freezes.agree(session, made.subscription_id, act, replace(good, **wrong))
        assert set(caught.value.fields) == {field}
    freezes.agree(session, made.subscription_id, act, good)
    with pytest.raises(errors.Conflict):
        freezes.agree(session, made.subscription_id, act, replace(good, from_on=day(12), to_on=None))
    planned = freezes.planned(session, made.account_id)
    freezes.forget_planned(session, planned[0].id)
    with pytest.raises(errors.NotFound):
        freezes.forget_planned(session, planned[0].id)
    freezes.agree(session, made.subscription_id, act, replace(good, from_on=day(5)))
    with pytest.raises(errors.Conflict):
        freezes.agree(session, made.subscription_id, act, replace(good, from_on=day(11)))
    freezes.agree(session, made.subscription_id, act, replace(good, from_on=day(13), to_on=None))


def test_a_planned_freeze_of_what_ended_meanwhile_is_passed_over(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    freezes.agree(
        session, made.subscription_id, testing.act(day(5)), Agreed(FREEZE, day(20), None, 0, "holiday")
    )
    subscriptions.end(session, made.subscription_id, testing.act(day(10)), ends_on=day(10))
    assert suspensions_to_come.place_due(session, testing.act(day(20))) == suspensions_to_come.Placed()
    assert freezes.planned(session, made.account_id) == []


@pytest.mark.parametrize(
    ("last", "state", "back"), [(None, AccessState.CLOSED, 2100), (12, AccessState.OPEN, 300)]
)
def test_agreed_days_whose_nights_were_missed_are_billed_as_agreed_and_reported(database, last, state, back):
    with database.transaction() as session:
        made = testing.subscriber(session, starts_on=NOVEMBER)
        agreed = Agreed(FREEZE, day(10), last and day(last), 0, "holiday")
        freezes.agree(session, made.subscription_id, testing.act(day(5)), agreed)
    rules = replace(testing.RULES, is_automatic=False)
    report = night.close_day(database, testing.act(day(14)), rules=rules).report["lines"]
    ids = [made.account_id]
    assert (report["late"], report["missed"]) == (([], ids) if last else (ids, []))
    with database.transaction() as session:
        assert wanted(session, made) is state
        assert balance(session, made) == -3000 + back


def test_missed_days_of_a_freeze_count_by_the_terms_of_then_though_those_changed_by_hand(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    agreed = Agreed(FREEZE, day(10), day(12), 0, "holiday")
    freezes.agree(session, made.subscription_id, testing.act(day(5)), agreed)
    dearer = subscriptions.Choice(testing.plan(session, 6000).id)
    subscriptions.change(session, made.subscription_id, testing.act(day(14)), choice=dearer)
    pass_night(session, day(15))
    assert balance(session, made) == -(13 - 3) * 100 - 17 * 200


def test_the_effect_shown_is_what_then_happens(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    act = testing.act(day(17))
    dearer = subscriptions.Choice(testing.plan(session, 6000).id)

    def do():
        subscriptions.change(session, made.subscription_id, act, choice=dearer)

    with db.tried(session):
        shown = effects.of(session, made.account_id, act, do)
    assert [entry.amount_minor for entry in shown.entries] == [1400, -2800]
    assert (shown.balance_before_minor, shown.balance_after_minor) == (-3000, -4400)
    assert (shown.next_before.on, shown.next_before.total_minor) == (day(1, 12), 3000)
    assert (shown.next_after.on, shown.next_after.total_minor) == (day(1, 12), 6000)
    assert balance(session, made) == -3000
    do()
    sums = select(LedgerEntry.amount_minor).where(LedgerEntry.account_id == made.account_id)
    assert session.scalars(sums.order_by(LedgerEntry.id)).all() == [-3000, 1400, -2800]
    end = effects.of(
        session,
        made.account_id,
        act,
        lambda: subscriptions.end(session, made.subscription_id, act, ends_on=day(20)),
    )
    assert [entry.amount_minor for entry in end.entries] == [2000]
    assert end.next_after is None


def test_another_bill_day_shows_the_next_bill(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    act = testing.act(day(10))
    tenth = replace(subscriptions.agreed_on(subscriptions.get(session, made.subscription_id)), bill_day=10)
    shown = effects.of(
        session,
        made.account_id,
        act,
        lambda: subscriptions.change(session, made.subscription_id, act, choice=tenth),
    )
    assert [entry.amount_minor for entry in shown.entries] == [2100, -3000]
    assert (shown.next_before.on, shown.next_after.on) == (day(1, 12), day(10, 12))
