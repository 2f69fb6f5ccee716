"""The walled garden: who is known by his address, what he is shown, his own promise, and where probes are led."""

import html
import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from billing import promises, suspensions
from billing import testing as money_testing
from billing.acts import Terms
from billing.models import AccessState, LockReason, SubscriptionAccess, SuspensionLock
from billing.subscriptions import Choice
from core import clock
from desk import contracts, notices
from desk.models import NoticeAssignment
from registry import company, money, payers, testing
from registry.models import (
    AuditEvent,
    Contact,
)
from webapp import runtime, seals
from webapp.garden import app as garden_app

TODAY = clock.today("Europe/Kyiv")
HERE = "127.0.7.7"
URL = "http://pay.example.net"
LIMIT = "10 per minute"


@pytest.fixture(scope="module")
def _made():
    return []


@pytest.fixture
def garden(make_settings, postgres_url, redis_url, database, _made):
    """The garden on the test's own database; one application for all tests of this file."""
    settings = make_settings(
        data={"database_url": postgres_url, "queue_url": redis_url},
        web={"secret_key": "g" * 43},
        garden={
            "url": URL,
            "view_limit": "1000 per minute",
            "act_limit": LIMIT,
            "payment_url": "https://cards.example.net/?a={number}&s={amount}",
        },
    )
    if not _made:
        _made.append(garden_app.create_app(settings, database=database))
    app = _made[0]
    app.extensions[runtime.KEY] = runtime.make(settings, database)
    return app


@pytest.fixture
def walled(database):
    """A customer at HERE whose line is walled for a debt of 30.00; with a telephone number on file."""
    with database.transaction() as session:
        actor = testing.person(session, "setup")
        customer = testing.customer(session, "4711", addresses=[HERE])
        started = money.start_service(
            session, actor, customer.id, choice=Choice(money_testing.plan(session, 0).id, bill_day=1),
            starts_on=TODAY - timedelta(days=60), today=TODAY, terms=Terms(14),
        )  # fmt: skip
        money_testing.charge(session, customer.account_id, 3000, due_on=TODAY - timedelta(days=20))
        session.add(Contact(customer_id=customer.id, name="Secret Person", phone="+380671234567"))
        suspensions.place(
            session, [started.id], LockReason.DEBT, owner="cutoff", today=TODAY, effect=AccessState.WALLED
        )
        company.save(
            session, actor, name="Fibre Ltd", iban="DE89370400440532013000", bic="COBADEFFXXX",
            phone="+380 44 123 45 67",
        )  # fmt: skip
    return SimpleNamespace(customer=customer, subscription_id=started.id)


def get(garden, path="/", *, address=HERE, host="pay.example.net", **headers):
    return garden.test_client().get(
        path, base_url=f"http://{host}", environ_overrides={"REMOTE_ADDR": address}, headers=headers
    )


def send(garden, path, fields, *, address=HERE, seal=None):
    if seal is None:
        seal = re.search(r'name="seal" value="([^"]+)"', get(garden, address=address).text)[1]
    return garden.test_client().post(
        path, data={"seal": seal, **fields}, base_url=URL, environ_overrides={"REMOTE_ADDR": address}
    )


def promised(until=None, **fields):
    day = TODAY + timedelta(days=3) if until is None else until
    return {"until": day.isoformat(), "digits": "4567", "is_sure": "1", **fields}


def test_the_page_says_the_sum_that_reconnects_and_every_way_to_pay_and_nobody_s_name(garden, walled) -> None:
    answer = get(garden)
    assert answer.status_code == 200
    assert '<p class="sum">€30.00</p>' in answer.text
    assert "opens from €29.01 on" in answer.text  # smaller debts are left alone
    assert "4711" in answer.text
    assert "DE89 3704 0044 0532 0130 00" in answer.text
    assert '<svg class="qr"' in answer.text
    assert 'href="tel:+380441234567"' in answer.text
    assert re.search(r"https://[^\"]+", answer.text)[0] == "https://cards.example.net/?a=4711&amp;s=30.00"
    for private in ("Koval", "Secret", "4567<", HERE):
        assert private not in answer.text
    assert "<script" not in answer.text
    assert len(answer.data) < 12_000
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    sheet = re.search(r'href="(/garden-[^"]+\.css)"', answer.text)[1]
    assert get(garden, sheet).headers["Content-Type"].startswith("text/css")


def test_it_speaks_the_language_of_the_browser_or_the_one_chosen(garden, walled) -> None:
    assert "Ваш інтернет вимкнено" in get(garden, **{"Accept-Language": "uk-UA"}).text
    chosen = get(garden, "/?lang=uk").text
    assert 'lang="uk"' in chosen
    assert 'action="/promise?lang=uk"' in chosen


