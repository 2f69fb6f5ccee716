"""Who leaves, waits or asks only is not billed on and on; who comes back is, from that day and to the unit."""

from datetime import date

import pytest
from sqlalchemy import select

from billing import charges, effects, liabilities, subscriptions, suspensions, testing
from billing.acts import Terms
from billing.idle import Left
from billing.models import Account, Document, LedgerEntry, LockReason, PeriodKind, Subscription
from billing.subscriptions import Choice
from core import errors
from registry import audit, customers, money, statuses
from registry.models import CustomerStatus

OLENA = audit.Actor(None, "Olena")
TERMS = Terms(14)
JANUARY = date(2026, 1, 1)
GONE = (CustomerStatus.FORMER, CustomerStatus.WAITING, CustomerStatus.PROSPECT)


def olha(session, status=CustomerStatus.CONNECTED):
    return customers.create(session, OLENA, currency="EUR", last_name="Koval", status=status)


def sold(session, customer, *, today=JANUARY, starts_on=JANUARY, **more):
    choice = Choice(testing.plan(session, 3100).id, **more)
    return money.start_service(
        session, OLENA, customer.id, choice=choice, starts_on=starts_on, today=today, terms=TERMS
    )


def move(session, customer, status, today, left=statuses.STAYS):
    return statuses.change(session, OLENA, customer.id, status, today=today, terms=TERMS, left=left)


def nights(session, customer, *days):
    for on in days:
        charges.run(session, testing.act(on), account_id=customer.account_id)


def balance(session, customer):
    session.expire_all()
    return session.get_one(Account, customer.account_id).balance_minor


FIRSTS = [date(2026, month, 1) for month in (2, 3, 4)]


@pytest.mark.parametrize("status", GONE)
def test_who_is_not_connected_is_not_billed_while_he_is_not(session, status):
    customer = olha(session)
    sold(session, customer)
    move(session, customer, status, date(2026, 1, 11))
    assert balance(session, customer) == -1000
    nights(session, customer, *FIRSTS)
    assert balance(session, customer) == -1000


@pytest.mark.parametrize(("percent", "costs"), [(0, 1000), (50, 1000 + 1050 + 3 * 1550), (100, 4 * 3100)])
def test_the_services_of_a_former_customer_are_billed_as_was_said(session, percent, costs):
    customer = olha(session)
    sold(session, customer)
    move(session, customer, CustomerStatus.FORMER, date(2026, 1, 11), Left(billed_percent=percent))
    nights(session, customer, *FIRSTS)
    assert balance(session, customer) == -costs


def test_services_end_with_the_last_day_of_who_leaves_and_what_he_owes_periodically_with_them(session):
    customer = olha(session)
    service = sold(session, customer)
    later = sold(session, customer, starts_on=date(2026, 3, 1))
    rent = liabilities.Owed("Router", 620, PeriodKind.MONTH, JANUARY)
    liabilities.add(session, customer.account_id, testing.act(JANUARY), rent)
    left = Left(date(2026, 1, 10), ends_liabilities=True)
    move(session, customer, CustomerStatus.FORMER, date(2026, 1, 10), left)
    assert balance(session, customer) == -1000 - 200
    assert session.get_one(Subscription, service.id).ends_on == date(2026, 1, 10)
    nights(session, customer, *FIRSTS)
    assert balance(session, customer) == -1200
    actions = [event.action for event in audit.of_customer(session, customer.id)]
    assert actions[:3] == ["liability.ended", "service.ended", "customer.status"]
    assert suspensions.standing_of(session, later.id, LockReason.STATUS).billed_percent == 0


def test_the_line_closes_at_once_though_it_is_billed_to_a_later_last_day(session):
    customer = olha(session)
    service = sold(session, customer)
    moved = move(session, customer, CustomerStatus.FORMER, date(2026, 1, 10), Left(date(2026, 1, 31)))
    assert moved.lines == (service.id,)
    assert balance(session, customer) == -3100
    with pytest.raises(errors.Invalid) as refused:
        move(session, customer, CustomerStatus.FORMER, date(2026, 1, 10), Left(date(2026, 1, 8)))
    assert "last_on" in refused.value.fields


def test_who_comes_back_is_billed_from_that_day_for_the_days_left(session):
    customer = olha(session)
    sold(session, customer)
    move(session, customer, CustomerStatus.WAITING, date(2026, 1, 11))
    move(session, customer, CustomerStatus.CONNECTED, date(2026, 1, 21))
    assert balance(session, customer) == -2100
    move(session, customer, CustomerStatus.FORMER, date(2026, 1, 29))
    assert balance(session, customer) == -1800
    move(session, customer, CustomerStatus.CONNECTED, date(2026, 4, 15))
    assert balance(session, customer) == -1800 - (3100 - 1447)
    nights(session, customer, date(2026, 4, 16))
    assert balance(session, customer) == -1800 - (3100 - 1447)


def test_another_status_bills_otherwise_from_its_day_on(session):
    customer = olha(session)
    sold(session, customer)
    move(session, customer, CustomerStatus.FORMER, date(2026, 1, 11), Left(billed_percent=100))
    move(session, customer, CustomerStatus.PROSPECT, date(2026, 1, 21))
    assert balance(session, customer) == -2000


def test_a_service_sold_before_the_connection_costs_nothing_and_makes_no_paper_until_it_is_there(session):
    customer = olha(session, CustomerStatus.WAITING)
    sold(session, customer, today=date(2026, 1, 5))
    papers = select(Document.id).where(Document.account_id == customer.account_id)
    assert (balance(session, customer), session.scalars(papers).all()) == (0, [])
    move(session, customer, CustomerStatus.CONNECTED, date(2026, 1, 11))
    assert balance(session, customer) == -2100
    periods = select(LedgerEntry.amount_minor).where(LedgerEntry.account_id == customer.account_id)
    assert session.scalars(periods).all() == [-2100]


def test_a_service_that_is_off_for_good_and_not_billed_has_no_next_bill(session):
    customer = olha(session)
    sold(session, customer)
    act = testing.act(date(2026, 1, 11))

    def leave():
        move(session, customer, CustomerStatus.FORMER, act.today)

    shown = effects.of(session, customer.account_id, act, leave)
    assert (shown.balance_after_minor, shown.next_after) == (-1000, None)
    assert shown.next_before.total_minor == 3100


def test_the_terms_of_a_service_of_who_waits_may_change(session):
    customer = olha(session, CustomerStatus.WAITING)
    service = sold(session, customer, today=date(2026, 1, 5))
    other = Choice(testing.plan(session, 6200).id)
    subscriptions.change(session, service.id, testing.act(date(2026, 1, 8)), choice=other)
    move(session, customer, CustomerStatus.CONNECTED, date(2026, 1, 11))
    assert balance(session, customer) == -4200
