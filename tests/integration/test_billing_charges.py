"""The charge run on PostgreSQL: each period once, by real days, with the balance right."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from billing import accounts, charges, debt, ledger, rules, subscriptions, testing
from billing.ledger import Author
from billing.models import AccessState, Account, EntryKind, LedgerEntry, SubscriptionAccess
from core import errors

JOB = Author("night")
NOVEMBER = date(2026, 11, 1)


def run(session, on, **more):
    return charges.run(session, on, payment_days=14, author=JOB, **more)


def booked(session, account_id):
    session.expire_all()
    return session.scalars(
        select(LedgerEntry).where(LedgerEntry.account_id == account_id).order_by(LedgerEntry.id)
    ).all()


def test_a_month_is_charged_once_however_often_the_job_runs(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    assert run(session, NOVEMBER).entries == 0
    assert run(session, date(2026, 11, 30)).entries == 0
    assert run(session, date(2026, 12, 1)) == charges.ChargeReport(1, 3000, 1)
    assert run(session, date(2026, 12, 1)) == charges.ChargeReport(0, 0, 0)
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
        ends_on=date(2026, 12, 10),
        today=date(2026, 11, 20),
        payment_days=14,
        author=JOB,
    )
    run(session, date(2027, 3, 1))
    assert [row.amount_minor for row in booked(session, made.account_id)] == [-3000, -968]


def test_two_subscriptions_of_one_account_keep_the_running_balance(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    subscriptions.start(
        session,
        made.account_id,
        plan_id=testing.plan(session, 500).id,
        starts_on=date(2026, 11, 10),
        today=date(2026, 11, 10),
        payment_days=14,
        author=JOB,
        bill_day=10,
        price_minor=700,
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
    assert charges.due_accounts(session, date(2026, 12, 1)) == [later.account_id]


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


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    starts_on=st.dates(date(2023, 12, 1), date(2024, 4, 30)),
    bill_day=st.integers(1, 28),
    price=st.integers(1, 99_999),
    ahead=st.integers(0, 130),
    lasts=st.one_of(st.none(), st.integers(0, 130)),
)
def test_the_database_charges_what_the_arithmetic_says(session, *, starts_on, bill_day, price, ahead, lasts):
    until = starts_on + timedelta(days=ahead)
    ends_on = None if lasts is None else starts_on + timedelta(days=lasts)
    made = testing.subscriber(session, price_minor=0, starts_on=starts_on, bill_day=bill_day)
    service = subscriptions.get(session, made.subscription_id)
    service.price_minor, service.ends_on = price, ends_on
    session.flush()
    run(session, starts_on, account_id=made.account_id)
    run(session, until, account_id=made.account_id)
    said = [
        (share.period.start, share.period.end, -share.amount_minor(price))
        for share in rules.shares(starts_on, bill_day, until=until, ends_on=ends_on)
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
    back = subscriptions.end(
        session,
        made.subscription_id,
        ends_on=date(2026, 11, 20),
        today=date(2026, 11, 20),
        payment_days=14,
        author=JOB,
    )
    assert (back.kind, back.amount_minor) == (EntryKind.ADJUSTMENT, 1000)
    assert session.get_one(Account, made.account_id).balance_minor == -2000
    with pytest.raises(errors.Conflict):
        subscriptions.end(
            session,
            made.subscription_id,
            ends_on=date(2026, 11, 25),
            today=date(2026, 11, 20),
            payment_days=14,
            author=JOB,
        )


def test_a_subscription_ended_yesterday_closes_at_once(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    arguments = {"today": date(2026, 11, 20), "payment_days": 14, "author": JOB}
    with pytest.raises(errors.Invalid):
        subscriptions.end(session, made.subscription_id, ends_on=date(2026, 11, 18), **arguments)
    subscriptions.end(session, made.subscription_id, ends_on=date(2026, 11, 19), **arguments)
    access = session.get_one(SubscriptionAccess, made.subscription_id, populate_existing=True)
    assert access.wanted is AccessState.CLOSED


def test_a_change_of_plan_settles_the_rest_of_the_month(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    arguments = {"today": date(2026, 11, 16), "payment_days": 14, "author": JOB}
    dearer = testing.plan(session, 6000)
    entry = subscriptions.change(session, made.subscription_id, plan_id=dearer.id, **arguments)
    assert (entry.amount_minor, entry.due_on) == (-1500, date(2026, 11, 30))
    assert subscriptions.change(session, made.subscription_id, plan_id=dearer.id, **arguments) is None
    cheaper = subscriptions.change(
        session, made.subscription_id, plan_id=dearer.id, price_minor=0, **arguments
    )
    assert (cheaper.amount_minor, cheaper.due_on) == (3000, None)
    assert run(session, date(2026, 12, 1)).entries == 0


def test_the_end_after_a_change_gives_back_the_new_price(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    arguments = {"payment_days": 14, "author": JOB}
    subscriptions.change(
        session,
        made.subscription_id,
        plan_id=testing.plan(session, 6000).id,
        today=date(2026, 11, 11),
        **arguments,
    )
    back = subscriptions.end(
        session, made.subscription_id, ends_on=date(2026, 11, 20), today=date(2026, 11, 20), **arguments
    )
    assert back.amount_minor == 2000
    assert session.get_one(Account, made.account_id).balance_minor == -3000
    with pytest.raises(errors.Conflict):
        subscriptions.change(
            session,
            made.subscription_id,
            plan_id=testing.plan(session, 3000).id,
            today=date(2026, 11, 25),
            **arguments,
        )


def test_plans_and_prices_that_do_not_fit_are_refused(session):
    account = accounts.open_account(session, currency="EUR")
    arguments = {"starts_on": NOVEMBER, "today": NOVEMBER, "payment_days": 14, "author": JOB}
    plan = testing.plan(session, 3000)
    with pytest.raises(errors.NotFound):
        subscriptions.start(session, account.id, plan_id=10**9, **arguments)
    with pytest.raises(errors.Invalid):
        subscriptions.start(
            session, account.id, plan_id=testing.plan(session, 1, currency="USD").id, **arguments
        )
    with pytest.raises(errors.Invalid):
        subscriptions.start(session, account.id, plan_id=plan.id, bill_day=29, **arguments)
    with pytest.raises(errors.Invalid):
        subscriptions.start(session, account.id, plan_id=plan.id, price_minor=-1, **arguments)
    started = subscriptions.start(session, account.id, plan_id=plan.id, **arguments)
    arguments.pop("starts_on")
    with pytest.raises(errors.Invalid):
        subscriptions.change(session, started.id, plan_id=plan.id, price_minor=-1, **arguments)
    plan.is_offered = False
    with pytest.raises(errors.Invalid):
        subscriptions.change(session, started.id, plan_id=plan.id, **arguments)
    with pytest.raises(errors.NotFound):
        subscriptions.get(session, 10**9)


def test_the_first_charge_can_be_shown_before_it_is_made(session):
    shown = subscriptions.first_charge(
        3000, starts_on=date(2026, 10, 16), bill_day=1, until=date(2026, 11, 22)
    )
    made = testing.subscriber(session, starts_on=date(2026, 10, 16), today=date(2026, 11, 22))
    rows = booked(session, made.account_id)
    assert [-row.amount_minor for row in rows] == [minor for _, minor in shown] == [1548, 3000]
    (service,) = subscriptions.of_account(session, made.account_id)
    assert subscriptions.price_minor(service) == 3000
