"""The night job leaves a line of history at every customer it cut, however often it runs."""

from datetime import timedelta

from sqlalchemy import func, select

from billing import subscriptions, suspensions
from billing import testing as money_testing
from billing.acts import Terms
from billing.models import LockReason, SuspensionLock
from billing.subscriptions import Choice
from core import clock
from registry import money, testing
from registry.models import AuditEvent
from tasks import celery_app, night
from tasks.runtime import Runtime


def test_a_customer_cut_in_the_night_can_read_it_in_his_history(server_settings, fresh_database):
    today = clock.today(server_settings.isp.time_zone)
    with fresh_database.transaction() as session:
        customer = testing.customer(session, "5001")
        money.start_service(
            session,
            testing.person(session),
            customer.id,
            choice=Choice(money_testing.plan(session, 0).id, bill_day=1),
            starts_on=today - timedelta(days=40),
            today=today,
            terms=Terms(14),
        )
        money_testing.charge(session, customer.account_id, 5000, due_on=today - timedelta(days=20))
    made = Runtime(server_settings)
    app = celery_app.make(server_settings.data.queue_url.get_secret_value())
    for _ in range(2):
        night.close_day(made, app, None)
    app.close()
    made.close()
    with fresh_database.reading() as session:
        assert session.scalar(select(func.count()).select_from(SuspensionLock)) == 1
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.action == "service.cut")).all()
        assert (event.customer_id, event.staff_name, event.staff_id) == (customer.id, "night", None)


def test_who_was_credited_is_let_in_with_a_line_of_history_and_an_account_of_nobody_too(
    server_settings, fresh_database
):
    today = clock.today(server_settings.isp.time_zone)
    with fresh_database.transaction() as session:
        nobodys = money_testing.subscriber(session, price_minor=0, starts_on=today - timedelta(days=40))
        customer = testing.customer(session, "5002")
        choice = Choice(money_testing.plan(session, 0).id, bill_day=1)
        begin = today - timedelta(days=40)
        service = subscriptions.start(
            session, customer.account_id, money_testing.act(today), choice=choice, starts_on=begin
        )
        ids = [nobodys.subscription_id, service.id]
        for account_id in (nobodys.account_id, customer.account_id):
            money_testing.charge(session, account_id, 5000, due_on=today - timedelta(days=20))
        suspensions.place(session, ids, LockReason.DEBT, owner="cutoff", today=today)
    made = Runtime(server_settings)
    app = celery_app.make(server_settings.data.queue_url.get_secret_value())

    def standing():
        night.let_in(made, app)
        with fresh_database.reading() as session:
            query = select(func.count()).where(SuspensionLock.lifted_at.is_(None))
            return session.scalar(query.select_from(SuspensionLock))

    assert standing() == 2
    with fresh_database.transaction() as session:
        for account_id in (nobodys.account_id, customer.account_id):
            money_testing.pay(session, account_id, 5000)
    assert standing() == 0
    app.close()
    made.close()
    with fresh_database.reading() as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.action == "service.let_in")).all()
        assert [(event.customer_id, event.staff_name) for event in events] == [(customer.id, "cutoff")]
