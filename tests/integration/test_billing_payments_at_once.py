"""Two browsers pay a debt back at once, a gateway tells fifty times of one payment: one entry each, over HTTP."""

import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from werkzeug.serving import make_server

from billing import testing as money_testing
from billing.models import BankLine, Certainty, LedgerEntry, LineStatus
from core import clock, secrets
from registry import audit, gateways, staff, testing
from registry.models import AuditEvent, StaffUser
from tests.integration.conftest import Browser
from webapp import factory, runtime

TODAY = clock.today("Europe/Kyiv")
SECRET = "a secret of the gateway's own"
HTML = "application/x-www-form-urlencoded"


@pytest.fixture
def site(server_settings, fresh_database):
    """The application behind a real server with a thread a request, and its database."""
    app = factory.create_app(server_settings, database=fresh_database)
    app.test_client_class = Browser
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield app, server.server_port, fresh_database, server_settings
    server.shutdown()
    thread.join(10)
    server.server_close()
    made = app.extensions[runtime.KEY]
    made.hub.close()
    made.redis.close()


@contextmanager
def connected(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        yield connection
    finally:
        connection.close()


def send(port, path, body, headers):
    with connected(port) as connection:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def signed_in(app, database, login):
    """A browser's cookie and token, for requests by hand."""
    with database.transaction() as session:
        member = StaffUser(login=login, name=login, roles=["billing"], password_hash="x")
        session.add(member)
        session.flush()
        token = staff.sign_in(session, member, address="127.0.0.1", agent="pytest", hours=1)
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["token"] = token
    csrf = client.csrf_token()
    return {
        "Cookie": f"linecard={client.get_cookie('linecard').value}",
        "X-CSRFToken": csrf,
        "Content-Type": HTML,
    }


def entries(database, kind):
    with database.reading() as session:
        return session.scalar(select(func.count()).where(LedgerEntry.kind == kind))


def test_two_browsers_that_press_payback_at_once_make_one_entry_and_a_get_makes_none(site):
    app, port, database, _ = site
    with database.transaction() as session:
        customer = testing.customer(session, "1001")
        money_testing.charge(session, customer.account_id, 3000, due_on=TODAY - timedelta(days=9))
    path = f"/customers/{customer.id}/money/payback"
    browsers = [signed_in(app, database, login) for login in ("olha", "petro")]
    with connected(port) as connection:
        for query in ("", "?key=12345678&expected_minor=3000&kind=cash&method=cash"):
            connection.request("GET", path + query, headers=browsers[0])
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            answer.read()
    assert entries(database, "payment") == 0
    gate = threading.Barrier(2)

    def press(number):
        body = f"key=key-of-browser-{number}&expected_minor=3000&kind=cash&method=cash"
        gate.wait(30)
        return send(port, path, body, browsers[number])[0]

    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(pool.map(press, range(2)))
    assert statuses == [303, 409]
    assert entries(database, "payment") == 1


@pytest.fixture
def hooked(site):
    """The site with a gateway and a customer; a function that sends what the gateway says."""
    _, port, database, settings = site
    ring = secrets.Ring([key.get_secret_value() for key in settings.secrets.keys])
    with database.transaction() as session:
        gateways.save(
            session,
            audit.Actor(None, "test"),
            ring,
            None,
            slug="liq",
            name="Liq",
            secret=SECRET,
            tolerance_s=300,
            is_active=True,
        )
        customer = testing.customer(session, "1001")

    def tell(event_id="E-1", *, secret=SECRET, age_s=0, body=None, path="/hooks/payments/liq", **facts):
        told = {"event_id": event_id, "customer": "1001", "amount": "25.00", "currency": "EUR", **facts}
        raw = json.dumps(told).encode() if body is None else body
        timestamp = str(int(clock.now().timestamp()) - age_s)
        headers = {
            "X-Linecard-Timestamp": timestamp,
            "X-Linecard-Signature": gateways.signature(secret, timestamp, raw),
            "Content-Type": "application/json",
        }
        status, answer = send(port, path, raw, headers)
        return status, json.loads(answer).get("outcome") if status == 200 else None

    return tell, database, customer


def test_a_web_hook_sent_fifty_times_at_once_is_booked_once(hooked):
    tell, database, customer = hooked
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: tell(), range(50)))
    assert {status for status, _ in answers} == {200}
    assert sorted(outcome for _, outcome in answers) == ["booked"] + ["known"] * 49
    assert entries(database, "payment") == 1
    with database.reading() as session:
        entry = session.scalars(select(LedgerEntry)).one()
        assert (entry.account_id, entry.amount_minor, entry.method) == (customer.account_id, 2500, "online")
    assert tell("E-2") == (200, "booked")


def test_a_stranger_a_stale_message_and_nonsense_are_refused(hooked):
    tell, database, _ = hooked
    assert tell(secret="another secret of somebody")[0] == 403
    assert tell(age_s=301)[0] == 403
    assert tell(age_s=-301)[0] == 403
    assert tell(path="/hooks/payments/unknown")[0] == 404
    for body in (b"", b"[]", b"{", b"[" * 60_000, b'{"event_id": "x"}', b'{"event_id": 1, "amount": "-5"}'):
        assert tell(body=body)[0] == 422, body[:20]
    assert tell(body=b" " * 70_000)[0] == 422
    assert entries(database, "payment") == 0


def test_a_payment_of_an_unknown_customer_waits_for_a_person_and_is_never_lost(hooked):
    tell, database, _ = hooked
    assert tell("E-9", customer="nobody", text="rent") == (200, "waiting")
    assert tell("E-9", customer="nobody", text="rent") == (200, "known")
    assert tell("E-10", currency="UAH") == (200, "waiting")
    with database.reading() as session:
        lines = session.scalars(select(BankLine).order_by(BankLine.id)).all()
        assert [(line.status, line.amount_minor) for line in lines] == [(LineStatus.WAITING, 2500)] * 2


def test_a_known_event_that_says_another_thing_is_answered_409_and_kept_once_for_a_person(hooked):
    tell, database, customer = hooked
    with database.transaction() as session:
        other = testing.customer(session, "1002")
    assert tell("E-1", payer_account="DE01") == (200, "booked")
    for contradiction in ({"amount": "52.00"}, {"currency": "UAH"}, {"customer": "1002"}):
        with ThreadPoolExecutor(3) as pool:
            told = {"payer_account": "DE01", **contradiction}
            assert [answer[0] for answer in pool.map(lambda _, told=told: tell("E-1", **told), range(3))] == [
                409
            ] * 3
    assert tell("E-1", payer_account="DE02")[0] == 409
    assert tell("E-1", payer_account="DE01", text="told in other words") == (200, "known")
    assert entries(database, "payment") == 1
    with database.reading() as session:
        first, *kept = session.scalars(select(BankLine).order_by(BankLine.id)).all()
        assert {(one.status, one.certainty, one.contradicts_id) for one in kept} == {
            (LineStatus.WAITING, Certainty.UNSURE, first.id)
        }
        assert [(one.amount_minor, one.currency, one.told_number) for one in kept] == [
            (5200, "EUR", "1001"),
            (2500, "UAH", "1001"),
            (2500, "EUR", "1002"),
            (2500, "EUR", "1001"),
        ]
        assert kept[2].candidates == [customer.account_id, other.account_id]
        assert "E-1 was told before with 25.00 EUR for 1001" in kept[0].note
        events = session.scalars(
            select(AuditEvent.note).where(AuditEvent.action == "gateway.contradicted")
        ).all()
    assert events == ["E-1"] * 4
