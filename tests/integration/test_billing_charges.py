"""The charge run on PostgreSQL: each period once, by real days, with the balance right."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from billing import accounts, charges, debt, ledger, periods, plans, subscriptions, testing, unit_prices
from billing.ledger import Author
from billing.models import (
    AccessState,
    Account,
    EntryKind,
    LedgerEntry,
    Plan,
    Subscription,
    SubscriptionAccess,
)
from core import errors
from tests import properties

JOB = Author("night")
NOVEMBER = date(2026, 11, 1)


def run(session, on, **more):
    return charges.run(session, testing.act(on), **more)


def choice(plan_id, **more):
    return subscriptions.Choice(plan_id, **more)


def booked(session, account_id):
    session.expire_all()
    return session.scalars(
        select(LedgerEntry).where(LedgerEntry.account_id == account_id).order_by(LedgerEntry.id)
    ).all()


def test_a_month_is_charged_once_however_often_the_job_runs(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    assert run(session, NOVEMBER).entries == 0
    assert run(session, date(2026, 11, 30)).entries == 0
    assert run(session, date(2026, 12, 1)) == charges.ChargeReport(
        1, 3000, 1, 0, {"EUR": 3000}, undocumented={"company": 1}
    )
    assert run(session, date(2026, 12, 1)) == charges.ChargeReport()
    entry = booked(session, made.account_id)[-1]
    assert (entry.dated_on, entry.due_on) == (date(2026, 12, 1), date(2026, 12, 15))
    assert (entry.period_start, entry.period_end) == (date(2026, 12, 1), date(2026, 12, 31))
    assert entry.balance_after_minor == -6000
    assert session.get_one(Account, made.account_id).balance_minor == -6000
    assert entry.description == "Plan 3000 EUR"


def test_missed_days_are_caught_up_with_the_full_time_to_pay(session):
    made = testing.subscriber(session, starts_on=date(2026, 8, 1))
    assert run(session, date(2026, 11, 4)).entries == 3
    rows = booked(session, made.account_id)
    assert [row.dated_on.month for row in rows] == [8, 9, 10, 11]
    assert {row.due_on for row in rows[1:]} == {date(2026, 11, 18)}
    assert [row.balance_after_minor for row in rows] == [-3000, -6000, -9000, -12000]


def test_the_first_period_is_charged_by_its_days(session):
    made = testing.subscriber(session, starts_on=date(2026, 11, 16), bill_day=1)
    assert [row.amount_minor for row in booked(session, made.account_id)] == [-1500]


def test_an_ended_subscription_is_charged_to_its_last_day_and_no_further(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    subscriptions.end(
        session,
        made.subscription_id,
        testing.act(date(2026, 11, 20)),
        ends_on=date(2026, 12, 10),
    )
    run(session, date(2027, 3, 1))
    assert [row.amount_minor for row in booked(session, made.account_id)] == [-3000, -968]


def test_two_subscriptions_of_one_account_keep_the_running_balance(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    subscriptions.start(
        session,
        made.account_id,
        testing.act(date(2026, 11, 10)),
        choice=choice(testing.plan(session, 500).id, bill_day=10, price_minor=700),
        starts_on=date(2026, 11, 10),
    )
    assert run(session, date(2027, 1, 12)).entries == 4
    rows = booked(session, made.account_id)
    total = 0
    for row in rows:
        total += row.amount_minor
        assert row.balance_after_minor == total
    assert sorted(row.amount_minor for row in rows) == [-3000] * 3 + [-700] * 3
    assert ledger.verify(session) == []


def test_a_free_plan_and_a_future_one_charge_nothing(session):
    free = testing.subscriber(session, price_minor=0, starts_on=NOVEMBER)
    later = testing.subscriber(session, starts_on=date(2026, 12, 1), today=NOVEMBER)
    assert run(session, date(2026, 11, 30)).entries == 0
    assert booked(session, free.account_id) == booked(session, later.account_id) == []
    # December of the free one is not decided yet.
    assert charges.due_accounts(session, date(2026, 12, 1)) == [free.account_id, later.account_id]
    assert run(session, date(2026, 12, 1)).entries == 1
    assert charges.due_accounts(session, date(2026, 12, 1)) == []


def test_a_reversed_charge_is_not_charged_again(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    (entry,) = booked(session, made.account_id)
    ledger.reverse(session, entry.id, author=JOB, reason="outage", dated_on=NOVEMBER)
    assert run(session, date(2026, 11, 30)).entries == 0
    assert debt.of(session, made.account_id, today=date(2027, 1, 1)).balance_minor == 0


def test_the_accounts_own_days_to_pay_beat_the_settings(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    accounts.set_terms(session, made.account_id, payment_days=30, grace_days=None, is_never_cut=False)
    run(session, date(2026, 12, 1))
    assert booked(session, made.account_id)[-1].due_on == date(2026, 12, 31)


def test_one_account_can_be_charged_alone(session):
    first = testing.subscriber(session, starts_on=NOVEMBER)
    testing.subscriber(session, starts_on=NOVEMBER)
    assert run(session, date(2026, 12, 1), account_id=first.account_id).entries == 1
    assert run(session, date(2026, 12, 1)).entries == 1


@properties.money(60)
@given(
    starts_on=st.dates(date(2023, 12, 1), date(2024, 4, 30)),
    bill_day=st.integers(1, 28),
    price=st.integers(1, 99_999),
    ahead=st.integers(0, 130),
    lasts=st.one_of(st.none(), st.integers(0, 130)),
)
@properties.undone
def test_the_database_charges_what_the_arithmetic_says(session, *, starts_on, bill_day, price, ahead, lasts):
    until = starts_on + timedelta(days=ahead)
    ends_on = None if lasts is None else starts_on + timedelta(days=lasts)
    made = testing.subscriber(session, price_minor=0, starts_on=starts_on, bill_day=bill_day)
    service = subscriptions.get(session, made.subscription_id)
    service.price_minor, service.ends_on, service.free_until = price, ends_on, None
    session.flush()
    run(session, starts_on, account_id=made.account_id)
    run(session, until, account_id=made.account_id)
    cycle = periods.Cycle(bill_day=bill_day)
    said = [
        (share.period.start, share.period.end, -share.amount_minor(price))
        for share in periods.shares(cycle, starts_on, until=until, ends_on=ends_on)
        if share.amount_minor(price)
    ]
    rows = booked(session, made.account_id)
    assert [(row.period_start, row.period_end, row.amount_minor) for row in rows] == said


def test_two_runs_at_once_charge_every_period_once(fresh_database):
    with fresh_database.transaction() as session:
        for _ in range(30):
            testing.subscriber(session, starts_on=NOVEMBER)

    def charge(_):
        with fresh_database.transaction() as session:
            return run(session, date(2027, 1, 1)).entries

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(charge, range(4))) == [0, 0, 0, 60]
    with fresh_database.reading() as session:
        assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 90
        assert ledger.verify(session) == []


def test_what_was_paid_ahead_is_given_back_at_the_end(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    act = testing.act(date(2026, 11, 20))
    (back,) = subscriptions.end(session, made.subscription_id, act, ends_on=date(2026, 11, 20))
    assert (back.kind, back.amount_minor) == (EntryKind.ADJUSTMENT, 1000)
    assert session.get_one(Account, made.account_id).balance_minor == -2000


def test_an_end_that_has_not_come_is_moved_or_taken_back_to_the_cent(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    act = testing.act(date(2026, 11, 20))

    def moved(ends_on):
        return [
            entry.amount_minor
            for entry in subscriptions.end(session, made.subscription_id, act, ends_on=ends_on)
        ]

    assert moved(date(2026, 11, 20)) == [1000]
    assert moved(date(2026, 11, 25)) == [-500]
    assert moved(date(2026, 11, 25)) == []
    assert moved(date(2026, 11, 24)) == [100]
    assert moved(None) == [-600]
    assert session.get_one(Account, made.account_id).balance_minor == -3000
    assert moved(date(2026, 11, 30)) == []
    late = testing.act(date(2026, 12, 1))
    with pytest.raises(errors.Conflict):
        subscriptions.end(session, made.subscription_id, late, ends_on=None)


def test_a_subscription_ended_yesterday_closes_at_once(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    act = testing.act(date(2026, 11, 20))
    with pytest.raises(errors.Invalid):
        subscriptions.end(session, made.subscription_id, act, ends_on=date(2026, 11, 18))
    subscriptions.end(session, made.subscription_id, act, ends_on=date(2026, 11, 19))
    access = session.get_one(SubscriptionAccess, made.subscription_id, populate_existing=True)
    assert access.wanted is AccessState.CLOSED


def test_a_change_of_plan_gives_back_by_the_old_terms_and_charges_by_the_new(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    act = testing.act(date(2026, 11, 16))
    dearer = choice(testing.plan(session, 6000).id)
    given, asked = subscriptions.change(session, made.subscription_id, act, choice=dearer)
    assert (given.amount_minor, given.due_on) == (1500, None)
    assert (asked.amount_minor, asked.due_on) == (-3000, date(2026, 11, 30))
    assert (asked.period_start, asked.period_end) == (date(2026, 11, 16), date(2026, 11, 30))
    assert subscriptions.change(session, made.subscription_id, act, choice=dearer) == []
    free = replace(dearer, price_minor=0)
    (cheaper,) = subscriptions.change(session, made.subscription_id, act, choice=free)
    assert (cheaper.amount_minor, cheaper.due_on) == (3000, None)
    assert run(session, date(2026, 12, 1)).entries == 0


def test_the_end_after_a_change_gives_back_the_new_price(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    dearer = choice(testing.plan(session, 6000).id)
    subscriptions.change(session, made.subscription_id, testing.act(date(2026, 11, 11)), choice=dearer)
    act = testing.act(date(2026, 11, 20))
    (back,) = subscriptions.end(session, made.subscription_id, act, ends_on=date(2026, 11, 20))
    assert back.amount_minor == 2000
    assert session.get_one(Account, made.account_id).balance_minor == -3000
    again = choice(testing.plan(session, 3000).id)
    with pytest.raises(errors.Conflict):
        subscriptions.change(session, made.subscription_id, testing.act(date(2026, 11, 25)), choice=again)


def test_a_change_on_the_bill_day_itself_is_charged_once_by_the_new_terms(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    act = testing.act(date(2026, 12, 1))
    run(session, date(2026, 12, 1))
    dearer = choice(testing.plan(session, 6000).id)
    given, asked = subscriptions.change(session, made.subscription_id, act, choice=dearer)
    assert (given.amount_minor, asked.amount_minor) == (3000, -6000)
    assert run(session, date(2026, 12, 31)).entries == 0
    assert session.get_one(Account, made.account_id).balance_minor == -9000


def test_a_change_to_come_is_planned_and_its_night_does_it(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    dearer = choice(testing.plan(session, 6000).id)
    on = date(2026, 12, 17)
    plan = subscriptions.change(
        session, made.subscription_id, testing.act(date(2026, 11, 20)), choice=dearer, on=on
    )
    assert plan == []
    assert [row.starts_on for row in subscriptions.planned(session, made.account_id)] == [on]
    run(session, date(2026, 12, 1))
    assert subscriptions.apply_planned(session, testing.act(date(2026, 12, 16))) == 0
    assert subscriptions.apply_planned(session, testing.act(on)) == 1
    december = [row.amount_minor for row in booked(session, made.account_id)][1:]
    assert december == [-(3000 * 16 // 31), -(6000 - 6000 * 16 // 31) + 1]
    assert sum(december) == -1548 - 2903


def test_a_planned_change_taken_back_charges_the_whole_period_after_all(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    on, act = date(2026, 12, 17), testing.act(date(2026, 11, 20))
    subscriptions.change(
        session, made.subscription_id, act, choice=choice(testing.plan(session, 6000).id), on=on
    )
    run(session, date(2026, 12, 1))
    (rest,) = subscriptions.forget_planned(
        session, made.subscription_id, testing.act(date(2026, 12, 3)), on=on
    )
    assert [row.amount_minor for row in booked(session, made.account_id)] == [-3000, -1548, -1452]
    assert (rest.period_start, rest.period_end) == (on, date(2026, 12, 31))
    assert run(session, date(2026, 12, 31)).entries == 0


def test_plans_and_prices_that_do_not_fit_are_refused(session):
    account = accounts.open_account(session, currency="EUR")
    act = testing.act(NOVEMBER)
    plan = testing.plan(session, 3000)

    def start(agreed):
        return subscriptions.start(session, account.id, act, choice=agreed, starts_on=NOVEMBER)

    with pytest.raises(errors.NotFound):
        start(choice(10**9))
    for refused in (
        choice(testing.plan(session, 1, currency="USD").id),
        choice(plan.id, bill_day=29),
        choice(plan.id, price_minor=-1),
        choice(plan.id, quantity=0),
        choice(plan.id, bill_month=13),
    ):
        with pytest.raises(errors.Invalid):
            start(refused)
    started = start(choice(plan.id))
    with pytest.raises(errors.Invalid):
        subscriptions.change(session, started.id, act, choice=choice(plan.id, price_minor=-1))
    with pytest.raises(errors.Invalid):
        early = NOVEMBER - timedelta(days=1)
        subscriptions.change(session, started.id, act, choice=choice(plan.id, quantity=2), on=early)
    other = testing.plan(session, 4000)
    other.is_offered = False
    with pytest.raises(errors.Invalid):
        subscriptions.change(session, started.id, act, choice=choice(other.id))
    with pytest.raises(errors.NotFound):
        subscriptions.get(session, 10**9)


def test_the_first_charge_can_be_shown_before_it_is_made(database):
    first, today = date(2026, 10, 16), date(2026, 11, 22)
    with database.transaction() as session:
        account_id = accounts.open_account(session, currency="EUR").id
        plan_id = testing.plan(session, 3000).id
    with database.rehearsal() as session:
        shown = subscriptions.first_charge(session, account_id, choice(plan_id), starts_on=first, today=today)
    with database.transaction() as session:
        assert booked(session, account_id) == []
        subscriptions.start(session, account_id, testing.act(today), choice=choice(plan_id), starts_on=first)
        rows = booked(session, account_id)
        assert [-row.amount_minor for row in rows] == [minor for _, minor in shown] == [1548, 3000]


@pytest.mark.parametrize("is_postpaid", [False, True])
def test_of_a_free_first_period_only_whole_ones_after_it_are_charged(session, is_postpaid):
    account = accounts.open_account(session, currency="EUR")
    plan = testing.plan(session, 3000)
    made = subscriptions.start(
        session,
        account.id,
        testing.act(date(2026, 11, 10)),
        choice=choice(plan.id, is_postpaid=is_postpaid),
        starts_on=date(2026, 11, 10),
        ends_on=date(2027, 1, 15),
        is_first_free=True,
    )
    for on in (date(2026, 11, 11), date(2026, 12, 1), date(2027, 1, 1), date(2027, 1, 16), date(2027, 2, 1)):
        run(session, on)
    rows = booked(session, account.id)
    assert [(row.period_start, -row.amount_minor) for row in rows] == [
        (date(2026, 12, 1), 3000),
        (date(2027, 1, 1), 1452),
    ]
    assert subscriptions.end(session, made.id, testing.act(date(2027, 1, 10)), ends_on=date(2027, 1, 31))


@pytest.mark.parametrize(("more", "unit"), [({}, 3000), ({"quantity": 5}, 2000), ({"quantity": 9}, 1500)])
def test_the_price_shown_is_the_one_that_is_charged_by_quantity_too(session, more, unit):
    account = accounts.open_account(session, currency="EUR")
    plan = plans.create(session, name="SIM", price_minor=3000, currency="EUR", prices={5: 2000, 8: 1500})
    act = testing.act(date(2026, 11, 1))
    subscriptions.start(session, account.id, act, choice=choice(plan.id, **more), starts_on=act.today)
    shown = select(unit_prices.column()).select_from(Subscription).join(Plan)
    assert session.scalar(shown) == unit
    assert booked(session, account.id)[0].amount_minor == -unit * more.get("quantity", 1)