@pytest.mark.parametrize("address", ["127.0.9.9", "::1", "nonsense"])
def test_an_address_that_is_nobody_s_gets_a_neutral_page(garden, walled, address) -> None:
    text = get(garden, address=address).text
    assert "4711" not in text
    assert "30.00" not in text
    assert "+380 44 123 45 67" in text


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("connectivitycheck.gstatic.com", "/generate_204"),
        ("captive.apple.com", "/hotspot-detect.html"),
        ("www.msftconnecttest.com", "/connecttest.txt"),
        ("detectportal.firefox.com", "/success.txt"),
        ("example.test", "/"),
        ("pay.example.net:8080", "/"),
        ("pay.example.net", "/wp-login.php"),
        ("pay.example.net", "/customers"),
    ],
)
def test_every_other_host_and_path_is_led_to_the_page_and_shown_nothing(garden, walled, host, path) -> None:
    answer = get(garden, path, host=host)
    assert (answer.status_code, answer.location) == (302, f"{URL}/")
    assert answer.data == b""
    assert answer.headers["Connection"] == "close"
    assert answer.headers["Cache-Control"] == "no-store"


def test_what_is_sent_elsewhere_is_answered_511(garden) -> None:
    answer = garden.test_client().post("/api", base_url="http://telemetry.example", data="x")
    assert answer.status_code == 511
    assert URL in answer.text


def test_the_captive_portal_interface_tells_who_is_held(garden, walled) -> None:
    answer = get(garden, "/captive")
    assert answer.mimetype == "application/captive+json"
    assert answer.get_json() == {"captive": True, "user-portal-url": f"{URL}/"}
    assert get(garden, "/captive", address="127.0.9.9").get_json()["captive"] is False


def test_a_promise_opens_the_line_as_staff_s_does_and_sending_it_twice_gives_one(
    garden, walled, database, redis_client
) -> None:
    seal = re.search(r'name="seal" value="([^"]+)"', get(garden).text)[1]
    for _ in range(2):
        answer = send(garden, "/promise", promised(), seal=seal)
        assert (answer.status_code, answer.location) == (303, "/")
    with database.reading() as session:
        line = session.get(SubscriptionAccess, walled.subscription_id)
        given = promises.history(session, walled.customer.account_id)
        line_of_history = session.scalar(select(AuditEvent).where(AuditEvent.action == "promise.made"))
    assert line.wanted is AccessState.OPEN
    assert [one.until for one in given] == [TODAY + timedelta(days=3)]
    assert line_of_history.staff_name == "customer's page"
    assert HERE in line_of_history.note
    text = get(garden).text
    assert "You promised to pay €30.00" in text
    assert '<meta http-equiv="refresh"' in text  # until the gate has done it
    assert 'action="/promise' not in text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (promised(digits="0000"), "not the last four digits"),
        (promised(until=TODAY + timedelta(days=6)), "5 days ahead"),
        (promised(until=TODAY - timedelta(days=1)), "over already"),
        ({**promised(), "until": "soon"}, "from the list"),
        ({**promised(), "is_sure": ""}, "Tick that you will pay"),
    ],
)
def test_a_promise_is_refused_in_words_at_its_field(garden, walled, database, fields, words) -> None:
    answer = send(garden, "/promise", fields)
    assert answer.status_code == 422
    assert words in answer.text
    with database.reading() as session:
        assert promises.active(session, walled.customer.account_id) is None


def test_a_form_of_another_address_or_page_is_not_taken(garden, walled, database) -> None:
    with database.transaction() as session:
        other = testing.customer(session, "4712", addresses=["127.0.7.8"])
    settings = garden.extensions[runtime.KEY].settings
    for sealed in ("", "forged", seals.seal(settings, "form", ["127.0.7.8", other.id])):
        assert send(garden, "/promise", promised(), seal=sealed).status_code == 409
    with database.reading() as session:
        assert promises.active(session, walled.customer.account_id) is None


def test_where_another_lock_holds_the_line_the_page_says_to_call_and_takes_no_promise(
    garden, walled, database
) -> None:
    with database.transaction() as session:
        suspensions.place(
            session, [walled.subscription_id], LockReason.ABUSE, owner="noc", note="spam", today=TODAY
        )
    text = get(garden).text
    assert "for another reason" in text
    assert "spam" not in text
    assert 'action="/promise' not in text
    seal = seals.seal(garden.extensions[runtime.KEY].settings, "form", [HERE, walled.customer.id])
    assert send(garden, "/promise", promised(), seal=seal).status_code == 409


