"""The status of a customer on the card: what becomes of his services is asked once, and shown before."""

import re
from datetime import timedelta

from billing import access, subscriptions
from billing.acts import Act, Terms
from billing.ledger import Author
from billing.models import AccessState, Account, Documented, Plan, Subscription
from core import clock
from registry import audit, customers
from registry.models import CustomerStatus


def form(browser, customer_id, question=""):
    return browser.fragment(f"/customers/{customer_id}/edit/status{question}").text


def send(browser, customer_id, **values):
    return browser.fragment(f"/customers/{customer_id}/edit/status", method="POST", data=values)


def version_of(browser, customer_id):
    return re.search(r'name="version"[^>]*value="(\d+)"', form(browser, customer_id)).group(1)


def test_a_status_says_what_becomes_of_the_services_and_is_shown_before(sign_in_as, database):
    desk, noc = sign_in_as("billing"), sign_in_as("noc")
    today = clock.today("Europe/Kyiv")
    with database.transaction() as session:
        made = customers.create(
            session, audit.Actor(None, "x"), currency="EUR", last_name="K", status=CustomerStatus.CONNECTED
        )
        customer_id, account_id = made.id, made.account_id
        plan = Plan(name="Home", price_minor=3000, currency="EUR")
        session.add(plan)
        session.flush()
        act = Act(today, Terms(14, Documented.NONE), Author("test"))
        choice = subscriptions.Choice(plan.id, bill_day=None)
        row = subscriptions.start(session, account_id, act, choice=choice, starts_on=today)
        subscription = row.id
    asked = form(noc, customer_id, "/effect?new_status=former")
    assert "what becomes of them is said by" in asked
    values = {"note": "moved", "version": version_of(desk, customer_id)}
    assert send(noc, customer_id, new_status="former", services="none", **values).status_code == 403
    asked = form(desk, customer_id, "/effect?new_status=former")
    assert f'value="{today.isoformat()}"' in asked
    assert "Say what becomes" in send(desk, customer_id, new_status="former", **values).text
    asked = form(desk, customer_id, "/effect?new_status=former&services=none")
    assert "Given back at once" in asked
    for status, wanted in (("former", AccessState.CLOSED), ("connected", AccessState.OPEN)):
        values = {"services": "none", "version": version_of(desk, customer_id)}
        assert send(desk, customer_id, new_status=status, **values).status_code == 204
        with database.transaction() as session:
            assert access.ensure(session, subscription).wanted is wanted
            owed = 3000 if status == "connected" else 0
            assert session.get_one(Account, account_id).balance_minor == -owed
    last = (today + timedelta(days=1)).isoformat()
    values = {"services": "end", "last_on": last, "version": version_of(desk, customer_id)}
    assert send(desk, customer_id, new_status="former", **values).status_code == 204
    with database.reading() as session:
        assert session.get_one(Subscription, subscription).ends_on.isoformat() == last
    assert send(desk, customer_id, new_status="lost", version="1").status_code == 422
