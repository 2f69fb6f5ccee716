"""A line's way to a MikroTik router: records, sealed password, sweep, API, and what is read back from there."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from billing import access, suspensions
from billing import testing as money
from billing.models import AccessState, LockReason, SubscriptionAccess
from registry import audit, line_gates, lines
from registry.models import Customer, CustomerStatus, IpAddress, Network
from tasks import access as tasks_access
from tasks.runtime import Runtime
from tests.routeros_site import serve

ACTOR = audit.Actor(None, "test")
TODAY = date(2026, 11, 22)


def _line(runtime: Runtime, address: str, options: dict[str, object]) -> int:
    """Add a customer with an address and a line on a MikroTik gate; return the subscription."""
    with runtime.database.transaction() as session:
        line_gates.create(
            session,
            ACTOR,
            name="border",
            kind="routeros",
            options=options,
            secrets={"password": "s3cret"},
            ring=runtime.ring,
            is_default=True,
        )
        sample = money.subscriber(session, starts_on=TODAY - timedelta(days=40), today=TODAY)
        customer = Customer(
            number="1",
            sort_name="1",
            last_name="1",
            account_id=sample.account_id,
            status=CustomerStatus.CONNECTED,
        )
        session.add(customer)
        session.flush()
        line = lines.attach(session, sample.subscription_id, customer.id, actor=ACTOR, today=TODAY)
        network = Network(name="street", cidr="192.0.2.0/24")
        session.add(network)
        session.flush()
        placed = IpAddress(address=address, network_id=network.id, customer_id=customer.id, line_id=line.id)
        session.add(placed)
        access.ensure(session, sample.subscription_id, today=TODAY)
        return int(sample.subscription_id)


def _row(runtime: Runtime) -> SubscriptionAccess:
    with runtime.database.reading() as session:
        return session.scalars(select(SubscriptionAccess)).one()


def _lock(runtime: Runtime, key: int) -> None:
    with runtime.database.transaction() as session:
        suspensions.place(session, [key], LockReason.MANUAL, owner="test", note="", today=TODAY)


def test_a_line_is_cut_on_the_router_seen_there_and_let_in_again_and_a_refused_login_is_told_at_the_gate(
    make_settings: Callable[..., Any], fresh_url: str, redis_url: str
) -> None:
    runtime = Runtime(make_settings(data={"database_url": fresh_url, "queue_url": redis_url}))
    with serve("api") as site:
        key = _line(runtime, "192.0.2.7", {"host": "127.0.0.1", "port": site.port, "door": "api"})
        _lock(runtime, key)
        tasks_access.sweep(runtime)
        assert _row(runtime).applied is AccessState.CLOSED, _row(runtime).error
        assert site.router.on_list("linecard-closed") == {"192.0.2.7"}
        tasks_access.observe(runtime)
        assert _row(runtime).observed is AccessState.CLOSED
        with runtime.database.transaction() as session:
            suspensions.lift(session, [key], LockReason.MANUAL, by="test")
        tasks_access.sweep(runtime)
        assert _row(runtime).applied is AccessState.OPEN, _row(runtime).error
        assert site.router.on_list("linecard-closed") == set()
        site.router.users["linecard"].password = "changed by somebody"
        _lock(runtime, key)
        tasks_access.sweep(runtime)
        assert _row(runtime).applied is AccessState.OPEN
        with runtime.database.reading() as session:
            (gate,) = line_gates.list_all(session)
        assert "login as linecard refused" in gate.error
        assert "s3cret" not in gate.error
    runtime.close()