def test_guessing_the_digits_ends_soon(garden, walled) -> None:
    seal = re.search(r'name="seal" value="([^"]+)"', get(garden).text)[1]
    found = [send(garden, "/promise", promised(digits=f"{n:04}"), seal=seal).status_code for n in range(12)]
    assert found[0] == 422
    assert found[-1] == 429


def test_guessing_the_digits_ends_soon_from_many_addresses_of_one_prefix_too(garden, database) -> None:
    with database.transaction() as session:
        customer = testing.customer(session, "4713", addresses=["127.9.0.0/16"])
    settings, found = garden.extensions[runtime.KEY].settings, []
    for here in (f"127.9.1.{n}" for n in range(12)):
        seal = seals.seal(settings, "form", [here, customer.id])
        found.append(send(garden, "/promise", promised(), address=here, seal=seal).status_code)
    assert found[-1] == 429


def test_staff_see_a_customer_s_page_and_can_do_nothing_there(garden, walled) -> None:
    settings = garden.extensions[runtime.KEY].settings
    sealed = seals.seal(settings, "preview", walled.customer.id)
    text = get(garden, f"/?preview={sealed}", address="127.0.9.9").text
    assert "€30.00" in text
    assert "Nothing can be done from here" in text
    form = re.search(r'name="seal" value="([^"]+)"', text)[1]
    answer = garden.test_client().post(
        f"/promise?preview={sealed}", data={"seal": form, **promised()}, base_url=URL
    )
    assert answer.status_code == 409


@pytest.fixture
def noticed(database):
    """A customer at HERE with a line that nothing stands against, and a notice that is kept but not on."""
    with database.transaction() as session:
        actor = testing.person(session, "setup")
        customer = testing.customer(session, "4713", addresses=[HERE])
        started = money.start_service(
            session, actor, customer.id, choice=Choice(money_testing.plan(session, 0).id, bill_day=1),
            starts_on=TODAY - timedelta(days=60), today=TODAY, terms=Terms(14),
        )  # fmt: skip
        session.add(Contact(customer_id=customer.id, name="Secret Person", phone="+380671234567"))
        notice = notices.save(
            session, actor, None, title="Works on Monday", content="No internet\nfrom 9 to 12",
            is_confirmable=True, texts={"uk": {"title": "Роботи", "content": "Без інтернету"}},
        )  # fmt: skip
        given = notices.assign(session, actor, notice.id, [customer.id], today=TODAY)
    assert given == notices.Given(1, ())
    return SimpleNamespace(customer=customer, subscription_id=started.id, actor=actor, notice_id=notice.id)


def wanted(database, subscription_id):
    with database.reading() as session:
        return session.get(SubscriptionAccess, subscription_id).wanted


def test_a_notice_is_kept_without_being_on_shown_when_it_is_and_gone_when_confirmed(
    garden, noticed, database, redis_client
) -> None:
    assert wanted(database, noticed.subscription_id) is AccessState.OPEN
    assert "Works on Monday" not in get(garden).text
    with database.transaction() as session:
        moved = notices.switch(session, noticed.actor, noticed.notice_id, is_on=True, today=TODAY)
    assert moved == (noticed.subscription_id,)
    assert wanted(database, noticed.subscription_id) is AccessState.NOTICE
    assert "Без інтернету" in get(garden, **{"Accept-Language": "uk-UA"}).text
    with database.transaction() as session:
        payers.follow(session, [noticed.customer.id])
        payers.change(session, noticed.actor, noticed.customer.id, tax_number="", language="uk")
    own = get(garden, **{"Accept-Language": "en"}).text
    assert all(words in own for words in ('lang="uk"', "Роботи"))
    with database.transaction() as session:
        payers.change(session, noticed.actor, noticed.customer.id, tax_number="", language="en")
    text = get(garden, **{"Accept-Language": "uk-UA"}).text
    assert "No internet\nfrom 9 to 12" in text
    with database.reading() as session:
        one = session.scalars(select(NoticeAssignment)).one()
        assert (one.seen_from, one.confirmed_at) == (HERE, None)
    path = re.search(r'action="(/notices/\d+)"', text)[1]
    for _ in range(2):
        assert send_from(garden, text, path).status_code == 303
    assert wanted(database, noticed.subscription_id) is AccessState.OPEN
    assert "Works on Monday" not in get(garden).text
    with database.reading() as session:
        one = session.scalars(select(NoticeAssignment)).one()
        assert one.confirmed_from == HERE
        assert session.scalar(select(SuspensionLock.lifted_by)) == "customer's page"


