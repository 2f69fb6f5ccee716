"""The night job leaves a line of history at every customer it cut, however often it runs."""

from datetime import timedelta

from sqlalchemy import func, select

from billing import testing as money_testing
from billing.acts import Terms
from billing.models import SuspensionLock
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
