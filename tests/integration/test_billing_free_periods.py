"""What was passed at zero stays so: no later price list, letter or term asks for it (4.9 point 10)."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from billing import accounts, charge_runs, charges, discounts, freezes, plans, subscriptions, testing
from billing.discounts import Given, Letter
from billing.models import LedgerEntry, LockReason, Subscription
from billing.rules import DAY
from billing.subscriptions import Choice

FIRST = date(2026, 1, 1)
MONTHS = [date(2026, month, 1) for month in range(1, 9)]
JULY, AUGUST = MONTHS[6], MONTHS[7]


def sold(session, price, *, starts_on=FIRST):
    return testing.subscriber(session, price_minor=price, starts_on=starts_on)


def ten_off(session, made, minor=1000):
    letter = discounts.create(session, Letter("Ten off", amount_minor=minor, currency="EUR"))
    wanted = Given((letter.id,), FIRST)
    return discounts.give(session, made.account_id, testing.AUTHOR, wanted)[0]


def run(session, *days, account_id=None):
    for day in days:
        charges.run(session, testing.act(day), account_id=account_id)


def reprice(session, made, minor):
    plan = plans.get(session, session.get_one(Subscription, made.subscription_id).plan_id)
    plans.change(session, plan.id, name=plan.name, price_minor=minor)


def booked(session, made):
    query = select(LedgerEntry.period_start, LedgerEntry.amount_minor).order_by(LedgerEntry.id)
    return session.execute(query.where(LedgerEntry.subscription_id == made.subscription_id)).all()


def lettered(session):
    """A plan of 10.00 with a letter of 10.00 off from the first day."""
    made = sold(session, 1000, starts_on=date(2026, 1, 2))
    ten_off(session, made)
    return made


def test_months_a_letter_made_free_are_not_asked_for_when_the_price_list_changes(session):
    made = lettered(session)
    run(session, *MONTHS[1:7])
    reprice(session, made, 1200)
    run(session, JULY + 9 * DAY, AUGUST)
    assert booked(session, made) == [(date(2026, 1, 2), -968), (AUGUST, -200)]


def test_a_free_plan_asks_its_new_price_from_the_next_bill_day_on(session):
    made = sold(session, 0)
    run(session, *MONTHS[1:7])
    reprice(session, made, 1200)
    run(session, JULY + 9 * DAY, AUGUST)
    assert booked(session, made) == [(AUGUST, -1200)]


@pytest.mark.parametrize("is_in_batches", [False, True])
def test_what_nobody_looked_at_is_asked_for_still(database, is_in_batches):
    with database.transaction() as session:
        made = sold(session, 0)
        run(session, MONTHS[1])
        reprice(session, made, 1200)
    # Two nights of a first were missed.
    if is_in_batches:
        charge_runs.run(database, testing.act(MONTHS[3]))
    else:
        with database.transaction() as session:
            run(session, MONTHS[3])
    with database.reading() as session:
        assert booked(session, made) == [(MONTHS[2], -1200), (MONTHS[3], -1200)]
        assert charges.candidates(session, MONTHS[3]) == []


def test_a_run_in_batches_looks_at_a_free_month_once(database):
    with database.transaction() as session:
        made = sold(session, 0)
    charge_runs.run(database, testing.act(MONTHS[1]))
    with database.reading() as session:
        assert charges.candidates(session, MONTHS[1] + 3 * DAY) == []
        assert charges.candidates(session, MONTHS[2]) == [made.account_id]


def test_a_part_that_rounds_to_nothing_is_passed_for_good(session):
    made = sold(session, 1, starts_on=date(2026, 1, 25))
    reprice(session, made, 3100)
    run(session, MONTHS[1])
    assert booked(session, made) == [(MONTHS[1], -3100)]


def test_a_month_free_by_a_freeze_alone_is_asked_for_when_the_freeze_ends(session):
    made = sold(session, 3100)
    frozen = freezes.Agreed(LockReason.FREEZE, MONTHS[1], None, 0, "away")
    freezes.agree(session, made.subscription_id, testing.act(MONTHS[1]), frozen)
    run(session, MONTHS[1], MONTHS[2])
    freezes.lift(session, made.subscription_id, testing.act(date(2026, 3, 11)), LockReason.FREEZE)
    run(session, date(2026, 3, 11))
    assert booked(session, made) == [(FIRST, -3100), (MONTHS[2], -2100)]


def test_new_terms_are_charged_though_the_old_ones_were_free(session):
    made = sold(session, 0)
    run(session, MONTHS[1])
    agreed = subscriptions.agreed_on(subscriptions.get(session, made.subscription_id))
    subscriptions.change(
        session,
        made.subscription_id,
        testing.act(date(2026, 2, 15)),
        choice=replace(agreed, price_minor=2800),
        on=date(2026, 2, 8),
    )
    assert booked(session, made) == [(date(2026, 2, 8), -2100)]
    run(session, MONTHS[2])
    assert booked(session, made)[1:] == [(MONTHS[2], -2800)]


def test_a_letter_that_ends_on_its_first_day_leaves_what_it_lowered(session):
    made = sold(session, 1000, starts_on=MONTHS[1])
    other = sold(session, 1000, starts_on=MONTHS[1])
    letter = discounts.create(session, Letter("Half", percent_hundredths=5000))
    all_ = discounts.create(session, Letter("All", percent_hundredths=10_000))
    for one, found in ((made, letter), (other, all_)):
        discounts.give(session, one.account_id, testing.AUTHOR, Given((found.id,), MONTHS[2]))
    run(session, MONTHS[2])
    for one in (made, other):
        (given,) = discounts.of_account(session, one.account_id)
        discounts.end(session, given.id, today=MONTHS[2])
        (given,) = discounts.of_account(session, one.account_id)
        assert (given.starts_on, given.ends_on) == (MONTHS[2], MONTHS[2])
    run(session, MONTHS[2] + DAY, MONTHS[3])
    assert booked(session, made)[1:] == [(MONTHS[2], -500), (MONTHS[3], -1000)]
    assert booked(session, other)[1:] == [(MONTHS[3], -1000)]


@pytest.mark.parametrize(("moved_to", "asked"), [((None,), 7), ((FIRST + 15 * DAY,), 4), ((FIRST, None), 7)])
def test_a_part_too_small_to_cost_anything_is_passed_only_while_the_service_ends_with_it(
    session, moved_to, asked
):
    account_id = accounts.open_account(session, currency="JPY").id
    choice = Choice(testing.plan(session, 7, currency="JPY").id)
    early = testing.act(FIRST - 9 * DAY)
    made = subscriptions.start(session, account_id, early, choice=choice, starts_on=FIRST)
    subscriptions.end(session, made.id, early, ends_on=FIRST + DAY)
    sample = testing.Sample(account_id, made.id)
    run(session, FIRST)
    assert booked(session, sample) == []
    for ends_on in moved_to:
        subscriptions.end(session, made.id, testing.act(FIRST), ends_on=ends_on)
    run(session, FIRST + DAY, FIRST + 2 * DAY)
    assert booked(session, sample) == [(FIRST, -asked)]


def test_a_free_period_cut_short_stays_passed_when_its_end_is_taken_back(session):
    made = sold(session, 0)
    subscriptions.end(session, made.subscription_id, testing.act(FIRST), ends_on=MONTHS[3] + 9 * DAY)
    run(session, *MONTHS[:4])
    reprice(session, made, 1200)
    subscriptions.end(session, made.subscription_id, testing.act(MONTHS[3]), ends_on=None)
    run(session, MONTHS[3], MONTHS[4])
    assert booked(session, made) == [(MONTHS[4], -1200)]
