"""What is sold with a VAT rate that has no percent on the day is refused visibly, and charged once it has one."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from billing import accounts, articles, charge_runs, charges, liabilities, plans, subscriptions, testing, vat
from billing.articles import Goods, Sold
from billing.charges import Refused
from billing.models import ArticleUnit, ChargeRun, LedgerEntry, PeriodKind
from billing.subscriptions import Choice
from core import errors

FIRST, DECEMBER = date(2026, 11, 1), date(2026, 12, 1)
REFUSED = Refused("Standard", "2026-11-01", 1)


def sold(session, *, is_net=True):
    """Somebody who has a plan since November; its rate amounts to something from December on."""
    rate = vat.create(session, name="Standard", valid_from=DECEMBER, percent_hundredths=2300)
    plan = plans.create(
        session, name="Net", price_minor=1000, currency="EUR", is_net=is_net, vat_rate_id=rate.id
    )
    account = accounts.open_account(session, currency="EUR")
    act = testing.act(FIRST)
    made = subscriptions.start(session, account.id, act, choice=Choice(plan.id), starts_on=FIRST)
    return rate, testing.Sample(account.id, made.id)


def booked(session):
    query = select(LedgerEntry.period_start, LedgerEntry.amount_minor, LedgerEntry.vat_hundredths)
    return [tuple(row) for row in session.execute(query.order_by(LedgerEntry.period_start))]


@pytest.mark.parametrize("is_net", [True, False])
def test_a_period_without_a_percent_is_refused_and_those_behind_it_wait(database, sign_in_as, is_net):
    with database.transaction() as session:
        rate_id = sold(session, is_net=is_net)[0].id
    report = charge_runs.run(database, testing.act(DECEMBER))
    assert (report.entries, report.refused) == (0, (REFUSED,))
    with database.reading() as session:
        assert booked(session) == []
        run = session.scalars(select(ChargeRun)).one()
        assert run.refused == [{"rate": "Standard", "since": "2026-11-01", "periods": 1}]
    page = sign_in_as("billing").get("/charges").text
    assert "1 not charged: VAT rate Standard has no percent on Nov 1, 2026" in page
    with database.transaction() as session:
        vat.add_percent(session, rate_id, valid_from=FIRST, percent_hundredths=2000)
    report = charge_runs.run(database, testing.act(DECEMBER))
    assert (report.entries, report.refused) == (2, ())
    with database.reading() as session:
        sums = (-1200, -1230) if is_net else (-1000, -1000)
        assert booked(session) == [(FIRST, sums[0], 2000), (DECEMBER, sums[1], 2300)]


def test_other_terms_wait_until_the_old_ones_are_charged_to_their_end(session):
    rate, made = sold(session)
    agreed = subscriptions.agreed_on(subscriptions.get(session, made.subscription_id))
    dear = replace(agreed, plan_id=testing.plan(session, 6000).id)
    act = testing.act(FIRST)
    subscriptions.change(session, made.subscription_id, act, choice=dear, on=date(2026, 11, 16))
    act = testing.act(DECEMBER)
    assert subscriptions.apply_planned(session, act) == 0
    with pytest.raises(errors.Conflict, match="Standard has no percent"):
        subscriptions.change(session, made.subscription_id, act, choice=dear)
    vat.add_percent(session, rate.id, valid_from=FIRST, percent_hundredths=2000)
    assert subscriptions.apply_planned(session, act) == 1
    charges.run(session, act)
    assert booked(session) == [
        (FIRST, -600, 2000),
        (date(2026, 11, 16), -3000, None),
        (DECEMBER, -6000, None),
    ]


def test_a_charge_by_hand_needs_a_percent_too(session):
    rate, made = sold(session)
    with pytest.raises(errors.Invalid) as caught:
        liabilities.charge(
            session,
            made.account_id,
            testing.act(FIRST),
            amount_minor=500,
            vat_rate_id=rate.id,
            reason="Visit",
            idempotency_key="form-0001",
        )
    assert set(caught.value.fields) == {"vat_rate_id"}


def test_work_of_a_day_without_a_percent_is_not_billed(session):
    rate, made = sold(session)
    hours = Goods("Technician", ArticleUnit.HOUR, 3000, is_net=True, vat_rate_id=rate.id)
    article = articles.create(session, hours, currency="EUR")
    act = testing.act(DECEMBER)
    with pytest.raises(errors.Conflict, match="Standard has no percent"):
        articles.charge(session, made.account_id, act, [Sold(article, 100, FIRST, "work 1")])
    (posted,) = articles.charge(session, made.account_id, act, [Sold(article, 100, DECEMBER, "work 2")])
    assert posted.entry.amount_minor == -3690


def test_a_position_that_is_refused_holds_up_no_terms_of_another(session):
    today = date(2026, 11, 16)
    made = testing.subscriber(session, price_minor=3000, starts_on=date(2026, 11, 1), today=today)
    rate = vat.create(session, name="Later", valid_from=date(2027, 1, 1), percent_hundredths=2000)
    owed = liabilities.Owed("Box", 100, PeriodKind.MONTH, today, vat_rate_id=rate.id, bill_day=1)
    liabilities.add(session, made.account_id, testing.act(today), owed)
    choice = Choice(testing.plan(session, 6000).id)
    subscriptions.change(session, made.subscription_id, testing.act(today), choice=choice)
    assert subscriptions.get(session, made.subscription_id).plan_id == choice.plan_id
    assert charges.run(session, testing.act(today), account_id=made.account_id).refused[0].rate == "Later"
