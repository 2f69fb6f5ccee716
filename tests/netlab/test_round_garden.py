"""The walled garden behind a real gateway: a customer's own browser is led to his page, and out of it again."""

import http.client
import re
import subprocess
import sys
import urllib.parse
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from billing import suspensions
from billing import testing as money_testing
from billing.models import AccessState, Account, LockReason, SubscriptionAccess
from core import clock
from desk import notices
from linecard.demo import lab as demo_lab
from registry import audit
from registry.models import Customer, Line, LineGate
from tasks import celery_app, enqueue
from tasks.runtime import queue_url
from tests.product import ROOT, Product, wait_for

pytestmark = pytest.mark.timeout(300)

Inside = Callable[[str, Callable[[], Any]], Any]
# On no wire of the probe, where the garden listens: the answers, too, pass the gateway.
KEY = "c10"
ELSEWHERE = "203.0.113.80"  # RFC 5737: nobody's, and beyond the gateway
PORT = 8766
ACTOR = audit.Actor(None, "test")


def ask(
    product: Product, inside: Inside, url: str, *, at: str, fields: dict[str, str] | None = None
) -> SimpleNamespace:
    """Ask for a URL from the customer's machine, as curl --resolve does: the name is at that address."""
    parts = urllib.parse.urlsplit(url)

    def send() -> SimpleNamespace:
        line = http.client.HTTPConnection(at, parts.port or 80, timeout=5)
        sent = urllib.parse.urlencode(fields) if fields else None
        headers = {"Host": parts.netloc, "Content-Type": "application/x-www-form-urlencoded"}
        try:
            line.request("POST" if fields else "GET", parts.path or "/", sent, headers)
            answer = line.getresponse()
            text = answer.read().decode()
        finally:
            line.close()
        return SimpleNamespace(status=answer.status, location=answer.headers.get("Location"), text=text)

    return inside(product.plan.customer(KEY).namespace, send)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def garden(product_lab: Product) -> Iterator[str]:
    """Serve the garden beside the lab's core, and let the gateway lead there; the garden's URL."""
    product, plan = product_lab, product_lab.plan
    url = f"http://{plan.probe_address}:{PORT}"
    settings = product.settings
    assert settings.data.database_url
    assert settings.data.queue_url
    environ = product.environ | {
        "LINECARD_GARDEN__HOST": plan.probe_address,
        "LINECARD_GARDEN__PORT": str(PORT),
        "LINECARD_GARDEN__PROMISE_CHECK": "none",
        "LINECARD_DATA__DATABASE_URL": settings.data.database_url.get_secret_value(),
        "LINECARD_DATA__QUEUE_URL": settings.data.queue_url.get_secret_value(),
    }
    prefix = ["ip", "netns", "exec", plan.probe_namespace]
    process = subprocess.Popen([*prefix, sys.executable, "-m", "linecard", "garden"], env=environ, cwd=ROOT)
    change_gate(product, garden4=plan.probe_address, garden_port=PORT)
    try:
        yield url
    finally:
        change_gate(product, garden4="")
        process.terminate()
        process.wait(20)


def change_gate(product: Product, **options: Any) -> None:
    with product.database.transaction() as session:
        gate = session.scalars(select(LineGate).where(LineGate.name == demo_lab.GATEWAY_GATE)).one()
        gate.options = {**gate.options, **options}


def test_a_walled_customer_is_led_to_his_page_pays_and_is_let_out_and_a_notice_comes_and_goes(
    product_lab: Product, garden: str, inside: Inside
) -> None:
    product = product_lab
    customer_id = product.customer_id(demo_lab.number_of(KEY))
    today = clock.today(product.settings.isp.time_zone)
    with product.database.transaction() as session:
        customer = session.get_one(Customer, customer_id)
        line = session.scalars(select(Line).where(Line.customer_id == customer_id)).one()
        number, account_id, subscription_id = customer.number, customer.account_id, line.subscription_id
        money_testing.charge(session, account_id, 4321, due_on=today - timedelta(days=40))
        session.flush()
        owed_minor = -session.get_one(Account, account_id, populate_existing=True).balance_minor
        suspensions.place(
            session, [subscription_id], LockReason.DEBT, owner="test", today=today, effect=AccessState.WALLED
        )

    def reach(state: AccessState) -> None:
        def is_reached() -> bool:
            with product.database.reading() as session:
                row = session.get_one(SubscriptionAccess, subscription_id)
                return row.wanted is state and row.applied is state

        wait_for(is_reached, 30, product.log)

    wake(product)
    reach(AccessState.WALLED)
    wait_for(lambda: is_led(product, inside, garden), 30, product.log)
    page = ask(product, inside, garden, at=urllib.parse.urlsplit(garden).hostname or "")
    assert number in page.text
    assert f"{owed_minor / 100:,.2f}" in page.text
    assert "switched off because of an unpaid bill" in page.text

    client = product.client("billing")
    path = f"/customers/{customer_id}/money/payment"
    client.get(path)
    paid = {
        "amount": f"{owed_minor / 100:.2f}",
        "method": "cash",
        "dated_on": today.isoformat(),
        "reference": "r",
        "key": "garden-by-form",
    }
    assert client.post(path, paid).status == 303
    reach(AccessState.OPEN)
    assert not is_led(product, inside, garden)

    with product.database.transaction() as session:
        notice = notices.save(session, ACTOR, None, title="Works", content="On Monday", is_confirmable=True)
        notices.switch(session, ACTOR, notice.id, is_on=True, today=today)
        assert notices.assign(session, ACTOR, notice.id, [customer_id], today=today).lines == (
            subscription_id,
        )
    wake(product)
    reach(AccessState.NOTICE)
    assert is_led(product, inside, garden)
    at = urllib.parse.urlsplit(garden).hostname or ""
    page = ask(product, inside, garden, at=at)
    assert "On Monday" in page.text
    act, seal = (
        re.search(r'action="(/notices/\d+)"', page.text),
        re.search(r'name="seal" value="([^"]+)"', page.text),
    )
    assert act
    assert seal
    assert ask(product, inside, f"{garden}{act[1]}", at=at, fields={"seal": seal[1]}).status == 303
    reach(AccessState.OPEN)
    assert not is_led(product, inside, garden)


def is_led(product: Product, inside: Inside, garden: str) -> bool:
    """Whether `http://example.test/` leads the customer to the page; there is nothing else at that address."""
    try:
        answer = ask(product, inside, "http://example.test/", at=ELSEWHERE)
    except OSError:
        return False
    return (answer.status, answer.location) == (302, f"{garden}/")


def wake(product: Product) -> None:
    app = celery_app.make(queue_url(product.settings))
    enqueue.sweep_access(app)
    app.close()
