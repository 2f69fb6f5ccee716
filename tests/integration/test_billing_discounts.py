"""Discount letters: several at once, for an account or one service, from a day to a day."""

from datetime import date

import pytest
from sqlalchemy import select

from billing import charges, discounts, subscriptions, testing
from billing.discounts import Given, Letter
from billing.models import LedgerEntry
from core import errors

NOVEMBER, DECEMBER, JANUARY = date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)


def test_letters_lower_the_periods_that_begin_in_their_time(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    plan = testing.plan(session, 1000)
    other = subscriptions.start(
        session,
        made.account_id,
        testing.act(NOVEMBER),
        choice=subscriptions.Choice(plan.id),
        starts_on=NOVEMBER,
    )
    ten = discounts.create(session, Letter("Ten", percent_hundredths=1000))
    euro = discounts.create(session, Letter("Euro", amount_minor=100, currency="EUR"))
    whole = Given((ten.id,), DECEMBER, date(2026, 12, 31))
    discounts.give(session, made.account_id, testing.AUTHOR, whole)
    discounts.give(session, made.account_id, testing.AUTHOR, Given((euro.id,), DECEMBER, None, other.id))
    for day in (DECEMBER, JANUARY):
        charges.run(session, testing.act(day), account_id=made.account_id)
    rows = session.execute(
        select(LedgerEntry.subscription_id, LedgerEntry.period_start, LedgerEntry.amount_minor)
    ).all()
    sums = {(row[0] == other.id, row[1]): row[2] for row in rows}
    assert sums == {
        (False, NOVEMBER): -3000,
        (True, NOVEMBER): -1000,
        (False, DECEMBER): -2700,
        (True, DECEMBER): -800,
        (False, JANUARY): -3000,
        (True, JANUARY): -900,
    }


def test_a_given_letter_keeps_what_comes_off_and_ends_with_yesterday(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    letter = discounts.create(session, Letter("Ten", percent_hundredths=1000))
    first = discounts.give(session, made.account_id, testing.AUTHOR, Given((letter.id,), DECEMBER))
    discounts.change(session, letter.id, Letter("Ten percent", percent_hundredths=1000, is_offered=False))
    with pytest.raises(errors.Invalid):
        discounts.change(session, letter.id, Letter("Ten", percent_hundredths=2000))
    with pytest.raises(errors.Conflict):
        discounts.remove(session, letter.id)
    with pytest.raises(errors.Invalid):
        discounts.give(session, made.account_id, testing.AUTHOR, Given((letter.id,), JANUARY))
    discounts.end(session, first[0].id, today=JANUARY)
    assert discounts.given(session, first[0].id).ends_on == date(2026, 12, 31)
    discounts.end(session, first[0].id, today=DECEMBER)
    assert discounts.of_account(session, made.account_id) == []
    discounts.remove(session, letter.id)
    assert discounts.list_all(session) == []


def test_faults_of_letters_are_told_at_their_fields(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    for letter, field in (
        (Letter(" ", percent_hundredths=1), "name"),
        (Letter("A"), "percent"),
        (Letter("A", percent_hundredths=10_001), "percent"),
        (Letter("A", amount_minor=0, currency="EUR"), "amount"),
    ):
        with pytest.raises(errors.Invalid) as caught:
            discounts.create(session, letter)
        assert set(caught.value.fields) == {field}
    good = discounts.create(session, Letter("A", percent_hundredths=1))
    dollars = discounts.create(session, Letter("B", amount_minor=1, currency="USD"))
    for given, field in (
        (Given((), DECEMBER), "discounts"),
        (Given((dollars.id,), DECEMBER), "discounts"),
        (Given((good.id,), DECEMBER, NOVEMBER), "ends_on"),
        (Given((good.id,), DECEMBER, None, made.subscription_id + 99), "service"),
    ):
        with pytest.raises(errors.Invalid) as caught:
            discounts.give(session, made.account_id, testing.AUTHOR, given)
        assert set(caught.value.fields) == {field}
    twice = Given((good.id,), DECEMBER)
    discounts.give(session, made.account_id, testing.AUTHOR, twice)
    with pytest.raises(errors.Invalid):
        discounts.give(session, made.account_id, testing.AUTHOR, twice)