def send_from(garden, text, path, address=HERE, **fields):
    return send(
        garden, path, fields, address=address, seal=re.search(r'name="seal" value="([^"]+)"', text)[1]
    )


def test_a_notice_that_only_the_office_takes_back_is_withdrawn_from_all_at_once(
    garden, noticed, database
) -> None:
    with database.transaction() as session:
        notices.save(
            session, noticed.actor, noticed.notice_id, title="Moving", content="We move", is_confirmable=False
        )
        others = [testing.customer(session, f"50{n}").id for n in range(3)]
        notices.assign(session, noticed.actor, noticed.notice_id, [*others, noticed.customer.id], today=TODAY)
        notices.switch(session, noticed.actor, noticed.notice_id, is_on=True, today=TODAY)
        one = session.scalar(
            select(NoticeAssignment.id).where(NoticeAssignment.customer_id == noticed.customer.id)
        )
    text = get(garden).text
    assert "I have read it" not in text
    seal = seals.seal(garden.extensions[runtime.KEY].settings, "form", [HERE, noticed.customer.id])
    assert send(garden, f"/notices/{one}", {}, seal=seal).status_code == 409
    with database.transaction() as session:
        taken = notices.withdraw(session, noticed.actor, noticed.notice_id, today=TODAY)
    assert taken == notices.Given(4, (noticed.subscription_id,))
    assert "We move" not in get(garden).text


def test_a_notice_to_a_debtor_s_line_is_no_lock_that_holds_it(garden, walled, database) -> None:
    with database.transaction() as session:
        actor = testing.person(session, "setup")
        notice = notices.save(session, actor, None, title="News", content="x", is_confirmable=True)
        notices.switch(session, actor, notice.id, is_on=True, today=TODAY)
        assert notices.assign(session, actor, notice.id, [walled.customer.id], today=TODAY).lines == ()
    assert wanted(database, walled.subscription_id) is AccessState.WALLED
    text = get(garden).text
    assert "for another reason" not in text
    assert send_from(garden, text, "/promise", **promised()).status_code == 303
    assert wanted(database, walled.subscription_id) is AccessState.NOTICE


def test_a_contract_is_signed_on_the_page_only_while_that_is_on_and_by_who_knows_the_digits(
    garden, noticed, database
) -> None:
    with database.transaction() as session:
        made, moved = contracts.add(
            session, noticed.actor, noticed.customer.id, title="Contract 17",
            content="Between us and Ivan Koval", today=TODAY,
        )  # fmt: skip
        assert moved == ()
    assert "Contract 17" not in get(garden).text
    with database.transaction() as session:
        assert contracts.switch(session, noticed.actor, is_on=True, today=TODAY) == (noticed.subscription_id,)
    assert wanted(database, noticed.subscription_id) is AccessState.NOTICE
    text = get(garden).text
    assert "Contract 17" in text
    assert "Ivan" not in text
    path = f"/contracts/{made.id}"
    unknown = {"digits": "1111", "name": "Ivan Koval", "is_sure": "1"}
    assert send_from(garden, text, f"{path}/signature", **unknown).status_code == 422
    assert "not the last four digits" in send_from(garden, text, path, digits="1111").text
    read = send_from(garden, text, path, digits="4567").text
    assert "Between us and Ivan Koval" in read
    signed = {"digits": "4567", "name": "Ivan  Koval", "is_sure": "1"}
    for wrong, words in (({"is_sure": ""}, "Tick that you agree"), ({"name": "I"}, "first and last name")):
        assert words in send_from(garden, read, f"{path}/signature", **{**signed, **wrong}).text
    answer = send_from(garden, read, f"{path}/signature", **signed)
    assert answer.status_code == 303
    done = get(garden, answer.location)
    assert "Signed" in done.text
    file = get(garden, html.unescape(re.search(r'href="([^"]+contract\.pdf[^"]+)"', done.text)[1]))
    assert file.data.startswith(b"%PDF")
    assert file.headers["Content-Disposition"] == f'attachment; filename="contract-{made.id}.pdf"'
    assert get(garden, answer.location, address="127.0.9.9").status_code == 404
    assert get(garden, f"{path}/contract.pdf").status_code == 404
    assert wanted(database, noticed.subscription_id) is AccessState.OPEN
    with database.reading() as session:
        kept = contracts.get(session, made.id)
    assert (kept.signed_name, kept.signed_from, kept.signed_with) == ("Ivan Koval", HERE, "customer's page")
    assert send_from(garden, read, f"{path}/signature", **signed).status_code == 404
